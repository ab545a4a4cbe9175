"""Which letters a command is for: ids, or all that the options say."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from infra.postgres.chosen_letters import Choice

Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ID]...", help="<source topic>/<partition>/<offset>", show_default=False),
]
Topic = Annotated[str | None, typer.Option("--topic", metavar="NAME", help="Letters of this source topic.")]
Code = Annotated[str | None, typer.Option("--code", metavar="CODE", help="Letters with this dlq_code.")]
Fingerprint = Annotated[
    str | None, typer.Option("--fingerprint", metavar="TEXT", help="Letters with this fingerprint of the failure.")
]
Release = Annotated[str | None, typer.Option("--release", metavar="VERSION", help="Letters that failed in it last.")]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Letters that failed last then or later: 2026-10-25, 2026-10-25T02:15 (Swedish), with offset, or -2h.",
    ),
]
All = Annotated[bool, typer.Option("--all", help="Every letter.")]
State = Annotated[
    str | None, typer.Option("--state", metavar="STATE", help="Letters that are open, handled or discarded.")
]


def choice(
    ids: Iterable[str] | None = None,
    *,
    topic: str | None = None,
    code: str | None = None,
    fingerprint: str | None = None,
    release: str | None = None,
    since: str | None = None,
    state: str | None = None,
    everything: bool | None = None,
    prefix: str = "",
) -> Choice:
    """The choice that the arguments make; `everything` None: nothing given is all. Refuses (exit 2) what is malformed
    or contradicts itself, and repeats nothing of it (O8)."""
    from handlers.redaction import contains_patient_id
    from infra.postgres.chosen_letters import STATES, Choice
    from schemas.errors import DeadLetterCode
    from workers.operations.dead_letters import INPUTS, NoSuchLetter, read_id

    given = [one is not None for one in (topic, code, fingerprint, release, since)]
    ways = [bool(ids), any(given), bool(everything)]
    if sum(ways) > 1:
        raise typer.BadParameter("ids, options that choose, and --all exclude each other")
    if everything is not None and state is None and not any(ways):
        raise typer.BadParameter("which letters? Give ids, --topic, --code, --fingerprint, --release, --since or --all")
    for name, text in (("--fingerprint", fingerprint), ("--release", release)):
        if text is not None and contains_patient_id(text):
            raise typer.BadParameter(f"{name}: should not hold a personnummer")
    try:
        places = list(dict.fromkeys(read_id(one, prefix) for one in ids)) if ids else None
    except NoSuchLetter as error:
        raise typer.BadParameter(str(error)) from None
    if topic is not None:
        topic = _one_of("--topic", topic.removeprefix(prefix), INPUTS)
    if code is not None:
        code = _one_of("--code", code, DeadLetterCode)
    if state is not None:
        state = _one_of("--state", state, STATES)
    return Choice(places, topic, code, fingerprint, release, None if since is None else _time(since), state)


def _one_of(option: str, text: str, words: Iterable[str]) -> str:
    known = [str(word) for word in words]
    if text not in known:
        raise typer.BadParameter(f"{option}: should be one of {', '.join(known)}")
    return text


def _time(text: str) -> datetime:
    from cli.times import NoSuchTime, read_time, understood

    try:
        at = read_time(text, datetime.now(UTC))
    except NoSuchTime as error:
        raise typer.BadParameter(f"--since: {error}") from None
    print(f"fastlakare: since {understood(at)}", file=sys.stderr)
    return at
