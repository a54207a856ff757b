"""What a publish has to change in a table, from the files of two nights."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recommender.runs.csvcolumns import read_blocks
from recommender.system.files import new_file
from recommender.tables import GUEST_PREFIX, KeyKind

MOST_CHANGED = 0.3
"""With a greater share of changed lists all rows are replaced, which is quicker then."""

List = tuple[bytes, bytes, int]
"""The field of an owner, the lines of the owner's list, and how many rows these are."""


@dataclass(frozen=True)
class Patch:
    """The lists that differ."""

    owners: tuple[int | str, ...]
    """The keys of those whose rows have to go."""
    rows: int
    """How many rows these have."""
    path: Path
    """The rows that come, in the form of the list's own file."""


def make_patch(old: Path, new: Path, kind: KeyKind, path: Path, *, lists: int) -> Patch | None:
    """The difference of two files of one list, in bounded memory.

    Args:
        old: what is published.
        new: what is to be.
        kind: of the owners' keys, by which both are in order.
        path: where to write the rows that come.
        lists: how many lists the new file has.

    Returns:
        None where it is not worth it: too many lists differ.

    Raises:
        RefusedError: a file is not in our form.
        OSError: a file cannot be read or written.
    """
    owners: list[int | str] = []
    rows = changed = 0
    new_file(path)
    with new.open("rb") as whole, path.open("wb") as file:
        file.write(whole.readline())
        for before, after in _side_by_side(old, new, kind):
            if before == after:
                continue
            changed += 1
            if changed > MOST_CHANGED * lists:
                break
            if before is not None:
                owners.append(_place(before, kind)[1])
                rows += before[2]
            if after is not None:
                file.write(after[1])
    if changed > MOST_CHANGED * lists:
        path.unlink()
        return None
    return Patch(tuple(owners), rows, path)


def _side_by_side(old: Path, new: Path, kind: KeyKind) -> Iterator[tuple[List | None, List | None]]:
    """The lists of both files by owner, None where a file has none for that one."""
    olds, news = _lists(old), _lists(new)
    before, after = next(olds, None), next(news, None)
    while before is not None or after is not None:
        if after is None or (before is not None and _place(before, kind) < _place(after, kind)):
            yield before, None
            before = next(olds, None)
        elif before is None or _place(after, kind) < _place(before, kind):
            yield None, after
            after = next(news, None)
        else:
            yield before, after
            before, after = next(olds, None), next(news, None)


def _place(one: List, kind: KeyKind) -> tuple[bool, int | str]:
    """Where a list stands among the others: integers, then texts. The second part is the key itself."""
    owner = one[0].decode()
    if kind is KeyKind.INTEGER and not owner.startswith(GUEST_PREFIX):
        return False, int(owner)
    return True, owner[1:-1].replace('""', '"') if owner.startswith('"') else owner


def _lists(path: Path) -> Iterator[List]:
    """The lists of a file; a list's lines stand together."""
    last: List | None = None
    for _, block in read_blocks(path):
        if block is None:
            continue
        starts, ends = block.starts[:, 0], block.ends[:, 0]
        begins = np.ones(len(block), bool)
        words = block.field_words(starts, ends)
        if words is not None:  # else each line is looked at
            begins[1:] = np.any([word[1:] != word[:-1] for word in words], axis=0)
        firsts = np.flatnonzero(begins)
        stops = np.append(starts[firsts][1:], block.ends[-1, -1] + 1)
        counts = np.diff(np.append(firsts, len(block)))
        columns = (starts[firsts], ends[firsts], stops, counts)
        for start, end, stop, rows in zip(*(column.tolist() for column in columns), strict=True):
            owner, lines = block.data[start:end], block.data[start:stop]
            if last is not None and last[0] == owner:  # goes on from the last block
                last = (owner, last[1] + lines, last[2] + rows)
                continue
            if last is not None:
                yield last
            last = (owner, lines, rows)
    if last is not None:
        yield last
