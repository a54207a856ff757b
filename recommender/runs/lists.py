r"""The list files of a run folder: the one place where they are written and read.

UTF-8, comma, `\n`, header; quotes only where RFC 4180 needs them, also round a lone `\r` and an empty text;
NULL is empty. Hashes of them are on record, so their bytes are what they were in every version. (`show` reads
them by `system/csvform.py`, without Arrow, and `forget` takes records out as bytes.)
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from recommender.errors import RefusedError
from recommender.runs.columns import Columns, read_columns, read_header, read_texts
from recommender.system.arrays import Float64s
from recommender.system.arrow import lines_of, pa
from recommender.system.csvform import decimal_text
from recommender.system.files import atomic_path
from recommender.tables import ListTable

_ROWS_AT_ONCE = 10_000
AGAIN = "Make the lists again: `recommend rank`, or `recommend run`."
_SCORES = [decimal_text(Decimal(thousandths) / 1000) for thousandths in range(1001)]


@dataclass(frozen=True)
class ListFile:
    """A list's file."""

    path: Path
    definition: ListTable

    @property
    def names(self) -> list[str]:
        """Of its columns, in order."""
        return [column.name for column in self.definition.columns]

    def write(self, parts: Iterable[Sequence[pa.DictionaryArray]] = ()) -> int:
        """Write it anew.

        Args:
            parts: its rows in order, by columns as `coded` makes them.

        Returns:
            How many rows there were.
        """
        n_rows = 0
        with atomic_path(self.path) as temporary, temporary.open("wb") as file:
            file.write((",".join(self.names) + "\n").encode())
            for part in parts:
                n_rows += len(part[0])
                columns = [(_quoted(column.dictionary), column.indices) for column in part]
                for start in range(0, len(part[0]), _ROWS_AT_ONCE):
                    rows = [texts.take(places.slice(start, _ROWS_AT_ONCE)) for texts, places in columns]
                    file.write(lines_of(rows, ","))
        return n_rows

    def read(self) -> Columns:
        """All of it.

        Raises:
            RefusedError: it is not in our form; names file, record and column.
        """
        self._require_columns()
        return read_columns(self.path, self.names)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Its rows, a block at a time, every column as texts.

        Raises:
            RefusedError: it is not in our form; names file, record and column.
        """
        self._require_columns()
        return read_texts(self.path, self.names)

    def _require_columns(self) -> None:
        # In their order too: PostgreSQL takes the file as it is.
        if read_header(self.path) != self.names:
            raise RefusedError(
                "run-damaged", f"{self.path} has other columns than {self.definition.name}.", AGAIN
            )


def coded(texts: Sequence[str] | pa.StringArray, rows: npt.NDArray[np.integer]) -> pa.DictionaryArray:
    """A column of a list.

    Args:
        texts: the distinct ones, or more.
        rows: for each row which of them, shape (rows,); -1 is NULL.
    """
    nulls = rows < 0
    # Without a mask the rows are taken as they lie, not copied.
    places = pa.array(rows, mask=nulls if nulls.any() else None)
    return pa.DictionaryArray.from_arrays(places, pa.array(texts, pa.string()))


def coded_positions(positions: npt.NDArray[np.integer]) -> pa.DictionaryArray:
    """The column of positions from 1, shape (rows,)."""
    return coded([*map(str, range(int(positions.max(initial=0)) + 1))], positions)


def coded_scores(scores: Float64s) -> pa.DictionaryArray:
    """The column of scores from 0 to 1, shape (rows,); three decimals of them are written."""
    return coded(_SCORES, np.rint(scores * 1000).astype(np.int16))


def _quoted(texts: pa.StringArray) -> pa.StringArray:
    """Texts as they stand in the file."""
    special = pc.match_substring_regex(texts, '^$|[",\r\n]')
    quoted = pc.binary_join_element_wise('"', pc.replace_substring(texts, '"', '""'), '"', "")
    return pc.if_else(special, quoted, texts)
