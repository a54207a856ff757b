"""The lists: what every customer is shown, in which order, and why.

Here the field's words end: rows of arrays become customers and items again, by key.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from scipy.sparse import csr_matrix

from recommender.learning.interactions import Interactions
from recommender.learning.signals import Signals
from recommender.learning.sizes import WHOLE, Blocks
from recommender.ranking.best import rank
from recommender.ranking.listrules import NO_RULES, Arrivals, ListRules, ShopRules, ages
from recommender.ranking.places import Places
from recommender.ranking.reasons import NEW, POPULAR, RULE, Reasons, find_reasons
from recommender.ranking.rows import DECIMALS, fill, not_rising
from recommender.ranking.ruled import ItemOrder, RuledLists, ruled_lists
from recommender.runs.items import Catalogue
from recommender.runs.keys import Keys
from recommender.system.arrays import Bools, Float64s, Int32s, Int64s, UInt8s
from recommender.system.threads import Progress
from recommender.tables import POPULAR_ITEMS, RECOMMENDATIONS, ListTable


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
    rules: ShopRules = NO_RULES,
    is_blend: bool = True,
    blocks: Blocks = WHOLE,
    progress: Progress | None = None,
) -> Lists:
    """All lists of a night.

    A customer has the n best candidates under the weights of the signals. Where these are fewer than n,
    popular items follow, then items that nobody bought in the window, in canonical order. Only sellable items
    that are not on the never-list are taken, each once, and none that the customer has bought if
    `exclude_seen`. So everybody has n rows wherever the catalogue allows; a customer without any possible
    item has none. The shop's rules change what may stand where (`places`).

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
        rules: the shop's own.
        is_blend: the weights are of the blend, to whose scores a boost's logarithm is added.
        blocks: how much is worked on at once.
        progress: called with parts of the work done and in all.
    """
    space = _item_space(signals, catalogue, never)
    arrivals = None
    if rules.new_item_slots:
        age = ages(space.keys, catalogue, interactions.item_ids, interactions.purchases, now=rules.now)
        arrivals = Arrivals(age, space.popularity)

    def rules_of(definition: ListTable, length: int) -> ListRules | None:
        return rules.for_list(
            definition,
            n=length,
            items=space.keys,
            sold=interactions.item_ids,
            catalogue=catalogue,
            allowed=space.allowed,
            customers=interactions.user_ids,
            arrivals=arrivals,
        )

    own_rules = rules_of(RECOMMENDATIONS, n)
    own_space = space.under(own_rules)
    lister = _Lister(signals, weights, own_space, own_rules, n, exclude_seen, is_blend, threads, blocks)
    users = np.arange(len(interactions.user_ids))
    if not publish_guests:
        users = users[~interactions.guests()]
    n_parts = -(-len(users) // blocks.customers)

    def part(number: int) -> Recommendations:
        own = users[number * blocks.customers : (number + 1) * blocks.customers]
        lists, reasons = lister.lists(own, _share(progress, number, n_parts))
        return _joined(interactions.user_ids, own, own_space, lists, reasons)

    return Lists(
        recommendations=map(part, range(n_parts)),
        popular_items=_popular(space, rules_of(POPULAR_ITEMS, popular_items), popular_items),
    )


def _popular(space: "_ItemSpace", rules: ListRules | None, n: int) -> PopularItems:
    """The list for visitors."""
    space = space.under(rules)
    items, is_pin = space.fill_order[:n], np.zeros(min(n, len(space.fill_order)), bool)
    if rules is not None and not rules.only_leave_out:
        places = Places(rules, np.zeros(1, np.int64), are_items=False)
        places.take_in_order(space.fill_order, places.n_free)
        lists = places.lists()
        items = lists.items[0][lists.items[0] >= 0]
        is_pin = lists.is_pin[0][: len(items)]
    scores = np.where(is_pin, np.nan, space.popularity[items])
    most = float(np.nanmax(scores, initial=0))
    relative = not_rising(scores[None] / (most or 1.0))[0]
    return PopularItems(space.keys, items, np.round(relative, DECIMALS))


def top_lists(
    signals: Signals,
    weights: Float64s,
    users: Int64s,
    *,
    allowed: Bools,
    n: int,
    exclude_seen: bool,
    threads: int,
    rules: ListRules | None = None,
    is_blend: bool = True,
) -> Int32s:
    """What `make_lists` would recommend to some users if the items of the sales were the whole catalogue.

    Args:
        signals: of the night.
        weights: shape (signals,): of each signal.
        users: shape (users,): indexes into the signals' users.
        allowed: shape (items,): the items that may be in a list.
        n: rows of a list.
        exclude_seen: leave out what the user has bought.
        threads: how many to use, at least 1.
        rules: the shop's own, whose items are those of the sales.
        is_blend: as with `make_lists`.

    Returns:
        Items of the signals, shape (users, n), best first; -1 where a list is shorter.
    """
    names = (None,) * len(allowed)
    space = _item_space(signals, Catalogue(signals.item_ids, names, allowed, None), Keys.of()).under(rules)
    return (
        _Lister(signals, weights, space, rules, n, exclude_seen, is_blend, threads, WHOLE).ruled(users).items
    )


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

    def under(self, rules: ListRules | None) -> "_ItemSpace":
        """The same as the rules of a list see it."""
        if rules is None:
            return self
        popular = self.popularity * rules.boosts
        return replace(
            self,
            allowed=rules.allowed,
            popularity=popular,
            fill_order=_fill_order(popular, self.is_new, rules.allowed),
        )


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
    return _ItemSpace(
        keys=keys,
        of_sales=of_sales,
        allowed=allowed,
        popularity=popular,
        is_new=is_new,
        fill_order=_fill_order(popular, is_new, allowed),
    )


def _fill_order(popularity: Float64s, is_new: Bools, allowed: Bools) -> Int32s:
    order = np.lexsort((is_new, -popularity))
    return order[allowed[order]].astype(np.int32)


@dataclass(frozen=True)
class _Lister:
    """What the lists of all users share."""

    signals: Signals
    weights: Float64s
    space: _ItemSpace
    rules: ListRules | None
    n: int
    exclude_seen: bool
    is_blend: bool
    threads: int
    blocks: Blocks

    def ruled(self, users: Int64s, progress: Progress | None = None) -> RuledLists:
        """The lists of some users, filled up."""
        if self.rules is not None and not self.rules.only_leave_out:
            return ruled_lists(
                self.signals,
                self.weights,
                users,
                ItemOrder(self.space.popularity, self.space.fill_order),
                self.rules,
                is_blend=self.is_blend,
                exclude_seen=self.exclude_seen,
                threads=self.threads,
                scores_at_once=self.blocks.scores,
                progress=progress,
            )
        ranked = rank(
            self.signals,
            self.weights,
            users,
            allowed=self.space.allowed[self.space.of_sales],
            exclude_seen=self.exclude_seen,
            n=self.n,
            threads=self.threads,
            scores_at_once=self.blocks.scores,
            progress=progress,
        )
        items = np.append(self.space.of_sales, np.int32(-1))[ranked.items]  # so that -1 stays -1
        items = _filled(items, self.signals.weights[users] if self.exclude_seen else None, self.space)
        nowhere = np.zeros(items.shape, bool)
        return RuledLists(items, nowhere, nowhere, ranked)

    def lists(self, users: Int64s, progress: Progress | None) -> tuple[RuledLists, Reasons]:
        """The lists of some users, and the reasons of what is ranked in them, by items of the item space."""
        lists = self.ruled(users, _share(progress, 0, 2))
        found = find_reasons(
            self.signals,
            self.weights,
            users,
            lists.ranked,
            allowed=self.space.allowed[self.space.of_sales],
            threads=self.threads,
            numbers_at_once=self.blocks.numbers,
            progress=_share(progress, 1, 2),
        )
        names = np.append(self.space.of_sales, np.int32(-1))
        return lists, Reasons(found.reason, names[found.because])


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
    customers: Keys, users: Int64s, space: _ItemSpace, lists: RuledLists, reasons: Reasons
) -> Recommendations:
    """The lists as rows with relative scores.

    Args:
        customers: keys of all users.
        users: index into `customers` of each row of `lists`.
        space: the items.
        lists: of these users.
        reasons: of what is ranked in them.
    """
    row, rank = np.nonzero(lists.items >= 0)
    item = lists.items[row, rank]
    by_rule, in_slot = lists.is_pin[row, rank], lists.is_new[row, rank]
    is_ranked = ~np.isnan(lists.ranked.scores[row, rank])
    reason = np.where(is_ranked, reasons.reason[row, rank], np.where(space.is_new[item], NEW, POPULAR))
    return Recommendations(
        customers=customers,
        items=space.keys,
        customer=users[row].astype(np.int32),
        position=(rank + 1).astype(np.int32),
        item=item,
        score=np.round(_relative(lists, space.popularity)[row, rank], DECIMALS),
        reason=np.where(by_rule, RULE, np.where(in_slot, NEW, reason)).astype(np.uint8),
        because=np.where(is_ranked, reasons.because[row, rank], -1),
    )


def _relative(lists: RuledLists, popularity: Float64s) -> Float64s:
    """Scores relative to the first of each list, within 0 and 1 and never rising, shape (users, n).

    The exponential of the difference of two scores says how much likelier one purchase is than the other.
    Popular items are relative to the first of them in the list, below the last that is there by its score.
    What a rule has put into its place has the score of the one before.
    """
    scores = lists.ranked.scores
    relative = np.exp(scores - np.fmax.reduce(scores, axis=1, initial=np.nan)[:, None])
    last = np.fmin.reduce(relative, axis=1, initial=np.nan)
    last[np.isnan(last)] = 1
    is_filled = np.isnan(relative) & ~lists.is_pin & ~lists.is_new & (lists.items >= 0)
    popular = popularity[lists.items]
    base = popular[np.arange(len(popular)), np.argmax(is_filled, axis=1)][:, None]
    share = np.divide(popular, base, out=np.zeros(popular.shape), where=base > 0)
    return not_rising(np.where(is_filled, last[:, None] * share, relative))
