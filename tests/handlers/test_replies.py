"""The Swedish sentences of the answers, held against the contract (C2, C11)."""

from __future__ import annotations

from typing import get_args

import orjson
import pytest

from handlers.redaction import redact_unit
from handlers.replies import IMPORT_SENTENCES, SENTENCES, rows_refused
from schemas.reply import Done, Refusal
from tests.harness.builders import PATIENT, SAMORDNINGSNUMMER, TOLVAN, UNIT

#: contract.md, listning.reply.v1, word for word
CONTRACT = """
`not_authorised`, `unit_closed`, `doctor_not_selectable`, `doctor_not_active`, `doctor_paused`, `doctor_absent`,
`doctor_has_patients`, `patient_not_listed`, `invalid_patient_id`, `invalid_hsa_id`, `invalid_date`, `invalid_profile`,
`date_in_future`, `duplicate_row`, `unit_mismatch`, `ceiling_reached`, `age_outside_limits`, `import_incomplete`,
`rows_faulty`, `no_such_link`
"""


def test_c2_every_code_of_the_contract_has_a_sentence_and_no_other_has() -> None:
    refusals = {code.strip().strip("`") for code in CONTRACT.split(",")}
    assert refusals == set(get_args(Refusal))
    assert set(SENTENCES) == set(IMPORT_SENTENCES) == refusals | set(get_args(Done))


def test_c2_a_sentence_begins_with_a_capital_and_ends_with_a_full_stop() -> None:
    assert [text for text in SENTENCES.values() if not (text[0].isupper() and text.endswith("."))] == []


def test_c2_no_two_codes_say_the_same() -> None:
    assert len(set(SENTENCES.values())) == len(SENTENCES)


def test_c11_the_regions_own_sentences_are_verbatim() -> None:
    changed = {code: text for code, text in IMPORT_SENTENCES.items() if SENTENCES[code] != text}
    assert changed == {
        "doctor_not_active": "HSA-id saknas för läkare hos vårdcentral",
        "patient_not_listed": "Personnummer matchar inte vårdcentral vårdval",
    }


@pytest.mark.parametrize(
    "text", [PATIENT, f"enhet {PATIENT}", PATIENT[2:], SAMORDNINGSNUMMER, TOLVAN, f"SE2321000131-E{PATIENT}"]
)
def test_d1_what_could_be_a_personnummer_is_not_shown_as_a_unit(text: str) -> None:
    assert redact_unit(text) == ""


def test_d1_a_unit_is_shown_in_upper_case_and_other_text_as_it_came() -> None:
    assert (redact_unit(UNIT.lower()), redact_unit("fel")) == (UNIT, "fel")


def test_c2_a_text_that_no_id_is_as_long_as_does_not_come_back() -> None:
    assert (redact_unit("x" * 200), redact_unit("x" * 201)) == ("x" * 200, "")


def test_a_reply_names_no_more_rows_than_a_record_of_its_topic_holds_and_counts_them_all() -> None:
    longest: Refusal = max(get_args(Refusal), key=lambda code: len(SENTENCES[code].encode()))
    answer = rows_refused(90_000, [(number, longest) for number in range(100_001, 190_001)])
    assert answer.counts == {"total": 90_000, "approved": 0, "faulty": 90_000, "updated": 0}
    assert len(answer.faulty_rows or ()) == 50_000
    assert len(orjson.dumps(answer.faulty_rows)) < 7.5 * 2**20
