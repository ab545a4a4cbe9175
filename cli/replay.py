"""`fastlakare replay`: records of a topic are judged again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.confirm import DryRun, Reason, Yes, confirmation
from cli.runs.command import Detach
from cli.runs.options import Rate, records_per_second
from cli.terminal import Json, quiet_settings

if TYPE_CHECKING:
    from infra.settings import Settings
    from workers.operations.report import Report
    from workers.operations.selection import Range, Selection

_OUTCOMES = frozenset({"stale", "refused", "skipped", "dead"})
_PARTITION = re.compile(r"([0-9]{1,6})(?::([0-9]{1,18})(?:-([0-9]{1,18}))?)?")


def replay(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="The topic's name in the contract, without prefix.")],
    partition: Annotated[
        list[str] | None,
        typer.Option(metavar="P[:FROM[-TO]]", help="A partition, or offsets of it from FROM to before TO; repeatable."),
    ] = None,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="Records of this time or later.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Records of before this time.")] = None,
    by: Annotated[str, typer.Option(metavar="append|ce-time", help="Whose time: the record's or the event's.")] = (
        "append"
    ),
    key: Annotated[str | None, typer.Option(metavar="KEY", help="Records with this key.")] = None,
    type_: Annotated[
        str | None, typer.Option("--type", metavar="NAME", help="Records of this ce_type; tombstone: null values.")
    ] = None,
    patient: Annotated[
        bool, typer.Option("--patient", help="One patient's records; the personnummer is read from standard input.")
    ] = False,
    outcome: Annotated[
        list[str] | None,
        typer.Option(metavar="stale|refused|dead|skipped", help="Records that ended so when first read; repeatable."),
    ] = None,
    resend_replies: Annotated[
        bool, typer.Option("--resend-replies", help="Of commands: send their replies once more.")
    ] = False,
    rate: Rate = "auto",
    dry_run: DryRun = False,
    yes: Yes = False,
    reason: Reason = None,
    detach: Detach = False,
    plan: Annotated[bool, typer.Option("--plan", help="Keep the preview as a plan, and print its id.")] = False,
    apply: Annotated[
        str | None, typer.Option("--apply", metavar="ID", help="Do exactly what the plan says, once.")
    ] = None,
    json: Json = False,
) -> None:
    """Have records of a topic judged again.

    Facts (kiv.staff.v1, kiv.unit.v1, vardval.listing.v1) are judged in the order of their offsets by the same rules as
    when they were first read, on what is known today; none turns anything back (R2), and what is as it should be stays.
    Commands are never carried out again: --resend-replies sends their answers once more (R3). Without a selection it is
    the whole topic, up to where it ends now. The service goes on meanwhile, and its offsets stay where they are.

    Without --yes it first shows what would happen, exactly, and asks. TIME is 2026-10-25, 2026-10-25T02:15 (Swedish
    time), 2026-10-25T02:15+01:00 or -2h. Ctrl-C ends after the current transaction; `fastlakare runs resume` goes on.
    --plan keeps a preview; --apply does later what is still decided as in it, and lists what is not.

    \b
    Example:     fastlakare replay vardval.listing.v1 --from 2026-11-27T10:00 --to 2026-11-27T10:20 --dry-run
                 fastlakare replay kiv.staff.v1 --partition 3:1200-1300 --yes --reason "corrected names"
    Exit codes:  0 done or previewed, 1 it stopped before it was done, 2 usage error, not confirmed, or a server
                 unreachable
    """
    confirmed = confirmation(dry_run=dry_run, yes=yes, reason=reason)
    if plan and (apply or yes or dry_run):
        raise typer.BadParameter("--plan: excludes --apply, --yes and --dry-run")
    speed = records_per_second(rate)
    settings = quiet_settings()
    from cli.runs import plan as plans
    from cli.runs.flow import Flow, exit_code
    from workers.operations.replay import Replay
    from workers.operations.selection import Selection

    selection = _selection(settings, topic, partition, since, until, by, key, type_, patient, outcome or [])
    flow = Flow(settings, "replay", "Judge these records again?", confirmed, speed, detach, json, _document)
    if apply is not None:
        if selection != Selection() or resend_replies:
            raise typer.BadParameter("--apply: the plan says which records; nothing else can be selected")
        plans.apply(flow, topic, apply)
    if plan:
        plans.make(flow, Replay(topic, selection, resend_replies))
        return
    done = flow([Replay(topic, selection, resend_replies)])
    flow.show(done)
    raise typer.Exit(exit_code(done))


def _document(reports: Sequence[Report]) -> dict[str, Any]:
    (report,) = reports
    return report.as_json()


def _selection(
    settings: Settings,
    topic: str,
    partitions: list[str] | None,
    since: str | None,
    until: str | None,
    by: str,
    key: str | None,
    type_: str | None,
    patient: bool,
    outcomes: list[str],
) -> Selection:
    from cli.personnummer import read_personnummer
    from infra.patient_keys import PatientKeys
    from schemas.ids import holds_patient_id
    from workers.operations.selection import Selection

    if not set(outcomes) <= _OUTCOMES:
        raise typer.BadParameter(f"--outcome: one of {', '.join(sorted(_OUTCOMES))}")
    if by not in ("append", "ce-time"):
        raise typer.BadParameter("--by: append or ce-time")
    for name, text in (("TOPIC", topic), ("--key", key), ("--type", type_)):
        if text is not None and holds_patient_id(text):
            raise typer.BadParameter(f"{name}: should not hold a personnummer; --patient reads one from standard input")
    patient_key = None
    if patient:
        keys = PatientKeys(settings.patient_key_secret.get_secret_value().encode(), 1)
        patient_key = keys.key(read_personnummer())
    return Selection(
        dict(map(_partition, partitions or ())),
        _time("--from", since),
        _time("--to", until),
        "append" if by == "append" else "ce-time",
        key,
        _ce_type(topic, type_),
        patient_key,
        tuple(dict.fromkeys(outcomes)),
    )


def _partition(text: str) -> tuple[int, Range]:
    from workers.operations.selection import Range

    found = _PARTITION.fullmatch(text)
    if found is None:
        raise typer.BadParameter("--partition: like 3, 3:1200 or 3:1200-1300")
    first, end = (None if offset is None else int(offset) for offset in found.groups()[1:])
    if first is not None and end is not None and end < first:
        raise typer.BadParameter("--partition: TO should not be before FROM")
    return int(found[1]), Range(first, end)


def _time(name: str, text: str | None) -> datetime | None:
    from cli.times import NoSuchTime, read_time, understood

    if text is None:
        return None
    try:
        at = read_time(text, datetime.now(UTC))
    except NoSuchTime as error:
        raise typer.BadParameter(f"{name}: {error}") from None
    typer.echo(f"{name} {understood(at)}", err=True)
    return at


def _ce_type(topic: str, name: str | None) -> str | None:
    """The whole name; its end is enough. Exit 2 where the topic has no such type."""
    from schemas.topics import TOPICS
    from workers.operations.selection import TOMBSTONE

    if name is None or name == TOMBSTONE:
        return name
    types = [type_ for one in TOPICS if one.name == topic for type_ in one.messages]
    found = [type_ for type_ in types if type_ == name or type_.endswith((f".{name}", f".{name}.v1"))]
    if len(found) != 1:
        raise typer.BadParameter(f"--type: one of {', '.join([*types, TOMBSTONE])}")
    return found[0]
