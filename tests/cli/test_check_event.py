"""`fastlakare check-event`: what the service says to records in a file, in the words of their dead letters."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from schemas.record_lines import LineRecord, to_line
from schemas.topics import KIV_UNIT, LISTNING_CLOCK, VARDVAL_LISTING
from tests.harness.pages import block
from tests.harness.records import Sender
from workers.pipeline.dead_letters import dead_letter, dead_letter_event
from workers.pipeline.inbound import decode

PATIENT, UNIT = "191212121212", "SE2321000131-E000000000712"
SENDER = Sender(datetime(2026, 5, 26, tzinfo=UTC))


def line_record(record: Any, **changes: Any) -> LineRecord:
    """What the tests send, as a file has it."""
    key = None if record.key is None else record.key.encode()
    return LineRecord(record.topic, key, list(record.headers), record.value, record.timestamp)._replace(**changes)


SOUND = line_record(SENDER.unit(UNIT, 1))
LISTING = line_record(SENDER.listing(PATIENT, 1, "k"))
DEAD = [
    SOUND._replace(key=b"\xff"),
    SOUND._replace(value=b"\xff{"),
    SOUND._replace(value=SOUND.value and SOUND.value.replace(b"1", b'"1"', 1)),
    SOUND._replace(value=b"{}"),
    SOUND._replace(value=b" " * (1 << 20) + b"{}"),
    SOUND._replace(headers=[*SOUND.headers, ("ce_specversion", None)]),
    SOUND._replace(headers=[*SOUND.headers, ("ce_id", PATIENT.encode())]),
    SOUND._replace(topic=LISTNING_CLOCK),
    LISTING._replace(value=LISTING.value and LISTING.value.replace(PATIENT.encode(), b"191212121213")),
    LISTING._replace(topic=LISTNING_CLOCK, value=None),
]


def check(*arguments: str, given: bytes = b"") -> Result:
    return CliRunner().invoke(app, ["check-event", *arguments], input=given)


def lines(*records: LineRecord) -> bytes:
    return b"".join(map(to_line, records))


def test_sound_records_are_ok_and_end_with_0(tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    file.write_bytes(lines(SOUND, LISTING, LISTING._replace(value=None)))
    done = check(str(file), "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (
        0,
        {
            "ok": 3,
            "not_ok": 0,
            "records": [
                {"line": number, "topic": topic, "code": "ok", "detail": None}
                for number, topic in ((1, KIV_UNIT), (2, VARDVAL_LISTING), (3, VARDVAL_LISTING))
            ],
        },
    )


@pytest.mark.parametrize("record", DEAD, ids=range(len(DEAD)))
def test_one_that_is_not_is_told_in_the_words_of_its_dead_letter_and_ends_with_1(record: LineRecord) -> None:
    inbound = decode(record.topic, record)
    assert inbound.dead_letter_reason is not None
    letter = dead_letter(record.topic, inbound, inbound.dead_letter_reason, datetime.now(UTC))
    headers = dict(dead_letter_event(letter, record.topic, partitions=1, most_bytes=1 << 30).headers)
    done = check("-", "--json", given=lines(SOUND, record))
    said = json.loads(done.stdout)
    assert (done.exit_code, said["ok"], said["not_ok"]) == (1, 1, 1)
    told = said["records"][1]
    assert (told["line"], told["topic"]) == (2, record.topic)
    assert (told["code"].encode(), told["detail"].encode()) == (headers["dlq_code"], headers["dlq_detail"])


def test_people_read_a_line_for_each_record_and_for_each_fault() -> None:
    done = check("-", given=lines(SOUND, SOUND._replace(value=b"{}")))
    assert done.exit_code == 1
    assert [row.split() for row in done.stdout.splitlines()] == [
        ["line", "topic", "said", "field", "and", "rule"],
        ["1", "kiv.unit.v1", "ok"],
        ["2", "kiv.unit.v1", "invalid_data", "hsa_id:", "Field", "required"],
        ["version:", "Field", "required"],
        ["name:", "Field", "required"],
        ["2", "records,", "1", "of", "them", "not", "ok"],
    ]


def test_no_value_is_ever_shown() -> None:
    done = check("-", given=lines(*DEAD, LISTING))
    for secret in (PATIENT, PATIENT[2:], "191212121213", "Vårdcentralen", UNIT):
        assert secret not in done.output


def test_a_typed_object_is_judged_as_the_record_it_would_be() -> None:
    headers = {name: (value or b"").decode() for name, value in SOUND.headers}
    typed = {"topic": KIV_UNIT, "key": UNIT, "headers": headers, "value": json.loads(SOUND.value or b"")}
    assert check("-", given=json.dumps(typed).encode() + b"\r\n\r\n").exit_code == 0


def test_the_line_that_operations_md_shows_is_ok() -> None:
    shown = block("docs/operations.md", '"timestamp": 1779796800000')
    assert check("-", given=shown.replace("\n", " ").encode()).exit_code == 0


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (lines(SOUND) + b"\n[1]\n", "line 3: should be a JSON object"),
        (lines(SOUND, SOUND._replace(topic=PATIENT)), "line 2: topic: should be an input topic of the contract"),
        (lines(SOUND._replace(topic="acc.kiv.unit.v1")), "line 1: topic: should be an input topic of the contract"),
        (b'{"topic": "kiv.unit.v1"}', "line 1: value: should be there"),
    ],
)
def test_a_line_that_is_no_record_is_named_and_ends_with_2(given: bytes, why: str) -> None:
    done = check("-", given=given)
    assert (done.exit_code, done.stdout) == (2, "")
    assert why in done.stderr
    assert PATIENT not in done.stderr


def test_a_file_that_is_missing_ends_with_2_and_is_not_named(tmp_path: Path) -> None:
    done = check(str(tmp_path / PATIENT))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "FILE: No such file or directory" in done.stderr
    assert PATIENT not in done.stderr


def test_no_setting_is_needed_and_none_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("FASTLAKARE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FASTLAKARE_NONSENSE", "1")
    assert check("-", given=lines(SOUND)).exit_code == 0


def test_a_file_without_records_is_ok() -> None:
    done = check("-", given=b"\n \n")
    assert (done.exit_code, done.stdout) == (0, "0 records, none of them not ok\n")
