"""`fastlakare dlq export`: letters as lines of JSON, for other tools."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from cli.confirm import Reason, complain, needed_reason, provenance
from cli.dlq.selection import All, Code, Fingerprint, Ids, Release, Since, State, Topic, choice
from cli.terminal import EXIT_DIFFERENCES, quiet_settings, run

if TYPE_CHECKING:
    from infra.postgres.chosen_letters import Choice
    from infra.provenance import Provenance
    from infra.settings import Settings

_STDOUT = Path("-")


def export(
    ids: Ids = None,
    topic: Topic = None,
    code: Code = None,
    fingerprint: Fingerprint = None,
    release: Release = None,
    since: Since = None,
    state: State = None,
    everything: All = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to; - is stdout.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    raw: Annotated[bool, typer.Option("--raw", help="The records as they came, byte for byte; audited.")] = False,
    reason: Reason = None,
) -> None:
    """Export letters as lines of JSON.

    Masked as `fastlakare dlq show` shows them. With --raw the records as they came, byte for byte: topic, key, headers,
    value and timestamp, as texts, or base64 where they are none. They hold personnummer, so --raw needs --reason, each
    letter is written into the audit trail before it is exported, and the file can be read by nobody else (0600).

    \b
    Example:     fastlakare dlq export --topic kiv.staff.v1 --out letters.jsonl
                 fastlakare dlq export kiv.staff.v1/3/4711 --raw --reason "for KiV, case 17" --out letter.jsonl
    Exit codes:  0 done, 1 no such letter, 2 usage error, the file is there already, or database unreachable
    """
    if out is None:
        raise typer.BadParameter("--out: needed, - is stdout")
    if reason is not None and not raw:
        raise typer.BadParameter("--reason: belongs to --raw")
    why = needed_reason(reason, "--raw") if raw else None
    if raw and out == _STDOUT and sys.stdout.isatty():
        raise typer.BadParameter("--raw: not to a terminal; `dlq show --reveal` shows a record")
    _require_plain_name(out)
    settings = quiet_settings(("database",))
    chosen = choice(
        ids, topic=topic, code=code, fingerprint=fingerprint, release=release, since=since, state=state,
        everything=everything, prefix=settings.topic_prefix,
    )  # fmt: skip
    from workers.operations.dead_letters import NoSuchLetter

    try:
        with _opened(out, force=force) as file:
            letters = run(_export(settings, chosen, file, None if why is None else provenance(settings, why)))
    except NoSuchLetter as error:
        complain(str(error))
        raise typer.Exit(EXIT_DIFFERENCES) from None
    complain(f"exported {letters} letters")


async def _export(settings: Settings, chosen: Choice, file: BinaryIO, by: Provenance | None) -> int:
    from cli.progress import progress
    from workers.operations import dead_letters

    async with dead_letters.database(settings) as pg:
        frozen = await dead_letters.freeze(pg, chosen)
        letters = 0
        with progress("export", frozen.letters) as report:

            def count(done: int) -> None:
                nonlocal letters
                letters = done
                report(done)

            async for lines in dead_letters.export(pg, frozen, by, dead_letters.kept_for(settings), count):
                file.write(lines)
    return letters


@contextmanager
def _opened(out: Path, *, force: bool) -> Iterator[BinaryIO]:
    """The file, which is there under its name once it is whole, for its owner alone."""
    if out == _STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if out.is_dir():
        raise typer.BadParameter("--out: is a folder")
    if not force and out.exists():
        raise typer.BadParameter("--out: the file is there already; --force replaces it")
    part = out.with_name(f".{out.name}.part")
    try:
        with suppress(FileNotFoundError):  # of one that was killed
            part.unlink()
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise typer.BadParameter(f"--out: cannot be written ({error.strerror})") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(out)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _require_plain_name(out: Path) -> None:
    from handlers.redaction import contains_patient_id

    if contains_patient_id(out.name):
        raise typer.BadParameter("--out: a file's name should not hold a personnummer")
