"""Why a record could not be understood, in words that never hold a value (D1)."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class DeadLetterCode(StrEnum):
    """The `dlq_code` of a dead letter; the first five in the order in which they are judged."""

    TOO_LARGE = "too_large"
    INVALID_JSON = "invalid_json"
    INVALID_ENVELOPE = "invalid_envelope"
    UNKNOWN_TYPE = "unknown_type"
    INVALID_DATA = "invalid_data"
    HANDLER_FAILED = "handler_failed"


class FastlakareError(Exception):
    """The root of every error of ours; the tree of them stands in `infra/errors.py`."""


class DeadLetterReason(NamedTuple):
    """Why a record is dead-lettered; `detail` is "field.path: rule" and never holds a value (D1). `fingerprint` tells
    one failure of the service from another; None where the record itself is at fault."""

    code: DeadLetterCode
    detail: str
    fingerprint: str | None = None


class Undecodable(FastlakareError):
    """A record that cannot be understood."""

    def __init__(self, code: DeadLetterCode, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.reason = DeadLetterReason(code, detail)

    def __reduce__(self) -> tuple[type[Undecodable], tuple[DeadLetterCode, str]]:
        return Undecodable, self.reason[:2]
