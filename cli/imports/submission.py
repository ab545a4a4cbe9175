"""`fastlakare import FILE.csv`: the file is read, sent, answered and shown, in this order or not at all."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from cli.imports import faulty, screen
from cli.imports.exchange import Answered, ask
from cli.imports.header import TITLES
from cli.imports.message import Import, ImportRequest
from cli.imports.rows import read
from cli.imports.table import Table
from cli.imports.text import UnreadableFile
from cli.terminal import EXIT_DIFFERENCES, EXIT_USAGE, print_json, run
from infra.settings import Settings

_STOCKHOLM = ZoneInfo("Europe/Stockholm")


def submit(settings: Settings, file: Path, request: ImportRequest, *, timeout: float, as_json: bool) -> int:
    """Reads the file's rows into the request, sends it, shows the answer, and returns the exit code: 0 accepted,
    1 refused, 2 unreadable or no answer.

    Raises KafkaError or TimeoutError when Kafka does not do its part.
    """
    try:
        table, rows = read(file, datetime.now(_STOCKHOLM).date())
    except UnreadableFile as error:
        screen.unreadable(file, error.faults)
        return EXIT_USAGE
    request = replace(request, rows=rows)
    with screen.progress() as on_progress:
        answer = run(ask(settings, Import(request, request.fingerprint()), on_progress, wait_seconds=timeout))
    if answer is None:
        screen.complain(
            f"inget svar inom {timeout:g} s; filen är skickad: kör samma kommando igen för svaret på samma import"
        )
        return EXIT_USAGE
    written = _write_faulty(file, table, answer)
    if as_json:
        print_json(screen.as_json(answer, written, table.unused))
    else:
        screen.result(answer, written, table.unused)
    return 0 if answer.reply.outcome == "accepted" else EXIT_DIFFERENCES


def write_template(file: Path) -> None:
    """An empty file with the header, as Excel opens it. Raises OSError, also where there is a file already."""
    with file.open("x", encoding="utf-8-sig", newline="") as out:
        csv.writer(out, delimiter=";").writerow(TITLES)


def _write_faulty(file: Path, table: Table, answer: Answered) -> Path | None:
    """The answer counts also where the file cannot be written."""
    if not answer.reply.faulty_rows:
        return None
    try:
        return faulty.write(file, table, answer.reply.faulty_rows)
    except OSError as error:
        screen.complain(
            f"{screen.shown(faulty.path_for(file))} kan inte skrivas ({error.strerror}); raderna visas bara här"
        )
        return None
