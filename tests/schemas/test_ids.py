"""HSA-ids, personnummer and what looks like them (L8, glossary)."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from stdnum.se import personnummer

from schemas.ids import Day, HsaId, PatientId, PatientKind, normal_hsa_id, patient_kind
from tests.schemas.builders import calm

PERSONNUMMER = ("199006022397", "201701012393", "191212121212", "200002292399")


BIRTH_DAYS = st.dates(date(1800, 1, 1), date(2099, 12, 31))


def with_check_digit(eleven: str) -> str:
    """The number completed, with the digit worked out as the tax agency describes it."""
    products = "".join(str(int(digit) * weight) for digit, weight in zip(eleven[2:], [2, 1] * 4 + [2], strict=True))
    return eleven + str(-sum(map(int, products)) % 10)


@pytest.mark.parametrize("text", PERSONNUMMER)
def test_a_real_date_with_a_correct_check_digit_is_a_personnummer_l8(text: str) -> None:
    assert patient_kind(text) is PatientKind.PERSONNUMMER


@calm
@given(BIRTH_DAYS, st.sampled_from(["238", "239"]))
def test_every_day_of_the_calendar_can_begin_a_personnummer_l8(born: date, number: str) -> None:
    text = with_check_digit(f"{born.year:04}{born:%m%d}{number}")

    assert patient_kind(text) is PatientKind.PERSONNUMMER


@calm
@given(BIRTH_DAYS, st.sampled_from(["238", "239"]), st.integers(1, 9))
def test_any_other_check_digit_makes_it_none_of_them_l8(born: date, number: str, off: int) -> None:
    right = with_check_digit(f"{born.year:04}{born:%m%d}{number}")

    assert patient_kind(right[:11] + str((int(right[11]) + off) % 10)) is None


@calm
@given(BIRTH_DAYS, st.sampled_from(["238", "239"]))
def test_sixty_added_to_the_day_makes_a_samordningsnummer_l8(born: date, number: str) -> None:
    text = with_check_digit(f"{born.year:04}{born:%m}{born.day + 60}{number}")

    assert patient_kind(text) is PatientKind.SAMORDNINGSNUMMER


@calm
@given(BIRTH_DAYS, st.integers(0, 9_999))
def test_python_stdnum_agrees_on_what_a_personnummer_is_l8(born: date, last: int) -> None:
    text = f"{born.year:04}{born:%m%d}{last:04}"

    assert (patient_kind(text) is PatientKind.PERSONNUMMER) is personnummer.is_valid(text)


@calm
@given(st.from_regex(r"(18|19|20)[0-9]{10}", fullmatch=True))
def test_python_stdnum_agrees_on_what_twelve_digits_are_l8(text: str) -> None:
    assert (patient_kind(text) is PatientKind.PERSONNUMMER) is personnummer.is_valid(text)


@pytest.mark.parametrize(
    "text",
    [
        "1990060223TF",
        "A99006022397",
        "1990060223å7",
        "abcdefghijkl",
        "199006322397",
        "199006592390",
        "199013022391",
        "199099992399",
        "199000402390",
        with_check_digit("17991231238"),
        with_check_digit("21000101238"),
        with_check_digit("00000101238"),
        "169999999999",
    ],
)
def test_a_letter_an_impossible_day_or_month_or_another_century_makes_a_reserve_number_l8(text: str) -> None:
    assert patient_kind(text) is PatientKind.RESERVE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9006022397",
        "19900602-2397",
        "199006022398",
        "1990060223970",
        " 19900602239",
        "19900602 239",
        "199002302390",
        with_check_digit("19900230238"),
        with_check_digit("19900229238"),
        with_check_digit("19900400238"),
        with_check_digit("19900001238"),
        with_check_digit("19900060238"),
        with_check_digit("19900292238"),
        "\u0661\u0669\u0669\u0660\u0660\u0666\u0660\u0662\u0662\u0663\u0669\u0667",
        "²²²²²²²²²²²²",
        "19900602239²",
        "199006\u00002239",
    ],
)
def test_what_is_none_of_these_has_no_kind_l8(text: str) -> None:
    assert patient_kind(text) is None


@calm
@given(st.text(max_size=14) | st.from_regex(r"[0-9]{12}", fullmatch=True))
def test_any_text_gets_a_kind_or_none_without_an_exception_l8(text: str) -> None:
    assert patient_kind(text) in {None, *PatientKind}


@pytest.mark.parametrize(
    "text",
    [
        "SE2321000131-E000000007623",
        "se2321000131-e000000007623",
        "Se2321000131-p1",
        "SE162321000131-0A",
        "SE2321000131-" + "X" * 18,
    ],
)
def test_an_hsa_id_is_compared_without_case_and_kept_upper_case(text: str) -> None:
    assert normal_hsa_id(text) == text.upper()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SE2321000131",
        "SE2321000131-",
        "SE232100013-E1",
        "SE23210001311-E1",
        "SE1621000131-E1",
        "SE172321000131-E1",
        "NO2321000131-E1",
        "SE2321000131-E1 ",
        " SE2321000131-E1",
        "SE2321000131-E1\n",
        "SE2321000131-Å1",
        "SE2321000131-\u01311",
        "\u017fe2321000131-e1",
        "SE232100013\u0661-E1",
        "SE2321000131-E_1",
        "SE2321000131-E-1",
        "SE2321000131-" + "X" * 19,
        "SE2321000131-\x00",
        "SE2321000131-199006022397",
        "SE2321000131-A199006022397",
        "X" * 1_000_000,
    ],
)
def test_what_is_no_hsa_id_is_none_and_a_validation_error_in_a_fact(text: str) -> None:
    assert normal_hsa_id(text) is None
    with pytest.raises(ValidationError):
        TypeAdapter(HsaId).validate_python(text)


@calm
@given(st.from_regex(re.compile(r"SE[0-9]{10}([0-9]{2})?-[A-Z0-9]{0,20}", re.IGNORECASE), fullmatch=True))
def test_facts_and_commands_agree_on_what_an_hsa_id_is(text: str) -> None:
    try:
        in_a_fact = TypeAdapter(HsaId).validate_python(text)
    except ValidationError:
        in_a_fact = None

    assert in_a_fact == normal_hsa_id(text)


@pytest.mark.parametrize("text", [*PERSONNUMMER, with_check_digit("19900662238"), "1990060223TF"])
def test_a_fact_may_hold_all_three_kinds_of_patient_ids_l8(text: str) -> None:
    assert TypeAdapter(PatientId).validate_python(text) == text


def test_a_patient_id_of_no_kind_is_a_validation_error_without_the_id_d1() -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(PatientId).validate_python("199006022398")

    assert "199006022398" not in str(caught.value.errors(include_input=False))


@calm
@given(st.dates())
def test_a_day_is_read_as_it_is_written(day: date) -> None:
    assert TypeAdapter(Day).validate_json(f'"{day.isoformat()}"', strict=True) == day


@pytest.mark.parametrize(
    "text",
    [
        "2026-2-1",
        "20260201",
        "2026-02-30",
        "2026-02-01T00:00:00",
        "2026-02-01Z",
        " 2026-02-01",
        "2026-02-01 ",
        "0000-01-01",
        "10000-01-01",
        "2026-W05-7",
        "2026/02/01",
        "\u0662\u0660\u0662\u0666-02-01",
        "1769904000",
        "0",
        "-86400",
        "",
    ],
)
def test_a_day_in_any_other_shape_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Day).validate_json(f'"{text}"', strict=True)


@pytest.mark.parametrize("value", ["1769904000", "0", "true", "null", "[]", "20260201.0"])
def test_a_day_that_is_no_text_is_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Day).validate_json(value, strict=True)


def test_the_first_and_the_last_day_can_be_said() -> None:
    days = [TypeAdapter(Day).validate_json(f'"{text}"', strict=True) for text in ("0001-01-01", "9999-12-31")]

    assert days[1] - days[0] == timedelta(days=3_652_058)
