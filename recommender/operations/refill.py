"""The lists of an earlier run once more, for what may be sold now."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from pathlib import Path

from recommender.errors import RefusedError
from recommender.ranking.reasons import Reason
from recommender.system.csvform import decimal_text, quote, read_records
from recommender.system.files import atomic_path
from recommender.tables import RECOMMENDATIONS, ListTable, Role

Record = Sequence[str | None]
Popular = Sequence[tuple[str, float]]
"""Items and scores of the popular list, best first."""
_POSITION, _SCORE = "position", "score"


@dataclass
class Changes:
    """What became of the rows of a list."""

    rows: int = 0
    """written"""
    dropped: int = 0
    """of items that may not be sold any more"""
    filled: int = 0
    """popular items in the place of these"""


def popular_of(path: Path, sellable: Collection[str]) -> Popular:
    """What the popular list has, of what may be sold now."""
    records = _read(path)
    header = next(records)
    item, score = header.index("item_id"), header.index(_SCORE)
    return [(str(record[item]), float(record[score] or 0)) for record in records if record[item] in sellable]


def write_again(
    old: Path,
    new: Path,
    definition: ListTable,
    *,
    sellable: Collection[str],
    popular: Popular,
    bought: Callable[[str], Collection[str]] | None,
    leave_out: Callable[[str], bool],
) -> Changes:
    """Write a list again without what may not be sold now.

    Positions have no gaps and scores are relative to the new first row. A customer's recommendations are as
    many as before: what drops out makes room for popular items behind the rest.

    Args:
        old: the file of the earlier run.
        new: where to write.
        definition: the list.
        sellable: items that may be recommended now.
        popular: what the lists are filled with.
        bought: the items that a customer has bought, which are no fill; None where nothing may be filled.
        leave_out: whether a customer has no rows.

    Raises:
        RefusedError: the old file is not in our form.
    """
    names = [column.name for column in definition.columns]
    records = _read(old)
    if list(next(records)) != names:
        raise RefusedError(f"{old} has other columns than {definition.name}.", "Take another run.")
    shown = next(
        i for i, column in enumerate(definition.columns) if column.role is Role.ITEM and column.shown
    )
    owner = names.index(definition.key[0]) if len(definition.key) > 1 else None
    position, score = names.index(_POSITION), names.index(_SCORE)
    changes = Changes()
    with atomic_path(new) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(names) + "\n")
        for key, group in groupby(records, key=lambda record: None if owner is None else record[owner]):
            if "customer_id" in names and leave_out(str(key)):
                continue
            rows = list(group)
            kept = [list(record) for record in rows if record[shown] in sellable]
            dropped = len(rows) - len(kept)
            changes.dropped += dropped
            if dropped and definition is RECOMMENDATIONS and bought is not None:
                fill = _fill(str(key), kept, dropped, popular, {*bought(str(key))})
                changes.filled += len(fill)
                kept += fill
            _renumber(kept, position, score)
            changes.rows += len(kept)
            file.writelines(",".join(map(_field, record)) + "\n" for record in kept)
    return changes


def _fill(
    customer: str, kept: Sequence[Record], missing: int, popular: Popular, bought: Collection[str]
) -> list[list[str | None]]:
    """So many popular items behind the kept ones, as rows of `recommendations`.

    Their scores are relative to the first of them, below the last that was kept, as a night's fill has them.
    """
    listed = {record[2] for record in kept}
    found = [(item, score) for item, score in popular if item not in listed and item not in bought][:missing]
    last = float(kept[-1][3] or 0) if kept else 1.0
    first = found[0][1] if found else 0.0
    return [
        [customer, None, item, _decimals(last * score / first if first else 0.0), str(Reason.POPULAR), None]
        for item, score in found
    ]


def _renumber(rows: Sequence[list[str | None]], position: int, score: int) -> None:
    """Positions from 1, and scores relative to the first row, where the list has changed."""
    if not rows or (rows[0][position] == "1" and rows[-1][position] == str(len(rows))):
        return
    first = float(rows[0][score] or 0)
    for place, row in enumerate(rows, 1):
        row[position] = str(place)
        if place == 1:
            row[score] = "1"
        elif first:
            row[score] = _decimals(float(row[score] or 0) / first)


def _decimals(score: float) -> str:
    return decimal_text(Decimal(round(1000 * score)) / 1000)


def _field(text: str | None) -> str:
    return "" if text is None else quote(text)


def _read(path: Path) -> Iterator[Record]:
    try:
        records = read_records(path)
        yield next(records)
        yield from records
    except (OSError, StopIteration, UnicodeDecodeError) as error:
        raise RefusedError(f"{path} cannot be read: {error}.", "Take another run.") from error
