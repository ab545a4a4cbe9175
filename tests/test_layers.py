"""The folders keep to their rules: who imports whom, where SQL and seconds may stand (docs/architecture.md)."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PRODUCT = ("schemas", "handlers", "infra", "workers", "cli")
_SQL = re.compile(r"\b(SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM|COPY|CREATE TABLE|ALTER TABLE|pg_\w+)\b")
_SECONDS = re.compile(r"_(SECONDS|MS)$")


MODULES = sorted(path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py"))


def texts(module: Path) -> Iterator[str]:
    """Every string of a module that is no docstring."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


def test_every_import_goes_the_way_it_may() -> None:
    """The contracts in pyproject.toml, which `make check` holds the code to as well."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_sql_stands_in_infra_postgres_only(module: Path) -> None:
    if ROOT / "infra/postgres" not in module.parents and module.name != "postgres.py":
        assert [text for text in texts(module) if _SQL.search(text)] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_seconds_stand_in_infra_timing_only(module: Path) -> None:
    if module != ROOT / "infra/timing.py":
        assigned = [
            target.id
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name) and _SECONDS.search(target.id) and "DAY" not in target.id
        ]
        assert assigned == []
        literals = [
            keyword.arg
            for node in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
            for keyword in node.keywords
            if re.search(r"(_ms|timeout|_seconds)$", keyword.arg or "") and isinstance(keyword.value, ast.Constant)
        ]
        assert literals == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_workers_kafka_clients_stand_in_infra_kafka_only(module: Path) -> None:
    """`import-links` and the demo are other systems to the workers, and have clients of their own (architecture.md)."""
    if ROOT / "infra/kafka" not in module.parents and ROOT / "cli" not in module.parents:
        names = [
            node.id for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))) if isinstance(node, ast.Name)
        ]
        assert [name for name in names if name.startswith("AIOKafka")] == []
