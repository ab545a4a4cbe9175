"""Whose cluster, topics and settings a database belongs to, and what is said where they are others (record 0032)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from infra.environment import variable
from infra.errors import SettingsError, WrongCluster, WrongTopics
from infra.settings import Settings

_PAGE = "see docs/operating.md, 'Another cluster, or a topic made anew'"


@dataclass(frozen=True)
class Topic:
    """A topic that is there. `id`: Kafka's, another one for each time that it is made; None where it is not told."""

    partitions: int
    id: UUID | None = None


@dataclass(frozen=True)
class Cluster:
    """A cluster with topics of ours by their names in the contract. `id` is None where it is not told."""

    id: str | None
    topics: Mapping[str, Topic]


def agreed_settings(settings: Settings) -> dict[str, str]:
    """What must be the same in every process, by the setting's name: who is selectable and who stays (S3, S6), and what
    topics and the relay's transactional id are made of."""
    return {
        "eligible_positions": ",".join(sorted(settings.eligible_positions)),
        "group_id": settings.group_id,
        "on_doctor_left": settings.on_doctor_left,
        "topic_prefix": settings.topic_prefix,
    }


def require_settings(remembered: Mapping[str, str], given: Mapping[str, str]) -> None:
    """Raises SettingsError where processes would not agree."""
    for name, value in given.items():
        if remembered.get(name, value) != value:
            raise SettingsError(
                f"{variable(name)} is {value!r} here and {remembered[name]!r} in the database, and all processes must"
                " agree: give the old value, or stop all of them and run `fastlakare migrate --accept-settings`"
            )


def require_cluster(remembered: str | None, found: str | None) -> None:
    """Raises WrongCluster where offsets and sequences are another cluster's."""
    if remembered is not None and found is not None and remembered != found:
        raise WrongCluster(
            f"this is the cluster {found}, the database remembers {remembered}, whose offsets say nothing about this"
            f" one: connect to that one, or {_PAGE}"
        )


def require_topics(remembered: Mapping[str, UUID | None], found: Mapping[str, Topic]) -> None:
    """Raises WrongTopics where a topic was made anew under its name."""
    for name, topic in found.items():
        id = remembered.get(name)
        if id is not None and topic.id is not None and id != topic.id:
            raise WrongTopics(
                f"{name} was made anew: its id is {topic.id}, the database remembers {id}, whose offsets say nothing"
                f" about this one; {_PAGE}"
            )
