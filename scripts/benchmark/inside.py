"""Single steps within one process, beside what does the same.

Usage: inside.py STEP RUN_FOLDER

Prints a line of JSON: the fastest of some runs of each, in seconds.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from recommender.learning.interactions import load_sale_lines, make_interactions
from recommender.learning.modelfile import load_model
from recommender.ranking.topn import top_n
from recommender.runs.folder import MODEL, SALES, Run, load_run
from recommender.tables import KeyKind
from scripts.benchmark.naive import interactions as by_groups

_REPEAT = 3
_USERS_AT_ONCE = 1000
N = 10


def in_turn(**works: Callable[[], object]) -> dict[str, float]:
    """Seconds of the fastest run of each, one after the other each time."""
    best = dict.fromkeys(works, np.inf)
    for _ in range(_REPEAT):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            best[name] = min(best[name], time.perf_counter() - started)
    return {name: round(seconds, 3) for name, seconds in best.items()}


def matrix(run: Run) -> dict[str, float]:
    """From `sales.csv` to weights with keys."""
    path = run.path(SALES)

    def ours() -> object:
        lines = load_sale_lines(path, customer_kind=KeyKind.INTEGER, item_kind=KeyKind.INTEGER)
        return make_interactions(lines, half_life_days=120)

    return in_turn(ours=ours, pandas=lambda: by_groups(pd.read_csv(path)))


def topn(run: Run) -> dict[str, float]:
    """The n best items of every customer, exactly."""
    model = load_model(run.path(MODEL))
    users, items = model.user_factors, model.item_factors
    everything = np.ones(len(items), bool)
    peer = AlternatingLeastSquares(factors=users.shape[1])
    peer.user_factors, peer.item_factors = users, items
    everyone = np.arange(len(users))
    nothing = csr_matrix(np.zeros((len(users), 1), np.float32))

    def product() -> None:
        for start in range(0, len(users), _USERS_AT_ONCE):
            users[start : start + _USERS_AT_ONCE] @ items.T

    def implicit() -> None:
        with threadpool_limits(1, "blas"):
            peer.recommend(everyone, nothing, N=N, filter_already_liked_items=False)

    return in_turn(
        ours=lambda: top_n(users, items, candidates=everything, seen=None, n=N, threads=2),
        product=product,
        implicit=implicit,
    )


if __name__ == "__main__":
    print(json.dumps({"matrix": matrix, "topn": topn}[sys.argv[1]](load_run(Path(sys.argv[2])))))
