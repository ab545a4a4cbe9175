"""What a dead letter says of a failure, without the data that caused it (D1)."""

from __future__ import annotations

from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError, EmulatedDBAPIException

from infra.failures import failure_reason, fingerprint
from schemas.envelope import structured
from schemas.ids import normal_hsa_id


def caught(call: Any, *arguments: Any) -> BaseException:
    """What the call raises."""
    try:
        call(*arguments)
    except Exception as error:  # noqa: BLE001  # any
        return error
    raise AssertionError("nothing was raised")


def raises(error: BaseException, cause: BaseException | None = None) -> None:
    raise error from cause


def test_the_detail_names_class_and_place_and_no_data_d1() -> None:
    reason = failure_reason(caught(raises, ValueError("191212121212")))

    assert reason.detail.startswith("ValueError at test_failures.py:")
    assert "191212121212" not in str(reason)


def test_a_fingerprint_names_the_innermost_function_of_ours_without_its_line() -> None:
    assert fingerprint(caught(normal_hsa_id, None)) == "TypeError in schemas.ids.normal_hsa_id"
    assert fingerprint(caught(structured, None, {})) == "AttributeError in schemas.envelope.structured"


def test_a_fingerprint_is_of_the_root_of_the_failure() -> None:
    root = caught(normal_hsa_id, None)

    assert fingerprint(caught(raises, RuntimeError("x"), root)) == "TypeError in schemas.ids.normal_hsa_id"


def test_a_fingerprint_of_the_databases_names_state_and_constraint() -> None:
    driver = asyncpg.UniqueViolationError("Key (id)=(191212121212) already exists.")
    driver.constraint_name = "patient_pkey"
    error = DBAPIError("INSERT", {}, EmulatedDBAPIException("x", driver))

    assert fingerprint(caught(raises, driver)) == "UniqueViolationError 23505 patient_pkey in unknown"
    assert fingerprint(caught(raises, error)) == "UniqueViolationError 23505 patient_pkey in unknown"
