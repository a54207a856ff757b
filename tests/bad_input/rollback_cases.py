"""Ways to go back that lead nowhere."""

import json
import shutil
from typing import Any

from recommender.runs.folder import MANIFEST
from tests.bad_input.support import ANY, BadShop, Case, cases_of

CASES: list[Case] = []
case = cases_of(CASES)
EARLIER = "20200101T000000Z-0000"
BACK, BACK_TO = ("rollback",), ("rollback", EARLIER)


def earlier_run(shop: BadShop, run_id: str = EARLIER, **fields: Any) -> None:
    """A run folder like that of the published night, of an earlier day, with these fields in its record."""
    run = shop.runs[-1]
    folder = run.folder.with_name(run_id)
    shutil.copytree(run.folder, folder)
    path = folder / MANIFEST
    record = json.loads(path.read_text(encoding="utf-8")) | {"run_id": run_id, "published_seq": 0} | fields
    path.write_text(json.dumps(record), encoding="utf-8")


def earlier_publish(shop: BadShop) -> None:
    """The database has it, too."""
    (columns,) = shop.rows("SELECT group_concat(name) FROM pragma_table_info('recommendation_runs')")
    own = {"run_id": f"'{EARLIER}'", "source_run_id": f"'{EARLIER}'", "published_seq": "0"}
    values = ", ".join(own.get(name, name) for name in columns[0].split(","))
    shop.execute(f"INSERT INTO recommendation_runs SELECT {values} FROM recommendation_runs")


@case("a hold stands")
def held(shop: BadShop) -> None:
    (shop.folder / "var" / "hold").write_text(
        '{"since": "2026-03-01T00:00:00Z", "source_run_id": "20260228T000000Z-0000"}', encoding="utf-8"
    )


@case("nothing was published before", call=BACK, on=ANY)
def nothing_before(_shop: BadShop) -> None:
    """The shop has had one night."""


@case("nothing was ever published", call=BACK, on=ANY)
def nothing_at_all(shop: BadShop) -> None:
    shop.own_tables()


@case("no such run", call=BACK_TO, on=ANY)
def unknown_run(_shop: BadShop) -> None:
    """There is none of that id."""


@case("no such run", call=BACK, on=ANY)
def removed_run(shop: BadShop) -> None:
    earlier_publish(shop)


@case("a run that is shown already", call=BACK_TO, on=ANY)
def shown_run(shop: BadShop) -> None:
    shop.execute(f"UPDATE recommendation_runs SET run_id = '{EARLIER}', source_run_id = '{EARLIER}'")


@case("a run that was never published", call=BACK_TO, on=ANY)
def unpublished_run(shop: BadShop) -> None:
    earlier_run(shop, status="refused", published_seq=None, published_at=None)


@case("a run that is a rollback", call=BACK_TO, on=ANY)
def rollback_run(shop: BadShop) -> None:
    earlier_run(shop, source="rollback", source_run_id="20190101T000000Z-0000", source_published_seq=1)


@case("a list of the run was changed", call=BACK, on=ANY)
def changed_list(shop: BadShop) -> None:
    earlier_run(shop)
    earlier_publish(shop)
    path = shop.folder / "var" / "runs" / EARLIER / "recommendations.csv"
    path.write_bytes(path.read_bytes().replace(b"1,1,", b"1,2,", 1))


@case("items have keys of another kind than then", call=BACK_TO)
def other_kind(shop: BadShop) -> None:
    earlier_run(shop)
    text = "CAST(item_id AS CHAR(20))" if shop.kind == "mariadb" else "CAST(item_id AS TEXT)"
    shop.query(f"SELECT {text} AS item_id, name, sellable FROM items", "items")


@case("a stage of a rollback", call=("publish", "--run", EARLIER), on=ANY)
def stage_of_a_rollback(shop: BadShop) -> None:
    earlier_run(
        shop,
        status="refused",
        published_seq=None,
        published_at=None,
        source="rollback",
        source_run_id="20190101T000000Z-0000",
        source_published_seq=1,
    )
