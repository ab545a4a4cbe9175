"""`fastlakare check-event`: what the service says to records in a file, without any server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from cli.terminal import EXIT_DIFFERENCES, Json, print_json


def check_event(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="Records as lines of JSON; - is the standard input.")],
    json: Json = False,
) -> None:
    """Tell what the service says to records, without sending them.

    For each line `ok`, or why the record would be a dead letter: code, field and rule in the words of dlq_detail. A
    line is the JSON object of one record: topic (without prefix), key, headers, value, and timestamp in milliseconds,
    as `fastlakare dlq export` writes it. Bytes that are no UTF-8 stand as {"base64": "..."}; value may also be the
    JSON object itself. No server and no setting is needed. Nothing of a record is ever shown.

    \b
    Example:     fastlakare check-event records.jsonl
                 fastlakare check-event --json - < records.jsonl
    Exit codes:  0 every record is ok, 1 one is not, 2 usage error: no such file, or a line that is no record
    """
    from workers.operations import check_event as operation

    with lines_of(file) as lines:
        verdicts = operation.check(lines)
    if json:
        print_json(operation.as_json(verdicts))
    else:
        from cli import tables

        tables.verdicts(verdicts)
    if not all(verdict.ok for verdict in verdicts):
        raise typer.Exit(EXIT_DIFFERENCES)


@contextmanager
def lines_of(file: str) -> Iterator[BinaryIO]:
    """The file, or the standard input. What cannot be read, and a line that is no record, end the command with 2."""
    from schemas.record_lines import UnreadableLine

    try:
        if file == "-":
            yield sys.stdin.buffer
        else:
            with Path(file).open("rb") as opened:
                yield opened
    except OSError as error:  # the name is not repeated: it may hold anything
        raise typer.BadParameter(f"FILE: {error.strerror or 'cannot be read'}") from None
    except UnreadableLine as error:
        raise typer.BadParameter(str(error)) from None
