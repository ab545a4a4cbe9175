"""Which release this is."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version


@cache
def version() -> str:
    """The version that is installed; `unknown` in a checkout that is not."""
    try:
        return installed_version("fastlakare")
    except PackageNotFoundError:
        return "unknown"
