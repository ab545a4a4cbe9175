"""The example of 1177's side, on a real broker: what it holds in the end, and what it says on the way."""

from __future__ import annotations

import ast
import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from random import Random
from threading import Timer
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from schemas.fast_lakarkontakt import FastLakarkontakt
from schemas.topics import FAST_LAKARKONTAKT
from tests.harness.processes import heed_ctrl_c
from tests.harness.waiting import until
from tests.schemas.builders import DOCTOR, FAST_LAKARKONTAKT_DATA, UNIT

SCRIPT = Path(__file__).parents[2] / "examples" / "subscriber.py"
_SPEC = spec_from_file_location("subscriber", SCRIPT)  # by its path, as its users run it
assert _SPEC is not None
assert _SPEC.loader is not None
subscriber = module_from_spec(_SPEC)
_SPEC.loader.exec_module(subscriber)

ANNA, BO, CECILIA = (letter * 26 for letter in "abc")
NOBODY = {"hsa_id": DOCTOR, "name": None, "title": None}

Record = tuple[str, dict[str, Any] | None]


def assignment(revision: int = 1, **fields: Any) -> dict[str, Any]:
    """A value as the contract has it: a patient who was just linked, unless the fields say otherwise."""
    data = FAST_LAKARKONTAKT_DATA | {"revision": revision} | fields
    return FastLakarkontakt.model_validate_json(json.dumps(data)).model_dump(mode="json")


REPLACED = assignment(2, change="replaced", reason="moved", doctor={"hsa_id": DOCTOR, "name": "Siv Ek", "title": None})
ENDED = assignment(2, status="ended", change="ended", reason="relisted", end="2026-05-31", doctor=NOBODY)
ANNA_ASSIGNED = f"{ANNA} assigned (linked_by_unit): 'Jon Karlström' at 'Vårdcentralen Majorna'"
ANNA_REPLACED = f"{ANNA} replaced (moved): 'Siv Ek' at 'Vårdcentralen Majorna'"
ANNA_ENDED = f"{ANNA} ended (relisted): '{DOCTOR}' at 'Vårdcentralen Majorna'"


class Place:
    """A topic as the service makes it, and the relay that writes to it."""

    def __init__(self, bootstrap: str, topic: str, relay: AIOKafkaProducer) -> None:
        self.bootstrap, self.topic, self._relay = bootstrap, topic, relay

    async def publish(self, *records: Record, commit: bool = True) -> None:
        """One transaction, committed or aborted."""
        await self.begin(*records)
        await (self.commit() if commit else self._relay.abort_transaction())

    async def begin(self, *records: Record) -> None:
        """A transaction with the records in it, left open."""
        await self._relay.begin_transaction()
        for key, value in records:
            encoded = None if value is None else json.dumps(value).encode()
            await self._relay.send_and_wait(self.topic, encoded, key=key.encode())

    async def commit(self) -> None:
        """Ends the open transaction."""
        await self._relay.commit_transaction()


