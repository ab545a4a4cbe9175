"""Logs: structured, on stderr, and never with a personnummer (D1)."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from infra import timing
from infra.logs import RateLimitFilter, configure, log, masked

PERSONNUMMER = ("199006022397", "19900602-2397", "900602-2397", "9006022397", "201701012393", "191212121212")


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, configured = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**configured)


def test_a_line_is_one_json_object_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    log.info("batch", topic="kiv.staff.v1", partitions=[1, 2], applied=3)
    printed = capsys.readouterr()
    line = json.loads(printed.err)
    assert printed.out == ""
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "batch",
        "level": "info",
        "topic": "kiv.staff.v1",
        "partitions": [1, 2],
        "applied": 3,
    }


def test_a_terminal_is_told_in_words_and_a_pipe_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure("console")
    log.info("batch", topic="kiv.staff.v1")
    assert "topic=kiv.staff.v1" in capsys.readouterr().err
    configure(None)  # stderr is captured, so it is no terminal
    log.info("batch")
    assert json.loads(capsys.readouterr().err)["event"] == "batch"


def test_warnings_of_libraries_come_in_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json")
    logging.getLogger("aiokafka.conn").warning("lost %s", "broker 1")
    logging.getLogger("aiokafka.conn").info("not worth a line")
    (line,) = map(json.loads, capsys.readouterr().err.splitlines())
    assert (line["event"], line["library"]) == ("lost broker 1", "aiokafka")


def test_every_line_says_which_instance_wrote_it(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", instance="p1")
    log.info("batch")
    logging.getLogger("aiokafka").warning("lost")
    assert [json.loads(line)["instance"] for line in capsys.readouterr().err.splitlines()] == ["p1", "p1"]


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("number", PERSONNUMMER)
def test_no_line_holds_a_personnummer(capsys: pytest.CaptureFixture[str], log_format: str, number: str) -> None:
    configure("json" if log_format == "json" else "console")
    try:
        raise ValueError(f"bad {number}")
    except ValueError:
        log.exception(f"failed for {number}", key=number, nested={"ids": [f"patient/{number}"]})
    logging.getLogger("aiokafka").error("key %s", number)
    printed = capsys.readouterr().err
    assert "failed for" in printed
    assert "ValueError" in printed
    assert number not in printed


def test_rows_that_postgresql_quotes_are_left_out() -> None:
    text = masked("duplicate key value\nDETAIL:  Key (id)=(Anna) already exists.\nmore")
    assert text.split() == ["duplicate", "key", "value", "more"]


@pytest.mark.parametrize(
    "text", ["SE2321000131-E000000007623", "version 20260504083000", "offset 1234567890123", "2026-05-26T09:13:05Z"]
)
def test_ids_versions_and_instants_stay_readable(text: str) -> None:
    assert masked(text) == text


def test_what_a_library_repeats_is_said_once_in_a_while(capsys: pytest.CaptureFixture[str]) -> None:
    """aiokafka tells hundreds of times a second that a broker is away."""
    configure("json")
    kafka = logging.getLogger("aiokafka.client")
    for node in range(300):
        kafka.error("Unable to connect to node %s", node)
    kafka.error("Another thing")
    log.warning("ours")
    log.warning("ours")
    events = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert events == ["Unable to connect to node 0", "Another thing", "ours", "ours"]


def test_what_a_library_repeats_is_said_again_after_a_while_with_how_often() -> None:
    now = 1000.0
    limit = RateLimitFilter("fastlakare", clock=lambda: now)

    def logged(node: int) -> list[str]:
        record = logging.LogRecord("aiokafka", logging.ERROR, "", 0, "no node %s", (node,), None)
        return [record.getMessage()] if limit.filter(record) else []

    assert [logged(node) for node in range(3)] == [["no node 0"], [], []]
    now += timing.LOG_REPEAT_SECONDS
    assert logged(7) == ["no node 7 (and 2 times before)"]
    assert logged(8) == []
