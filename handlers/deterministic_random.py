"""Draws that come out alike on any machine and Python version: SHA-256 of the seed and what is drawn for (C10).

Whole numbers only, no floating point and no generator state: a draw depends on nothing but its own name.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

_BITS = 256


def uniform(seed: int, purpose: str, number: int) -> int:
    """A whole number from 0 to 2^256 - 1, evenly spread."""
    return int.from_bytes(sha256(f"{seed}/{purpose}/{number}".encode()).digest())


def shuffled(seed: int, purpose: str, numbers: Sequence[int]) -> list[int]:
    """The numbers in an order of their own for each seed, whatever order they came in."""
    return sorted(numbers, key=lambda number: (uniform(seed, purpose, number), number))


def weighted_choice(seed: int, purpose: str, number: int, weights: Sequence[int]) -> int:
    """An index, with a chance proportional to its weight; the weights are not negative and not all zero."""
    point = uniform(seed, purpose, number) * sum(weights) >> _BITS
    for index, weight in enumerate(weights):
        point -= weight
        if point < 0:
            return index
    raise ValueError("no weight is above zero")
