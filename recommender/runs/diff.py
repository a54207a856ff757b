"""What changed from one run to another: settings, versions, data, lists, quality."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recommender.runs.folder import ITEMS, NEWEST, QUERIES, RULES, RULES_QUERY, Run, newest_sale
from recommender.runs.manifest import Day, Manifest, RunId
from recommender.tables import RECOMMENDATIONS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Hashes = npt.NDArray[np.uint64]

CustomerLists = Mapping[str, tuple[str, ...]]
"""Items in order of each customer's list; keys as texts."""
_LINES_AT_ONCE = 200_000
_MODE, _METHOD, _WEIGHT, _WAY = "mode", "method", "weight of ", "weights by"
_SAME_SALE = ("customer_id", "item_id", "sold_at", "order_id")
"""A line with the same of these is the same sale, whatever its quantity and price are now."""


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was."""

    name: str
    """What it is."""
    then: Any
    """Its value in the earlier run; null where it had none."""
    now: Any
    """Its value in the later run; null where it has none."""


@dataclass(frozen=True)
class DataChanges:
    """Sale lines, customers and items of two exports."""

    added: int
    """Sale lines that the later run has and the earlier one has not."""
    changed: int
    """Those of the same customer, item, time and order, with another quantity or price."""
    removed: int
    """Sale lines that the later run has not any more."""
    left_window: int
    """Of the removed, those that the later window no longer reaches back to."""
    new_customers: int
    """Customers with sales in the later run only."""
    lost_customers: int
    """Customers with sales in the earlier run only."""
    new_items: int
    """Items sold in the later run only."""
    lost_items: int
    """Items sold in the earlier run only."""


@dataclass(frozen=True)
class ListChanges:
    """How the customers' lists differ."""

    customers: int
    """Customers with a list on either side."""
    changed_share: float | None
    """Share of these whose list is not the same; null when there are none."""
    mean_overlap: float | None
    """Items in both lists by the longer one's length; the mean over customers with a list on both sides."""
    new_customers: int
    """Customers with a list now only."""
    lost_customers: int
    """Customers with a list then only."""


@dataclass(frozen=True)
class RunChanges:
    """What changed from one run to another."""

    then: RunId
    """The earlier run."""
    now: RunId
    """The later run."""
    days: tuple[Day, ...]
    """The shop's days of the two."""
    settings: list[Change]
    """Settings, by name."""
    versions: list[Change]
    """Python and packages."""
    program: list[Change]
    """Version of recommend, and its commit."""
    machine: list[Change]
    """What else the last bits can depend on."""
    queries: list[str]
    """Files of the owner that are not the same."""
    model: list[Change]
    """Mode and parent of the model; method and weights of the lists, and the way these were learned."""
    is_same_data: bool
    """Whether the sales and the items are the same."""
    is_same_rules: bool
    """Whether the shop's own rules of each run's day are the same."""
    counts: list[Change]
    """Counts of the two records, and `newest_sale`, a time."""
    quality: list[Change]
    """Figures of quality."""
    data: DataChanges | None = None
    """How sale lines, customers and items differ; null where an export is no longer kept."""
    lists: ListChanges | None = None
    """How the customers' lists differ; null where they are not kept on both sides."""
    changed: list[str] = field(default_factory=list)
    """What can have moved the result, in a few words: settings by name, the rest by kind."""


def compare_records(then: Manifest, now: Manifest) -> RunChanges:
    """What the records of two runs tell."""
    found = RunChanges(
        then=then.run_id,
        now=now.run_id,
        days=(then.as_of_day, now.as_of_day),
        settings=_changes(then.settings, now.settings),
        versions=_changes(then.versions, now.versions),
        program=_changes(then.program, now.program),
        machine=_changes(then.machine, now.machine),
        queries=[name for name in (*QUERIES, RULES_QUERY) if then.files.get(name) != now.files.get(name)],
        model=_changes(_model(then), _model(now)),
        is_same_data=then.data_sha256 == now.data_sha256 and then.files.get(ITEMS) == now.files.get(ITEMS),
        is_same_rules=then.files.get(RULES) == now.files.get(RULES),
        counts=_changes(_counts(then), _counts(now)),
        quality=_changes(then.quality, now.quality),
    )
    return dataclasses.replace(found, changed=_words(found))


def compare_runs(then: Run, now: Run, *, lists: ListChanges | None = None) -> RunChanges:
    """What the records and the files of two runs tell; of sales and lists only where both are kept.

    How the lists differ may be known already.
    """
    data, before, after = None, then.sales_path(), now.sales_path()
    if before is not None and after is not None:
        data = compare_sales(before, after, window_start=now.manifest.window_start)
    paths = [run.path(RECOMMENDATIONS.file_name) for run in (then, now)]
    if lists is None and all(path.is_file() for path in paths):
        lists = compare_lists(*map(lists_of, paths))
    return dataclasses.replace(compare_records(then.manifest, now.manifest), data=data, lists=lists)


def _changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    names = dict.fromkeys([*then, *now])
    return [Change(n, then.get(n), now.get(n)) for n in names if then.get(n) != now.get(n)]


def _words(found: RunChanges) -> list[str]:
    """What can have moved the result, in a few words."""
    names = [change.name for change in found.model]
    kinds = {
        "versions": found.versions,
        "program": found.program,
        "machine": found.machine,
        "queries": found.queries,
        "rules": not found.is_same_rules,
        "model": _MODE in names,
        "method": _METHOD in names,
        "weights": any(name == _WAY or name.startswith(_WEIGHT) for name in names),
    }
    data = [] if found.is_same_data else ["data"]
    settings = [change.name for change in found.settings]
    return data + settings + [kind for kind, changed in kinds.items() if changed]


