"""The audit trail names a rule for whatever it says (D4)."""

from __future__ import annotations

from typing import get_args

import pytest

from handlers.world.changes import AuditEntry, Cause, DoctorChange, LinkChange, Pair
from handlers.world.rule_ids import rule_id
from schemas.command import COMMANDS
from schemas.fast_lakarkontakt import Reason
from schemas.reply import Done, Refusal
from schemas.topics import KIV_STAFF, KIV_UNIT, LISTNING_CLOCK, LISTNING_COMMAND
from tests.harness.builders import DOCTOR, NOON, UNIT
from tests.test_references import RULES


@pytest.mark.parametrize("reason", [*get_args(Reason), "patient_protected"])
def test_every_reason_of_a_link_change_has_a_rule(reason: Reason) -> None:
    change = LinkChange(1, "k", 0, 1, "assigned", reason, UNIT, DOCTOR, {}, Cause("s", "i", NOON))
    assert rule_id(change) in RULES


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
@pytest.mark.parametrize("code", [*get_args(Done), *get_args(Refusal)])
def test_every_answer_to_every_command_has_a_rule(command: str, code: str) -> None:
    assert rule_id(AuditEntry(command, code, UNIT, DOCTOR, None, Cause("s", "i", NOON))) in RULES


@pytest.mark.parametrize(
    ("topic", "rule"),
    [(KIV_STAFF, "S3"), (KIV_UNIT, "S9"), (LISTNING_CLOCK, "T4"), (LISTNING_COMMAND, "S1"), (None, "S1")],
)
def test_a_change_of_availability_has_the_rule_of_what_changed_it(topic: str | None, rule: str) -> None:
    change = DoctorChange(Pair(UNIT, DOCTOR), 1, None, Cause("s", "i", NOON, topic=topic))
    assert (rule_id(change), rule in RULES) == (rule, True)


@pytest.mark.parametrize(
    ("command", "code", "rule"),
    [
        ("link-patient", "done", "C7"),
        ("link-patient", "not_authorised", "C1"),
        ("link-patient", "invalid_patient_id", "C3"),
        ("pause-doctor", "invalid_date", "C5"),
        ("import-links", "rows_faulty", "C11"),
        ("import-links", "date_in_future", "C12"),
    ],
)
def test_a_refusal_has_its_own_rule_where_it_is_not_the_command_s(command: str, code: str, rule: str) -> None:
    assert rule_id(AuditEntry(command, code, UNIT, DOCTOR, None, Cause("s", "i", NOON))) == rule
