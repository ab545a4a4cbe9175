"""What is said where cluster, topics or settings are others than the database remembers; and where nothing is."""

from __future__ import annotations

from uuid import UUID

import pytest

from infra.errors import SettingsError, WrongCluster, WrongTopics
from infra.identity import Topic, agreed_settings, require_cluster, require_settings, require_topics
from infra.settings import Settings

OLD, NEW = UUID(int=1), UUID(int=2)


def test_the_settings_that_must_agree_are_the_policy_and_what_the_transactional_id_is_made_of() -> None:
    plain = agreed_settings(Settings())
    for name, value in (
        ("on_doctor_left", "keep"),
        ("eligible_positions", "201010"),
        ("topic_prefix", "x."),
        ("group_id", "other"),
    ):
        given = Settings.model_validate({name: value})
        assert {key for key, text in agreed_settings(given).items() if text != plain[key]} == {name}
    assert agreed_settings(Settings(source="other", batch_records=1, own_clock=False)) == plain


def test_the_order_of_positions_is_no_difference() -> None:
    one, other = (Settings.model_validate({"eligible_positions": text}) for text in ("201010,202010", "202010, 201010"))
    assert agreed_settings(one) == agreed_settings(other)


def test_a_setting_that_differs_is_named_with_both_values_and_what_to_do() -> None:
    with pytest.raises(SettingsError) as raised:
        require_settings({"group_id": "a", "topic_prefix": ""}, {"group_id": "b", "topic_prefix": ""})
    assert str(raised.value) == (
        "FASTLAKARE_GROUP_ID is 'b' here and 'a' in the database, and all processes must agree: give the old value, or"
        " stop all of them and run `fastlakare migrate --accept-settings`"
    )


def test_a_setting_that_an_earlier_release_did_not_remember_is_no_difference() -> None:
    require_settings({"group_id": "a"}, {"group_id": "a", "topic_prefix": "x."})


def test_another_cluster_is_told_with_both_ids() -> None:
    require_cluster("a", "a")
    with pytest.raises(WrongCluster, match="this is the cluster b, the database remembers a, "):
        require_cluster("a", "b")


def test_a_topic_made_anew_is_told_with_both_ids() -> None:
    require_topics({"t": OLD}, {"t": Topic(1, OLD)})
    with pytest.raises(WrongTopics, match=f"t was made anew: its id is {NEW}, the database remembers {OLD}, "):
        require_topics({"t": OLD}, {"t": Topic(1, NEW)})


def test_what_is_not_remembered_or_not_told_is_no_difference() -> None:
    """Before the first start, and with brokers that do not speak of ids."""
    require_cluster(None, "a")
    require_cluster("a", None)
    require_topics({"t": None}, {"t": Topic(1, NEW), "another": Topic(1, NEW)})
    require_topics({"t": OLD}, {"t": Topic(1, None)})
