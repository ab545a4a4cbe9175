"""What the commands share: quiet libraries, one event loop, JSON on the terminal."""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

if TYPE_CHECKING:
    from infra.settings import Need, Settings

T = TypeVar("T")

EXIT_DIFFERENCES, EXIT_USAGE, EXIT_BUG = 1, 2, 70

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


def quiet_settings(needs: Iterable[Need] = ("database", "kafka", "secret")) -> Settings:
    """The settings for a command that is no service: libraries keep quiet, what they cannot do is told in one line."""
    from infra.foreign_errors import last_kafka_error
    from infra.logs import configure
    from infra.settings import Settings

    settings = Settings.load(needs)
    configure(settings.log_format, logging.WARNING)
    logging.getLogger().setLevel(logging.CRITICAL)
    kafka = logging.getLogger("aiokafka")
    kafka.setLevel(logging.ERROR)
    kafka.propagate = False
    kafka.handlers[:] = [last_kafka_error]
    return settings


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs it to its end on the quick event loop."""
    import uvloop

    return uvloop.run(work)


@contextmanager
def judging() -> Iterator[None]:
    """What cannot be judged, as asked for, ends the command with 2."""
    from infra.errors import DayUnknown, UnusableSelection

    try:
        yield
    except UnusableSelection as error:
        raise typer.BadParameter(str(error)) from None
    except DayUnknown:
        raise typer.BadParameter("no day has begun yet, so nothing can be judged (T3)") from None


def print_json(content: object) -> None:
    """Prints JSON for scripts and for eyes."""
    import orjson

    typer.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())


def print_json_line(content: object) -> None:
    """The same in one line, where documents follow each other."""
    import orjson

    typer.echo(orjson.dumps(content).decode())
