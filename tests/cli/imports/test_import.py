"""`fastlakare import` as a whole, against a running service on real Kafka and PostgreSQL (running.md, C11)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.imports.files import TOLVAN
from tests.cli.imports.vardcentral import Vardcentral
from tests.conftest import Broker, database
from tests.harness.batches import batches
from tests.harness.installation import Installation
from tests.harness.topics import Topics

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("import")]

NOT_LISTED = "Personnummer matchar inte vårdcentral vårdval"
Opens = Callable[[int], Vardcentral]


@pytest.fixture(scope="module")
def installation(kafka: Broker, postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The service, running."""
    folder = tmp_path_factory.mktemp("service")
    with database(postgres, "template_fastlakare") as url:
        running = Installation(kafka.bootstrap, url, f"import-{folder.stat().st_ino}.", folder)
        running.prepare(migrate=False)
        try:
            running.start(1)
            yield running
        finally:
            running.stop()


@pytest.fixture
def opens(installation: Installation) -> Iterator[Opens]:
    """Opens a vårdcentral with so many listed patients."""
    topics = Topics(installation.bootstrap, installation.prefix)
    yield lambda listed: Vardcentral(installation, topics, listed)
    topics.close()


def test_a_sound_file_is_accepted_and_1177_hears_of_every_row(opens: Opens, tmp_path: Path) -> None:
    vc = opens(3)
    done = vc.run(vc.file(tmp_path / "a.csv", vc.patients))
    assert (done.status, done.stderr) == (0, "")
    assert [line.split() for line in done.stdout.splitlines()[1:3]] == [
        ["Totalt", "Godkända", "Felaktiga", "Uppdaterade"],
        ["3", "3", "0", "3"],
    ]
    assert vc.announced() == 3
    assert list(tmp_path.iterdir()) == [tmp_path / "a.csv"]


async def test_a_file_is_sent_uncompressed(opens: Opens, installation: Installation, tmp_path: Path) -> None:
    vc = opens(1)
    assert vc.run(vc.file(tmp_path / "a.csv", vc.patients)).status == 0
    topic = f"{installation.prefix}listning.command.v1"
    partitions = [await batches(installation.bootstrap, topic, number) for number in range(installation.partitions)]
    codecs = [codec for found in partitions for codec, batch in found if vc.patients[0].encode() in batch]
    assert codecs == ["none"]


def test_faulty_rows_stand_in_a_file_of_their_own_and_corrected_it_is_accepted(opens: Opens, tmp_path: Path) -> None:
    vc = opens(3)
    file = vc.file(tmp_path / "a.csv", [*vc.patients, vc.strangers[0], vc.patients[0]])
    done = vc.run(file, "--json")
    assert done.status == 1
    said = done.json()
    assert said["counts"] == {"total": 5, "approved": 3, "faulty": 2, "updated": 0}
    assert {(kind["code"], kind["count"], *kind["rows"]) for kind in said["faults"]} == {
        ("patient_not_listed", 1, 5),
        ("duplicate_row", 1, 6),
    }
    rows = Path(said["faulty_file"]).read_bytes().decode("utf-8-sig").splitlines()
    assert said["faulty_file"] == str(tmp_path / "a.felaktiga.csv")
    assert rows[0] == "Personnummer;Enhet;Läkare;Datum;Rad;Felmeddelande"
    before = file.read_text("cp1252").splitlines()
    assert rows[1] == f"{before[4]};5;{NOT_LISTED}"
    assert rows[2].startswith(f"{before[5]};6;Patienten finns på en tidigare rad.")
    assert vc.announced() == 0
    shown = vc.run(file)
    assert shown.status == 1
    assert NOT_LISTED in shown.stdout
    assert "a.felaktiga.csv" in shown.stdout
    assert vc.run(vc.file(file, vc.patients)).status == 0
    assert vc.announced() == 3


def test_the_same_file_is_judged_anew_when_what_was_wrong_is_set_right(opens: Opens, tmp_path: Path) -> None:
    vc = opens(1)
    other = vc.doctor.replace("-L", "-M")
    file = vc.file(tmp_path / "a.csv", vc.patients, other)
    refused = vc.run(file, "--json")
    assert (refused.status, refused.json()["faults"][0]["message"]) == (1, "HSA-id saknas för läkare hos vårdcentral")
    vc.tell([vc.sender.staff(other, 1, employments=[{"unit_hsa_id": vc.unit, "position_code": "202010"}])])
    vc.activate(other)
    accepted = vc.run(file, "--json")
    assert (accepted.status, accepted.json()["counts"]["updated"]) == (0, 1)
    again = vc.run(file, "--json")
    assert (again.status, again.json()["counts"]["updated"], again.json()["answered_earlier"]) == (0, 1, True)
    assert vc.announced() == 1


