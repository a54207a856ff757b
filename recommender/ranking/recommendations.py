"""The lists: what every customer is shown, in which order, and why.

Here the field's words end: rows of arrays become customers and items again, by key.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from scipy.sparse import csr_matrix

from recommender.learning.interactions import Interactions
from recommender.learning.signals import Signals
from recommender.learning.sizes import WHOLE, Blocks
from recommender.ranking.best import rank
from recommender.ranking.reasons import NEW, POPULAR, Reasons, find_reasons
from recommender.ranking.rows import DECIMALS, fill
from recommender.runs.items import Catalogue
from recommender.runs.keys import Keys
from recommender.system.arrays import Bools, Float64s, Int32s, Int64s, UInt8s
from recommender.system.threads import Progress


@dataclass(frozen=True, eq=False)
class Recommendations:
    """The rows of some customers, in order of customer and position; all shapes (rows,)."""

    customers: Keys
    items: Keys
    """every item of the catalogue, the sales and the model"""
    customer: Int32s
    """index into `customers`"""
    position: Int32s
    """from 1 in each list"""
    item: Int32s
    """index into `items`"""
    score: Float64s
    """relative to the list: 1 in its first row, never rising, 3 decimals"""
    reason: UInt8s
    """index into `REASONS`"""
    because: Int32s
    """index into `items` of the customer's own item that contributes most; -1 unless the reason is `model`"""


@dataclass(frozen=True, eq=False)
class PopularItems:
    """The list for visitors: most popular first, then what nobody has bought; shapes (rows,)."""

    items: Keys
    item: Int32s
    """index into `items`"""
    score: Float64s
    """popularity relative to the first row, whose score is 1; 3 decimals"""


@dataclass(frozen=True, eq=False)
class Lists:
    """All lists of a night."""

    recommendations: Iterator[Recommendations]
    """made when they are asked for, some customers at a time: those of all take more memory than the rest"""
    popular_items: PopularItems


