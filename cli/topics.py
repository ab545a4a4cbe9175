"""`fastlakare topics`: prints, checks or creates the topics."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.terminal import EXIT_FOUND, Json, print_json, run, tool


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
    from cli import tables
    from infra.kafka import topics as kafka_topics

    settings = tool(("kafka",) if create or check else ())
    if not create and not check:
        wanted = kafka_topics.wanted(settings)
        if json:
            print_json(kafka_topics.as_json(wanted))
        else:
            tables.topics(wanted)
        return
    made: list[str] = []
    if create:
        made, different = run(kafka_topics.create(settings))
    else:
        different = run(kafka_topics.missing_or_different(settings))
    if json:
        result: dict[str, object] = {"differences": kafka_topics.as_json(different)}
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
