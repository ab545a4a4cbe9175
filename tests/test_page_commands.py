"""What pages and help texts tell people to type: it parses, targets and tests exist, and what needs no server runs."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_group
from typer.testing import CliRunner

from cli.main import app
from tests.harness.commands import called, commands
from tests.harness.pages import ROOT, block, blocks, spans

GROUP = get_group(app)
_JOINS = {"&&", "||", "|", ";", ">", "<", "<<"}
_ASSIGNMENT = re.compile(r"[A-Z_]+=.*")

Call = tuple[str, list[str]]


def tokens(line: str) -> list[str]:
    """A shell line's words, without its comment; what joins commands is a word of its own."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)


def calls(text: str, program: str) -> Iterator[list[str]]:
    """The arguments of each call of the program in the lines of a text."""
    for line in text.replace("\\\n", " ").splitlines():
        if program not in line:
            continue
        words = tokens(line)
        for place, word in enumerate(words):
            before = words[place - 1] if place else "&&"
            if word == program and (before in _JOINS or _ASSIGNMENT.fullmatch(before)):
                arguments = words[place + 1 :]
                end = next((i for i, one in enumerate(arguments) if one in _JOINS), len(arguments))
                yield arguments[:end]


def typed(program: str) -> list[Call]:
    """Every call of the program that a page tells of, in blocks or between backticks, with the page's name."""
    texts = [(one.page, one.text) for one in blocks() if not one.language]
    texts += [(page, span) for page, span in spans() if span.split(" ")[0] == program]
    return [(page, arguments) for page, text in texts for arguments in calls(text, program)]


def help_of(words: tuple[str, ...]) -> str:
    """What `fastlakare COMMAND --help` prints."""
    result = CliRunner().invoke(app, [*words, "--help"])
    assert result.exit_code == 0
    return result.output


def in_help() -> Iterator[Call]:
    """Every call in the examples of the commands' help."""
    for words, _ in commands():
        lines = re.sub(r"^ +(Example:)? +(?=fastlakare )", "", help_of(words), flags=re.MULTILINE)
        yield from ((f"fastlakare {' '.join(words)} --help", arguments) for arguments in calls(lines, "fastlakare"))


CALLS = sorted((page, arguments) for page, arguments in {(p, tuple(a)) for p, a in (*typed("fastlakare"), *in_help())})


def test_pages_and_help_name_every_command() -> None:
    """So that what is below looks at something."""
    for found in (typed("fastlakare"), [*in_help()]):
        assert {arguments[0] for _, arguments in found if arguments} >= GROUP.commands.keys()


@pytest.mark.parametrize(("page", "arguments"), CALLS, ids=lambda one: one if isinstance(one, str) else " ".join(one))
def test_every_call_of_fastlakare_that_is_told_parses(page: str, arguments: tuple[str, ...]) -> None:
    """A command's bare name speaks of it, and is no call."""
    if not arguments or arguments == ("--help",):
        return
    command, rest = called(arguments)
    if rest:
        command.make_context(arguments[0], rest)


def test_every_make_target_that_is_told_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = {(page, target) for page, arguments in typed("make") for target in arguments}
    assert len(named) > 10
    assert {(page, target) for page, target in named if target not in targets} == set()


PYTEST = typed(".venv/bin/pytest")


@pytest.mark.parametrize(("page", "arguments"), PYTEST, ids=lambda one: one if isinstance(one, str) else " ".join(one))
def test_every_call_of_pytest_that_is_told_finds_tests(page: str, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


def run_in_shell(script: str, folder: Path) -> str:
    """What bash prints for the lines in that folder, with the command `fastlakare` of this environment."""
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder, env={"PATH": path, "LANG": "C.UTF-8"}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_readmes_way_to_the_contract_gives_asyncapi_and_a_schema(tmp_path: Path) -> None:
    schema = run_in_shell(block("README.md", "fastlakare asyncapi"), tmp_path)
    assert json.loads((tmp_path / "asyncapi.json").read_text(encoding="utf-8"))["asyncapi"] == "3.0.0"
    assert json.loads(schema)["title"] == "kiv.staff.v1"


def test_what_the_first_commands_of_running_md_print_without_a_server(tmp_path: Path) -> None:
    result = run_in_shell("fastlakare --help; fastlakare topics; fastlakare asyncapi", tmp_path)
    assert [name for name in GROUP.commands if name not in result] == []
    assert "1177.fast-lakarkontakt.v1.dlq" not in result
    assert "vardval.listing.v1.dlq" in result


def test_the_template_of_an_import_holds_the_header_that_import_md_shows(tmp_path: Path) -> None:
    (template,) = [arguments for page, arguments in typed("fastlakare") if "--template" in arguments and "docs" in page]
    run_in_shell(shlex.join(["fastlakare", *template]), tmp_path)
    header = block("docs/import.md", "Personnummer;").splitlines()[0]
    assert (tmp_path / "lista.csv").read_text(encoding="utf-8-sig").strip() == header


def test_the_readmes_secrets_are_those_that_compose_reads_and_stay_when_made_again(tmp_path: Path) -> None:
    assert "`deploy/make-secrets.sh && docker compose up --build --detach`" in (ROOT / "README.md").read_text("utf-8")
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy")
    run_in_shell("deploy/make-secrets.sh", tmp_path)
    secrets = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "secrets").iterdir()}
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"file: (?:\./)?secrets/(\w+)", compose)) == secrets.keys()
    assert len(secrets["patient_key_secret"]) == 64
    run_in_shell("deploy/make-secrets.sh", tmp_path)
    assert {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "secrets").iterdir()} == secrets
