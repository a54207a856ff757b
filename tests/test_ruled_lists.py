"""Lists under the shop's rules, held against their definition in plain Python, item by item."""

import dataclasses
import hashlib
import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.learning.interactions import Purchases
from recommender.learning.sizes import WHOLE
from recommender.learning.weights import weighed, weights_of
from recommender.ranking import candidates, contenders, places, ruled, scan
from recommender.ranking.buy_again import buy_again
from recommender.ranking.contenders import ContenderMaker
from recommender.ranking.listrules import NEW_DAYS, ShopRules
from recommender.ranking.places import best_rows
from recommender.ranking.recommendations import make_lists
from recommender.runs.items import Catalogue
from recommender.runs.keys import Keys
from recommender.runs.leftout import left_out
from recommender.runs.rules import Rule, RuleKind
from recommender.system.times import DAY_MICROSECONDS, UNREADABLE
from recommender.tables import BUY_AGAIN, POPULAR_ITEMS, RECOMMENDATIONS, SIMILAR_ITEMS
from tests.shops import interactions_of
from tests.test_contenders import WEIGHTS, shop_made_up

N_USERS, N_ITEMS, N_UNSOLD = 12, 40, 8
NOW = 40 * DAY_MICROSECONDS


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Bounds so small that a shop of some items meets all of them."""
    monkeypatch.setattr(candidates, "NAMED", 4)
    monkeypatch.setattr(places, "_FLAGS", 200)
    monkeypatch.setattr(ruled, "_OFFERED", 1)
    for module in (scan, contenders):
        monkeypatch.setattr(module, "STEP", 4)


@st.composite
def catalogues(draw, n_items=N_ITEMS + N_UNSOLD):
    """Of items 1, 2, 3 …: some are not in it, not for sale, without a category, a brand, a price, a day."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ids = np.flatnonzero(rng.random(n_items) < 0.95) + 1
    n = len(ids)

    def words(letters, empty):
        return tuple(None if rng.random() < empty else str(rng.choice([*letters])) for _ in range(n))

    added = (NOW - rng.uniform(-2, 90, n) * DAY_MICROSECONDS).astype(np.int64)
    return Catalogue(
        ids=Keys.of(ids.tolist()),
        names=(None,) * n,
        sellable=rng.random(n) < 0.9,
        categories=words("wbs", draw(st.sampled_from([0, 0.3]))),
        brands=words("xy", 0.5),
        prices=np.where(rng.random(n) < 0.2, np.nan, rng.integers(1, 9, n)),
        added=np.where(rng.random(n) < 0.4, UNREADABLE, added),
    )


@st.composite
def one_rule(draw, n_items=N_ITEMS + N_UNSOLD):
    """Any rule that an export lets pass; of a few customers' own, some are of nobody."""
    kind = draw(st.sampled_from(RuleKind))
    item = draw(st.none() | st.integers(1, n_items + 2).map(str))
    category, brand = draw(st.none() | st.sampled_from("wbsq")), draw(st.none() | st.sampled_from("xy"))
    if kind in (RuleKind.NEVER, RuleKind.BOOST) and (item or category or brand) is None:
        item = "3"
    if kind is RuleKind.PIN:
        item, category, brand = item or "5", None, None
    if kind is RuleKind.MOST and (category or brand) is None:
        category = "w"
    value = {
        RuleKind.NEVER: st.none(),
        RuleKind.PIN: st.integers(1, 9).map(float),
        RuleKind.BOOST: st.sampled_from([0.01, 0.5, 2.0, 30.0]),
        RuleKind.MOST: st.integers(0, 3).map(float),
    }.get(kind, st.integers(0, 9).map(float))
    names = [None, *(each.name for each in (RECOMMENDATIONS, BUY_AGAIN, SIMILAR_ITEMS, POPULAR_ITEMS))]
    return Rule(
        kind,
        item=item,
        category=category,
        brand=brand,
        customer=draw(st.none() | st.sampled_from(["1", "2", "3", "99"])),
        list_name=draw(st.sampled_from(names)),
        value=draw(value),
    )


