"""Draws that come out alike everywhere (C10)."""

from __future__ import annotations

import pytest

from handlers.deterministic_random import shuffled, uniform, weighted_choice


def test_c10_draws_are_the_same_on_any_machine_and_python_version() -> None:
    assert uniform(42, "doctor", 7) >> 224 == 0xD8ECEDE0
    assert shuffled(42, "order", range(6)) == [3, 5, 0, 4, 1, 2]
    assert [weighted_choice(42, "doctor", number, [1, 2, 3]) for number in range(8)] == [1, 1, 1, 1, 2, 2, 1, 2]


def test_c10_the_order_of_a_shuffle_does_not_depend_on_the_order_given() -> None:
    assert shuffled(42, "order", range(6)) == shuffled(42, "order", [5, 3, 1, 0, 2, 4])


def test_c10_seed_purpose_and_number_each_make_another_draw() -> None:
    assert len({uniform(1, "a", 1), uniform(2, "a", 1), uniform(1, "b", 1), uniform(1, "a", 2)}) == 4


def test_c10_a_weight_of_zero_is_never_chosen() -> None:
    assert {weighted_choice(seed, "doctor", 1, [0, 3, 0, 1]) for seed in range(200)} == {1, 3}


def test_c10_chances_follow_the_weights() -> None:
    drawn = [weighted_choice(seed, "doctor", 1, [1, 3]) for seed in range(2000)]
    assert 0.71 < sum(drawn) / 2000 < 0.79


def test_c10_no_weight_at_all_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="no weight"):
        weighted_choice(1, "doctor", 1, [0, 0])
