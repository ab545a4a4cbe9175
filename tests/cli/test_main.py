"""The command line as scripts and operators meet it: exit codes, one line on stderr, help that teaches."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from cli.main import app, main
from tests.harness.commands import commands

ROOT = Path(__file__).parents[2]
COMMANDS = [words for words, _ in commands()]
NOBODY = "127.0.0.1:1"  # no server listens there
AWAY = {
    "FASTLAKARE_DATABASE_URL": f"postgresql://app:hemligt@{NOBODY}/listning",
    "FASTLAKARE_KAFKA_BOOTSTRAP_SERVERS": NOBODY,
    "FASTLAKARE_PATIENT_KEY_SECRET": "a secret of at least thirty-two bytes",
}


class Done(NamedTuple):
    """What a command left behind."""

    status: int
    stdout: str
    stderr: str


@pytest.fixture
def fastlakare(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Callable[..., Done]]:
    """Runs the command as the shell would, with no settings but those given."""

    def run(*arguments: str, **settings: str) -> Done:
        for name in [name for name in os.environ if name.startswith("FASTLAKARE_")]:
            monkeypatch.delenv(name)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["fastlakare", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Done(int(ended.value.code or 0), printed.out, printed.err)

    loggers = [logging.getLogger(name) for name in (None, "aiokafka")]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    yield run
    for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate = propagate


def test_an_outage_shows_no_traceback_in_a_process_of_its_own(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "lag", "--json"],
        cwd=tmp_path,
        env={**os.environ, **AWAY, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("fastlakare: Kafka cannot be reached")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_says_what_it_does_with_an_example_and_the_exit_codes(command: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert "Example:" in result.output
    assert "Exit codes:" in result.output
    assert f"fastlakare {' '.join(command)}" in result.output


def test_the_first_screen_lists_every_command() -> None:
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    assert {"demo", "migrate", "topics", "run", "lag", "verify", "dlq", "import", "asyncapi", "schema"} <= set(
        result.output.split()
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["lag", "--nonsense"],
        ["lag", "--wait", "soon"],
        ["topics", "--create", "--check"],
        ["run", "--only", "staff,nonsense"],
        ["run", "--only", ""],
        ["lag", "--watch", "--wait", "1"],
        ["partition", "nonsense"],
        ["partition", "skip"],
        ["partition", "skip", "kiv.staff.v1/0", "--yes"],
        ["partition", "skip", "kiv.staff.v1/0", "--yes", "--dry-run", "--reason", "why"],
        ["verify", "--only", "1177,nonsense"],
        ["verify", "--only", ""],
        ["verify", "--every", "-1"],
        ["schema", "nonsense"],
        ["schema"],
        ["check-event"],
        ["explain"],
        ["import"],
        ["import", "links.csv", "--unit", "SE2321000131-E000000000712", "--role", "VC-chef"],
        ["import", "links.csv", "--override", "nonsense"],
    ],
)
def test_wrong_use_ends_with_2(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["191212121212"],
        ["--191212121212"],
        ["lag", "191212121212"],
        ["lag", "--wait", "191212-1212"],
        ["dlq", "list", "19121212-1212"],
        ["dlq", "191212121212"],
    ],
)
def test_o8_a_personnummer_where_none_belongs_is_not_repeated(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "1212" not in result.output


@pytest.mark.parametrize("place", ["191212121212", "191212121212/0", "kiv.staff.v1/191212121212", "kiv.staff.v1"])
def test_o8_what_names_no_input_partition_is_refused_and_not_repeated(
    fastlakare: Callable[..., Done], place: str
) -> None:
    done = fastlakare("partition", "skip", place, "--dry-run", **AWAY)
    assert (done.status, done.stdout) == (2, "")
    assert "listning.command.v1" in done.stderr
    assert "1212" not in done.stderr


def test_version_is_told() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.output.startswith("fastlakare ")


@pytest.mark.parametrize(
    ("arguments", "server"),
    [
        (["migrate"], "database"),
        (["topics", "--check"], "Kafka"),
        (["topics", "--create"], "Kafka"),
        (["lag"], "Kafka"),
        (["lag", "--wait", "0.1"], "Kafka"),
        (["lag", "--watch"], "Kafka"),
        (["lag", "--watch", "--json"], "Kafka"),
        (["partition", "show"], "database"),
        (["partition", "skip", "kiv.staff.v1/0", "--yes", "--reason", "why"], "database"),
        (["verify"], "Kafka"),
        (["verify", "--json", "--only", "1177"], "Kafka"),
        (["dlq", "list"], "database"),
        (["dlq", "discard", "--all", "--yes", "--reason", "why"], "database"),
        (["explain", "patient", "--key", "a" * 26], "database"),
        (["explain", "doctor", "SE2321000131-E000000000712/SE2321000131-E000000007623"], "database"),
    ],
)
def test_a_server_that_is_away_is_one_line_on_stderr(
    fastlakare: Callable[..., Done], arguments: list[str], server: str
) -> None:
    done = fastlakare(*arguments, **AWAY)
    assert (done.status, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert server in done.stderr
    assert "hemligt" not in done.stderr


@pytest.mark.parametrize("command", ["run", "migrate", "lag", "verify"])
def test_an_unknown_setting_stops_every_command_with_its_name(fastlakare: Callable[..., Done], command: str) -> None:
    done = fastlakare(command, **AWAY, FASTLAKARE_PARTITION="hemligt")
    assert done.status == 2
    assert done.stderr == "fastlakare: FASTLAKARE_PARTITION: no such setting\n"


def test_run_names_every_setting_it_lacks(fastlakare: Callable[..., Done]) -> None:
    done = fastlakare("run")
    assert done.status == 2
    assert len(done.stderr.splitlines()) == 1
    assert [name for name in AWAY if name not in done.stderr] == []


def test_topics_are_printed_without_any_server(fastlakare: Callable[..., Done]) -> None:
    done = fastlakare("topics", "--json", FASTLAKARE_TOPIC_PREFIX="acc.")
    printed = {topic["name"]: topic for topic in json.loads(done.stdout)}
    assert done.status == 0
    assert len(printed) == 13
    assert printed["acc.listning.clock.v1"] == {
        "name": "acc.listning.clock.v1",
        "bare": "listning.clock.v1",
        "direction": "in",
        "key": "`day`",
        "partitions": 1,
        "configs": {"cleanup.policy": "delete", "retention.ms": 30 * 24 * 60 * 60 * 1000, "max.message.bytes": 1114112},
        "rights": ["read", "write"],
    }


def test_topics_are_printed_as_a_table_for_people(fastlakare: Callable[..., Done]) -> None:
    done = fastlakare("topics")
    assert done.status == 0
    assert len(done.stdout.splitlines()) == 1 + 13


def test_the_contract_is_printed_without_any_setting(fastlakare: Callable[..., Done]) -> None:
    done = fastlakare("asyncapi")
    assert json.loads(done.stdout)["asyncapi"] == "3.0.0"


@pytest.mark.parametrize("name", ["link-patient", "se.vgregion.listning.link-patient.v1"])
def test_a_messages_schema_is_printed_by_either_name(name: str) -> None:
    result = CliRunner().invoke(app, ["schema", name])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["title"] == "se.vgregion.listning.link-patient.v1"


def test_an_installation_is_set_up_and_looked_at(
    fastlakare: Callable[..., Done], kafka: Any, database_url: str, topic_prefix: str
) -> None:
    settings = {
        **AWAY,
        "FASTLAKARE_DATABASE_URL": database_url,
        "FASTLAKARE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
        "FASTLAKARE_TOPIC_PREFIX": topic_prefix,
        "FASTLAKARE_PARTITIONS": "1",
    }
    assert fastlakare("topics", "--check", **settings).status == 1
    assert "fastlakare topics --create" in fastlakare("lag", **settings).stderr
    created = fastlakare("topics", "--create", "--json", **settings)
    assert (created.status, len(json.loads(created.stdout)["created"])) == (0, 13)
    checked = fastlakare("topics", "--check", "--json", **settings)
    assert (checked.status, json.loads(checked.stdout)["differences"]) == (0, [])
    assert {(one["what"], one["wanted"], one["found"]) for one in json.loads(checked.stdout)["warnings"]} == {
        ("replicas", "3", "1"),
        ("min.insync.replicas", "2", "1"),
    }
    said = fastlakare("topics", "--check", **settings).stdout
    assert said.endswith("all topics are as they should be, but for the warnings\n")

    too_soon = fastlakare("lag", **settings)
    assert (too_soon.status, too_soon.stdout) == (2, "")
    assert "run `fastlakare migrate` first" in too_soon.stderr
    assert fastlakare("migrate", **settings).stdout.startswith("the database went from empty to ")
    assert fastlakare("migrate", **settings).stdout.endswith(" already\n")

    finished = fastlakare("lag", "--json", "--wait", "30", **settings)
    assert (finished.status, json.loads(finished.stdout)["outbox"]) == (0, 0)
    assert "listning.clock.v1" in fastlakare("lag", **settings).stdout
