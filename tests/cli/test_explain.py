"""`fastlakare explain` as support staff run it: what may be typed, what is shown, and what never is."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import asyncpg
import pytest
from typer.testing import Result

from tests.harness.command_line import run_command
from tests.harness.installation import personnummer_in
from tests.harness.pages import ROOT, blocks
from tests.workers.fixtures import SECRET
from tests.workers.town import ACTOR, DOCTOR, OTHER_UNIT, PATIENT, UNIT, Town, town_on

KEY, PAIR = "gny7qi7jthugfirrq5w4k2cubf", f"{UNIT}/{DOCTOR}"
Explain = Callable[..., Result]


async def prepare(url: str) -> str:
    """A patient whose link ended by a relisting; returns the key."""
    async with town_on(url) as town:
        await town.linked()
        await town.listing(2, current={"unit_hsa_id": OTHER_UNIT, "valid_from": "2026-05-20"})
        await escaping(town)
        return town.key


async def escaping(town: Town) -> None:
    """A command whose sender's name would clear the screen."""
    await town.command("unlink-patient", patient_id=PATIENT, actor={**ACTOR, "id": "\x1b[2Jann"})


async def accesses(url: str) -> list[tuple[str, int]]:
    pg = await asyncpg.connect(url)
    try:
        rows = await pg.fetch("SELECT run_reason, patient_id FROM audit WHERE what = 'explained'")
        return [tuple(row) for row in rows]
    finally:
        await pg.close()


@pytest.fixture
def explain(migrated_url: str) -> Explain:
    """Runs the command on a database; `secret` is that of the patients' keys."""

    def run(*arguments: str, given: str = "", secret: str | None = SECRET) -> Result:
        settings = {"DATABASE_URL": migrated_url} | ({} if secret is None else {"PATIENT_KEY_SECRET": secret})
        return run_command("explain", *arguments, settings=settings, given=given)

    return run


def test_a_patient_is_explained_by_key_with_the_database_alone(explain: Explain, migrated_url: str) -> None:
    key = asyncio.run(prepare(migrated_url))
    done = explain("patient", "--key", key, secret=None)
    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert [line for line in lines if not line.startswith("  ")] == [
        f"patient {key}",
        "now; times are those of Europe/Stockholm",
        "2026-05-26 14:00:00 assigned (linked_by_unit) [C7]",
        "2026-05-26 14:00:00 link-patient: done [C7]",
        "2026-05-26 14:00:00 ended (relisted) [L3]",
        "2026-05-26 14:00:00 unlink-patient: no_such_link [C8]",
        "now",
    ]
    assert "  record      vardval.listing.v1/0/1" in lines
    assert lines[-2:] == [
        "  no link     the last change ended it: relisted [L3]",
        f"  told        ended, revision 2, event {key}/2",
    ]
    assert [line for line in lines if line != line.rstrip() or not line.isprintable()] == []
    assert asyncio.run(accesses(migrated_url)) == []


@pytest.mark.parametrize("form", [f"{PATIENT}\n", f"{PATIENT[:8]}-{PATIENT[8:]}", f"  {PATIENT} \r\n"])
def test_a_patient_is_explained_by_personnummer_from_the_standard_input(
    explain: Explain, migrated_url: str, form: str
) -> None:
    key = asyncio.run(prepare(migrated_url))
    done = explain("patient", "--reason", "ärende 4711", "--json", given=form)
    said = json.loads(done.stdout)
    assert (done.exit_code, said["key"], said["told"]["revision"]) == (0, key, 2)
    assert personnummer_in([("output", done.output)], [PATIENT]) == []
    assert asyncio.run(accesses(migrated_url)) == [("ärende 4711", int(PATIENT))]


def test_on_a_terminal_the_personnummer_is_asked_for_and_not_echoed(migrated_url: str) -> None:
    key = asyncio.run(prepare(migrated_url))
    settings = {"FASTLAKARE_DATABASE_URL": migrated_url, "FASTLAKARE_PATIENT_KEY_SECRET": SECRET}
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "explain", "patient", "--reason", "x"],
        env={**os.environ, **settings, "PYTHONPATH": str(ROOT)},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    while b"Personnummer: " not in shown:
        shown += os.read(ours, 1000)
    os.write(ours, f"{PATIENT}\n".encode())
    with suppress(OSError):  # how the end of a terminal is told
        while part := os.read(ours, 10_000):
            shown += part
    os.close(ours)
    assert child.wait(60) == 0
    assert f"told        ended, revision 2, event {key}/2" in shown.decode()
    assert personnummer_in([("terminal", shown.decode())], [PATIENT]) == []


def test_a_doctor_is_explained(explain: Explain, migrated_url: str) -> None:
    asyncio.run(prepare(migrated_url))
    done = explain("doctor", PAIR.lower(), secret=None)
    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert lines[-6:] == [
        "  unit        open, vardcentral",
        "  person      version 1: licensed",
        f"  employment  202010 at {UNIT} from 2023-11-05: counts",
        "  here        active; 0 patients",
        "  available   yes",
        f"  told        published, revision 2, event {PAIR}/2",
    ]
    said = json.loads(explain("doctor", PAIR, "--json").stdout)
    assert (said["key"], said["unavailable_because"], said["told"]["status"]) == (PAIR, [], "published")