def make_lists(
    interactions: Interactions,
    signals: Signals,
    weights: Float64s,
    catalogue: Catalogue,
    *,
    never: Keys,
    n: int,
    popular_items: int,
    exclude_seen: bool,
    publish_guests: bool,
    threads: int,
    blocks: Blocks = WHOLE,
    progress: Progress | None = None,
) -> Lists:
    """All lists of a night.

    A customer has the n best candidates under the weights of the signals. Where these are fewer than n,
    popular items follow, then items that nobody bought in the window, in canonical order. Only sellable items
    that are not on the never-list are taken, each once, and none that the customer has bought if
    `exclude_seen`. So everybody has n rows wherever the catalogue allows; a customer without any possible
    item has none.

    Args:
        interactions: the sales.
        signals: made from them.
        weights: shape (signals,): of each signal; all 0 for lists of popular items alone.
        catalogue: which items there are and may be sold.
        never: items that are never recommended.
        n: rows of a customer's list.
        popular_items: rows of the list for visitors.
        exclude_seen: leave out what the customer has bought.
        publish_guests: make lists for guests too.
        threads: how many to use, at least 1.
        blocks: how much is worked on at once.
        progress: called with parts of the work done and in all.
    """
    space = _item_space(signals, catalogue, never)
    users = np.arange(len(interactions.user_ids))
    if not publish_guests:
        users = users[~interactions.guests()]
    n_parts = -(-len(users) // blocks.customers)

    def part(number: int) -> Recommendations:
        own = users[number * blocks.customers : (number + 1) * blocks.customers]
        chosen = _choose(
            signals,
            weights,
            space,
            own,
            n=n,
            exclude_seen=exclude_seen,
            threads=threads,
            blocks=blocks,
            progress=_share(progress, number, n_parts),
        )
        seen = interactions.weights[own] if exclude_seen else None
        return _joined(interactions.user_ids, own, space, chosen, _filled(chosen.items, seen, space))

    best = space.fill_order[:popular_items]
    most = float(space.popularity[best].max(initial=0))
    relative = space.popularity[best] / (most or 1.0)
    relative[:1] = 1
    return Lists(
        recommendations=map(part, range(n_parts)),
        popular_items=PopularItems(space.keys, best, np.round(relative, DECIMALS)),
    )


def top_lists(
    signals: Signals,
    weights: Float64s,
    users: Int64s,
    *,
    allowed: Bools,
    n: int,
    exclude_seen: bool,
    threads: int,
) -> Int32s:
    """What `make_lists` would recommend to some users were the items of the sales the whole catalogue.

    Args:
        signals: of the night.
        weights: shape (signals,): of each signal.
        users: shape (users,): indexes into the signals' users.
        allowed: shape (items,): the items that may be in a list.
        n: rows of a list.
        exclude_seen: leave out what the user has bought.
        threads: how many to use, at least 1.

    Returns:
        Items of the signals, shape (users, n), best first; -1 where a list is shorter.
    """
    names = (None,) * len(allowed)
    space = _item_space(signals, Catalogue(signals.item_ids, names, allowed, None), Keys.of())
    lists = rank(
        signals, weights, users, allowed=allowed, exclude_seen=exclude_seen, n=n, threads=threads
    ).items
    return _filled(lists, signals.weights[users] if exclude_seen else None, space)


@dataclass(frozen=True, eq=False)
class _ItemSpace:
    """All items that anything knows, in canonical order; shapes (items,) where nothing else is said."""

    keys: Keys
    of_sales: Int32s
    """index here of each item of the interactions"""
    allowed: Bools
    """sellable and not on the never-list"""
    popularity: Float64s
    is_new: Bools
    """without any sale in the window"""
    fill_order: Int32s
    """the allowed items: most popular first, then what was sold but given back, then what was never sold"""


def _item_space(signals: Signals, catalogue: Catalogue, never: Keys) -> _ItemSpace:
    known = (catalogue.ids, signals.item_ids)
    keys = Keys.of(
        chain.from_iterable(ids.integers.tolist() for ids in known),
        chain.from_iterable(ids.texts for ids in known),
    )
    of_sales = keys.find(signals.item_ids).astype(np.int32)
    allowed = catalogue.allowed(keys, never)
    popular = np.zeros(len(keys))
    popular[of_sales] = signals.popularity
    is_new = np.ones(len(keys), bool)
    is_new[of_sales] = False
    order = np.lexsort((is_new, -popular))
    return _ItemSpace(
        keys=keys,
        of_sales=of_sales,
        allowed=allowed,
        popularity=popular,
        is_new=is_new,
        fill_order=order[allowed[order]].astype(np.int32),
    )


@dataclass(frozen=True, eq=False)
class _Chosen:
    """The best candidates; shapes (users, n), items of the item space, -1 where a list is shorter."""

    items: Int32s
    scores: Float64s
    reasons: Reasons


def _choose(
    signals: Signals,
    weights: Float64s,
    space: _ItemSpace,
    users: Int64s,
    *,
    n: int,
    exclude_seen: bool,
    threads: int,
    blocks: Blocks,
    progress: Progress | None,
) -> _Chosen:
    allowed = space.allowed[space.of_sales]
    ranked = rank(
        signals,
        weights,
        users,
        allowed=allowed,
        exclude_seen=exclude_seen,
        n=n,
        threads=threads,
        scores_at_once=blocks.scores,
        progress=_share(progress, 0, 2),
    )
    found = find_reasons(
        signals,
        weights,
        users,
        ranked,
        allowed=allowed,
        threads=threads,
        numbers_at_once=blocks.numbers,
        progress=_share(progress, 1, 2),
    )
    names = np.append(space.of_sales, np.int32(-1))  # so that -1 stays -1
    return _Chosen(names[ranked.items], ranked.scores, Reasons(found.reason, names[found.because]))


def _share(progress: Progress | None, number: int, of: int) -> Progress | None:
    """Progress of one of so many parts of the work."""
    if progress is None:
        return None
    return lambda done, total: progress(number * total + done, of * total)


def _filled(lists: Int32s, seen: "csr_matrix[np.float32] | None", space: _ItemSpace) -> Int32s:
    """The lists with popular items behind the model's, then new ones.

    Args:
        lists: shape (users, n), items of the space, -1 where a list is shorter.
        seen: shape (users, items of the interactions): what the users have bought; None leaves out none.
        space: the items.
    """
    n_items = len(space.keys)
    if seen is not None:
        places = space.of_sales[seen.indices]
        seen = csr_matrix((seen.data, places, seen.indptr), shape=(len(lists), n_items))
    return fill(lists, space.fill_order, n_items=n_items, seen=seen)


def _joined(
    customers: Keys, users: Int64s, space: _ItemSpace, chosen: _Chosen, lists: Int32s
) -> Recommendations:
    """The best candidates and what follows them, as rows with relative scores.

    Args:
        customers: keys of all users.
        users: index into `customers` of each row of `chosen`.
        space: the items.
        chosen: the best candidates.
        lists: these and what follows them, shape (users, n).
    """
    n_chosen = np.count_nonzero(chosen.items >= 0, axis=1)
    row, rank = np.nonzero(lists >= 0)
    item, is_chosen = lists[row, rank], rank < n_chosen[row]
    relative, last = _relative(chosen.scores, n_chosen)
    # Popular items are relative to the first of them in the list, below the last candidate.
    base = space.popularity[lists[row, np.minimum(n_chosen[row], lists.shape[1] - 1)]]
    popular = np.divide(space.popularity[item], base, out=np.zeros(len(row)), where=base > 0)
    score: Float64s = np.where(is_chosen, relative[row, rank], last[row] * popular)
    score[rank == 0] = 1
    return Recommendations(
        customers=customers,
        items=space.keys,
        customer=users[row].astype(np.int32),
        position=(rank + 1).astype(np.int32),
        item=item,
        score=np.round(score, DECIMALS),
        reason=np.where(
            is_chosen, chosen.reasons.reason[row, rank], np.where(space.is_new[item], NEW, POPULAR)
        ).astype(np.uint8),
        because=chosen.reasons.because[row, rank],
    )


def _relative(scores: Float64s, n_chosen: Int64s) -> tuple[Float64s, Float64s]:
    """Scores relative to the first of each list, within 0 and 1, and the last one of each (1 without any).

    The exponential of the difference of two scores says how much likelier one purchase is than the other.
    """
    relative = np.exp(scores - scores[:, :1])
    return relative, np.where(n_chosen > 0, relative[np.arange(len(scores)), np.maximum(n_chosen - 1, 0)], 1)
