"""What is wrong with files in the place of the queries."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from recommender.export import filerows
from tests.bad_input.support import ANY, BadShop, Case, cases_of
from tests.faults.injection import patched

CASES: list[Case] = []
case = cases_of(CASES, pytest.mark.sqlite_proves)
HEAD = "customer_id,item_id,sold_at\n"
GOOD = HEAD + "1,100,2026-02-01\n"


def sell_from(shop: BadShop, text: str | bytes, name: str = "s.csv") -> Path:
    """Sales from a file with this content."""
    folder = shop.folder / "data"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    shop.set(SALES_URI=str(folder))
    return folder


@case("nothing where `SALES_URI` says", on=ANY)
def no_files(shop: BadShop) -> None:
    shop.set(SALES_URI=str(shop.folder / "nowhere"))


@case("a folder without files of sales", on=ANY)
def other_files(shop: BadShop) -> None:
    sell_from(shop, "Hello", "readme.txt")


@case("files of several formats in one folder", on=ANY)
def mixed_files(shop: BadShop) -> None:
    sell_from(shop, GOOD)
    sell_from(shop, b"PAR1", "s.parquet")


@contextmanager
def _without_hdfs() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "hdfs_native", None)
        yield


@case("`hdfs://` without what reads it", on=ANY, fault=_without_hdfs)
def no_hdfs(shop: BadShop) -> None:
    shop.set(SALES_URI="hdfs://127.0.0.1:1/sales")


@case("no service where `SALES_URI` says", on=ANY)
def no_service(shop: BadShop) -> None:
    shop.set(SALES_URI="s3://bucket/sales?endpoint_override=127.0.0.1:1&scheme=http&region=eu-west-1")


@contextmanager
def _changed_meanwhile() -> Iterator[None]:
    read = filerows._csv_batches

    def changed(path, *rest):
        yield from read(path, *rest)
        path.touch()

    with patched(filerows, "_csv_batches", changed):
        yield


@case("a file that changes while it is read", on=ANY, fault=_changed_meanwhile)
def changed_file(shop: BadShop) -> None:
    sell_from(shop, GOOD)


@case("a CSV file with a row that is cut off", on=ANY)
def short_row(shop: BadShop) -> None:
    sell_from(shop, GOOD + "2,100\n")


@case("a Parquet file that is cut off", on=ANY)
def short_parquet(shop: BadShop) -> None:
    sell_from(shop, b"PAR1 and no more", "s.parquet")


@case("files lack a column", on=ANY)
def lacking_file(shop: BadShop) -> None:
    sell_from(shop, "customer_id,sold_at\n1,2026-02-01\n")


@case("files with times that cannot be read", on=ANY)
def untimely_file(shop: BadShop) -> None:
    sell_from(shop, GOOD + "2,100,soon\n")


@case("a file with a text where our tables have integers", on=ANY)
def mixed_keys(shop: BadShop) -> None:
    sell_from(shop, GOOD + "007,100,2026-02-01\n")


@case("`init` with other files than are set", on=ANY, call=("init", "--yes", "--sales-uri", "/nowhere"))
def other_files_set(shop: BadShop) -> None:
    sell_from(shop, GOOD)
