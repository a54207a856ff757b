"""Netting of refunds, without arrays: the night and what people look at net the same way."""

from collections.abc import Iterable

NOTHING = 1e-9
"""A quantity below this is what rounding has left of nothing."""


def left_after_refunds(quantities: Iterable[float]) -> list[float]:
    """What is left of each purchase of one customer's item: last in, first out.

    Args:
        quantities: in order of time. A negative one takes from the latest purchases before it; more than
            there is to take is ignored.

    Returns:
        One number for each quantity; nothing is left of what is not above `NOTHING`.
    """
    left: list[float] = []
    open_purchases: list[int] = []
    for quantity in quantities:
        left.append(max(quantity, 0.0))
        if quantity > 0:
            open_purchases.append(len(left) - 1)
        to_take = -quantity
        while open_purchases and to_take > NOTHING:
            last = open_purchases[-1]
            taken = min(left[last], to_take)
            left[last] -= taken
            to_take -= taken
            if left[last] <= NOTHING:
                open_purchases.pop()
    return left
