"""`fastlakare topics`: prints, checks or creates the topics."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.terminal import EXIT_DIFFERENCES, Json, print_json, quiet_settings, run


def topics(
    create: Annotated[
        bool, typer.Option("--create", help="Create missing topics with the broker's default replication factor.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Compare them with what the cluster has.")] = False,
    json: Json = False,
) -> None:
    """Print, check or create the topics.

    Without an option, prints what the installation needs: topics, partitions, cleanup, retention, and the service's
    rights. --check holds that against the cluster and lists the differences. --create makes the missing topics with
    the broker's default replication factor; it never changes one that is there, and lists what still differs.

    \b
    Example:     fastlakare topics --check
    Exit codes:  0 as it should be, 1 something differs, 2 usage error or Kafka unreachable
    """
    if create and check:
        raise typer.BadParameter("--create and --check exclude each other")
    from cli import tables
    from infra.kafka import topics as kafka_topics

    settings = quiet_settings(("kafka",) if create or check else ())
    if not create and not check:
        wanted = kafka_topics.expected(settings)
        if json:
            print_json(kafka_topics.as_json(wanted))
        else:
            tables.topics(wanted)
        return
    created: list[str] = []
    if create:
        created, drift = run(kafka_topics.create(settings))
    else:
        drift = run(kafka_topics.missing_or_different(settings))
    if json:
        result: dict[str, object] = {"differences": kafka_topics.as_json(drift)}
        print_json({"created": created, **result} if create else result)
    else:
        for name in created:
            typer.echo(f"created {name}")
        if drift:
            tables.differences(drift)
        elif not created:
            typer.echo("all topics are as they should be")
    if drift:
        raise typer.Exit(EXIT_DIFFERENCES)
