"""Who may be a doctor at a vårdcentral today: KiV decides (S3, S4, S5)."""

from __future__ import annotations

from datetime import date

from handlers.world import Employment, World, includes
from handlers.world.changes import Pair


def qualifying_employments(world: World, pair: Pair) -> list[Employment]:
    """The employments that make the doctor selectable at the unit today, in the message's order (S3)."""
    doctor = world.doctors[pair.doctor]
    if doctor.protected or doctor.removed or not doctor.licensed:
        return []
    return [
        post
        for post in world.employments_of(pair.doctor).get(pair.unit, ())
        if post.position_code in world.policy.eligible_positions and includes(post.start, post.end, world.today)
    ]


def displayed_employment(candidates: list[Employment]) -> Employment | None:
    """The employment whose title and dates are shown: latest start, lowest code, first in the message (S4)."""
    if not candidates:
        return None
    return min(candidates, key=lambda post: (-(post.start or date.min).toordinal(), post.position_code))


def title(world: World, pair: Pair) -> str | None:
    """The doctor's title at the unit today, None when not selectable there (S4)."""
    post = displayed_employment(qualifying_employments(world, pair))
    return None if post is None else post.title


def is_selectable(world: World, pair: Pair) -> bool:
    """Whether KiV lets this doctor be one at this unit today (S3)."""
    return bool(qualifying_employments(world, pair))


def absent(world: World, pair: Pair) -> bool:
    """Away today in every employment that makes the pair selectable (S5)."""
    employments = qualifying_employments(world, pair)
    return bool(employments) and all(
        any(includes(a.start, a.end, world.today) for a in post.absences) for post in employments
    )


def last_day(world: World, pair: Pair) -> date:
    """The last day of the employments that ended, when that is why the doctor left; otherwise today (E1).

    While one of them lasts it is not: then the licence is what is gone.
    """
    employments = [
        post
        for post in world.employments_of(pair.doctor).get(pair.unit, ())
        if post.position_code in world.policy.eligible_positions
    ]
    if any(includes(post.start, post.end, world.today) for post in employments):
        return world.today
    return max(
        (post.end for post in employments if post.end is not None and post.end < world.today), default=world.today
    )
