"""Interactions made from a table of purchases, for tests of what comes after them."""

import zlib

import numpy as np
from scipy.sparse import csr_matrix

from recommender.learning.interactions import (
    Interactions,
    Purchases,
    SaleLines,
    load_sale_lines,
    make_interactions,
)
from recommender.runs.keys import Keys
from recommender.system.times import DAY_MICROSECONDS


def load_interactions(path, *, customer_kind, item_kind, half_life_days):
    """The interactions of a file of sales, as a night makes them."""
    lines = load_sale_lines(path, customer_kind=customer_kind, item_kind=item_kind)
    return make_interactions(lines, half_life_days=half_life_days)


def interactions_of(weights, *, users=None, items=None, last_day=None, history=None):
    """Interactions with these weights (a dense table, 0 for no interaction).

    Users and items are numbered from 1 unless keys are given; `last_day` is the day of each cell's last
    purchase in the order of the cells (0 without), the newest of them being the newest sale; a cell is one
    purchase; a user's history is a hash of the row unless one is given.
    """
    matrix = csr_matrix(np.asarray(weights, np.float32))
    days = np.zeros(matrix.nnz) if last_day is None else np.asarray(last_day)
    times = (days * DAY_MICROSECONDS).astype(np.int64)
    cells = matrix.tocoo()
    if history is None:
        history = [zlib.crc32(row.tobytes()) for row in matrix.toarray()]
    return Interactions(
        user_ids=users or Keys.of(range(1, matrix.shape[0] + 1)),
        item_ids=items or Keys.of(range(1, matrix.shape[1] + 1)),
        weights=matrix,
        last_purchase=times,
        newest=int(times.max(initial=0)),
        purchases=Purchases(cells.row.astype(np.int32), cells.col.astype(np.int32), times),
        history=np.array(history, np.uint64),
        n_sales=matrix.nnz,
        data_sha256="",
    )


def checkerboard(size):
    """Users and items of one parity belong together; each user lacks just the item of the own number.

    So the one right recommendation for user k is item k.
    """
    board = (np.add.outer(np.arange(size), np.arange(size)) % 2 == 0).astype(np.float32)
    np.fill_diagonal(board, 0)
    return board


def sale_lines(sales):
    """Sale lines of (customer, item, day) or (customer, item, day, quantity); keys are integers or texts."""
    rows = sorted(
        (
            (not isinstance(customer, int), customer, item, int(day * DAY_MICROSECONDS), float(*more or (1,)))
            for customer, item, day, *more in sales
        ),
    )
    user_ids, item_ids = (_keys(row[place] for row in rows) for place in (1, 2))
    users = np.array([int(user_ids.find(_keys([row[1]]))[0]) for row in rows], np.int32)
    items = np.array([int(item_ids.find(_keys([row[2]]))[0]) for row in rows], np.int32)
    begins = [i == 0 or rows[i][1:4] != rows[i - 1][1:4] for i in range(len(rows))]
    return SaleLines(
        user_ids,
        item_ids,
        users,
        items,
        np.array([row[3] for row in rows], np.int64),
        np.array([row[4] for row in rows], float),
        np.array(begins, bool),
    )


def _keys(found):
    found = [*found]
    return Keys.of([k for k in found if isinstance(k, int)], [k for k in found if isinstance(k, str)])
