"""Commands of all ten kinds, most of them sensible, some with faults."""

from typing import Any

from tests.harness.histories import DOCTORS, PATIENTS, STRANGERS, UNITS, World
from tests.harness.records import Data, Record

KINDS = {
    "activate-doctor": 10, "deactivate-doctor": 2, "pause-doctor": 3, "resume-doctor": 3, "update-doctor-profile": 4,
    "link-patient": 22, "unlink-patient": 4, "move-patients": 5, "distribute-patients": 6, "import-links": 9,
}  # fmt: skip


def commands(world: World) -> list[Record]:
    """One to four commands to one unit, so that their order is kept; or one that was sent before."""
    if world.sent_commands and world.chance(0.05):
        return [world.rng.choice(world.sent_commands)]
    if world.waiting_parts and world.chance(0.25):
        return [world.waiting_parts.pop(world.rng.randrange(len(world.waiting_parts)))()]
    unit = world.rng.choice(UNITS)
    commands = [command(world, unit) for _ in range(world.some((3, 1), (2, 2), (1, 4)))]
    world.sent_commands += commands
    return commands


def command(world: World, unit: str) -> Record:
    """One command, at times by somebody without the right or with a bad id."""
    name: str = world.rng.choices(list(KINDS), list(KINDS.values()))[0]
    actor = world.some((40, {}), (1, {"role": "Läkare"}), (1, {"unit_hsa_id": world.rng.choice(UNITS)}),
                       (8, {"role": "Vårdvalsbehörig"}))  # fmt: skip
    fields = FIELDS[name](world, unit)
    if world.chance(0.08):
        fields["correlationid"] = f"errand-{world.sender.count}"
    return world.sender.command(name, unit, actor, **fields)


def doctor(world: World, unit: str, active: float = 0.8) -> str:
    """Mostly one who is active at the unit, if there is any."""
    there = sorted(who for at, who in world.model.roster if at == world.model.means(unit))
    there = [who for who in there if world.model.active(who, world.model.means(unit))]
    if there and world.chance(active):
        return world.rng.choice(there)
    bad: str = world.some((30, world.rng.choice(DOCTORS)), (1, "SE2321000131"), (2, DOCTORS[0].lower()))
    return bad


def patient(world: World, unit: str) -> str:
    """Mostly one listed at the unit."""
    there = [one for one in PATIENTS if world.model.listed_at(one) == world.model.means(unit)]
    if there and world.chance(0.85):
        return world.rng.choice(there)
    return world.rng.choice([*PATIENTS, *PATIENTS, *STRANGERS, "199006022398"])


def override(world: World) -> Data:
    """Which faults the unit accepts."""
    fields: Data = world.some((4, {}), (1, {"override": []}), (1, {"override": ["age"]}),
                             (1, {"override": ["ceiling"]}), (1, {"override": ["ceiling", "age"]}))  # fmt: skip
    return fields


def dry(world: World) -> Data:
    """Some only ask."""
    fields: Data = world.some((5, {}), (1, {"dry_run": True}), (1, {"dry_run": False}))
    return fields


def start(world: World, **more: Any) -> Data:
    """A date, mostly in the past or left out."""
    fields: Data = world.some((5, {}), (1, {"start": None}), (3, {"start": world.near(-9, 0)}),
                             (1, {"start": world.near(0, 2)}), (1, {"start": "2025-02-30"}))  # fmt: skip
    return fields | more


def profile(world: World) -> Data:
    """A few fields of it."""
    fields = {
        "patient_ceiling": world.some((2, None), (1, 1), (2, 2), (2, 4)), "age_min": world.some((3, None), (1, 18)),
        "age_max": world.some((4, None), (1, 65), (1, 17)), "work_percent": world.some((1, None), (1, 50), (1, 100)),
        "st_a": world.some((1, None), (1, True), (1, False)), "role": world.some((1, None), (1, "chef")),
    }  # fmt: skip
    return {name: value for name, value in fields.items() if world.chance(0.4)}


def activate(world: World, unit: str) -> Data:
    fields = world.some((1, {}), (1, {"profile": profile(world)}))
    data: Data = {"doctor_hsa_id": doctor(world, unit, 0.1)} | fields
    return data


