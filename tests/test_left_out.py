"""What rules leave out of a list: the gate's way, by keys, and the ranking's, by arrays, come to the same."""

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.night.namedrules import never_items
from recommender.ranking.listrules import ShopRules
from recommender.runs.keys import Keys
from recommender.runs.leftout import left_out
from recommender.tables import LISTS, KeyKind
from tests.test_ruled_lists import catalogues, one_rule

N_ITEMS = 12
CUSTOMERS = Keys.of([1, 2, 3, 4])
RULES = st.lists(
    st.builds(
        lambda rule, name: dataclasses.replace(rule, list_name=name),
        rule=one_rule(N_ITEMS),
        name=st.sampled_from([None, None, *(each.name for each in LISTS)]),
    ),
    max_size=8,
).map(tuple)


def by_arrays(rules, definition, items, catalogue):
    """Pairs of a customer, None for everybody, and an item, as the ranking leaves them out."""
    made = ShopRules(rules).for_list(
        definition,
        n=3,
        items=items,
        sold=items,
        catalogue=catalogue,
        allowed=np.ones(len(items), bool),
        customers=CUSTOMERS,
    )
    if made is None:
        return set()
    found: set[tuple[int | None, int]] = {(None, item) for item in np.flatnonzero(~made.allowed).tolist()}
    found |= {(int(CUSTOMERS[c]), item) for c, asked in made.personal.items() for item in asked.left_out}
    return {(customer, int(items[item])) for customer, item in found}


@settings(max_examples=300)
@given(catalogues(N_ITEMS), RULES)
def test_two_ways_to_what_is_left_out(catalogue, rules):
    # What is in the catalogue no more is not sellable: the gate asks no rule about it.
    items = Keys.of(range(1, N_ITEMS + 3))
    known = {*catalogue.ids.integers.tolist()}
    never = {*never_items(rules, catalogue, KeyKind.INTEGER).integers.tolist()} & known
    for definition in LISTS:
        one, other = left_out(rules, definition, catalogue), by_arrays(rules, definition, items, catalogue)
        assert {int(key) for key in one.items} == {item for owner, item in other if owner is None} & known
        assert never <= {int(key) for key in one.items}
        for customer in CUSTOMERS.integers.tolist():
            told = {item for item in known if one.has(str(customer), str(item))}
            assert told == {item for owner, item in other if owner in (None, customer)} & known
