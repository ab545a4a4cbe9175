"""`dlq list` and `dlq show`: groups, fields, and what is seen in clear."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from infra.postgres import dead_letters as stored
from infra.postgres.chosen_letters import Choice, Group
from infra.settings import Settings
from schemas.topics import KIV_STAFF, VARDVAL_LISTING
from tests.cli.dlq.conftest import Dlq
from tests.cli.dlq.letters import IDS, LETTERS, NOW, PATIENT, audited, contents, fill, letter, on
from workers.operations import dead_letters


def test_o9_the_groups_are_one_json_document(dlq: Dlq) -> None:
    done = dlq("list", "--json")
    assert (done.status, done.stderr) == (0, "")
    staff, listing, failed = json.loads(done.stdout)["groups"]
    assert listing == {
        "topic": VARDVAL_LISTING,
        "code": "invalid_data",
        "fingerprint": None,
        "detail": "sequence: Input should be a valid integer",
        "count": 2,
        "open": 2,
        "first": f"{NOW - timedelta(hours=2):%Y-%m-%dT%H:%M:%S}Z",
        "last": f"{NOW - timedelta(hours=1):%Y-%m-%dT%H:%M:%S}Z",
        "releases": ["0.9.0", "1.0.0"],
        "expires": f"{NOW + timedelta(days=14) - timedelta(hours=2):%Y-%m-%dT%H:%M:%S}Z",
        "now": None,
    }
    assert (staff["topic"], staff["count"], staff["open"]) == (KIV_STAFF, 3, 1)
    assert failed["fingerprint"] == "RuntimeError in handlers.listing.decide"


def test_the_groups_are_a_table_for_people(dlq: Dlq) -> None:
    lines = dlq("list").stdout.splitlines()
    assert " ".join(lines[0].split()) == "topic code what letters open attempts first last releases gone in"
    assert "RuntimeError in handlers.listing.decide" in lines[3]
    assert lines[1].rstrip().endswith("13 d")


@pytest.mark.parametrize(
    ("arguments", "counts"),
    [
        (["--topic", KIV_STAFF], [3]),
        (["--code", "handler_failed"], [1]),
        (["--state", "open"], [2, 1, 1]),
        (["--state", "handled"], [1]),
        (["--since", "-90m"], [1]),
        (["--code", "too_large"], []),
    ],
)
def test_the_groups_are_those_that_the_options_choose(dlq: Dlq, arguments: list[str], counts: list[int]) -> None:
    found = json.loads(dlq("list", "--json", *arguments).stdout)["groups"]
    assert sorted((group["count"] for group in found), reverse=True) == counts
    assert found or dlq("list", *arguments).stdout == "no dead letters\n"


def test_what_a_time_was_understood_as_is_told_on_stderr(dlq: Dlq) -> None:
    done = dlq("list", "--json", "--since", "2026-05-26")
    assert done.stderr == "fastlakare: since 2026-05-26 00:00:00 CEST (UTC 2026-05-25 22:00:00)\n"


async def test_what_would_happen_today_is_told_where_it_is_judged(migrated_url: str) -> None:
    async def judge(group: Group) -> dict[str, int]:
        return {"applied": group.open}

    async with dead_letters.database(Settings(database_url=migrated_url)) as pg:
        await stored.add(pg, LETTERS[:2])
        ((group, now),) = await dead_letters.grouped(pg, Choice(), judge)
    assert dead_letters.group_as_json(group, now, timedelta(days=1))["now"] == {"applied": 2}


def test_o8_a_letter_is_shown_without_what_could_name_somebody(dlq: Dlq) -> None:
    done = dlq("show", IDS[0], "--json")
    (shown,) = json.loads(done.stdout)["letters"]
    assert (shown["id"], shown["code"], shown["attempts"], shown["state"]) == (IDS[0], "invalid_data", 1, "open")
    assert shown["value"]["patient_id"] == "<text, 12 characters>"
    assert shown["value"]["current"]["valid_from"]
    assert PATIENT not in done.stdout
    assert "record" not in shown


def test_a_letter_is_shown_field_by_field_for_people(dlq: Dlq) -> None:
    lines = dlq("show", IDS[0], IDS[3]).stdout.splitlines()
    assert f"id: {IDS[0]}" in lines
    assert "value.patient_id: <text, 12 characters>" in lines
    assert "envelope.type: se.vgregion.kiv.staff.v1" in lines
    assert "value.employments.0.position_code: 202010" in lines


def test_o8_revealing_needs_a_reason_and_is_audited_before_anything_is_shown(dlq: Dlq, url: str) -> None:
    before = contents(url)
    refused = dlq("show", IDS[0], "--reveal")
    assert (refused.status, refused.stdout) == (2, "")
    assert contents(url) == before

    done = dlq("show", IDS[0], "--reveal", "--reason", "case 17", "--json")

    (shown,) = json.loads(done.stdout)["letters"]
    assert json.loads(shown["record"]["value"])["patient_id"] == PATIENT
    assert audited(url) == [
        ("dlq show", "ids", None, None, None, "case 17"),
        ("dlq show", "invalid_data", VARDVAL_LISTING, 0, 1, "case 17"),
    ]


def test_a_record_in_clear_cannot_command_the_terminal(dlq: Dlq, migrated_url: str) -> None:
    fill(migrated_url, [letter(7), letter(8, value=b'{"a": "\x1b[2J \xc2\x9b2J"}'), letter(9)])
    done = dlq("show", f"{VARDVAL_LISTING}/0/8", "--reveal", "--reason", "case 17")
    assert done.status == 0
    assert all(line.isprintable() for line in done.stdout.splitlines())
    assert "\\u001b[2J" in done.stdout


def test_o8_nothing_is_shown_where_it_cannot_be_audited(dlq: Dlq, url: str) -> None:
    on(url, lambda pg: pg.execute("ALTER TABLE audit RENAME TO audit_away"))
    done = dlq("show", IDS[0], "--reveal", "--reason", "case 17")
    assert (done.status, done.stdout) == (2, "")


def test_o8_at_most_a_hundred_records_are_revealed(dlq: Dlq, migrated_url: str) -> None:
    fill(migrated_url, [letter(offset) for offset in range(10, 111)])
    ids = [f"{VARDVAL_LISTING}/0/{offset}" for offset in range(10, 111)]
    assert dlq("show", *ids, "--reveal", "--reason", "case 17").status == 2
    assert audited(migrated_url) == []
    assert len(json.loads(dlq("show", *ids[1:], "--reveal", "--reason", "x", "--json").stdout)["letters"]) == 100
    assert len(json.loads(dlq("show", *ids, "--json").stdout)["letters"]) == 101


def test_a_letter_that_is_not_there_ends_with_1_and_what_is_no_id_with_2(dlq: Dlq) -> None:
    missing = dlq("show", IDS[0], f"{VARDVAL_LISTING}/0/191212121212")
    assert (missing.status, missing.stdout) == (1, "")
    assert missing.stderr == "fastlakare: no such letter: number 2 of the ids given\n"
    for malformed in ("191212121212", "kiv.staff.v1/0", f"{PATIENT}/0/1", "kiv.staff.v1/0/x"):
        done = dlq("show", malformed)
        assert (done.status, done.stdout) == (2, "")
        assert malformed not in done.stderr
    assert dlq("show").status == 2


def test_an_id_may_have_the_installations_prefix() -> None:
    assert dead_letters.read_id("acc.kiv.staff.v1/3/4711", "acc.") == (KIV_STAFF, 3, 4711)
    assert dead_letters.read_id("kiv.staff.v1/3/4711", "acc.") == (KIV_STAFF, 3, 4711)


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "--code", "191212121212"],
        ["list", "--topic", "191212121212"],
        ["list", "--state", "191212121212"],
        ["list", "--since", "191212121212"],
        ["list", "--since", "2026-10-25T02:15"],
        ["discard", "--fingerprint", "191212121212", "--dry-run"],
        ["discard", "--release", "191212121212", "--dry-run"],
        ["show", IDS[0], "--reveal", "--reason", "191212121212"],
        ["show", IDS[0], "--reason", "191212121212"],
        ["export", "--all", "--out", "191212121212.jsonl"],
    ],
)
def test_o8_what_is_refused_is_not_repeated(dlq: Dlq, arguments: list[str]) -> None:
    done = dlq(*arguments)
    assert (done.status, done.stdout) == (2, "")
    assert "191212121212" not in done.stderr