class Reader:
    """The example at work: its view, and the lines it told."""

    def __init__(self, place: Place) -> None:
        self.view: dict[str, dict[str, Any]] = {}
        self.lines: list[str] = []
        reading = subscriber.follow(place.bootstrap, place.topic, self.view, self.lines.append)
        self._task: asyncio.Task[None] = asyncio.create_task(reading)

    async def prints(self, line: str) -> None:
        """Returns once that line was told; raises what ended the reading."""

        async def printed() -> bool:
            if self._task.done():
                self._task.result()
            return line in self.lines

        await until(printed, what=line)

    async def stop(self) -> None:
        """Ends the reading as Ctrl-C does."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def run_until_caught_up(*words: str) -> tuple[int, list[str], list[str]]:
    """The script until it has caught up, then Ctrl-C, or until it ends by itself: exit code, output, errors.

    After two minutes it is ended by a signal on which it writes its stack among the errors.
    """
    command = [sys.executable, "-X", "faulthandler", str(SCRIPT), *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", preexec_fn=heed_ctrl_c
    ) as script:
        assert script.stdout is not None
        too_long = Timer(120, script.send_signal, [signal.SIGABRT])
        too_long.start()
        output = []
        for line in script.stdout:
            output.append(line.rstrip("\n"))
            if line.startswith("caught up"):
                script.send_signal(signal.SIGINT)
        _, errors = script.communicate()
        too_long.cancel()
    return script.returncode, output, errors.splitlines()


@asynccontextmanager
async def reading(place: Place) -> AsyncIterator[Reader]:
    """The example, started anew."""
    reader = Reader(place)
    try:
        yield reader
    finally:
        await reader.stop()


@pytest.fixture
async def place(kafka: Any, topic_prefix: str) -> AsyncIterator[Place]:
    topic = topic_prefix + FAST_LAKARKONTAKT
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    response = await admin.create_topics([NewTopic(topic, 3, 1, None, {"cleanup.policy": "compact"})])
    await admin.close()
    assert [error[1] for error in response.topic_errors] == [0]
    relay = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=f"{topic}.relay")
    await relay.start()
    yield Place(kafka.bootstrap, topic, relay)
    await relay.stop()


async def test_the_last_record_of_a_key_stands_and_a_null_value_forgets_the_key_l7(place: Place) -> None:
    await place.publish((ANNA, assignment()), (BO, assignment()), (CECILIA, assignment()))
    await place.publish((ANNA, REPLACED), (BO, ENDED), (CECILIA, None))
    async with reading(place) as reader:
        await reader.prints("caught up: 1 of 2 patients have a doctor")
    assert reader.view == {ANNA: REPLACED, BO: ENDED}


async def test_each_change_is_one_line_in_the_order_of_its_key(place: Place) -> None:
    await place.publish((ANNA, assignment()), (ANNA, REPLACED), (ANNA, ENDED), (ANNA, None))
    async with reading(place) as reader:
        await reader.prints("caught up: 0 of 0 patients have a doctor")
    assert reader.lines[:-1] == [ANNA_ASSIGNED, ANNA_REPLACED, ANNA_ENDED, f"{ANNA} forgotten"]


async def test_no_line_holds_a_personnummer_or_breaks_at_what_a_name_holds_d1(place: Place) -> None:
    ids = ("191212121212", "199006022397", "201701012393")
    unit = {"hsa_id": UNIT, "name": "Majorna\nexit\x1b[2J", "care_giver_hsa_id": None}
    for key, id in zip((ANNA, BO, CECILIA), ids, strict=True):
        await place.publish((key, assignment(patient_id=id, unit=unit)))
    async with reading(place) as reader:
        await reader.prints("caught up: 3 of 3 patients have a doctor")
    assert len(reader.lines) == 4
    assert [line for line in reader.lines if any(id in line for id in ids) or not line.isprintable()] == []


async def test_where_a_name_is_blank_the_id_is_shown(place: Place) -> None:
    unit, doctor = FAST_LAKARKONTAKT_DATA["unit"] | {"name": ""}, FAST_LAKARKONTAKT_DATA["doctor"] | {"name": " "}
    await place.publish((ANNA, assignment(unit=unit, doctor=doctor)))
    async with reading(place) as reader:
        await reader.prints(f"{ANNA} assigned (linked_by_unit): '{DOCTOR}' at '{UNIT}'")


async def test_an_aborted_transaction_is_never_seen_and_holds_nothing_up(place: Place) -> None:
    await place.publish((ANNA, assignment()), (BO, assignment()))
    await place.publish((ANNA, REPLACED), (BO, None), (CECILIA, assignment()), commit=False)
    async with reading(place) as reader:
        await reader.prints("caught up: 2 of 2 patients have a doctor")
        await place.publish((ANNA, REPLACED), commit=False)
        await place.publish((ANNA, ENDED))
        await reader.prints(ANNA_ENDED)
    assert reader.view == {ANNA: ENDED, BO: assignment()}
    assert len(reader.lines) == 4


async def test_a_transaction_that_is_open_does_not_keep_it_from_having_caught_up(place: Place) -> None:
    await place.publish((ANNA, assignment()))
    await place.begin((ANNA, REPLACED))
    async with reading(place) as reader:
        await reader.prints("caught up: 1 of 1 patients have a doctor")
        assert reader.view == {ANNA: assignment()}
        await place.commit()
        await reader.prints(ANNA_REPLACED)
    assert reader.view == {ANNA: REPLACED}


async def test_revisions_are_not_compared_for_they_may_be_counted_anew(place: Place) -> None:
    await place.publish(
        (ANNA, assignment(7)),
        (ANNA, assignment(2, reason="imported")),
        (BO, assignment(7)),
        (BO, assignment(7, start="2026-05-27")),
    )
    async with reading(place) as reader:
        await reader.prints("caught up: 2 of 2 patients have a doctor")
    assert reader.view == {ANNA: assignment(2, reason="imported"), BO: assignment(7, start="2026-05-27")}


async def test_what_is_said_again_is_no_change(place: Place) -> None:
    await place.publish(
        (ANNA, None), (ANNA, assignment()), (ANNA, assignment()), (ANNA, None), (ANNA, None), (ANNA, REPLACED)
    )
    async with reading(place) as reader:
        await reader.prints("caught up: 1 of 1 patients have a doctor")
    assert reader.lines[:-1] == [ANNA_ASSIGNED, f"{ANNA} forgotten", ANNA_REPLACED]


async def test_starting_anew_from_zero_gives_the_same_view(place: Place) -> None:
    await place.publish((ANNA, assignment()), (BO, assignment()), (CECILIA, assignment()))
    async with reading(place) as first:
        await first.prints("caught up: 3 of 3 patients have a doctor")
        await place.publish((ANNA, REPLACED), (BO, ENDED))
        await place.publish((BO, None), (CECILIA, ENDED), commit=False)
        await place.publish((CECILIA, None))
        await first.prints(ANNA_REPLACED)
        await first.prints(ANNA_ENDED.replace(ANNA, BO))
        await first.prints(f"{CECILIA} forgotten")
    async with reading(place) as again:
        await again.prints("caught up: 1 of 2 patients have a doctor")
    assert again.view == first.view == {ANNA: REPLACED, BO: ENDED}


async def test_it_has_caught_up_once_all_is_read_that_stood_there_also_in_many_fetches(place: Place) -> None:
    long = Random(1).randbytes(40_000).hex()  # a fetch holds 1 MiB, and this does not compress
    unit = FAST_LAKARKONTAKT_DATA["unit"] | {"name": long}
    await place.publish((BO, assignment()), *((ANNA, assignment(revision, unit=unit)) for revision in range(1, 41)))
    async with reading(place) as reader:
        await reader.prints("caught up: 2 of 2 patients have a doctor")
        assert len(reader.lines) == 42


async def test_it_ends_though_the_client_does_not(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    client_stop = AIOKafkaConsumer.stop

    async def stop(consumer: AIOKafkaConsumer) -> None:
        await client_stop(consumer)
        await asyncio.Event().wait()

    monkeypatch.setattr(AIOKafkaConsumer, "stop", stop)
    async with asyncio.timeout(30), reading(place) as reader:
        await reader.prints("caught up: 0 of 0 patients have a doctor")


async def test_an_empty_topic_is_caught_up_at_once(place: Place) -> None:
    async with reading(place) as reader:
        await reader.prints("caught up: 0 of 0 patients have a doctor")
    assert reader.view == {}


async def test_as_a_script_it_tells_what_it_finds_and_ends_at_ctrl_c(place: Place) -> None:
    await place.publish((ANNA, assignment()))
    status, output, errors = await asyncio.to_thread(run_until_caught_up, place.bootstrap, place.topic)
    assert output == [ANNA_ASSIGNED, "caught up: 1 of 1 patients have a doctor"]
    assert (status, errors) == (0, [])


def test_a_topic_that_is_not_there_is_said_in_one_line(kafka: Any, topic_prefix: str) -> None:
    status, output, errors = run_until_caught_up(kafka.bootstrap, topic_prefix + FAST_LAKARKONTAKT)
    assert (status, output, len(errors)) == (1, [], 1)
    assert f"there is no {topic_prefix}{FAST_LAKARKONTAKT} at {kafka.bootstrap}" in errors[0]


def test_it_needs_aiokafka_and_nothing_of_the_service() -> None:
    nodes = list(ast.walk(ast.parse(SCRIPT.read_text(encoding="utf-8"))))
    names = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    assert {name.partition(".")[0] for name in names} - sys.stdlib_module_names == {"aiokafka"}
    assert subscriber.TOPIC == FAST_LAKARKONTAKT