def deactivate(world: World, unit: str) -> Data:
    fields = world.some((2, {}), (1, {"links": "refuse"}), (3, {"links": "end"}))
    data: Data = {"doctor_hsa_id": doctor(world, unit)} | fields
    return data


def pause(world: World, unit: str) -> Data:
    end = world.some((1, {}), (4, {"end": world.near(-1, 5)}))
    start = world.some((2, {}), (2, {"start": world.near(-3, 3)}), (1, {"start": "now"}))
    data: Data = {"doctor_hsa_id": doctor(world, unit)} | end | start
    return data


def resume(world: World, unit: str) -> Data:
    return {"doctor_hsa_id": doctor(world, unit)}


def update(world: World, unit: str) -> Data:
    return {"doctor_hsa_id": doctor(world, unit), "profile": profile(world)}


def link(world: World, unit: str) -> Data:
    return {"patient_id": patient(world, unit), "doctor_hsa_id": doctor(world, unit)} | override(world) | start(world)


def unlink(world: World, unit: str) -> Data:
    return {"patient_id": patient(world, unit)}


def move(world: World, unit: str) -> Data:
    giver = doctor(world, unit)
    linked = world.model.linked(giver, world.model.means(unit))
    named = [patient(world, unit) for _ in range(world.some((2, 0), (1, 1), (1, 3)))]
    some = world.some((3, {}), (1, {"patient_ids": None}), (2, {"patient_ids": linked[:2]}),
                      (2, {"patient_ids": linked[1:] + named}))  # fmt: skip
    both = {"from_doctor_hsa_id": giver, "to_doctor_hsa_id": doctor(world, unit)}
    data: Data = both | some | override(world) | dry(world)
    return data


def distribute(world: World, unit: str) -> Data:
    named = world.some((4, {}), (1, {"doctor_hsa_ids": []}), (1, {"doctor_hsa_ids": None}),
                       (2, {"doctor_hsa_ids": [doctor(world, unit) for _ in range(2)]}))  # fmt: skip
    limit = world.some((3, {}), (1, {"limit": None}), (1, {"limit": 0}), (3, {"limit": world.rng.randint(1, 3)}))
    data: Data = {"seed": world.rng.randint(-(2**63), 2**63 - 1)} | named | limit | dry(world)
    return data


def imported(world: World, unit: str) -> Data:
    """One part now; the others of the same import wait to be sent, each once, at times one of them twice."""
    parts = world.some((4, 1), (2, 2), (1, 3))
    shared = {"import_id": f"import-{world.sender.count}", "parts": parts} | override(world)
    order = world.rng.sample(range(1, parts + 1), parts) + world.some((4, []), (1, [1]))
    data = [shared | {"part": part, "rows": rows(world, unit, part)} for part in order]
    data[-1] |= dry(world) if parts == 1 and len(data) == 1 else {}
    world.waiting_parts += [lambda more=more: world.sender.command("import-links", unit, **more) for more in data[1:]]  # type: ignore[misc]
    return data[0]


def rows(world: World, unit: str, part: int) -> list[Data]:
    """A few rows, half of the files without fault."""
    found = []
    faulty = world.chance(0.35)
    listed = [one for one in PATIENTS if world.model.listed_at(one) == world.model.means(unit)]
    for number, one in enumerate(world.rng.sample(listed, world.rng.randint(0, len(listed))), start=1):
        row = {"row": part * 100 + number, "patient_id": one, "unit_hsa_id": unit}
        found.append(
            row | {"doctor_hsa_id": doctor(world, unit, 1.0)} | world.some((3, {}), (1, {"start": world.near(-9, 0)}))
        )
    if faulty:
        odd = {"row": part * 100, "patient_id": patient(world, unit), "unit_hsa_id": world.rng.choice(UNITS)}
        found.append(odd | {"doctor_hsa_id": doctor(world, unit, 0.5)} | start(world))
    return found


FIELDS = {
    "activate-doctor": activate, "deactivate-doctor": deactivate, "pause-doctor": pause, "resume-doctor": resume,
    "update-doctor-profile": update, "link-patient": link, "unlink-patient": unlink, "move-patients": move,
    "distribute-patients": distribute, "import-links": imported,
}  # fmt: skip
