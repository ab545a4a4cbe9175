"""`fastlakare import`: the options and the help."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.terminal import Json, quiet_settings

_LONGEST_NAME = 100


class Override(StrEnum):
    """The limits that a command may go over by naming them (C7)."""

    AGE = "age"
    CEILING = "ceiling"


def import_links(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="The rows, one a patient.")],
    unit: Annotated[str, typer.Option(metavar="HSA", help="The vårdcentral the links are for.")] = "",
    actor: Annotated[str, typer.Option(metavar="ID", help="Who asks, for the audit trail.")] = "",
    role: Annotated[str, typer.Option(help="Their role: VC-chef or Vårdvalsbehörig.")] = "",
    import_id: Annotated[
        str | None, typer.Option(metavar="ID", help="A name; with another one the same file is a new import.")
    ] = None,
    override: Annotated[
        list[Override] | None, typer.Option(help="Take rows over this limit too; may be repeated.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Have the file judged, and change nothing.")] = False,
    timeout: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="How long to wait for the answer.")] = 60,
    template: Annotated[
        bool, typer.Option("--template", help="Only write FILE.csv, empty but for its header.")
    ] = False,
    json: Json = False,
) -> None:
    """Send a CSV of links and wait for the answer.

    One row a patient: personnummer, the unit's HSA-id, the doctor's HSA-id and optionally a date, in this order or
    under a header that names them; columns that are not used are named in the answer. Semicolon, comma or tab; UTF-8,
    Windows-1252 or UTF-16. One faulty row and nothing is changed: the faulty ones, and why, are written to
    FILE.felaktiga.csv, to correct and send again. Stopped in the middle and run again, it finishes the same import.

    \b
    Example:     fastlakare import links.csv --unit SE2321000131-E000000000712 --actor annsv4 --role VC-chef
                 fastlakare import --template links.csv
    Exit codes:  0 accepted, 1 refused, 2 the file cannot be read, no answer in time, or usage error
    """
    missing = [name for name, value in (("--unit", unit), ("--actor", actor), ("--role", role)) if not value]
    if missing and not template:
        raise typer.BadParameter(f"{', '.join(missing)}: needed")
    from cli.imports import submission
    from cli.imports.message import ImportRequest
    from schemas.ids import normal_hsa_id

    if template:
        try:
            submission.write_template(file)
        except OSError as error:
            raise typer.BadParameter(f"{file}: {error.strerror or 'cannot be written'}") from None
        typer.echo(f"wrote {file}")
        return
    known_unit = normal_hsa_id(unit.strip())
    if known_unit is None:  # it is not told what it was instead: it becomes the record's key (D1)
        raise typer.BadParameter("--unit: not an HSA-id")
    if import_id is not None and not 0 < len(import_id) <= _LONGEST_NAME:
        raise typer.BadParameter(f"--import-id: 1 to {_LONGEST_NAME} characters")
    request = ImportRequest(
        known_unit,
        actor,
        role,
        tuple(limit.value for limit in Override if limit in (override or ())),
        dry_run,
        import_id,
    )
    raise typer.Exit(submission.submit(quiet_settings(("kafka",)), file, request, timeout=timeout, as_json=json))
