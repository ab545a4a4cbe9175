"""Files as people make them: each is read for certain, or what is said of it can be seen and mended (running.md)."""

from __future__ import annotations

import contextlib
import csv
import io
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.imports.dates import start
from cli.imports.rows import read, rows
from cli.imports.table import read_table
from cli.imports.text import UnreadableFile, decoded
from tests.cli.imports.corpus import CORPUS
from tests.cli.imports.corpus.file import DAY, LISTED, TOLVAN, CsvFile, D, U
from tests.harness.builders import TODAY, import_links, listing
from tests.harness.region import ready


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.name)
def test_each_file_of_the_corpus_has_its_right_outcome(file: CsvFile, tmp_path: Path) -> None:
    assert outcome(file.written(tmp_path)) == {
        "links": file.links,
        "faulty": file.faulty,
        "refused": file.refused,
        "unused": file.unused,
    }


def test_the_corpus_has_a_hundred_different_files_each_with_one_outcome() -> None:
    assert len(CORPUS) >= 100
    assert {name: number for name, number in Counter(file.name for file in CORPUS).items() if number > 1} == {}
    assert {raw: number for raw, number in Counter(file.raw for file in CORPUS).items() if number > 1} == {}
    assert [file.name for file in CORPUS if bool(file.refused) == bool(file.links or file.faulty)] == []


def outcome(path: Path) -> dict[str, object]:
    """What is read of the file, and how the service judges it where all of the corpus's patients are listed."""
    try:
        table, sent = read(path, TODAY)
    except UnreadableFile as error:
        return {"links": {}, "faulty": {}, "refused": tuple(map(str, error.faults)), "unused": ()}
    region = ready(*map(listing, LISTED))
    region.happens(import_links(*sent, dry_run=True))
    faulty = {one["row"]: one["code"] for one in region.reply["faulty_rows"] or ()}
    links = {row.row: (row.patient_id, row.start) for row in sent if row.row not in faulty}
    return {"links": links, "faulty": faulty, "refused": (), "unused": tuple(map(str, table.unused))}


@settings(deadline=None)
@given(title=st.text(max_size=30), place=st.integers(0, 3), cell=st.sampled_from((DAY, "03/04/2026", "20 maj 2026")))
def test_under_whatever_title_no_date_is_dropped_in_silence(title: str, place: int, cell: str) -> None:
    """It becomes the row's date, or nothing of the file is sent."""
    text = io.StringIO(newline="")
    for cells, more in ((["Personnummer", "Enhet", "Läkare"], title), ([TOLVAN, U, D], cell)):
        csv.writer(text, delimiter=";").writerow([*cells[:place], more, *cells[place:]])
    with contextlib.suppress(UnreadableFile):
        (row,) = rows(read_table(decoded(text.getvalue().encode())), TODAY)
        assert row.start == start(cell)


@settings(deadline=None)
@given(file=st.sampled_from(CORPUS), data=st.data())
def test_a_file_of_the_corpus_bent_in_any_place_is_rows_or_refused_without_a_personnummer(
    file: CsvFile, data: st.DataObject
) -> None:
    """Bytes taken out and put in: a row, a fault with its line, never an exception that nobody foresaw (D1)."""
    begin = data.draw(st.integers(0, len(file.raw)))
    end = data.draw(st.integers(begin, min(len(file.raw), begin + 20)))
    raw = file.raw[:begin] + data.draw(st.binary(max_size=4)) + file.raw[end:]
    try:
        table = read_table(decoded(raw))
        assert [row.row for row in rows(table, TODAY)] == [line.number for line in table.lines]
        said = [*map(str, table.unused)]
    except UnreadableFile as error:
        said = [*map(str, error.faults)]
    assert [one for one in said if any(patient[2:] in one for patient in LISTED)] == []
