"""Logs: structured lines on stderr, ours and those of the libraries, without payloads and without personnummer (D1)."""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable
from typing import Any, Literal

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from infra import timing

log: structlog.stdlib.BoundLogger = structlog.get_logger("fastlakare")

# Ten or twelve digits that begin with a date, a samordningsnummer's day included. No log line is meant to hold one:
# this is for the texts of exceptions that nobody foresaw.
_PERSONNUMMER = re.compile(
    r"(?<!\d)(?:1[89]|20)?\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]|6[1-9]|[78]\d|9[01])[-+]?\d{4}(?!\d)"
)
_MASK = "<personnummer>"
_MOST_TEXTS = 1_000
# What the server adds to an error quotes rows: "Key (patient)=(...) already exists", "Failing row contains (...)".
_ROW_DETAIL = re.compile(r"^(?:DETAIL|CONTEXT):.*$", re.MULTILINE)


def configure(
    log_format: Literal["console", "json"] | None, level: int = logging.INFO, *, instance: str | None = None
) -> None:
    """Sends every log line to stderr; None = for people where stderr is a terminal, else one JSON object a line.

    `instance`: which process writes, on every line. Lines of libraries carry `library`."""
    console = sys.stderr.isatty() if log_format is None else log_format == "console"
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        _named(instance),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        mask,
    ]
    renderer: Processor = structlog.processors.JSONRenderer(serializer=_json)
    if console:
        colours = sys.stderr.isatty()
        renderer = structlog.dev.ConsoleRenderer(
            colors=colours, exception_formatter=structlog.dev.plain_traceback, sort_keys=False
        )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_library, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *(step for step in shared if not isinstance(step, structlog.stdlib.ExtraAdder)),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler.addFilter(RateLimitFilter("fastlakare"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("fastlakare").setLevel(level)


def _named(instance: str | None) -> Processor:
    def add(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        if instance is not None:
            event["instance"] = instance
        return event

    return add


def _library(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Tells a library's line from ours."""
    event["library"] = event["_record"].name.partition(".")[0]
    return event


class RateLimitFilter(logging.Filter):
    """Lets the same text of a library through once in `timing.LOG_REPEAT_SECONDS`: aiokafka says hundreds of times a
    second that a broker is away."""

    def __init__(self, ours: str, clock: Callable[[], float] = time.monotonic) -> None:
        """`ours`: the logger that is no library's."""
        super().__init__()
        self._ours = ours
        self._clock = clock
        self._said: dict[object, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is worth saying."""
        if record.name == self._ours:
            return True
        now = self._clock()
        at, left_out = self._said.get(record.msg, (-timing.LOG_REPEAT_SECONDS, 0))
        if now < at + timing.LOG_REPEAT_SECONDS:
            self._said[record.msg] = at, left_out + 1
            return False
        if len(self._said) > _MOST_TEXTS:  # of a library that makes a text for each line
            self._said.clear()
        self._said[record.msg] = now, 0
        if left_out:
            record.msg = f"{record.msg} (and {left_out} times before)"
        return True


def mask(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Takes personnummer, and what PostgreSQL quotes of rows, out of every text of the line."""
    return {key: _mask_all(value) for key, value in event.items()}


def masked(text: str) -> str:
    """The text without personnummer and without rows that PostgreSQL quotes."""
    return _PERSONNUMMER.sub(_MASK, _ROW_DETAIL.sub("", text))


def _mask_all(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {_mask_all(key): _mask_all(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_mask_all(item) for item in value]
    return value


def _json(event: Any, **options: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
