"""The shop at work: reads of customers' lists and writes of sales.

Usage: visitors.py URL

Goes on until its input ends; then prints a line of JSON: how many there were, the longest wait of each in
seconds, and what failed.
"""

import json
import sys
import threading
import time
from collections.abc import Callable

import sqlalchemy as sa

_PAUSE = 0.005
_READ = "SELECT item_id FROM recommendations WHERE customer_id = {} ORDER BY position"
_WRITE = (
    "INSERT INTO sales (customer_id, item_id, quantity, price, sold_at)"
    " VALUES ({}, 100, 1, 9.5, '2025-06-01 10:00:00')"
)


class Visitors:
    """One kind of them, on a connection of its own."""

    def __init__(self, url: str, statement: str) -> None:
        self._url, self._statement = url, statement
        self.count = 0
        self.longest = 0.0
        self.errors: list[str] = []

    def come(self, is_over: Callable[[], bool]) -> None:
        """One after the other."""
        engine = sa.create_engine(self._url, isolation_level="AUTOCOMMIT")
        while not is_over():
            started = time.perf_counter()
            try:
                with engine.connect() as connection:
                    result = connection.exec_driver_sql(self._statement.format(10 + 3 * (self.count % 9000)))
                    if result.returns_rows:
                        result.fetchall()
            except sa.exc.SQLAlchemyError as error:
                self.errors.append(str(error)[:200])
            self.longest = max(self.longest, time.perf_counter() - started)
            self.count += 1
            time.sleep(_PAUSE)


def main(url: str) -> None:
    """Readers and writers at once."""
    over = threading.Event()
    kinds = {"reads": Visitors(url, _READ), "writes": Visitors(url, _WRITE)}
    threads = [threading.Thread(target=kind.come, args=(over.is_set,)) for kind in kinds.values()]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    over.set()
    for thread in threads:
        thread.join()
    print(json.dumps({name: [k.count, round(k.longest, 3), k.errors[:3]] for name, k in kinds.items()}))


if __name__ == "__main__":
    main(sys.argv[1])
