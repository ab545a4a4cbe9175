"""`import-links`: a file of links comes in parts; when all are there it is judged as one, all or nothing (C11)."""

from __future__ import annotations

from dataclasses import replace

from handlers import links
from handlers.commands.checks import doctor_of, first_fault, unit_of
from handlers.commands.import_parts import all_rows, kept, patient_ids, patient_keys, rows_of, waiting_rows
from handlers.commands.import_rows import Verdict, judge, well_formed
from handlers.replies import IMPORT_SENTENCES, accepted, count, refused, rows_refused
from handlers.world import Import, ImportPart, Needs, World
from handlers.world.changes import Answer, Cause, Outcome, Pair
from handlers.world.imports import kept_id
from schemas.command import ImportLinks


def needs(command: ImportLinks, world: World, cause: Cause) -> Needs:
    """The import so far; where this part completes it, every row, patient and doctor of it."""
    key = _key(command, world)
    result = Needs(imports={key})
    waiting = world.imports.get(key)
    if waiting is None and key not in world.loaded.imports:
        return result
    if waiting is not None and waiting.answered_by is not None:
        return result
    own = rows_of(command)
    if command.parts != 1 or waiting is not None:  # a part may be the only one by now: the latest says how many
        result.patient_keys = patient_ids(own)
    if not (waiting or Import(*key, world.today)).complete_with(command.part, command.parts):
        return result
    result.import_rows = {key}
    if waiting is not None and key not in world.loaded.import_rows:
        return result
    rows = own + waiting_rows(command, waiting)
    result.doctors = {doctor_of(text) for text in {row.doctor for row in rows}}
    result.counts = {Pair(key[0], doctor) for doctor in result.doctors}
    sound = well_formed(rows, key[0], world)
    result.patients, result.patients_by_key = patient_ids(sound), patient_keys(sound)
    return result


def decide(command: ImportLinks, world: World, cause: Cause) -> Answer:
    """Refused by itself (C3), repeated, waiting for more parts, or the answer to the whole import."""
    fault = first_fault(world, command)
    if fault is not None:
        answer = refused(fault)
        answer.dry_run = command.dry_run
        return answer
    key = _key(command, world)
    waiting = world.imports.get(key)
    if waiting is not None and waiting.answered_by is not None:
        return Answer(Outcome.REPEATED, None, resend_of=waiting.answered_by)
    if not (waiting or Import(*key, world.today)).complete_with(command.part, command.parts):
        _wait(command, world, cause)
        return Answer(Outcome.WAITING, None)
    return _complete(command, waiting, world, cause)


def _complete(command: ImportLinks, waiting: Import | None, world: World, cause: Cause) -> Answer:
    """Judges all rows, then applies all of them or none; a dry run is forgotten, so the import can be sent for real."""
    key = _key(command, world)
    rows = all_rows(command, waiting, world)
    verdict = judge(rows, key[0], frozenset(command.override), world)
    answer = _answer(verdict, len(rows))
    answer.dry_run = command.dry_run
    if command.dry_run:
        if world.imports.pop(key, None) is not None:
            world.changes.remove_import(key)
        return answer
    if not verdict.faults:
        for number, link in verdict.linked.items():
            links.link(world, world.patients[number], link, "imported", cause, override=command.override)
        for number, start in verdict.redated.items():
            links.redate(world, world.patients[number], start, "imported", cause)
    first_day = world.today if waiting is None else waiting.first_day
    world.imports[key] = Import(*key, first_day, answered_by=(cause.source, cause.id))
    world.changes.touch_import(key)
    return answer


def _answer(verdict: Verdict, total: int) -> Answer:
    if verdict.faults:
        faults = [(row, code) for _, row, code in sorted(verdict.faults)]
        return rows_refused(total, faults, IMPORT_SENTENCES)
    updated = len(verdict.linked) + len(verdict.redated)
    return accepted("done" if updated else "unchanged", count(total, updated=updated))


def _wait(command: ImportLinks, world: World, cause: Cause) -> None:
    """The part is kept. The same part again replaces its rows while the import waits; what came first still did."""
    key = _key(command, world)
    waiting = world.imports.setdefault(key, Import(*key, world.today))
    rows = kept(rows_of(command), world.patient_keys)
    earlier = waiting.parts.get(command.part)
    if earlier is None:
        order = 1 + max((part.order for part in waiting.parts.values()), default=0)
        waiting.parts[command.part] = ImportPart(command.part, command.parts, order, command.unit_hsa_id, cause, rows)
    else:
        waiting.parts[command.part] = replace(earlier, parts=command.parts, rows=rows)
    world.changes.touch_import(key)


def _key(command: ImportLinks, world: World) -> tuple[str, str]:
    return unit_of(world, command), kept_id(command.import_id)
