"""What code and pages name exists: every rule's id, every page and its heading, every command."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.harness.commands import commands

ROOT = Path(__file__).parents[1]
CODE = sorted(
    path
    for folder in ("schemas", "handlers", "infra", "workers", "cli", "tests", "benchmarks", "examples", "deploy")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".sql", ".txt", ".sh"}
)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_RULE = re.compile(r"(?<![\w-])([TSLECPDORQV](?:1[0-4]|[1-9]))(?![\w])")
#: the pages with rules
_RULE_PAGES = ("rules.md", "operations.md")
_PAGE = re.compile(r"(?<![\w/.-])([a-z_]+\.md)(?:, ([A-Za-z][^,;:)\n]*))?(?=[,;:)\s])")
_COMMAND = re.compile(r"`fastlakare ([a-z][a-z-]+)")


def headings(page: Path) -> list[str]:
    """Every heading of a page, without its marks."""
    return re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)


_HEADINGS = [heading for page in _RULE_PAGES for heading in headings(ROOT / "docs" / page) if _RULE.match(heading)]
RULES = {heading.split(" ", 1)[0] for heading in _HEADINGS}
#: of an operator's promises (operations.md), those of a letter are held to the page once any of them stands there
LETTERS = {rule[0] for rule in RULES}


def test_the_rules_are_all_there() -> None:
    assert len(RULES) == len(_HEADINGS)
    assert {"T1", "S11", "L9", "E3", "C14", "P6", "D4", "R2", "O8", "Q4", "V4", "V5"} <= RULES


@pytest.mark.parametrize("path", [*CODE, *PAGES], ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_rule_that_is_named_stands_on_its_page(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = {rule for group in re.findall(r"\(([^()]*)\)", text) for rule in _RULE.findall(group)}
    assert {rule for rule in named if rule[0] in LETTERS} - RULES == set()


@pytest.mark.parametrize("path", CODE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_page_that_code_names_has_the_heading_it_names(path: Path) -> None:
    missing = []
    for group in re.findall(r"\(([^()]*\.md[^()]*)\)", path.read_text(encoding="utf-8")):
        for name, heading in _PAGE.findall(group + ")"):
            page = ROOT / "docs" / name
            known = page.exists() and (
                not heading or _RULE.match(heading) or any(one.startswith(heading.strip()) for one in headings(page))
            )
            if not known:
                missing.append((name, heading))
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    known = {" ".join(words) for words, _ in commands()}
    assert set(_COMMAND.findall(page.read_text(encoding="utf-8"))) - known == set()
