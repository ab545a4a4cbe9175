"""`dlq export`: lines of JSON, masked or byte for byte."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.postgres.chosen_letters import StoredLetter
from infra.postgres.dead_letters import add
from schemas.record_lines import from_line, to_line
from schemas.topics import KIV_STAFF, VARDVAL_LISTING
from tests.cli.dlq.conftest import Dlq
from tests.cli.dlq.letters import IDS, LETTERS, NOW, PATIENT, audited, contents, letter, on
from tests.cli.test_main import Done
from tests.schemas.builders import calm
from workers.operations import dead_letters

RAW = ("--raw", "--reason", "case 17")


def test_letters_are_exported_masked_and_for_their_owner_alone(dlq: Dlq, url: str, tmp_path: Path) -> None:
    before = contents(url)
    done = dlq("export", "--all", "--out", "letters.jsonl")
    file = tmp_path / "letters.jsonl"
    assert (done.status, done.stdout) == (0, "")
    assert done.stderr == "fastlakare: exported 6 letters\n"
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert sorted(line["id"] for line in lines) == sorted(IDS)
    assert PATIENT not in file.read_text("utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert contents(url) == before
    assert [path.name for path in tmp_path.iterdir()] == ["letters.jsonl"]


def test_raw_letters_are_exported_byte_for_byte_and_audited_one_by_one(dlq: Dlq, url: str, tmp_path: Path) -> None:
    assert dlq("export", "--topic", VARDVAL_LISTING, *RAW, "--out", "letters.jsonl").status == 0
    records = [from_line(line) for line in (tmp_path / "letters.jsonl").read_bytes().splitlines()]
    assert [(one.topic, one.key, list(one.headers), one.value, one.timestamp) for one in records] == [
        (one.topic, one.key, one.headers, one.value, one.timestamp) for one in LETTERS[:3]
    ]
    assert audited(url) == [
        ("dlq export", f"topic {VARDVAL_LISTING}", None, None, None, "case 17"),
        *(("dlq export", one.code, VARDVAL_LISTING, 0, one.offset, "case 17") for one in LETTERS[:3]),
    ]


def test_what_is_exported_raw_is_what_check_event_judges_and_what_is_masked_is_refused(
    dlq: Dlq, fastlakare: Callable[..., Done], url: str
) -> None:
    dead = letter(7, data={"patient_id": PATIENT})
    on(url, lambda pg: add(pg, [dead]))
    assert dlq("export", "--topic", VARDVAL_LISTING, *RAW, "--out", "raw.jsonl").status == 0
    judged = fastlakare("check-event", "raw.jsonl", "--json")
    said = json.loads(judged.stdout)["records"]
    assert (judged.status, [one["code"] for one in said]) == (1, ["ok", "ok", "ok", "invalid_data"])
    assert said[-1]["detail"] == "sequence: Field required"
    assert dlq("export", "--all", "--out", "masked.jsonl").status == 0
    refused = fastlakare("check-event", "masked.jsonl")
    assert (refused.status, refused.stdout) == (2, "")
    assert "line 1: timestamp: should be a 64-bit number of milliseconds" in refused.stderr


def test_a_file_that_is_there_is_replaced_only_where_that_is_asked_for(dlq: Dlq, url: str, tmp_path: Path) -> None:
    file = tmp_path / "letters.jsonl"
    file.write_text("mine")
    before = contents(url)
    assert dlq("export", "--all", *RAW, "--out", "letters.jsonl").status == 2
    assert (file.read_text(), contents(url)) == ("mine", before)
    assert dlq("export", IDS[0], "--out", "letters.jsonl", "--force").status == 0
    assert json.loads(file.read_text("utf-8"))["id"] == IDS[0]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_o9_stdout_takes_nothing_but_the_lines(dlq: Dlq) -> None:
    done = dlq("export", "--topic", KIV_STAFF, "--out", "-")
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == IDS[3:]
    assert done.stderr == "fastlakare: exported 3 letters\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--all"],
        ["--out", "letters.jsonl"],
        ["--all", "--raw", "--out", "letters.jsonl"],
        ["--all", "--reason", "why", "--out", "letters.jsonl"],
        ["--all", "--out", "no/such/folder/letters.jsonl"],
        ["--all", "--out", "."],
        ["--all", "--out", ".", "--force"],
    ],
)
def test_wrong_use_ends_with_2_and_writes_no_file(dlq: Dlq, tmp_path: Path, arguments: list[str]) -> None:
    done = dlq("export", *arguments)
    assert (done.status, done.stdout) == (2, "")
    assert list(tmp_path.iterdir()) == []


def test_an_id_that_is_not_there_leaves_no_file(dlq: Dlq, tmp_path: Path) -> None:
    assert dlq("export", f"{KIV_STAFF}/9/9", "--out", "letters.jsonl").status == 1
    assert list(tmp_path.iterdir()) == []


def test_letters_of_a_state_are_exported(dlq: Dlq, tmp_path: Path) -> None:
    assert dlq("export", "--state", "open", "--topic", KIV_STAFF, "--out", "letters.jsonl").status == 0
    assert [json.loads(line)["id"] for line in (tmp_path / "letters.jsonl").read_text("utf-8").splitlines()] == [IDS[3]]


@given(
    key=st.none() | st.binary(max_size=20),
    value=st.none() | st.binary(max_size=60),
    headers=st.lists(st.tuples(st.text(max_size=8), st.none() | st.binary(max_size=8)), max_size=3),
    timestamp=st.integers(-(2**63), 2**63 - 1),
)
@calm
def test_a_raw_line_gives_the_record_back_and_a_masked_one_is_always_made(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]], timestamp: int
) -> None:
    one = letter(1)._replace(key=key, value=value, headers=headers, timestamp=timestamp)
    back = from_line(to_line(one))
    assert (back.key, back.value, list(back.headers), back.timestamp) == (key, value, headers, timestamp)
    assert dead_letters.masked(StoredLetter(one, "open", NOW), timedelta(days=1))["id"] == IDS[0]