def _counts(manifest: Manifest) -> dict[str, Any]:
    """The counts, the newest sale as a time."""
    counts = {name: count for name, count in manifest.counts.items() if name != NEWEST}
    return {**counts, "newest_sale": newest_sale(manifest)}


def _model(manifest: Manifest) -> dict[str, Any]:
    weights = {} if manifest.choice is None else manifest.choice.weights
    return {
        _MODE: None if manifest.model is None else manifest.model.mode,
        "parent": manifest.parent_run_id,
        _METHOD: manifest.method,
        _WAY: None if manifest.choice is None else manifest.choice.contestant,
        **{f"{_WEIGHT}{name}": value for name, value in weights.items()},
    }


def lists_of(path: Path) -> CustomerLists:
    """The lists of a `recommendations.csv`.

    Raises:
        RefusedError: it is not in our form.
    """
    import numpy as np

    from recommender.runs.lists import ListFile

    columns = ListFile(path, RECOMMENDATIONS).read()
    customers, owners = columns.take_texts("customer_id")
    items, listed = columns.take_texts("item_id")
    begins = np.flatnonzero(np.diff(owners, prepend=-1)).tolist()
    texts = [items[item] for item in listed.tolist()]
    return {
        customers[owners[begin]]: tuple(texts[begin:end]) for begin, end in pairwise([*begins, len(owners)])
    }


def compare_lists(then: CustomerLists, now: CustomerLists) -> ListChanges:
    """How the lists of two sides differ, customer by customer."""
    both = then.keys() & now.keys()
    everyone = len(then.keys() | now.keys())
    same = sum(then[customer] == now[customer] for customer in both)
    overlaps = sum(
        len({*then[customer]} & {*now[customer]}) / max(len(then[customer]), len(now[customer]))
        for customer in sorted(both)
    )
    return ListChanges(
        customers=everyone,
        changed_share=(everyone - same) / everyone if everyone else None,
        mean_overlap=overlaps / len(both) if both else None,
        new_customers=len(now) - len(both),
        lost_customers=len(then) - len(both),
    )


def compare_sales(then: Path, now: Path, *, window_start: str) -> DataChanges:
    """How two exports, plain or compressed, differ; `window_start` is as the record of the later one has it.

    Memory goes by the number of sale lines, 16 bytes for each, not by what stands in them.
    """
    import numpy as np

    before, after = _Hashed.of(then, window_start), _Hashed.of(now, window_start)
    rest_before, rest_after = before.not_in(after), after.not_in(before)
    gone, come = before.sales[rest_before], after.sales[rest_after]
    both = np.intersect1d(gone, come)
    counts = [
        np.bincount(np.searchsorted(both, sales[np.isin(sales, both)]), minlength=len(both))
        for sales in (gone, come)
    ]
    changed = int(np.minimum(*counts).sum())
    return DataChanges(
        added=len(come) - changed,
        changed=changed,
        removed=len(gone) - changed,
        left_window=int(np.count_nonzero(before.is_early[rest_before] & ~np.isin(gone, both))),
        new_customers=len(np.setdiff1d(after.customers, before.customers)),
        lost_customers=len(np.setdiff1d(before.customers, after.customers)),
        new_items=len(np.setdiff1d(after.items, before.items)),
        lost_items=len(np.setdiff1d(before.items, after.items)),
    )


@dataclass(frozen=True, eq=False)
class _Hashed:
    """An export as hashes of 64 bits; shapes (lines,) where nothing else is said."""

    lines: "Hashes"
    """of the whole line"""
    sales: "Hashes"
    """of what tells which sale it is"""
    is_early: "npt.NDArray[np.bool_]"
    """sold before the window of the later run"""
    customers: "Hashes"
    """of each customer once, shape (customers,)"""
    items: "Hashes"
    """of each item once, shape (items,)"""

    @classmethod
    def of(cls, path: Path, window_start: str) -> "_Hashed":
        import numpy as np
        import pandas as pd

        def hashes(frame: pd.DataFrame) -> "Hashes":
            return np.asarray(pd.util.hash_pandas_object(frame, index=False), np.uint64)

        parts: list[tuple[npt.NDArray[np.generic], ...]] = []
        with pd.read_csv(
            path, dtype=str, na_filter=False, chunksize=_LINES_AT_ONCE, lineterminator="\n"
        ) as reader:
            for frame in reader:
                # As moments: earlier versions wrote them in another form.
                frame["sold_at"] = pd.to_datetime(frame["sold_at"], format="ISO8601", utc=True)
                same = [name for name in _SAME_SALE if name in frame.columns]
                parts.append(
                    (
                        hashes(frame),
                        hashes(frame[same]),
                        (frame["sold_at"] < pd.Timestamp(window_start)).to_numpy(bool),
                        np.unique(hashes(frame[["customer_id"]])),
                        np.unique(hashes(frame[["item_id"]])),
                    )
                )
        nothing = (np.empty(0, np.uint64),) * 2 + (np.empty(0, bool),) + (np.empty(0, np.uint64),) * 2
        lines, sales, is_early, customers, items = map(np.concatenate, zip(nothing, *parts, strict=True))
        return cls(lines, sales, is_early, np.unique(customers), np.unique(items))

    def not_in(self, other: "_Hashed") -> "npt.NDArray[np.bool_]":
        """Which lines the other has not, equal ones counted."""
        import numpy as np

        order = np.argsort(self.lines, kind="stable")
        mine, theirs = self.lines[order], np.sort(other.lines)
        place = np.arange(len(mine)) - np.searchsorted(mine, mine)
        n_theirs = np.searchsorted(theirs, mine, side="right") - np.searchsorted(theirs, mine)
        found = np.empty(len(mine), bool)
        found[order] = place >= n_theirs
        return found
