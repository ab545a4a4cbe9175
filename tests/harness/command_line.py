"""The product's command line in this process: many times quicker than one of its own, and as the shell would see it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from typer.testing import CliRunner, Result

from cli.main import app


def run_command(*words: str, settings: Mapping[str, str] | None = None, given: str = "") -> Result:
    """Runs `fastlakare` with these words, with no settings but those given, which are named as in running.md. `given`
    is the standard input."""
    unset: dict[str, str | None] = {name: None for name in os.environ if name.startswith("FASTLAKARE_")}
    wanted = {f"FASTLAKARE_{name}": text for name, text in (settings or {}).items()}
    with restored_loggers():
        return CliRunner().invoke(app, words, input=given, env={**unset, **wanted})


@contextmanager
def restored_loggers() -> Iterator[None]:
    """A command silences libraries for its process; afterwards they are as before."""
    loggers = [logging.getLogger(name) for name in (None, "aiokafka")]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]
    try:
        yield
    finally:
        for logger, (handlers, level, propagate) in zip(loggers, before, strict=True):
            logger.handlers[:] = handlers
            logger.setLevel(level)
            logger.propagate = propagate
