"""What stands in the repository's pages between fences and between backticks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "examples/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
_BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", flags=re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")


class Block(NamedTuple):
    """A fenced block: `before` is the page's text that leads to it, `language` empty where none is named."""

    page: str
    before: str
    language: str
    text: str


def page_name(page: Path) -> str:
    """A page's path in the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(pages: Iterable[Path] = PAGES) -> list[Block]:
    """Every fenced block, in the order of the pages, without the indentation of its list."""
    found = []
    for page in pages:
        content = page.read_text(encoding="utf-8")
        for block in _BLOCK.finditer(content):
            text = re.sub(rf"^{block[1]}", "", block[3], flags=re.MULTILINE)
            found.append(Block(page_name(page), content[: block.start()], block[2], text))
    return found


def block(page: str, part: str) -> str:
    """The one block of the page that holds `part`."""
    (found,) = [one.text for one in blocks([ROOT / page]) if part in one.text]
    return found


def spans(pages: Iterable[Path] = PAGES) -> list[tuple[str, str]]:
    """Every text between single backticks outside the blocks, on one line, with its page."""
    found = []
    for page in pages:
        prose = _BLOCK.sub("", page.read_text(encoding="utf-8"))
        found += [(page_name(page), " ".join(span.split())) for span in _SPAN.findall(prose)]
    return found
