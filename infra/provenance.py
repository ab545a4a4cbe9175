"""Who had records judged again, and why: what an operator's run leaves on all that it causes (O6)."""

from __future__ import annotations

from typing import NamedTuple

#: the header that every event of a run carries
RUN_HEADER = "fastlakare_run"
#: the header of an event that says the present state once more; the run's id too
REPUBLISHED_HEADER = "republished"


class Provenance(NamedTuple):
    """The id of the run, who began it, and the reason that was given."""

    run: str
    actor: str
    reason: str