BOOSTS = st.builds(
    lambda category, customer, value: Rule(RuleKind.BOOST, category=category, customer=customer, value=value),
    category=st.sampled_from("wbs"),
    customer=st.sampled_from([None, "1", "2"]),
    value=st.sampled_from([0.01, 30.0]),
)
"""Which change the order of most lists."""
ALL_RULES = st.builds(
    ShopRules,
    rules=st.tuples(st.lists(BOOSTS, max_size=3), st.lists(one_rule(), max_size=6)).map(
        lambda some: tuple(some[0] + some[1])
    ),
    max_per_category=st.sampled_from([0, 0, 1, 2, 5]),
    new_item_slots=st.sampled_from([0, 0, 1, 2, 4]),
    seed=st.integers(0, 3),
    now=st.just(NOW),
)


class Definition:
    """The definition of a list under rules, one owner at a time, with keys in the place of indexes."""

    def __init__(self, shop_rules, definition, catalogue, *, n, owner=None, is_customer=False):
        self.n, self.shop_rules = n, shop_rules
        self.facts = {
            str(key): (category, brand, price)
            for key, category, brand, price in zip(
                catalogue.ids.integers.tolist(),
                catalogue.categories,
                catalogue.brands,
                catalogue.prices.tolist(),
                strict=True,
            )
        }
        self.sellable = {
            str(key)
            for key, may in zip(catalogue.ids.integers.tolist(), catalogue.sellable, strict=True)
            if may
        }
        self.rules = [
            rule
            for rule in shop_rules.rules
            if rule.is_for(definition) and (rule.customer is None or (is_customer and rule.customer == owner))
        ]

    def concerns(self, rule, item):
        category, brand, _ = self.facts.get(item, (None, None, math.nan))
        return rule.item in (None, item) and rule.category in (None, category) and rule.brand in (None, brand)

    def is_out(self, item, rules=None):
        """Whether the item may not stand here, by these rules (default all of this list's)."""
        price = self.facts.get(item, (None, None, math.nan))[2]
        for rule in self.rules if rules is None else rules:
            if self.concerns(rule, item) and (
                rule.kind is RuleKind.NEVER
                or (rule.kind is RuleKind.PRICE_AT_LEAST and not price >= rule.value)
                or (rule.kind is RuleKind.PRICE_AT_MOST and not price <= rule.value)
            ):
                return True
        return item not in self.sellable

    def factor(self, item, *, personal):
        """The product of everybody's boosts of the item, or of the customer's own."""
        factor = 1.0
        for rule in self.rules:
            is_own = rule.customer is not None
            if rule.kind is RuleKind.BOOST and is_own is personal and self.concerns(rule, item):
                factor *= rule.value
        return factor

    def has_room(self, item, listed):
        category = self.facts.get(item, (None,))[0]
        most = self.shop_rules.max_per_category
        if most and category and sum(self.facts[i][0] == category for i in listed) >= most:
            return False
        return not any(
            rule.kind is RuleKind.MOST
            and self.concerns(rule, item)
            and sum(self.concerns(rule, i) for i in listed) >= rule.value
            for rule in self.rules
        )

    def pins(self, order, itself=None):
        """The pinned item of each position from 0: a customer's own first; then by position and item."""
        found: dict[int, str] = {}
        wanted = [rule for rule in self.rules if rule.kind is RuleKind.PIN]
        for rule in sorted(wanted, key=lambda r: (r.customer is None, r.value, order(r.item))):
            position = int(rule.value) - 1
            is_free = position < self.n and position not in found and rule.item not in found.values()
            if is_free and not self.is_out(rule.item) and rule.item != itself:
                found[position] = rule.item
        return found

    def listed(self, pins, sequence, new=(), slots=0):
        """Pins at their positions, the sequence under the rules, new items at the end."""
        chosen: list[str] = []
        last: list[str] = []

        def take(items, until):
            for item in items:
                together = [*pins.values(), *chosen, *last]
                if len(chosen) + len(last) >= until:
                    return
                if item not in together and not self.is_out(item) and self.has_room(item, together):
                    (last if items is new else chosen).append(item)

        free = self.n - len(pins)
        take(sequence, free - slots)
        take(new, min(len(chosen) + slots, free))
        take(sequence, free)
        rest = [*chosen, *last]
        found = []
        for position in range(self.n):
            if position in pins:
                found.append(pins[position])
            elif rest:
                found.append(rest.pop(0))
        return found, set(last)


