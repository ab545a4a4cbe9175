"""Files as people make them: each is read for certain, or what is said of it can be seen and mended (running.md)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from cli.imports.rows import read
from cli.imports.text import UnreadableFile
from tests.cli.imports.corpus import CORPUS
from tests.cli.imports.corpus.file import LISTED, CsvFile
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
        table, rows = read(path, TODAY)
    except UnreadableFile as error:
        return {"links": {}, "faulty": {}, "refused": tuple(map(str, error.faults)), "unused": ()}
    region = ready(*map(listing, LISTED))
    region.happens(import_links(*rows, dry_run=True))
    faulty = {one["row"]: one["code"] for one in region.reply["faulty_rows"] or ()}
    links = {row.row: (row.patient_id, row.start) for row in rows if row.row not in faulty}
    return {"links": links, "faulty": faulty, "refused": (), "unused": tuple(map(str, table.unused))}
