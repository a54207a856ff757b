"""The whole job as one writes it in an afternoon: pandas, implicit, pandas.

Usage: naive.py URL FOLDER

No model of correctness: the table is dropped and made again under its readers, without a key.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import sqlalchemy as sa
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

QUERY = "SELECT customer_id, item_id, quantity, price, sold_at FROM sales"
N = 10


def interactions(sales: pd.DataFrame) -> tuple[csr_matrix, pd.Index, pd.Index]:
    """What is left after refunds of each pair of customer and item."""
    left = sales.groupby(["customer_id", "item_id"], as_index=False)["quantity"].sum()
    left = left[left["quantity"] > 0]
    rows, customers = pd.factorize(left["customer_id"])
    columns, items = pd.factorize(left["item_id"])
    cells = (left["quantity"].to_numpy(np.float32), (rows, columns))
    return csr_matrix(cells, shape=(len(customers), len(items))), customers, items


def main(url: str, folder: str) -> None:
    """Export, train, rank, write."""
    engine = sa.create_engine(url)
    path = Path(folder) / "naive.csv"
    pd.read_sql(QUERY, engine).to_csv(path, index=False)
    matrix, customers, items = interactions(pd.read_csv(path))
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(factors=64, iterations=15, random_state=1)
        model.fit(matrix, show_progress=False)
        found, scores = model.recommend(
            np.arange(len(customers)), matrix, N=N, filter_already_liked_items=True
        )
    lists = pd.DataFrame(
        {
            "customer_id": np.repeat(customers, N),
            "position": np.tile(np.arange(1, N + 1), len(customers)),
            "item_id": items[np.maximum(found, 0).ravel()],
            "score": scores.ravel(),
        }
    )
    lists.to_sql("naive_recommendations", engine, if_exists="replace", index=False, chunksize=10_000)
    path.unlink()


if __name__ == "__main__":
    main(*sys.argv[1:])
