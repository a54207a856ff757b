"""Looking back at runs that cannot be compared or made again."""

import gzip

from tests.bad_input import faults
from tests.bad_input.rollback_cases import EARLIER, earlier_run
from tests.bad_input.support import ANY, BadShop, Case, cases_of, nothing

CASES: list[Case] = []
case = cases_of(CASES)
AGAIN = ("reproduce", EARLIER)


@case("nothing to compare", on=ANY, call=("runs", "diff"))
def nothing_to_compare(shop: BadShop) -> None:
    shop.own_tables()


@case("one run to compare", on=ANY, call=("runs", "diff"))
def one_run(_shop: BadShop) -> None:
    """The shop has had one night."""


@case("a run that has no lists", on=ANY, call=AGAIN)
def no_lists(shop: BadShop) -> None:
    earlier_run(shop, status="failed", published_seq=None, published_at=None, stages={})


@case("a rollback, which made nothing of its own", on=ANY, call=AGAIN)
def again_a_rollback(shop: BadShop) -> None:
    earlier_run(shop, source="rollback", source_run_id="20190101T000000Z-0000", source_published_seq=1)


@case("customers were forgotten since", on=ANY, call=AGAIN)
def forgotten_since(shop: BadShop) -> None:
    earlier_run(shop, forgotten={"sales.csv": ["0" * 64]})


@case("the sales are gone", on=ANY, call=AGAIN)
def no_sales_kept(shop: BadShop) -> None:
    earlier_run(shop)
    folder(shop).joinpath("sales.csv.gz").unlink()


@case("the parent is gone", on=ANY, call=AGAIN)
def no_parent(shop: BadShop) -> None:
    (run,) = shop.runs
    parent = {"run_id": "20190101T000000Z-0000", "mode": "cold", "as_of_day": "2019-01-01", "sha256": None}
    earlier_run(shop, model=run.manifest.as_json()["model"] | {"mode": "warm", "chain": [parent]})


@case("a record that is damaged", on=ANY, call=AGAIN)
def damaged_record(shop: BadShop) -> None:
    earlier_run(shop, as_of_day="2026-02-30")


@case("the sales are gone, to pack a run", on=ANY, call=("runs", "export", EARLIER, "run.zip"))
def no_sales_to_pack(shop: BadShop) -> None:
    no_sales_kept(shop)


@case("the parent's model was changed, to pack a run", on=ANY, call=("runs", "export", EARLIER, "run.zip"))
def changed_parent(shop: BadShop) -> None:
    (run,) = shop.runs
    parent = {"run_id": run.run_id, "mode": "cold", "as_of_day": "2026-03-01", "sha256": "0" * 64}
    earlier_run(shop, model=run.manifest.as_json()["model"] | {"mode": "warm", "chain": [parent]})


@case("no room to make a run again, or to pack it", on=ANY, call=AGAIN, fault=faults.no_space)
def no_room_to_make_again(shop: BadShop) -> None:
    earlier_run(shop)


@case("sales that unpack to more than sales do", on=ANY, call=AGAIN)
def sales_without_end(shop: BadShop) -> None:
    earlier_run(shop)
    folder(shop).joinpath("sales.csv.gz").write_bytes(gzip.compress(b"1,100,2026-01-01T10:00:00Z\n" * 10**6))


@case("no such archive", on=ANY, call=("reproduce", "--from-archive", "none.zip"))
def no_archive(_shop: BadShop) -> None:
    """There is no file of that name."""


@case("a damaged or strange archive", on=ANY, call=("reproduce", "--from-archive", "/dev/null"))
def no_zip(_shop: BadShop) -> None:
    """An empty file."""


@case("a record of a newer version", on=ANY, call=AGAIN)
def newer_record(shop: BadShop) -> None:
    earlier_run(shop, manifest_version=1000)


@case("a run's id that is short for several", on=ANY, call=("runs", "show", "0000"))
def short_for_several(shop: BadShop) -> None:
    earlier_run(shop)
    earlier_run(shop, EARLIER.replace("01T", "02T"))


# Searching

SEARCH = ("show", "--search")

case("no item of that name", on=ANY, call=(*SEARCH, "no such thing"), name="search_no_item")(nothing)


@case("nobody who bought an item of that name", on=ANY, call=(*SEARCH, "Item 105"))
def search_nobody(shop: BadShop) -> None:
    shop.own_tables()
    shop.execute("DELETE FROM sales WHERE item_id = 105")
    shop.night()


@case("no run to search in", on=ANY, call=(*SEARCH, "Item"))
def search_no_run(shop: BadShop) -> None:
    shop.own_tables()


def folder(shop: BadShop):
    return shop.folder / "var" / "runs" / EARLIER
