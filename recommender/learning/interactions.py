"""Sales become users, items and a weighted matrix: netting of refunds, canonical order, decay.

Here the shop's words end: a customer is a user with a row number, an item a column number, and a customer's
many sales of an item one weighted interaction.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from recommender.learning.refunds import NOTHING, left_after_refunds
from recommender.runs.columns import Columns, read_columns
from recommender.runs.keys import Keys
from recommender.system.arrays import Bools, Float64s, Int32s, Int64s, UInt64s, distinct, starts
from recommender.system.machine import give_back_memory
from recommender.system.times import DAY_MICROSECONDS, SECOND_MICROSECONDS
from recommender.tables import KeyKind, is_guest

_LARGEST_CODE = np.iinfo(np.int64).max
_AT_ONCE = 1 << 17
"""Cells or purchases: what is worked out for all of them at once would be most of a night's memory."""


@dataclass(frozen=True, eq=False)
class Interactions:
    """What the sales say, on arrays. Users and items are numbered in canonical key order."""

    user_ids: Keys
    """every customer with a line of positive quantity, also one who gave everything back"""
    item_ids: Keys
    """every item with a line of positive quantity"""
    weights: "csr_matrix[np.float32]"
    """shape (users, items), float32, sorted indices: the sum over the pair's purchases of
    `0.5 ** (age in days / half-life)`; a pair with nothing left after refunds has no cell"""
    last_purchase: Int64s
    """shape (cells,), int64: microseconds of UTC of each cell's latest purchase, ordered as `weights.data`"""
    newest: int
    """microseconds of UTC of the newest sale line; what ages are counted back from (0 without sales)"""
    purchases: "Purchases"
    """what is left after refunds; what `weights` and everything else was made from"""
    history: UInt64s
    """shape (users,), uint64: fingerprint of the user's net purchases (item key and time), the same in every
    load, process and machine as long as these purchases are the same"""
    n_sales: int
    """sale lines read"""
    data_sha256: str
    """hex digest over the lines in canonical order"""

    def histories_until(self, moment: int) -> tuple[UInt64s, Int64s]:
        """`history` as it was at a moment (microseconds of UTC), and each user's first purchase.

        Returns:
            Hashes of shape (users,), 0 for those without a purchase before; and times, shape (users,).
        """
        purchases, n_users = self.purchases, len(self.user_ids)
        known = purchases.times < moment
        before = Purchases(purchases.users[known], purchases.items[known], purchases.times[known])
        first = np.full(n_users, np.iinfo(np.int64).max)
        begins = np.flatnonzero(starts(purchases.users))
        first[purchases.users[begins]] = np.minimum.reduceat(purchases.times, begins)
        return _histories(before, _key_hashes(self.item_ids), n_users=n_users), first

    def for_training(self) -> "Interactions":
        """What a training looks at: without the purchases, which take most of the memory."""
        nothing = np.empty(0, np.int64)
        no_purchases = Purchases(nothing.astype(np.int32), nothing.astype(np.int32), nothing)
        return dataclasses.replace(self, last_purchase=nothing, purchases=no_purchases)

    def guests(self) -> Bools:
        """Whether each user is a guest, shape (users,)."""
        start = len(self.user_ids.integers)
        flags = np.zeros(len(self.user_ids), bool)
        flags[start:] = [is_guest(text) for text in self.user_ids.texts]
        return flags


@dataclass(frozen=True, eq=False)
class Purchases:
    """Net purchases in canonical order: user, item, time; all shapes (purchases,)."""

    users: Int32s
    """index into the users of the interactions"""
    items: Int32s
    """index into their items"""
    times: Int64s
    """microseconds of UTC"""

    def cells(self) -> Int64s:
        """The first purchase of each pair of user and item, in the order of the weights' cells."""
        return np.flatnonzero(starts(self.users, self.items))

    def parts(self, cells: Int64s) -> "Iterator[Part]":
        """All of them in order, in whole cells, some at a time: what is worked out for all is much memory.

        Args:
            cells: as the method of that name returns them.
        """
        begins = np.append(cells, len(self.times))
        for first in range(0, len(cells), _AT_ONCE):
            own = begins[first : first + _AT_ONCE + 1]
            rows = slice(own[0], own[-1])
            which = slice(first, first + len(own) - 1)
            yield Part(which, own[:-1] - own[0], self.users[rows], self.items[rows], self.times[rows])


