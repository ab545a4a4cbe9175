"""Which fields of a message operators may see in clear: those whose type says of which form they are (O8)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Form(StrEnum):
    """What a value that is no personal data looks like."""

    HSA_ID = "HSA-id"
    DAY = "day"
    CODE = "code"
    VERSION = "version"


@dataclass(frozen=True)
class Clear:
    """Marks a field's type, in `Annotated`: a value of this form may be shown. Validation takes no notice of it."""

    form: Form
