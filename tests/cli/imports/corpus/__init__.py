"""A hundred small files as people make them, each with what must come out of it.

One module a family. A file is written out where it matters what stands in it: `\\u00ad` is a soft hyphen, `\\xa0` a
no-break space, `encoding` is what its program saved it in, and `bytes` stand as they lie on the disk.
"""

from tests.cli.imports.corpus import damaged, dates, encodings, exports, ids, pasted, quotes, rows, spreadsheets, titles
from tests.cli.imports.corpus.file import CsvFile

CORPUS: tuple[CsvFile, ...] = (
    *spreadsheets.FILES,
    *exports.FILES,
    *encodings.FILES,
    *quotes.FILES,
    *titles.FILES,
    *dates.FILES,
    *ids.FILES,
    *rows.FILES,
    *pasted.FILES,
    *damaged.FILES,
)