def test_at_a_day_before_anything_happened_nothing_was_told(explain: Explain, migrated_url: str) -> None:
    key = asyncio.run(prepare(migrated_url))
    done = explain("patient", "--key", key, "--at", "2020-01-01")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[-1] == "  told        nothing up to then"
    assert json.loads(explain("doctor", PAIR, "--at", "2020-01-01", "--json").stdout)["told"] is None


def test_of_whom_nothing_was_heard_that_is_said_and_ends_with_0(explain: Explain) -> None:
    done = explain("patient", "--key", KEY)
    assert (done.exit_code, done.stdout.splitlines()[-2:]) == (
        0,
        [
            "  no link     nothing was ever heard of this patient",
            "  told        nothing: 1177 has no record of this key",
        ],
    )


def test_with_another_secret_nobody_is_looked_for(explain: Explain, migrated_url: str) -> None:
    asyncio.run(prepare(migrated_url))
    done = explain("patient", "--reason", "y", given=PATIENT, secret=SECRET[::-1])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "does not match the secret" in str(done.exception)
    assert asyncio.run(accesses(migrated_url)) == []


def test_every_command_of_the_runbook_does_what_the_page_says(explain: Explain, migrated_url: str) -> None:
    key = asyncio.run(prepare(migrated_url))
    page = [ROOT / "docs/runbook/a-patient-asks-why.md"]
    typed = [shlex.split(line)[1:] for one in blocks(page) for line in one.text.splitlines()]
    assert len(typed) == 4
    ends = []
    for words in typed:
        place = {KEY: key, f"{UNIT}/SE2321000131-E000000007623": PAIR, "2026-06-30": "2020-01-01"}
        done = explain(*(place.get(word, word) for word in words[1:]), given=PATIENT)
        assert (words[0], done.exit_code) == ("explain", 0)
        ends.append(done.stdout.splitlines()[-2:])
    ended = ["  no link     the last change ended it: relisted [L3]", f"  told        ended, revision 2, event {key}/2"]
    past = ["  no link     the patient was never linked [C7]", "  told        nothing up to then"]
    assert ends == [ended, ended, past, ["  available   yes", f"  told        published, revision 2, event {PAIR}/2"]]
    assert asyncio.run(accesses(migrated_url)) == [("asked by the patient, case 4711", int(PATIENT))]


def test_the_runbooks_reasons_are_those_that_end_a_link() -> None:
    page = (ROOT / "docs/runbook/a-patient-asks-why.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`ended \(([a-z_]+)\)`", page))
    contract = (ROOT / "docs/contract.md").read_text(encoding="utf-8")
    table = contract.partition("| `ended` |")[2].partition("| null value |")[0]
    assert named == set(re.findall(r"(?:^\| \||^) `([a-z_]+)` \|", table, flags=re.MULTILINE))


@pytest.mark.parametrize(
    ("arguments", "given", "why"),
    [
        (["patient"], PATIENT, "needs --reason TEXT"),
        (["patient", "--reason", "  "], PATIENT, "--reason: should not be empty"),
        (["patient", "--reason", "x" * 501], PATIENT, "--reason: should have at most 500 characters"),
        (["patient", "--reason", f"om {PATIENT}"], PATIENT, "--reason: should not hold a personnummer"),
        (["patient", "--reason", f"om {PATIENT[2:8]}-{PATIENT[8:]}"], PATIENT, "--reason: should not hold"),
        (["patient", "--reason", "x"], "", "is no personnummer"),
        (["patient", "--reason", "x"], "199006022398", "is no personnummer"),
        (["patient", "--reason", "x"], "199006622394", "is no personnummer"),
        (["patient", "--reason", "x"], "19900602TF01", "is no personnummer"),
        (["patient", PATIENT, "--reason", "x"], PATIENT, "never as an argument"),
        (["patient", PATIENT, PATIENT], "", "say patient"),
        (["patient", f"--{PATIENT}"], "", "never as an argument"),
        (["patient", "--key", PATIENT], "", "--key: 26 characters"),
        (["patient", "--key", KEY, "--reason", "x"], "", "--reason: only an access by personnummer"),
        (["patient", "--key", KEY, "--at", PATIENT], "", "--at: a day"),
        (["patient", "--key", KEY, "--at", "2026-02-30"], "", "--at: a day"),
        ([PATIENT], "", "say patient"),
        (["doctor"], "", "UNIT/DOCTOR"),
        (["doctor", PATIENT], "", "UNIT/DOCTOR"),
        (["doctor", f"{UNIT}/SE2321000131-{PATIENT}"], "", "UNIT/DOCTOR"),
        (["doctor", PAIR, "--key", KEY], "", "--key and --reason are about a patient"),
    ],
)
def test_wrong_use_ends_with_2_and_repeats_nothing(
    explain: Explain, migrated_url: str, arguments: list[str], given: str, why: str
) -> None:
    done = explain(*arguments, given=given)
    assert (done.exit_code, done.stdout) == (2, "")
    assert why in done.stderr
    assert personnummer_in([("stderr", done.stderr)], [PATIENT]) == []
    assert asyncio.run(accesses(migrated_url)) == []
