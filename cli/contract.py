"""`fastlakare asyncapi` and `fastlakare schema`: the contract in machine-readable form."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.terminal import print_json, quiet_settings


def asyncapi(
    json: Annotated[bool, typer.Option("--json", help="JSON, as always.")] = True,
) -> None:
    """Print the contract as AsyncAPI 3.

    Topics with their keys and settings, messages with their headers and the schemas of their data, under this
    installation's topic prefix.

    \b
    Example:     fastlakare asyncapi > asyncapi.json
    Exit codes:  0 printed, 2 usage error
    """
    settings = quiet_settings(())
    from schemas.asyncapi import document

    print_json(document(settings.topic_prefix, settings.partitions))


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
    from schemas.asyncapi import schema as json_schema
    from schemas.asyncapi import schema_names

    try:
        found = json_schema(name)
    except KeyError:
        short = [known for known in schema_names() if not known.startswith("se.")]
        raise typer.BadParameter(f"nothing is called {name}; there are: {', '.join(short)}") from None
    print_json(found)