def by_number(text):
    return int(text)


@settings(max_examples=250, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    weights=WEIGHTS,
    is_blend=st.booleans(),
    exclude_seen=st.booleans(),
    n=st.integers(1, 7),
    catalogue=catalogues(),
    rules=ALL_RULES,
    popular_items=st.sampled_from([3, 20, 60]),
)
def test_customers_lists_are_those_of_the_definition(  # noqa: PLR0917, PLR0915 - drawn by name; one definition
    seed, weights, is_blend, exclude_seen, n, catalogue, rules, popular_items
):
    shop, signals = shop_made_up(seed, n_users=N_USERS, n_items=N_ITEMS)
    never = Keys.of([7])

    def made(threads, scores):
        return make_lists(
            shop,
            signals,
            weights,
            catalogue,
            never=never,
            n=n,
            popular_items=popular_items,
            exclude_seen=exclude_seen,
            publish_guests=True,
            threads=threads,
            rules=rules,
            is_blend=is_blend,
            blocks=dataclasses.replace(WHOLE, customers=5, scores=scores),
        )

    lists = made(2, 300)
    found = rows_of(lists.recommendations)
    assert found == rows_of(made(1, 1 << 20).recommendations)
    space = signals.item_ids.union(catalogue.ids)
    order = {key: place for place, key in enumerate(space.as_texts())}
    sold = signals.item_ids.as_texts()
    popularity = dict(zip(sold, signals.popularity.tolist(), strict=True))
    ages = ages_of(shop, catalogue, space)
    turns = sorted(
        shop.user_ids.as_texts(), key=lambda key: hashlib.sha256(f"{rules.seed}:{key}".encode()).digest()
    )
    for user, customer in enumerate(shop.user_ids.as_texts()):
        told = Definition(rules, RECOMMENDATIONS, catalogue, n=n, owner=customer, is_customer=True)
        told.sellable.discard("7")
        of_all = [rule for rule in told.rules if rule.customer is None]
        possible = {item for item in space.as_texts() if not told.is_out(item, of_all)}
        seen = {sold[i] for i in signals.weights[user].indices} if exclude_seen else set()
        general = {item: told.factor(item, personal=False) for item in space.as_texts()}
        own = {item: told.factor(item, personal=True) for item in space.as_texts()}
        # What may be ranked at all, and its score, is proved in test_contenders.
        scores = contender_scores(signals, weights, user, possible, exclude_seen=exclude_seen, n=n)
        boosted = {
            item: score + np.log(general[item] * own[item])
            if is_blend
            else score * (general[item] * own[item])
            for item, score in scores.items()
        }
        lifted = {item: popularity.get(item, 0.0) * general[item] for item in possible}
        ranked = sorted(boosted, key=lambda item: (-boosted[item], order[item]))
        filling = sorted(
            possible,
            key=lambda item: (-lifted[item] * own[item], -lifted[item], item not in popularity, order[item]),
        )
        sequence = [item for item in [*ranked, *filling] if item not in seen]
        new = [item for item in possible if -1 < ages[item] < NEW_DAYS]
        new.sort(key=lambda item: (-lifted[item], ages[item], order[item]))
        slots = min(rules.new_item_slots, n, len(new))
        if slots:
            hands = -(-len(new) // min(rules.new_item_slots, n))
            start = turns.index(customer) % hands * min(rules.new_item_slots, n)
            new = [item for item in [*new[start:], *new[:start]] if item not in seen]
        pins = told.pins(by_number)
        slots = min(rules.new_item_slots, n) if slots else 0
        expected, in_slots = told.listed(pins, sequence, new, slots)
        rows = found.get(customer, [])
        assert [row[0] for row in rows] == expected
        assert [row[2] for row in rows if row[0] in pins.values()] == ["rule"] * len(pins)
        assert all(row[2] == "new" for row in rows if row[0] in in_slots)
        assert {row[0] for row in rows if row[2] == "rule"} == set(pins.values())
        given = [row[1] for row in rows]
        assert given == sorted(given, reverse=True)
        assert given[:1] == [1] * bool(given)
    told = Definition(rules, POPULAR_ITEMS, catalogue, n=popular_items)
    told.sellable.discard("7")
    lifted = {
        item: popularity.get(item, 0.0) * told.factor(item, personal=False) for item in space.as_texts()
    }
    filling = sorted(lifted, key=lambda item: (-lifted[item], item not in popularity, order[item]))
    popular = lists.popular_items
    keys = popular.items.as_texts()
    assert [keys[item] for item in popular.item.tolist()] == told.listed(told.pins(by_number), filling)[0]
    assert popular.score.tolist() == sorted(popular.score.tolist(), reverse=True)


def rows_of(parts):
    found: dict[str, list[tuple[str, float, str, str | None]]] = {}
    names = ("model", "buy_again", "popular", "new", "rule")
    for part in parts:
        customers, items = part.customers.as_texts(), part.items.as_texts()
        for row in zip(part.customer, part.item, part.score, part.reason, part.because, strict=True):
            because = items[row[4]] if row[4] >= 0 else None
            assert (because is not None) == (names[row[3]] == "model")
            found.setdefault(customers[row[0]], []).append(
                (items[row[1]], float(row[2]), names[row[3]], because)
            )
    return found


def contender_scores(signals, weights, user, possible, *, exclude_seen, n):
    """The score of each item for which something speaks."""
    allowed = np.array([item in possible for item in signals.item_ids.as_texts()])
    if not allowed.any() or not weights.any():
        return {}
    maker = ContenderMaker(
        signals, weights, np.arange(N_USERS), allowed=allowed, exclude_seen=exclude_seen, n=n, best=10**6
    )
    found = maker.of(np.array([user]))
    keys = signals.item_ids.as_texts()
    return {
        keys[item]: score
        for item, score in zip(found.items.tolist(), weighed(found.signals, weights).tolist(), strict=True)
    }


def ages_of(shop, catalogue, space):
    """Days since each item came, by key."""
    first: dict[str, int] = {}
    for item, time in zip(shop.purchases.items.tolist(), shop.purchases.times.tolist(), strict=True):
        key = shop.item_ids.as_texts()[item]
        first[key] = min(time, first.get(key, time))
    added = zip(catalogue.ids.as_texts(), catalogue.added.tolist(), strict=True)
    first |= {key: time for key, time in added if time != UNREADABLE}
    return {
        key: (NOW - first[key]) / DAY_MICROSECONDS if key in first else math.inf for key in space.as_texts()
    }


@settings(max_examples=150, deadline=None)
@given(
    pairs=st.sets(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=60),
    seed=st.integers(0, 1000),
    catalogue=catalogues(n_items=12),
    rules=st.lists(one_rule(n_items=12), max_size=6).map(tuple),
    most=st.sampled_from([0, 1, 2]),
    n=st.integers(1, 6),
    are_items=st.booleans(),
)
def test_lists_of_pairs_are_those_of_the_definition(  # noqa: PLR0917 - drawn by name
    pairs, seed, catalogue, rules, most, n, are_items
):
    """Of similar items, and of what goes together; or of what customers need again."""
    shop_rules = ShopRules(rules=rules, max_per_category=most)
    definition = SIMILAR_ITEMS if are_items else BUY_AGAIN
    sold, listed = Keys.of(range(1, 11)), Keys.of(range(1, 13))  # items 11 and 12 were never sold
    customers = Keys.of(range(1, 11))
    rng = np.random.default_rng(seed)
    owners, items = np.array(sorted(pairs), np.int64).reshape(-1, 2).T
    if are_items:
        owners, items = owners[owners != items], items[owners != items]
    scores = rng.choice([0.2, 0.5, 0.9, 1.3], len(owners))
    allowed = catalogue.allowed(listed, Keys.of())
    made = shop_rules.for_list(
        definition,
        n=n,
        items=listed,
        sold=sold,
        catalogue=catalogue,
        allowed=allowed,
        customers=None if are_items else customers,
    )
    may = (allowed if made is None else made.allowed)[items]
    rows = best_rows(
        owners[may], items[may], scores[may], n=n, rules=made, of=np.arange(10), are_items=are_items
    )
    found: dict[int, list[tuple[str, float]]] = {}
    for owner, position, item, score in zip(rows.owner, rows.position, rows.item, rows.score, strict=True):
        own = found.setdefault(owner + 1, [])
        own.append((str(item + 1), float(score)))
        assert len(own) == position
    for owner in range(1, 11):
        told = Definition(shop_rules, definition, catalogue, n=n, owner=str(owner), is_customer=not are_items)
        itself = str(owner) if are_items else None
        lifted = {
            str(item + 1): score
            * told.factor(str(item + 1), personal=False)
            * told.factor(str(item + 1), personal=True)
            for o, item, score in zip(owners, items, scores, strict=True)
            if o + 1 == owner
        }
        sequence = sorted(lifted, key=lambda item: (-lifted[item], int(item)))
        expected, _ = told.listed(told.pins(by_number, itself), sequence)
        own = found.get(owner, [])
        assert [item for item, _ in own] == expected
        given = [score for _, score in own]
        assert given == sorted(given, reverse=True)
        assert given[:1] == [1] * bool(given)


def test_no_rules_are_none():
    keys = Keys.of([1, 2])
    catalogue = Catalogue(keys, (None, None), np.ones(2, bool), ("a", "b"))

    def made(rules, definition):
        return rules.for_list(
            definition, n=3, items=keys, sold=keys, catalogue=catalogue, allowed=np.ones(2, bool)
        )

    assert made(ShopRules(), SIMILAR_ITEMS) is None
    rules = ShopRules((Rule(RuleKind.NEVER, item="1", list_name="popular_items"),))
    assert made(rules, SIMILAR_ITEMS) is None
    assert made(rules, POPULAR_ITEMS).only_leave_out
    # A limit that no list can reach is none.
    assert made(ShopRules(max_per_category=3), SIMILAR_ITEMS).only_leave_out


def made_of(rules, catalogue, shop, signals, *, is_blend=True, n=5):
    return make_lists(
        shop,
        signals,
        weights_of({}),
        catalogue,
        never=Keys.of(),
        n=n,
        popular_items=n,
        exclude_seen=True,
        publish_guests=True,
        threads=1,
        rules=rules,
        is_blend=is_blend,
    )


def test_rules_that_leave_nothing_make_empty_lists():
    """All items are out by their price, and a boost is there: nobody has a list, and nothing fails."""
    shop = interactions_of(np.eye(4, 20))
    signals = dataclasses.replace(shop_made_up(1, n_users=4, n_items=20)[1], weights=shop.weights)
    catalogue = Catalogue(
        Keys.of(range(1, 21)), (None,) * 20, np.ones(20, bool), None, prices=np.full(20, 4.0)
    )
    rules = ShopRules((Rule(RuleKind.BOOST, item="3", value=2.0), Rule(RuleKind.PRICE_AT_LEAST, value=5.0)))
    lists = made_of(rules, catalogue, shop, signals)
    assert rows_of(lists.recommendations) == {}
    assert not len(lists.popular_items.item)


@given(
    st.lists(
        st.builds(
            lambda item, customer, value: Rule(RuleKind.BOOST, item=item, customer=customer, value=value),
            item=st.integers(1, 3).map(str),
            customer=st.sampled_from([None, "1"]),
            value=st.sampled_from([5e-324, 1e-200, 1e-10, 1e10, 1e200, 1.7e308]),
        ),
        max_size=6,
    ),
    st.booleans(),
)
def test_no_product_of_boosts_is_beyond_all_numbers(rules, is_blend):
    """However far items are lifted or buried, the order of the others stays: lists without these items
    are the same."""
    shop = interactions_of(np.eye(4, 20))
    signals = shop_made_up(1, n_users=4, n_items=20)[1]
    signals = dataclasses.replace(signals, weights=shop.weights)
    catalogue = Catalogue(Keys.of(range(1, 21)), (None,) * 20, np.ones(20, bool), None)

    def others(some):
        lists = made_of(ShopRules(tuple(some)), catalogue, shop, signals, is_blend=is_blend, n=20)
        found = rows_of(lists.recommendations)
        for rows in found.values():
            scores = [row[1] for row in rows]
            assert scores == sorted(scores, reverse=True)
            assert scores[0] == 1
            assert scores[-1] >= 0
        popular = lists.popular_items.item.tolist()
        return (
            {user: [row[0] for row in rows if row[0] not in "123"] for user, rows in found.items()},
            [item for item in popular if item > 2],
        )

    assert others(rules) == others([])


def test_what_no_rule_asks_for_takes_no_memory():
    """A rule about one item has no table of all; without a limit a category is no group of any list."""
    keys = Keys.of(range(1, 1001))
    n = len(keys)
    catalogue = Catalogue(keys, (None,) * n, np.ones(n, bool), tuple(f"c{key % 50}" for key in range(n)))
    pins = tuple(Rule(RuleKind.PIN, item=str(key), value=1.0, customer=str(key)) for key in range(1, 101))
    tracemalloc.start()
    made = ShopRules(pins).for_list(
        RECOMMENDATIONS,
        n=5,
        items=keys,
        sold=keys,
        catalogue=catalogue,
        allowed=np.ones(n, bool),
        customers=keys,
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert made is not None
    assert len(made.personal) == len(pins)
    assert made.groups.shape == (n, 0)
    assert len(made.limits) == 1
    assert peak < 4 * n * len(pins)


def test_all_new_items_are_seen_as_soon_as_there_are_customers_enough():
    """Of 7 new items, with 2 places each, 4 customers see all; whoever may not see one is dealt the next."""
    shop = interactions_of(np.eye(4, 20))
    signals = shop_made_up(1, n_users=4, n_items=20)[1]
    signals = dataclasses.replace(signals, weights=shop.weights)
    ids = Keys.of(range(1, 28))
    added = np.where(np.arange(27) >= 20, NOW - DAY_MICROSECONDS, UNREADABLE)
    catalogue = Catalogue(ids, (None,) * 27, np.ones(27, bool), None, added=added)
    old = dataclasses.replace(shop, purchases=dataclasses.replace(shop.purchases, times=shop.purchases.times))
    rules = ShopRules(new_item_slots=2, seed=42, now=NOW)
    lists = made_of(rules, catalogue, old, signals, is_blend=False)
    found = rows_of(lists.recommendations)
    assert {item for rows in found.values() for item, _, reason, _ in rows[-2:] if reason == "new"} == {
        str(item) for item in range(21, 28)
    }
    assert all(len(rows) == 5 for rows in found.values())


def test_due_items_follow_the_rules():
    """`buy_again` of one customer who bought item 1 and 2 each week: 2 is left out, 3 is pinned."""
    days = np.tile(np.arange(0, 70, 7), 2)
    items = np.repeat([0, 1], 10).astype(np.int32)
    purchases = Purchases(np.zeros(20, np.int32), items, days * DAY_MICROSECONDS)
    keys, customers = Keys.of([1, 2, 3]), Keys.of([9])
    catalogue = Catalogue(keys, (None,) * 3, np.ones(3, bool), None)
    rules = ShopRules(
        (
            Rule(RuleKind.NEVER, item="2", customer="9", list_name="buy_again"),
            Rule(RuleKind.PIN, item="3", value=2.0, customer="9", list_name="buy_again"),
        )
    ).for_list(
        BUY_AGAIN,
        n=3,
        items=keys,
        sold=keys,
        catalogue=catalogue,
        allowed=np.ones(3, bool),
        customers=customers,
    )
    assert rules is not None
    rows = buy_again(
        purchases,
        days.astype(np.int64),
        today=70,
        users=np.ones(1, bool),
        candidates=rules.allowed,
        n=3,
        rules=rules,
    )
    assert rows.item.tolist() == [0, 2]
    assert rows.position.tolist() == [1, 2]


@given(catalogues(), st.lists(one_rule(), max_size=8), st.sampled_from([RECOMMENDATIONS, SIMILAR_ITEMS]))
def test_the_gate_is_told_what_the_definition_leaves_out(catalogue, some, definition):
    found = left_out(some, definition, catalogue)
    everybody = Definition(ShopRules(tuple(some)), definition, catalogue, n=5)
    for customer in ("1", "2", "99"):
        own = Definition(ShopRules(tuple(some)), definition, catalogue, n=5, owner=customer, is_customer=True)
        for item in own.facts:
            may = item in own.sellable
            assert (item in found.items and may) == (everybody.is_out(item) and may)
            assert (found.has(customer, item) and may) == (own.is_out(item) and may)
