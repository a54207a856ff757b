"""Rules that cannot all be followed: each kind is told once, and what can be followed is not told."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.night.contradictions import ListLimits, find_contradictions
from recommender.runs.items import Catalogue
from recommender.runs.keys import Keys
from recommender.runs.rules import Rule, RuleKind, order_of
from recommender.tables import BUY_AGAIN, LISTS, POPULAR_ITEMS, RECOMMENDATIONS

NEVER, PIN, BOOST, MOST = RuleKind.NEVER, RuleKind.PIN, RuleKind.BOOST, RuleKind.MOST
AT_LEAST, AT_MOST = RuleKind.PRICE_AT_LEAST, RuleKind.PRICE_AT_MOST


def limits(*, made=LISTS, top_n=3, popular_items=5, max_per_category=0) -> ListLimits:
    return ListLimits(made, top_n, popular_items, max_per_category)


def catalogue_of(n=6, **columns: Any) -> Catalogue:
    """Items 1 to n, of which the last is not sellable; odd ones are tea, even ones cups."""
    known: dict[str, Any] = {
        "names": ("",) * n,
        "sellable": np.arange(n) < n - 1,
        "categories": tuple("cup" if place % 2 else "tea" for place in range(n)),
        "brands": ("A", "B", "B", *[None] * n)[:n],
        "prices": np.array([10.0, 20.0, math.nan, *[30.0] * n])[:n],
    }
    return Catalogue(ids=Keys.of(range(1, n + 1)), **known | columns)


def told(*rules: Rule, never: Any = (), catalogue: Catalogue | None = None, **settings: Any) -> list[str]:
    ordered = sorted(rules, key=order_of)
    found = find_contradictions(ordered, catalogue or catalogue_of(), Keys.of(never), limits(**settings))
    assert all(finding.what.endswith(".") and finding.what_to_do for finding in found)
    return [finding.what for finding in found]


def pin(item: int, position: int = 1, **more: Any) -> Rule:
    return Rule(PIN, item=str(item), value=float(position), **more)


def test_what_can_be_followed_is_not_told():
    assert (
        told(
            pin(1),
            pin(2, 2),
            pin(2, customer="ada"),  # a customer's own beats one for all
            pin(3, 5, list_name="popular_items"),
            Rule(NEVER, item="4"),
            Rule(NEVER, item="1", customer="ada", list_name="buy_again"),
            Rule(NEVER, item="2", customer="bob"),
            Rule(NEVER, item="1", category="cup"),
            Rule(BOOST, brand="A", value=2.0),
            Rule(AT_LEAST, item="1", value=10.0),
            Rule(AT_MOST, item="1", value=10.0),
            Rule(MOST, category="tea", value=1.0),
        )
        == []
    )


KEPT_OUT = (
    "1 pin is of an item that a rule or NEVER_RECOMMEND keeps out, such as item 1: it is not shown there."
)


@pytest.mark.parametrize(
    "rule",
    [
        Rule(NEVER, item="1"),
        Rule(NEVER, category="tea"),
        Rule(NEVER, brand="A", category="tea"),
        Rule(NEVER, item="1", list_name="recommendations"),
        Rule(NEVER, brand="A", customer="ada"),
        Rule(AT_LEAST, value=11.0),
        Rule(AT_MOST, category="tea", value=9.0),
    ],
)
def test_a_pin_of_what_is_kept_out(rule):
    assert KEPT_OUT in told(pin(1, customer="ada"), rule)


def test_a_pin_of_what_never_recommend_names_or_has_no_price():
    assert told(pin(1), never=[1]) == [KEPT_OUT]
    assert told(pin(3), Rule(AT_MOST, value=99.0))[0] == KEPT_OUT.replace("item 1:", "item 3:")


def test_a_rule_for_others_keeps_no_pin_out():
    assert told(pin(1, customer="ada"), Rule(NEVER, item="1", customer="bob")) == []
    assert told(pin(1), Rule(NEVER, item="1", customer="ada")) == []
    assert told(pin(1, list_name="popular_items"), Rule(NEVER, item="1", list_name="buy_again")) == []


def test_rules_that_leave_nothing():
    every = "Rules leave out all 5 items that could stand in "
    cheap = told(Rule(AT_LEAST, value=31.0))[0]
    assert cheap == every + "recommendations, buy_again, similar_items, bought_together, popular_items."
    assert every + "popular_items." in told(Rule(AT_LEAST, value=31.0, list_name="popular_items"))
    words = [Rule(NEVER, category=word, list_name="buy_again") for word in ("tea", "cup")]
    assert told(*words) == [every + "buy_again."]
    assert told(*words, made=(RECOMMENDATIONS, BUY_AGAIN), never=[1, 2, 3, 4, 5]) == []
    assert told(words[0]) == []
    assert told(*(Rule(NEVER, category=word, customer="ada") for word in ("tea", "cup"))) == []


def test_a_pin_of_what_is_not_sellable():
    what = "2 pins are of items that are not sellable, such as item 6: it is not shown."
    assert told(pin(6), pin(77, 2)) == [what]


def test_a_pin_beyond_the_end():
    what = (
        "1 pin stands beyond the end of a list, such as item 1 at 4 of recommendations, which has 3 places."
    )
    assert told(pin(1, 4)) == [what]
    assert told(pin(1, 4, list_name="popular_items")) == []
    assert told(pin(1, 6, list_name="popular_items")) != []
    assert told(pin(1, 4), made=(POPULAR_ITEMS,)) == []


def test_two_pins_for_one_place():
    (what,) = told(pin(1, 2, list_name="popular_items"), pin(2, 2))
    assert "1 place has several pins, such as 2 of popular_items (items 1 and 2)" in what
    assert told(pin(1, 2), pin(2, 2, customer="ada")) == []
    assert len(told(pin(1, 2, customer="ada"), pin(2, 2, customer="ada"))) == 1
    assert told(pin(1, 2, customer="ada"), pin(2, 2, customer="bob")) == []


def test_one_item_at_two_places():
    what = (
        "1 item is pinned to several places of a list, such as item 1 in recommendations: the lowest stands."
    )
    assert told(pin(1, 1), pin(1, 2)) == [what]
    assert told(pin(1, 1, list_name="popular_items"), pin(1, 2, list_name="recommendations")) == []


def test_prices_between_which_nothing_is():
    (what,) = told(Rule(AT_LEAST, brand="A", value=20.0), Rule(AT_MOST, brand="A", value=10.0))
    assert "price_at_most for 1 choice of items, such as 20 and 10" in what
    both = (Rule(AT_LEAST, brand="A", value=5.0), Rule(AT_LEAST, brand="A", value=20.0))
    assert what in told(*both, Rule(AT_MOST, brand="A", value=10.0))
    assert told(Rule(AT_LEAST, brand="A", value=20.0), Rule(AT_MOST, category="cup", value=10.0)) == []
    other_list = Rule(AT_MOST, brand="A", value=10.0, list_name="buy_again")
    assert told(Rule(AT_LEAST, brand="A", value=20.0), other_list) == []


def test_items_without_a_price():
    what = "1 of 2 sellable items with a price rule have no price, such as item 3: the rule leaves them out."
    assert told(Rule(AT_MOST, brand="B", value=100.0)) == [what]
    assert told(Rule(AT_MOST, brand="A", value=100.0)) == []
    assert told(Rule(AT_MOST, brand="B", value=100.0), never=[3]) == []


def test_a_rule_for_a_list_that_is_not_made():
    rules = [Rule(NEVER, item="1", list_name="buy_again"), Rule(NEVER, item="1", customer="ada")]
    assert told(*rules, made=(RECOMMENDATIONS,)) == ["1 rule is for lists that LISTS leaves out."]
    assert told(*rules, made=(POPULAR_ITEMS,)) == ["2 rules are for lists that LISTS leaves out."]
    assert told(*rules, made=(BUY_AGAIN,)) == []


@pytest.mark.parametrize(
    ("rules", "per_category", "room"),
    [
        ([], 1, 2),
        ([Rule(MOST, category="tea", value=1.0)], 0, None),  # cups have no limit
        ([Rule(MOST, category="tea", value=1.0), Rule(MOST, category="cup", value=0.0)], 0, 1),
        ([Rule(MOST, category="tea", value=0.0)], 1, 1),
        ([Rule(MOST, category="tea", value=1.0, list_name="buy_again")], 0, None),
        ([Rule(MOST, category="tea", value=0.0, customer="ada")], 2, None),  # of one customer alone
        ([], 2, None),
        ([Rule(MOST, brand="B", value=0.0)], 2, None),
    ],
)
def test_limits_that_leave_too_little(rules, per_category, room):
    found = told(*rules, max_per_category=per_category)
    what = f"MAX_PER_CATEGORY and rules of the kind most leave room for {room} items in recommendations"
    assert [what in one for one in found] == ([] if room is None else [True])


def test_a_shop_of_few_items_is_short_without_any_limit():
    assert told(catalogue=catalogue_of(3), max_per_category=1) == []
    assert told(max_per_category=3, top_n=10) == []


SELECTIONS = st.tuples(st.sampled_from([None, "tea", "cup"]), st.sampled_from([None, "A", "B"]))


@given(
    st.dictionaries(SELECTIONS.filter(any), st.integers(0, 2), max_size=4),
    st.integers(0, 2),
    st.lists(st.integers(0, 4), unique=True, min_size=3, max_size=3),
)
def test_no_list_that_keeps_the_limits_is_told_to_be_impossible(most, per_category, places):
    """A list of three that keeps all limits can be: then nothing is said."""
    catalogue = catalogue_of()
    assert catalogue.categories is not None
    assert catalogue.brands is not None
    rules = [Rule(MOST, category=c, brand=b, value=float(limit)) for (c, b), limit in most.items()]
    chosen = [(catalogue.categories[place], catalogue.brands[place]) for place in places]
    keeps = all(
        sum(category in (None, c) and brand in (None, b) for c, b in chosen) <= limit
        for (category, brand), limit in most.items()
    ) and (
        not per_category or max(sum(c == word for c, _ in chosen) for word in ("tea", "cup")) <= per_category
    )
    if keeps:
        assert told(*rules, max_per_category=per_category) == []


@given(
    st.lists(
        st.builds(
            Rule,
            kind=st.sampled_from([NEVER, PIN, AT_LEAST, AT_MOST]),
            item=st.sampled_from(["1", "2", "6"]),
            customer=st.sampled_from([None, "ada"]),
            list_name=st.sampled_from([None, "recommendations"]),
            value=st.sampled_from([1.0, 2.0, 9.0]),
        ),
        unique=True,
        max_size=6,
    )
)
def test_no_finding_names_a_customer(rules):
    assert not [what for what in told(*rules) if "ada" in what]