@dataclass(frozen=True, eq=False)
class Part:
    """Some whole cells, and their purchases."""

    cells: slice
    begins: Int64s
    """shape (cells,): the first of each cell's purchases, among those of the part"""
    users: Int32s
    """shape (purchases of the part,), as the others"""
    items: Int32s
    times: Int64s

    @property
    def lasts(self) -> Int64s:
        """The last of each cell's purchases, shape (cells,)."""
        return np.append(self.begins[1:], len(self.times)) - 1

    def decayed(self, *, newest: int, half_life_days: float) -> Float64s:
        """For each cell the sum over its purchases of `0.5 ** (age in days / half-life)`, the oldest first.

        Args:
            newest: microseconds of UTC, from which ages count back.
            half_life_days: a purchase counts half after so many days.
        """
        purchases = np.exp2((self.times - newest) / (half_life_days * DAY_MICROSECONDS))
        sums: Float64s = np.add.reduceat(purchases, self.begins)
        return sums


@dataclass(frozen=True, eq=False)
class SaleLines:
    """Sale lines in canonical order: user, item, time, quantity; all shapes (lines,)."""

    user_ids: Keys
    """every customer of the lines"""
    item_ids: Keys
    """every item of the lines"""
    users: Int32s
    """index into `user_ids`"""
    items: Int32s
    """index into `item_ids`"""
    times: Int64s
    """microseconds of UTC"""
    quantities: Float64s
    begins: Bools
    """whether the line is the first of its user, item and time"""

    @property
    def newest(self) -> int:
        """Time of the newest line, microseconds of UTC; 0 without lines."""
        return int(self.times.max(initial=0))

    def before(self, moment: int) -> "SaleLines":
        """The lines before a moment (microseconds of UTC), with the same keys: what was known then."""
        known = self.times < moment
        return dataclasses.replace(
            self,
            users=self.users[known],
            items=self.items[known],
            times=self.times[known],
            quantities=self.quantities[known],
            begins=self.begins[known],
        )

    def without(self, customers: Container[str]) -> "SaleLines":
        """The lines of all but some customers, and the keys of these lines alone."""
        gone = np.array([text in customers for text in self.user_ids.as_texts()], bool)
        if not gone.any():
            return self
        stay = ~gone[self.users]
        users, items = self.users[stay], self.items[stay]
        user_ids, new_user = _kept(self.user_ids, users)
        item_ids, new_item = _kept(self.item_ids, items)
        return SaleLines(
            user_ids,
            item_ids,
            new_user[users],
            new_item[items],
            self.times[stay],
            self.quantities[stay],
            self.begins[stay],
        )


def load_sale_lines(path: Path, *, customer_kind: KeyKind, item_kind: KeyKind) -> SaleLines:
    """Read `sales.csv` or `sales.csv.gz` of a run folder.

    Args:
        path: columns `customer_id`, `item_id`, `sold_at` and, where there is one, `quantity` (else 1).
        customer_kind: what the customers' keys are; beside integers there may be guests' keys.
        item_kind: what the items' keys are.

    Raises:
        RefusedError: the file is not in our form.
    """
    columns = read_columns(path, ("customer_id", "item_id", "sold_at"), ("quantity",), times=("sold_at",))
    return _sorted_lines(columns, customer_kind, item_kind)


def make_interactions(lines: SaleLines, *, half_life_days: float) -> Interactions:
    """Users, items and weights of the lines.

    Lines of one customer, item and time are one purchase. A negative sum first takes away from the same
    customer's latest earlier purchases of the item; more than there is to take is ignored. What is left of
    a purchase counts once, whatever its quantity.

    Args:
        lines: the sales.
        half_life_days: a purchase counts half after so many days, back from the newest line.
    """
    newest = lines.newest
    kept = _net_purchases(lines)
    sold = lines.quantities > 0
    user_ids, new_user = _kept(lines.user_ids, lines.users[sold])
    item_ids, new_item = _kept(lines.item_ids, lines.items[sold])
    del sold
    purchases = Purchases(new_user[lines.users[kept]], new_item[lines.items[kept]], lines.times[kept])
    del kept, new_user, new_item
    weights, last_purchase = _weigh(
        purchases, shape=(len(user_ids), len(item_ids)), newest=newest, half_life=half_life_days
    )
    return Interactions(
        user_ids=user_ids,
        item_ids=item_ids,
        weights=weights,
        last_purchase=last_purchase,
        newest=newest,
        purchases=purchases,
        history=_histories(purchases, _key_hashes(item_ids), n_users=len(user_ids)),
        n_sales=len(lines.times),
        data_sha256=_digest(lines),
    )


