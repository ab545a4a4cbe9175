"""The commands beside the service: topics, lag, import, the contract. What they need is loaded only when they run."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from workers.terminal import EXIT_FOUND, Json, print_json, run, tool

_LONGEST_NAME = 100


class Override(StrEnum):
    """The limits that a command may go over by naming them (C7)."""

    CEILING = "ceiling"
    AGE = "age"


def topics(
    create: Annotated[bool, typer.Option("--create", help="Make those that are missing.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Compare them with what the cluster has.")] = False,
    json: Json = False,
) -> None:
    """Print, check or create the topics.

    Without an option, prints what the installation needs: topics, partitions, cleanup, retention, and the service's
    rights. --check holds that against the cluster and lists the differences. --create makes the missing topics with
    the broker's own number of replicas; it never changes one that is there, and lists what is still different.

    \b
    Example:     fastlakare topics --check
    Exit codes:  0 as it should be, 1 something is different, 2 wrong use or Kafka out of reach
    """
    if create and check:
        raise typer.BadParameter("--create and --check exclude each other")
    from infra.kafka import topics as workers_topics
    from workers import tables

    settings = tool(("kafka",) if create or check else ())
    if not create and not check:
        wanted = workers_topics.wanted(settings)
        if json:
            print_json(workers_topics.as_json(wanted))
        else:
            tables.topics(wanted)
        return
    made: list[str] = []
    if create:
        made, different = run(workers_topics.create(settings))
    else:
        different = run(workers_topics.missing_or_different(settings))
    if json:
        result: dict[str, object] = {"differences": workers_topics.as_json(different)}
        print_json({"created": made, **result} if create else result)
    else:
        for name in made:
            typer.echo(f"created {name}")
        if different:
            tables.differences(different)
        elif not made:
            typer.echo("all topics are as they should be")
    if different:
        raise typer.Exit(EXIT_FOUND)


def lag(
    json: Json = False,
    wait: Annotated[
        float | None, typer.Option("--wait", min=0, metavar="SECONDS", help="Wait until nothing is behind.")
    ] = None,
) -> None:
    """Tell how far behind the installation is.

    Per input topic the records not yet handled, the events not yet acknowledged by Kafka, the doctors whose figures
    wait to be published, and whether the day's own work is still going on. --wait returns as soon as all of it is
    zero, and rides out servers that are away meanwhile.

    \b
    Example:     fastlakare lag --json --wait 60
    Exit codes:  0 told (with --wait: nothing is behind), 1 the time is up, 2 wrong use or servers out of reach
    """
    settings = tool(("database", "kafka"))
    from workers import tables
    from workers.lag_wait import measure_once, wait_for_none

    found = run(measure_once(settings) if wait is None else wait_for_none(settings, wait))
    if json:
        print_json(found.as_json())
    else:
        tables.lag(found)
    if wait is not None and not found.none:
        raise typer.Exit(EXIT_FOUND)


def asyncapi(
    json: Annotated[bool, typer.Option("--json", help="JSON, as always.")] = True,
) -> None:
    """Print the contract as AsyncAPI 3.

    Topics with their keys and settings, messages with their headers and the schemas of their data, under this
    installation's topic prefix.

    \b
    Example:     fastlakare asyncapi > asyncapi.json
    Exit codes:  0 printed, 2 wrong use
    """
    settings = tool(())
    from schemas import contract

    print_json(contract.asyncapi(settings.topic_prefix, settings.partitions))


def schema(
    name: Annotated[
        str, typer.Argument(help="A message's type, in full or short (link-patient), or a topic for all it carries.")
    ],
) -> None:
    """Print the JSON Schema of a message's data.

    \b
    Example:     fastlakare schema se.vgregion.kiv.staff.v1
                 fastlakare schema link-patient
                 fastlakare schema kiv.staff.v1
    Exit codes:  0 printed, 2 nothing has that name (all names are listed)
    """
    from schemas import contract

    try:
        found = contract.schema(name)
    except KeyError:
        short = [known for known in contract.schema_names() if not known.startswith("se.")]
        raise typer.BadParameter(f"nothing is called {name}; there are: {', '.join(short)}") from None
    print_json(found)


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
    under a header that names them. Semicolon, comma or tab; UTF-8, Windows-1252 or UTF-16. One faulty row and nothing
    is changed: the faulty ones, and why, are written to FILE.felaktiga.csv, to correct and send again. Stopped in the
    middle and run again, it finishes the same import.

    \b
    Example:     fastlakare import links.csv --unit SE2321000131-E000000000712 --actor annsv4 --role VC-chef
                 fastlakare import --template links.csv
    Exit codes:  0 accepted, 1 refused, 2 the file cannot be read, no answer in time, or wrong use
    """
    missing = [name for name, value in (("--unit", unit), ("--actor", actor), ("--role", role)) if not value]
    if missing and not template:
        raise typer.BadParameter(f"{', '.join(missing)}: needed")
    from schemas.ids import normal_hsa_id
    from workers.import_links import command

    if template:
        try:
            command.write_template(file)
        except OSError as error:
            raise typer.BadParameter(f"{file}: {error.strerror or 'cannot be written'}") from None
        typer.echo(f"wrote {file}")
        return
    known_unit = normal_hsa_id(unit.strip())
    if known_unit is None:  # it is not told what it was instead: it becomes the record's key (D1)
        raise typer.BadParameter("--unit: not an HSA-id")
    if import_id is not None and not 0 < len(import_id) <= _LONGEST_NAME:
        raise typer.BadParameter(f"--import-id: 1 to {_LONGEST_NAME} characters")
    code = command.import_links(
        tool(("kafka",)),
        file,
        unit=known_unit,
        actor=actor,
        role=role,
        import_id=import_id,
        override=sorted({limit.value for limit in override or ()}),
        dry_run=dry_run,
        timeout=timeout,
        as_json=json,
    )
    raise typer.Exit(code)
