"""What changed from one run to another, on a terminal: for `runs diff` and `run --dry-run`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from recommender.commands.common import figure, print_line, print_table
from recommender.system.text import Column

if TYPE_CHECKING:
    from recommender.runs.diff import Change, DataChanges, ListChanges, RunChanges

_COLUMNS = (Column(""), Column("then"), Column("now"))
_MOST_LETTERS = 40


def print_changes(found: "RunChanges") -> None:
    """All that differs, and last what can have moved the figures."""
    print_line(f"From {found.then} (day {found.days[0]}) to {found.now} (day {found.days[1]}):")
    changes = [*found.settings, *found.versions, *found.program, *found.machine, *found.model, *found.counts]
    if changes:
        print_table(_COLUMNS, [(c.name, _short(c.then), _short(c.now)) for c in changes], indent="  ")
    for name in found.queries:
        print_line(f"Query:   {name} is not the same; both are in the folders of the runs.")
    print_line(f"Data:    {_data(found)}")
    print_line(f"Lists:   {list_changes(found.lists) if found.lists else 'not kept on both sides'}")
    print_line(f"Quality: {_quality(found.quality)}")
    if found.quality and found.days[0] != found.days[1]:
        print_line("         (measured on past weeks that end with each run's own day)")
    words = found.words
    print_line(f"Changed: {_joined(words)}." if words else "Nothing that can move a result has changed.")


def list_changes(found: "ListChanges") -> str:
    """How the lists differ, in a line."""
    if found.changed_share is None:
        return "nobody has one"
    share = found.mean_overlap
    overlap = "" if share is None else f", {100 * share:.0f} % of the items the same"
    return (
        f"{100 * found.changed_share:.1f} % of {found.customers:,} customers' lists differ{overlap};"
        f" {found.new_customers:,} customers new, {found.lost_customers:,} gone"
    )


def _data(found: "RunChanges") -> str:
    if found.data is None:
        kept = "the sales are not kept on both sides"
        return f"the same; {kept}" if found.is_same_data else f"not the same; {kept}"
    return _sales(found.data)


def _sales(data: "DataChanges") -> str:
    return (
        f"sale lines {data.added:,} added, {data.changed:,} changed, {data.removed:,} removed"
        f" ({data.left_window:,} of these older than the window); customers {data.new_customers:,} new,"
        f" {data.lost_customers:,} gone; items {data.new_items:,} new, {data.lost_items:,} gone"
    )


def _quality(changes: "Sequence[Change]") -> str:
    if not changes:
        return "the same"
    return ", ".join(f"{c.name} {figure(c.then) or 'none'} to {figure(c.now) or 'none'}" for c in changes)


def _joined(words: Sequence[str]) -> str:
    return words[0] + " alone" if len(words) == 1 else ", ".join(words)


def _short(value: Any) -> str:
    """A value as one cell."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value)
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"
