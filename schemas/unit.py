"""A unit in KiV: the whole state, or that the unit is gone (S9)."""

from __future__ import annotations

from typing import Annotated, Literal

from schemas.fields import Int64, NullAs, Wire
from schemas.ids import Day, HsaId

Kind = Literal["vardcentral", "jourcentral", "other"]


class UnitState(Wire):
    """The whole state of one unit; only a vårdcentral can have links."""

    hsa_id: HsaId
    version: Int64
    name: str
    kind: Annotated[Kind, NullAs("vardcentral")] = "vardcentral"
    care_giver_hsa_id: HsaId | None = None
    start: Day | None = None
    end: Day | None = None
    replaced_by: HsaId | None = None


class UnitRemoved(Wire):
    """The unit is no longer in KiV."""

    hsa_id: HsaId
    version: Int64
