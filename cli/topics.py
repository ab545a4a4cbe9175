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

    Without an option, prints what the installation needs: topics, partitions, settings, and the service's rights.
    --check holds that against the cluster and lists the differences; a number may be better than asked for. --create
    makes the missing topics with the broker's default replication factor; it never changes one that is there, and lists
    what still differs. Both warn of fewer than three replicas, min.insync.replicas below 2 and unclean leader election:
    good enough to try things, and no difference, but such a cluster loses records with a broker.

    \b
    Example:     fastlakare topics --check
    Exit codes:  0 as it should be (warnings or none), 1 something differs, 2 usage error or Kafka unreachable
    """
    if create and check:
        raise typer.BadParameter("--create and --check exclude each other")
    from cli import tables
    from infra.kafka import topics as kafka_topics
    from infra.kafka.topic_comparison import compare

    settings = quiet_settings(("kafka",) if create or check else ())
    if not create and not check:
        wanted = kafka_topics.expected(settings)
        if json:
            print_json([topic.as_json() for topic in wanted])
        else:
            tables.topics(wanted)
        return
    created = run(kafka_topics.create(settings)) if create else []
    compared = run(compare(settings))
    if json:
        print_json({"created": created, **compared.as_json()} if create else compared.as_json())
    else:
        for name in created:
            typer.echo(f"created {name}")
        tables.comparison(compared)
    if compared.differences:
        raise typer.Exit(EXIT_DIFFERENCES)
