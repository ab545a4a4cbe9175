"""The SQL that docs/operating.md tells operators to type is understood by a database of this schema."""

from __future__ import annotations

import re

import asyncpg
import pytest

from tests.harness.pages import ROOT, blocks, spans

PAGE = ROOT / "docs/operating.md"
_STATEMENT = re.compile(r"(SELECT|UPDATE|DELETE|BEGIN|INSERT|ALTER)\b")
SQL = [one.text for one in blocks([PAGE]) if _STATEMENT.match(one.text)]
SQL += [span for _, span in spans([PAGE]) if _STATEMENT.match(span) and " " in span]
PLACES = {"<topic without prefix>": "vardval.listing.v1", "<partition>": "0", "<earliest>": "7", "<offset>": "7"}


def test_the_page_has_sql() -> None:
    """So that what is below looks at something."""
    assert len(SQL) >= 4


@pytest.mark.parametrize("sql", SQL)
async def test_the_sql_of_operating_md_runs_as_the_owner(sql: str, migrated_url: str) -> None:
    for place, value in PLACES.items():
        sql = sql.replace(place, value)
    assert "<" not in sql.replace("<=", "").replace("< now", "")
    pg = await asyncpg.connect(migrated_url)
    try:
        await pg.execute(sql)
    finally:
        await pg.close()
