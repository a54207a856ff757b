"""Interactions made from a table of purchases, for tests of what comes after them."""

import zlib

import numpy as np
from scipy.sparse import csr_matrix

from recommender.interactions import Interactions, Purchases
from recommender.keys import Keys
from recommender.times import DAY_MICROSECONDS


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
