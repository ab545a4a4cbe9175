"""Why a record could not be understood, in words that never hold a value (D1)."""

from __future__ import annotations

from enum import StrEnum


class DeadCode(StrEnum):
    """The `dlq_code` of a dead letter; the first five in the order in which they are judged."""

    TOO_LARGE = "too_large"
    INVALID_JSON = "invalid_json"
    INVALID_ENVELOPE = "invalid_envelope"
    UNKNOWN_TYPE = "unknown_type"
    INVALID_DATA = "invalid_data"
    HANDLER_FAILED = "handler_failed"


class Unreadable(Exception):
    """A record that must be dead-lettered; `detail` is "field.path: rule" and never holds a value (D1)."""

    def __init__(self, code: DeadCode, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail

    def __reduce__(self) -> tuple[type[Unreadable], tuple[DeadCode, str]]:
        return Unreadable, (self.code, self.detail)
