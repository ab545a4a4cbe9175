"""Where settings come from: the environment, then `.env`, each value given itself or as the name of a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from dotenv import dotenv_values

from infra.errors import SettingsError

PREFIX = "FASTLAKARE_"
_FILE = "_FILE"


def variable(field: str) -> str:
    """The variable's name for a setting, e.g. `group_id` gives `FASTLAKARE_GROUP_ID`."""
    return PREFIX + field.upper()


def read_values(fields: Iterable[str]) -> dict[str, str]:
    """The settings that were given, by field name. Raises SettingsError for unknown names and unreadable files.

    What the environment says of a setting goes before what `.env` says, whichever of its two forms either uses.
    """
    known = set(fields)
    return {**_resolve(_dotenv(), known), **_resolve(os.environ, known)}


def file_of(field: str) -> str | None:
    """The file that a setting is read from, where it is."""
    for variables in (os.environ, _dotenv()):
        if variable(field) in variables:
            return None
        if (path := variables.get(variable(field) + _FILE)) is not None:
            return path
    return None


def read_file(name: str, path: str) -> str:
    """The text of the file that the variable `name` points to, without the newline at its end."""
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise SettingsError(f"{name}: the file is not UTF-8 text") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise SettingsError(f"{name}: the file cannot be read ({reason})") from None


def _dotenv() -> Mapping[str, str | None]:
    try:
        return dotenv_values(".env")
    except (OSError, UnicodeDecodeError):
        raise SettingsError(".env: the file cannot be read as UTF-8 text") from None


def _resolve(variables: Mapping[str, str | None], known: set[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    from_file: dict[str, str] = {}
    unknown: list[str] = []
    for name, value in variables.items():
        if not name.upper().startswith(PREFIX) or _not_a_setting(name.upper()):
            continue
        field = name[len(PREFIX) :].lower()
        if field in known:
            values[field] = value or ""
        elif field.endswith(_FILE.lower()) and field[: -len(_FILE)] in known:
            from_file[field[: -len(_FILE)]] = value or ""
        else:
            unknown.append(name)
    if unknown:
        raise SettingsError(f"{', '.join(sorted(unknown))}: no such setting")
    for field, path in from_file.items():
        if field in values:
            raise SettingsError(f"{variable(field)}: given both as it is and as {variable(field)}{_FILE}")
        values[field] = read_file(variable(field) + _FILE, path)
    return values


def _not_a_setting(name: str) -> bool:
    """Failpoints and the test run's own variables share the prefix and are read elsewhere."""
    return name == f"{PREFIX}FAILPOINT" or name.startswith(f"{PREFIX}TEST_")