def _sorted_lines(columns: Columns, customer_kind: KeyKind, item_kind: KeyKind) -> SaleLines:
    """The lines in canonical order; here the order in which they were read is forgotten.

    A line's user, item and time become one number, which sorts fast and gives them back after sorting, so
    that the columns as read can be let go early: they are most of the memory that a night takes.
    """
    n_sales = columns.n_records
    user_ids, users = columns.take_keys("customer_id", customer_kind, guests=True)
    codes = users.astype(np.int64)
    del users
    item_ids, items = columns.take_keys("item_id", item_kind)
    codes *= max(len(item_ids), 1)
    codes += items
    del items
    n_cells = max(len(user_ids) * len(item_ids), 1)
    moment, n_moments, time_of = _numbered(columns.take_times("sold_at"), most=_LARGEST_CODE // n_cells)
    cells = None
    if n_cells * n_moments > _LARGEST_CODE:
        cells, compact = distinct(codes)
        codes = compact.astype(np.int64)  # fewer than 2**31, as the moments are, so the product fits
    codes *= n_moments
    codes += moment
    del moment
    give_back_memory()
    order = np.argsort(codes)
    codes = codes[order]
    begins = starts(codes)
    amounts = columns.take_numbers("quantity")[order] if "quantity" in columns else np.ones(n_sales)
    del order
    # Lines of one user, item and time, few as a rule, are put in order by their quantity.
    shared = np.flatnonzero(~(begins & np.append(begins[1:], True)))
    amounts[shared] = amounts[shared][np.lexsort((amounts[shared], codes[shared]))]
    codes, moment = np.divmod(codes, n_moments)
    sold_at = time_of(moment)
    del moment
    users, items = np.divmod(codes if cells is None else cells[codes], max(len(item_ids), 1))
    return SaleLines(
        user_ids, item_ids, users.astype(np.int32), items.astype(np.int32), sold_at, amounts, begins
    )


def _numbered(times: Int64s, *, most: int) -> tuple[Int64s, int, Callable[[Int64s], Int64s]]:
    """Numbers from 0 for times, in their order.

    Seconds since the first one, where these are no more than wanted; else places among the distinct times,
    which takes a sort.

    Returns:
        The numbers, shape as the times; how many there may be, at least 1; and what turns them into times.
    """
    first, last = int(times.min(initial=_LARGEST_CODE)), int(times.max(initial=0))
    step = 1 if (times % SECOND_MICROSECONDS).any() else SECOND_MICROSECONDS
    count = (last - first) // step + 1
    if len(times) and count <= most:
        times -= first
        times //= step
        return times, count, lambda numbers: first + numbers * step
    moments, numbers = distinct(times)
    return numbers.astype(np.int64), max(len(moments), 1), lambda numbers: moments[numbers]


def _net_purchases(lines: SaleLines) -> Int64s:
    """The first lines of the purchases that are left after refunds; indexes of lines, ascending."""
    # Refunds concern one user alone.
    found = [_net_of(lines, part) + part.start for part in whole_users(lines.users)]
    return np.concatenate([np.empty(0, np.int64), *found])


def whole_users(users: Int32s) -> Iterator[slice]:
    """Slices of rows in order of their user, of about so many rows, each with all rows of its users."""
    begin = 0
    while begin < len(users):
        last = users[min(begin + _AT_ONCE, len(users)) - 1]
        end = int(np.searchsorted(users, last, side="right"))
        yield slice(begin, end)
        begin = end


def _net_of(lines: SaleLines, part: slice) -> Int64s:
    """The same for some users; indexes of the part's lines."""
    firsts = np.flatnonzero(lines.begins[part])
    left = np.add.reduceat(lines.quantities[part], firsts)
    users, items = lines.users[part][firsts], lines.items[part][firsts]
    cells = np.cumsum(starts(users, items)) - 1
    has_refund = np.zeros(len(firsts), bool)
    has_refund[cells[left < 0]] = True
    affected = np.flatnonzero(has_refund[cells])
    pairs = groupby(zip(cells[affected].tolist(), left[affected].tolist(), strict=True), itemgetter(0))
    left[affected] = [kept for _, pair in pairs for kept in left_after_refunds(each for _, each in pair)]
    return firsts[left > NOTHING]


def _kept(keys: Keys, indexes: Int32s) -> tuple[Keys, Int32s]:
    """The keys at these indexes, and each old index's new one."""
    keep = np.zeros(len(keys), bool)
    keep[indexes] = True
    return keys.where(keep), np.cumsum(keep, dtype=np.int32) - np.int32(1)


def _weigh(
    purchases: Purchases, *, shape: tuple[int, int], newest: int, half_life: float
) -> "tuple[csr_matrix[np.float32], Int64s]":
    """The matrix of weights, and the time of each cell's latest purchase.

    The purchases come in canonical order, so the cells do, and every sum adds the oldest purchase first.
    """
    cells = purchases.cells()
    n_of_user = np.zeros(shape[0], np.int64)
    data, items = np.empty(len(cells), np.float32), np.empty(len(cells), np.int32)
    lasts = np.empty(len(cells), np.int64)
    for part in purchases.parts(cells):
        users = part.users[part.begins]
        data[part.cells] = part.decayed(newest=newest, half_life_days=half_life)
        items[part.cells] = part.items[part.begins]
        lasts[part.cells] = part.times[part.lasts]
        counts = np.bincount(users - users[0])
        n_of_user[users[0] : users[0] + len(counts)] += counts
    indptr = np.zeros(shape[0] + 1, np.int32)
    np.cumsum(n_of_user, out=indptr[1:])
    weights = csr_matrix((data, items, indptr), shape=shape)
    weights.has_sorted_indices = True
    return weights, lasts


def _mixed(words: UInt64s) -> UInt64s:
    """The finalizer of splitmix64 (Steele, Lea, Flood 2014): a bijection that spreads every bit."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _key_hashes(keys: Keys) -> UInt64s:
    """64 bits for each key, the same on every machine, shape (len(keys),)."""
    golden = np.uint64(0x9E3779B97F4A7C15)
    integers = _mixed(keys.integers.astype(np.uint64) + golden)
    texts = [hashlib.blake2b(text.encode(), digest_size=8).digest() for text in keys.texts]
    return np.concatenate([integers, np.frombuffer(b"".join(texts), "<u8").astype(np.uint64)])


def _histories(purchases: Purchases, item_hashes: UInt64s, *, n_users: int) -> UInt64s:
    """For each user the sum (modulo 2**64) over the purchases of a hash of item and time."""
    result = np.zeros(n_users, np.uint64)
    for begin in range(0, len(purchases.users), _AT_ONCE):
        part = slice(begin, begin + _AT_ONCE)
        users = purchases.users[part]
        hashes = _mixed(item_hashes[purchases.items[part]] + _mixed(purchases.times[part].astype(np.uint64)))
        firsts = np.flatnonzero(starts(users))
        result[users[firsts]] += np.add.reduceat(hashes, firsts)
    return result


def _digest(lines: SaleLines) -> str:
    """SHA-256 over the keys and the sorted lines; little-endian whatever the machine."""
    digest = hashlib.sha256()
    for keys in (lines.user_ids, lines.item_ids):
        texts = [text.encode() for text in keys.texts]
        digest.update(np.array([len(keys.integers), len(texts), *map(len, texts)], "<i8").data)
        digest.update(np.ascontiguousarray(keys.integers, "<i8").data)
        digest.update(b"".join(texts))
    for column, dtype in (
        (lines.users, "<i4"),
        (lines.items, "<i4"),
        (lines.times, "<i8"),
        (lines.quantities, "<f8"),
    ):
        digest.update(np.ascontiguousarray(column, dtype).data)
    return digest.hexdigest()
