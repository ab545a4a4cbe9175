"""`fastlakare what-if` and `fastlakare forecast`: exit codes, documents, what people read, and what is never shown."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.errors import SettingsError
from infra.postgres import dead_letters, installation
from infra.postgres.connection import connect
from infra.postgres.dead_letters import DeadLetter
from schemas.record_lines import to_line
from schemas.topics import FAST_LAKARKONTAKT, LISTNING_COMMAND, VARDVAL_LISTING
from tests.cli.test_check_event import line_record
from tests.harness.command_line import run_command
from tests.harness.records import Record, Sender, choice
from tests.workers.fixtures import SECRET, rig_on
from tests.workers.operations.eventful import BUSY, GUARDED, HOME, LEAVER, PATIENTS, eventful
from tests.workers.operations.lived import Service

HISTORY = eventful()
#: so many records are handled: units, doctors, and two patients of a doctor who leaves on 2026-05-28
HANDLED = 24
SENDER = Sender(datetime(2026, 5, 26, 9, tzinfo=UTC), source="cli")
LINKED = SENDER.command("link-patient", HOME, patient_id=PATIENTS[2], doctor_hsa_id=BUSY)
REFUSED = SENDER.command("link-patient", HOME, patient_id=PATIENTS[11], doctor_hsa_id=BUSY)
BROKEN = replace(SENDER.listing(PATIENTS[3], 1, "k"), value=b'{"patient_id": "191212121212"}')


@pytest.fixture
def settings(migrated_url: str) -> dict[str, str]:
    """Of an installation in which something is to happen."""

    async def live() -> None:
        async with rig_on(migrated_url) as rig:
            service = await Service.on(rig)
            for record in HISTORY[:HANDLED]:
                await service.handle(service.append(record))
            await installation.check_patient_key(rig.pg, rig.runtime.keys)

    asyncio.run(live())
    return {"DATABASE_URL": migrated_url, "PATIENT_KEY_SECRET": SECRET}


def lines(*records: Record) -> str:
    return b"".join(to_line(line_record(record)) for record in records).decode()


def test_o9_what_records_would_do_is_one_json_document(settings: dict[str, str]) -> None:
    done = run_command("what-if", "-", "--json", settings=settings, given=lines(LINKED, SENDER.day("2026-05-27")))
    assert (done.exit_code, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert (said["day"], said["records"][1]["outcome"]) == ("2026-05-26", "applied")
    assert said["records"][0] == {
        "line": 1,
        "topic": LISTNING_COMMAND,
        "outcome": "accepted",
        "reply": {"outcome": "accepted", "code": "done", "message": "Klart.", "counts": None, "faulty_rows": None},
        "events": [
            {
                "topic": FAST_LAKARKONTAKT,
                "id": said["records"][0]["events"][0]["id"],
                "what": "assigned/linked_by_unit",
            },
            {"topic": "listning.reply.v1", "id": "reply/cli/cli-1", "what": "accepted"},
        ],
        "code": None,
        "detail": None,
    }
    assert said["events"] == {
        FAST_LAKARKONTAKT: {"assigned/linked_by_unit": 1},
        "listning.doctor.v1": 0,
        "listning.reply.v1": {"accepted": 1},
    }


def test_o9_a_record_that_would_be_refused_or_dead_ends_with_1(settings: dict[str, str]) -> None:
    refused = run_command("what-if", "-", "--json", settings=settings, given=lines(REFUSED))
    assert (refused.exit_code, json.loads(refused.stdout)["records"][0]["reply"]["code"]) == (1, "patient_not_listed")
    dead = run_command("what-if", "-", "--json", settings=settings, given=lines(LINKED, BROKEN))
    (_, told) = json.loads(dead.stdout)["records"]
    assert (dead.exit_code, told["outcome"], told["code"], told["reply"]) == (1, "dead", "invalid_data", None)
    assert "sequence: Field required" in told["detail"]


def test_o8_nothing_of_a_record_is_ever_shown(settings: dict[str, str]) -> None:
    given = lines(LINKED, REFUSED, BROKEN, *HISTORY[HANDLED:])
    for more in ([], ["--json"]):
        done = run_command("what-if", "-", *more, settings=settings, given=given)
        assert done.exit_code == 1
        assert [one for one in (*PATIENTS, "191212121212") if one in done.output or one[2:] in done.output] == []


def test_people_read_what_records_would_do(settings: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text(lines(LINKED, BROKEN))
    shown = run_command("what-if", str(file), settings=settings).stdout.splitlines()
    assert shown[0] == "Judged as of day 2026-05-26, the installation's, not theirs (T2). Nothing was sent or changed."
    assert shown[2].split()[:6] == ["1", LISTNING_COMMAND, "accepted", "reply", "done:", "Klart."]
    assert shown[5].split()[:4] == ["2", VARDVAL_LISTING, "dead", "invalid_data:"]
    assert f"events    {FAST_LAKARKONTAKT}: assigned/linked_by_unit 1" in shown


def test_what_cannot_be_read_ends_with_2(settings: dict[str, str], tmp_path: Path) -> None:
    for arguments, given, why in (
        (["-"], "{}", "line 1: topic: should be there"),
        ([str(tmp_path / PATIENTS[0])], "", "FILE: No such file or directory"),
    ):
        done = run_command("what-if", *arguments, settings=settings, given=given)
        assert (done.exit_code, done.stdout) == (2, "")
        assert why in done.stderr
        assert PATIENTS[0] not in done.stderr


def test_o9_what_a_day_will_cause_is_one_json_document(settings: dict[str, str]) -> None:
    done = run_command("forecast", "2026-05-28", "--json", settings=settings)
    assert (done.exit_code, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    assert (said["day"], said["until"], len(said["digest"])) == ("2026-05-26", "2026-05-28", 64)
    (turn,) = said["days"]
    assert (turn["day"], turn["units"]) == ("2026-05-28", [HOME])
    assert turn["events"][FAST_LAKARKONTAKT] == {"ended/doctor_left": 2}
    assert turn["doctors"] == [LEAVER, GUARDED]


def test_people_read_what_each_day_will_cause(settings: dict[str, str]) -> None:
    shown = run_command("forecast", "2026-05-28", settings=settings).stdout.splitlines()
    assert shown[:4] == [
        "Today is 2026-05-26, the installation's day. Until 2026-05-28, if nothing else arrives:",
        "",
        "2026-05-28",
        f"events    {FAST_LAKARKONTAKT}: ended/doctor_left 2",
    ]
    assert f"units     {HOME}" in shown
    assert "nothing happens by itself" in run_command("forecast", settings=settings).stdout


@pytest.mark.parametrize(
    ("day", "why"),
    [
        ("2026-05-26", "has begun: the installation's day is 2026-05-26"),
        ("2026-02-30", "DAY: a day, YYYY-MM-DD"),
        ("tomorrow", "DAY: a day, YYYY-MM-DD"),
    ],
)
def test_a_day_that_cannot_be_foretold_ends_with_2(settings: dict[str, str], day: str, why: str) -> None:
    done = run_command("forecast", day, settings=settings)
    assert (done.exit_code, done.stdout) == (2, "")
    assert why in " ".join(done.stderr.split())


@pytest.mark.parametrize("words", [["what-if", "-"], ["forecast"]], ids=["what-if", "forecast"])
def test_t3_before_the_first_day_nothing_is_said(migrated_url: str, words: list[str]) -> None:
    never_started = {"DATABASE_URL": migrated_url, "PATIENT_KEY_SECRET": SECRET}
    done = run_command(*words, settings=never_started, given=lines(LINKED))
    assert (done.exit_code, done.stdout) == (2, "")
    assert "no day has begun yet, so nothing can be judged (T3)" in done.stderr


@pytest.mark.parametrize("words", [["what-if", "-"], ["forecast"]], ids=["what-if", "forecast"])
def test_another_secret_than_the_services_ends_with_2(settings: dict[str, str], words: list[str]) -> None:
    done = run_command(*words, settings=settings | {"PATIENT_KEY_SECRET": "x" * 32}, given=lines(LINKED))
    assert isinstance(done.exception, SettingsError)


def test_o9_the_groups_of_dead_letters_say_what_would_come_of_them_now(settings: dict[str, str]) -> None:
    async def dead() -> None:
        pg = await connect(settings["DATABASE_URL"])
        one = line_record(SENDER.listing(PATIENTS[9], 1, "k", current=choice(HOME, "2026-01-01")))
        letter = DeadLetter(
            one.topic, 0, 99, one.timestamp, one.key, one.value, list(one.headers), "invalid_data", "x", None, "1", 1,
            datetime.now(UTC),
        )  # fmt: skip
        await dead_letters.add(pg, [letter, letter._replace(offset=100, value=b"{}")])
        await pg.close()

    asyncio.run(dead())
    (group,) = json.loads(run_command("dlq", "list", "--json", settings=settings).stdout)["groups"]
    assert group["now"] == {"applied": 1, "dead": 1}
    assert "1 applied, 1 dead" in run_command("dlq", "list", settings=settings).stdout
    for more, given in (["--no-judge"], settings), ([], {"DATABASE_URL": settings["DATABASE_URL"]}):
        (group,) = json.loads(run_command("dlq", "list", "--json", *more, settings=given).stdout)["groups"]
        assert group["now"] is None
