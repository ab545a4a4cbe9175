"""A unit in KiV: the whole state, or that the unit is gone (S9)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from schemas.fields import Name, NullAs, Version, Wire, titled
from schemas.ids import Day, HsaId

Kind = Literal["vardcentral", "jourcentral", "other"]


def _not_empty(name: str) -> str:
    if not name:
        raise PydanticCustomError("name", "Input should not be empty")
    return name


class UnitState(Wire):
    """The whole state of one unit; only a vårdcentral can have links."""

    hsa_id: HsaId
    version: Version
    name: Annotated[
        Name,
        AfterValidator(_not_empty),
        Field(json_schema_extra={"minLength": 1}, description="Not empty; blanks around it are dropped"),
    ]
    kind: Annotated[Kind, titled("Kind", Kind), NullAs("vardcentral")] = "vardcentral"
    care_giver_hsa_id: HsaId | None = None
    start: Annotated[Day | None, Field(description="First day; decides nothing (S9)")] = None
    end: Annotated[Day | None, Field(description="Last day, inclusive; null is open")] = None
    replaced_by: HsaId | None = None


class UnitRemoved(Wire):
    """The unit is no longer in KiV."""

    hsa_id: HsaId
    version: Version