def test_a_dry_run_changes_nothing_and_the_real_run_then_does(opens: Opens, tmp_path: Path) -> None:
    vc = opens(2)
    file = vc.file(tmp_path / "a.csv", vc.patients)
    tried = vc.run(file, "--dry-run", "--json")
    assert (tried.status, tried.json()["dry_run"], tried.json()["counts"]["updated"]) == (0, True, 2)
    assert vc.announced() == 0
    real = vc.run(file, "--json")
    assert (real.status, real.json()["dry_run"], real.json()["answered_earlier"]) == (0, False, False)
    assert vc.announced() == 2
    assert vc.run(file, "--dry-run", "--json").json()["counts"]["updated"] == 0


def test_killed_in_the_middle_and_run_again_it_finishes_the_same_import(opens: Opens, tmp_path: Path) -> None:
    vc = opens(4_001)
    file = vc.file(tmp_path / "a.csv", vc.patients)
    assert vc.run(file, FASTLAKARE_FAILPOINT="import:part:2").status == 137
    assert vc.answers() == []
    done = vc.run(file, "--json")
    assert (done.status, done.json()["counts"]["updated"], done.json()["answered_earlier"]) == (0, 4_001, False)
    assert len(vc.answers()) == 1
    assert vc.announced() == 4_001


def test_killed_before_it_heard_the_answer_and_run_again_it_gets_that_answer(opens: Opens, tmp_path: Path) -> None:
    vc = opens(2)
    file = vc.file(tmp_path / "a.csv", vc.patients)
    assert vc.run(file, FASTLAKARE_FAILPOINT="import:part").status == 137
    assert [answer["counts"]["updated"] for answer in vc.answers()] == [2]
    done = vc.run(file, "--json")
    assert (done.status, done.json()["counts"]["updated"], done.json()["answered_earlier"]) == (0, 2, True)
    assert vc.announced() == 2


def test_rows_taken_out_of_a_file_that_was_stopped_are_not_registered_under_its_name(
    opens: Opens, tmp_path: Path
) -> None:
    """The parts that were sent wait at the service, and are of the same name."""
    vc = opens(4_001)
    assert vc.run(vc.file(tmp_path / "a.csv", vc.patients), "--import-id", "juni",
                  FASTLAKARE_FAILPOINT="import:part:2").status == 137  # fmt: skip
    done = vc.run(vc.file(tmp_path / "a.csv", vc.patients[:3_000]), "--import-id", "juni", "--json")
    assert (done.status, done.json()["counts"]["total"], done.json()["counts"]["updated"]) == (0, 3_000, 3_000)
    assert vc.announced() == 3_000


def test_the_same_file_under_another_name_is_asked_anew_and_a_trial_stands_in_nobodys_way(
    opens: Opens, tmp_path: Path
) -> None:
    vc = opens(2)
    file = vc.file(tmp_path / "a.csv", vc.patients)
    for words, earlier, updated in (
        (("--import-id", "juni"), False, 2),
        (("--import-id", "juni"), True, 2),
        (("--import-id", "juni", "--dry-run"), False, 0),
        (("--import-id", "juli"), False, 0),
    ):
        done = vc.run(file, *words, "--json")
        assert (done.status, done.json()["answered_earlier"], done.json()["counts"]["updated"]) == (0, earlier, updated)
    assert vc.announced() == 2


@pytest.mark.parametrize("unit", [TOLVAN, "Vårdcentralen Majorna"])
def test_a_unit_that_is_no_hsa_id_is_refused_and_not_repeated(opens: Opens, tmp_path: Path, unit: str) -> None:
    """It would become the key of a record (D1)."""
    vc = opens(1)
    vc.unit = unit
    done = vc.run(vc.file(tmp_path / "a.csv", vc.patients))
    assert (done.status, done.stdout) == (2, "")
    assert "--unit: not an HSA-id" in done.stderr
    assert unit not in done.stderr


def test_a_file_whose_name_is_not_utf_8_gets_its_answer(opens: Opens, tmp_path: Path) -> None:
    vc = opens(1)
    file = vc.file(tmp_path / os.fsdecode(b"l\xe4nkar.csv"), vc.patients, vc.doctor.replace("-L", "-N"))
    done = vc.run(file, "--json")
    assert (done.status, done.json()["faulty_file"].endswith("l\ufffdnkar.felaktiga.csv")) == (1, True), done.stderr


