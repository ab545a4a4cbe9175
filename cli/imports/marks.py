"""What the eye does not tell apart: invisible marks, kinds of spaces, of dashes and of quotation marks."""

from __future__ import annotations

import re

SOFT_HYPHEN = "\u00ad"
#: Unicode's format characters, and what else has no width: they come along when text is copied
INVISIBLE = (
    f"{SOFT_HYPHEN}\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff"
)
_invisible = re.compile(f"[{INVISIBLE}]+")
#: hyphens, dashes and minus signs; the first two are what a dash of Windows-1252 becomes in Latin-1
_DASHES = dict.fromkeys(map(ord, "\x96\x97\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63\uff0d"), "-")
#: an apostrophe keeps a cell as text in a spreadsheet, and word processors bend it
_QUOTES = "'\"’‘`´“”„»«"
_is_formula_text = re.compile(r'="?([^"]*)"?').fullmatch


def visible(text: str) -> str:
    """The text without invisible marks, and without spaces around it."""
    return text.strip() if text.isascii() else _invisible.sub("", text).strip()


def with_hyphens(text: str) -> str:
    """The text with every dash as the hyphen of the keyboard."""
    return text.translate(_DASHES)


def plain(cell: str) -> str:
    """The cell without what makes a spreadsheet take it for text: spaces around it, quotation marks, `="…"`."""
    text = visible(cell)
    formula = _is_formula_text(text)
    if formula is not None:
        text = formula[1]
    return text.strip(f"{_QUOTES} \u00a0\u202f")
