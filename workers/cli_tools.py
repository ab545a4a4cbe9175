"""The commands that look: topics, lag, and the contract. What they need is loaded only when they run."""

from __future__ import annotations

from typing import Annotated

import typer

from workers.terminal import EXIT_FOUND, Json, print_json, run, tool


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
    from workers import tables
    from workers import topics as workers_topics

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