def test_who_may_not_import_is_told_so_in_swedish(opens: Opens, tmp_path: Path) -> None:
    vc = opens(1)
    done = vc.run(vc.file(tmp_path / "a.csv", vc.patients), role="Receptionist")
    assert (done.status, done.stderr) == (1, "")
    assert done.stdout.startswith("Du saknar behörighet.")
    assert vc.announced() == 0


def test_a_file_that_cannot_be_read_sends_nothing(opens: Opens, tmp_path: Path) -> None:
    vc = opens(1)
    file = vc.file(tmp_path / "a.csv", vc.patients)
    with file.open("a") as more:
        more.write(f"1,99006E+11;{vc.unit};{vc.doctor};\r\n")
    done = vc.run(file)
    assert (done.status, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert done.stderr.startswith(f"fastlakare: {file}: rad 3: Excel har gjort om personnumret")
    assert vc.answers() == []


def test_columns_that_are_not_used_are_named_in_the_answer(opens: Opens, tmp_path: Path) -> None:
    vc = opens(1)
    file = tmp_path / "a.csv"
    row = f"{vc.patients[0]};Ek, Bo;{vc.unit};{vc.doctor};2024-01-15;"
    file.write_text(f"Personnummer;Namn;Enhet;Läkare;Fr.o.m.;Not\r\n{row}\r\n", "utf-8")
    tried = vc.run(file, "--dry-run", "--json")
    assert (tried.status, tried.json()["unused_columns"]) == (0, ["B (Namn)", "F (Not)"])
    done = vc.run(file)
    assert (done.status, done.stdout.splitlines()[-1]) == (0, "Kolumner som inte används: B (Namn), F (Not)")
    assert [event["start"] for event in vc.events()] == ["2024-01-15"]


def test_dates_that_would_be_left_out_send_nothing(opens: Opens, tmp_path: Path) -> None:
    vc = opens(1)
    file = tmp_path / "a.csv"
    row = f"{vc.patients[0]};{vc.unit};{vc.doctor};2024-01-15"
    file.write_text(f"Personnummer;Enhet;Läkare;T.o.m.\r\n{row}\r\n", "utf-8")
    done = vc.run(file)
    assert (done.status, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert done.stderr.startswith(f"fastlakare: {file}: rad 2: kolumn D (T.o.m.) har datum, men titeln säger inte")
    assert vc.answers() == []


def test_the_largest_file_gets_its_answer_also_when_every_row_is_faulty(opens: Opens, tmp_path: Path) -> None:
    vc = opens(1)
    unknown = vc.doctor.replace("-L", "-N")
    done = vc.run(vc.file(tmp_path / "a.csv", vc.patients + vc.strangers[:1] * 21_999, unknown), "--json")
    assert (done.status, done.stderr) == (1, "")
    assert done.json()["counts"] == {"total": 22_000, "approved": 0, "faulty": 22_000, "updated": 0}
    assert len(Path(done.json()["faulty_file"]).read_text("utf-8-sig").splitlines()) == 22_001


def test_no_answer_in_time_ends_with_2_and_says_how_to_go_on(kafka: Broker, opens: Opens, tmp_path: Path) -> None:
    vc = opens(1)
    silent = Installation(kafka.bootstrap, vc.installation.database_url, f"silent-{tmp_path.stat().st_ino}.", tmp_path)
    silent.prepare(migrate=False)
    vc.installation = silent  # its topics are there, and nobody reads them
    done = vc.run(vc.file(tmp_path / "a.csv", vc.patients), "--timeout", "1")
    assert (done.status, done.stdout) == (2, "")
    assert done.stderr.startswith("fastlakare: inget svar inom 1 s;")


def test_topics_that_are_missing_and_a_broker_that_is_away_are_one_line(opens: Opens, tmp_path: Path) -> None:
    vc = opens(1)
    file = vc.file(tmp_path / "a.csv", vc.patients)
    for says, variables in (
        ("Kafka cannot be reached", {"FASTLAKARE_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"}),
        ("topics --create", {"FASTLAKARE_TOPIC_PREFIX": "nothing-here."}),
    ):
        done = vc.run(file, **variables)
        assert (done.status, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
        assert says in done.stderr


def test_the_template_is_a_file_that_can_be_filled_in(opens: Opens, tmp_path: Path) -> None:
    vc = opens(2)
    file = tmp_path / "mall.csv"
    assert vc.run(file, "--template").status == 0
    assert file.read_text("utf-8-sig") == "Personnummer;Enhetens HSA-id;Läkarens HSA-id;Datum\n"
    with file.open("a", newline="") as more:
        more.write("".join(f"{one};{vc.unit};{vc.doctor};\r\n" for one in vc.patients))
    assert vc.run(file).status == 0
    assert vc.run(file, "--template").status == 2
