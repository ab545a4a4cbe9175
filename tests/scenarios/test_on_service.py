"""Every scenario on the running service, all in one installation: what 1177, vårdcentraler and operators hear."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from infra.embedded.postgres import Postgres
from tests.conftest import database
from tests.harness.explained import unexplained, unexplained_doctors
from tests.harness.installation import Installation
from tests.harness.observed import Observed
from tests.harness.session import Session
from tests.harness.topics import Topics
from tests.harness.verified import unverified
from tests.scenarios.scenario import CASES, Scenario
from tests.scenarios.schedule import missing, schedule

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("scenarios on the service")]


class Outputs(NamedTuple):
    """The scenarios, and what was heard of all of them."""

    scenarios: list[Scenario]
    session: Session
    observed: Observed


@pytest.fixture(scope="module")
def observed(kafka: Any, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outputs]:
    """All scenarios, sent day by day to one process."""
    with database(postgres, "template_fastlakare") as url:
        installation = Installation(kafka.bootstrap, url, "scenarios.", tmp_path_factory.mktemp("scenarios"))
        installation.prepare(migrate=False)
        try:
            installation.start(1)
            session = Session(installation, Topics(kafka.bootstrap, "scenarios."))
            session.topics.accept_any_timestamp()
            scenarios, steps = schedule()
            session.steps(steps)
            yield Outputs(scenarios, session, session.observe())
        finally:
            installation.stop()


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_the_service_says(observed: Outputs, number: int) -> None:
    secret = observed.session.installation.settings.secret
    assert list(missing(observed.scenarios[number], observed.observed, secret)) == []


def test_all_of_it_is_what_the_model_says(observed: Outputs) -> None:
    assert list(observed.session.differences()) == []


def test_v4_all_of_it_is_verified(observed: Outputs) -> None:
    assert unverified(observed.session) == []


def test_explain_tells_of_every_patient_what_1177_heard_with_record_rule_and_release(observed: Outputs) -> None:
    patients = [patient for scenario in observed.scenarios for patient in scenario.expected_changes]
    assert len(patients) >= 100
    assert unexplained(observed.session, patients) == []


def test_explain_tells_of_every_doctor_what_the_doctor_topic_says(observed: Outputs) -> None:
    assert unexplained_doctors(observed.session) == []
