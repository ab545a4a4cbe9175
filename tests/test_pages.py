"""The pages say what the code does: links lead somewhere, settings, topics and commands are all there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from infra.settings import Settings
from schemas.command import COMMANDS
from schemas.topics import TOPICS
from tests.harness.pages import PAGES, ROOT, page_name

_LINK = re.compile(r"\]\(([^)\s]+)\)")


def text(name: str) -> str:
    """A page, by its path in the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_link_of_a_page_leads_to_something_in_the_repository(page: Path) -> None:
    """Paths only; other sites are not asked."""
    links = [link.partition("#")[0] for link in _LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_setting_stands_in_the_table() -> None:
    """A new setting is written about, or this fails."""
    page = text("docs/running.md")
    assert [name for name in Settings.model_fields if f"`{name.upper()}`" not in page] == []


def test_every_topic_and_command_stands_in_the_newcomers_map() -> None:
    """Dead-letter topics stand there as one."""
    page = text("docs/topics.md")
    topics = [topic.name for topic in TOPICS if not topic.name.endswith(".dlq")]
    assert [name for name in (*topics, *(command.name for command in COMMANDS)) if f"`{name}`" not in page] == []


def test_every_decision_stands_in_the_index() -> None:
    """One record a file, numbered without gaps."""
    records = sorted(path.name for path in (ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert [int(name[:4]) for name in records] == list(range(1, len(records) + 1))
    assert [name for name in records if name not in text("docs/decisions/README.md")] == []
