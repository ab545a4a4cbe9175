"""What every message shares: the strictness of the models and the field types of the contract."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, TypeVar, cast, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from schemas.clear import Clear, Form

T = TypeVar("T")


class Wire(BaseModel):
    """A part of a message: frozen, nothing coerced, unknown fields ignored, no input in error texts (D1)."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True, allow_inf_nan=False)


def _empty_where_invisible(text: str) -> str:
    # separators, control and format characters (zero-width ones among them), and marks with nothing to stand on
    return text if any(unicodedata.category(char)[0] not in "ZCM" for char in text) else ""


@dataclass(frozen=True)
class NullAs:
    """Marks a field where an explicit null means the default."""

    default: Any

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        default = self.default

        def fill(value: Any) -> Any:
            return default if value is None else value

        return core_schema.no_info_after_validator_function(fill, core_schema.nullable_schema(handler(source)))


@dataclass(frozen=True)
class Items:
    """Marks an array of at most `most` elements (None: any number): null is the empty one, and Python code may give a
    list. Its first faulty element is the only one looked for: 1 MiB of them would be 360 MB of errors."""

    most: int | None = None
    nullable: bool = True

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        array: Any = {**handler(source), "strict": False, "fail_fast": True}
        if self.most is not None:
            array["max_length"] = self.most
        if not self.nullable:
            return cast(CoreSchema, array)
        return core_schema.no_info_after_validator_function(
            lambda value: value or (), core_schema.nullable_schema(array)
        )


def titled(title: str, literal: Any) -> WithJsonSchema:
    """The JSON Schema of a Literal of texts under a title that generators can name it by, also where null is
    allowed."""
    return WithJsonSchema({"title": title, "enum": list(get_args(literal)), "type": "string"})


#: most characters of any text of a message that is kept or told on (contract.md, Topics)
TEXT_CHARACTERS = 200

Text = Annotated[str, Field(max_length=TEXT_CHARACTERS)]
#: of a register
Code = Annotated[Text, Clear(Form.CODE)]
#: blanks around it are dropped; one of which nothing could be seen is empty
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=TEXT_CHARACTERS), AfterValidator(_empty_where_invisible)
]
Int64 = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
#: one that rises with what it counts, and says nothing of anybody
Ordinal = Annotated[Int64, Clear(Form.VERSION)]
Version = Annotated[
    Ordinal,
    Field(description="Rises with each change; one lower than the last is ignored, the same again is harmless (S2)"),
]
Flag = Annotated[bool, NullAs(False)]
Many = Annotated[tuple[T, ...], Items()]


@lru_cache(maxsize=4096)
def instant(at: datetime) -> str:
    """RFC 3339 in UTC with `Z`, with microseconds only where they are not zero."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


Instant = Annotated[AwareDatetime, PlainSerializer(instant, return_type=str, when_used="json")]
