"""The stages one by one: in another order, of another version, with lists that another program wrote."""

import json
from collections.abc import Callable
from functools import partial

from recommender.runs.folder import MANIFEST
from recommender.system.files import sha256_of
from tests.bad_input.support import ANY, NIGHT, BadShop, Case, cases_of, nothing

CASES: list[Case] = []
case = cases_of(CASES)


def stages(shop: BadShop, *names: str) -> None:
    """These stages, of a run that is not published."""
    for name in names:
        shop.does(name, *NIGHT[1:]) if name == "export" else shop.does(name)


case("a stage before the one that it needs", on=ANY, call=("train",), name="train_first")(nothing)


@case("a stage of a run whose stage before is not done", on=ANY, call=("rank", "--run", "latest"))
def rank_first(shop: BadShop) -> None:
    stages(shop, "export")


case("a stage of a published run", on=ANY, call=("rank", "--run", "latest"), name="rank_again")(nothing)


@case("a training by another version", on=ANY, call=("rank",))
def trained_by_another_version(shop: BadShop) -> None:
    stages(shop, "export", "train")
    path = shop.last_run.path(MANIFEST)
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(record | {"choice": record["choice"] | {"weights": {}}}), encoding="utf-8")


# Lists that another program wrote, and noted as it should


def rewrite(change: Callable[[list[str]], list[str]], shop: BadShop) -> None:
    """Change the lines of the customers' lists, header and rows, and note the file in the record."""
    stages(shop, "export", "train", "rank")
    run = shop.last_run
    path = run.path("recommendations.csv")
    path.write_text("\n".join([*change(path.read_text(encoding="utf-8").splitlines()), ""]), encoding="utf-8")
    run.manifest.note_file(path.name, sha256_of(path))
    run.save()


def with_first(lines: list[str], **fields: str) -> list[str]:
    """The lines, the first row of them with other fields."""
    header, first, *others = lines
    row = dict(zip(header.split(","), first.split(","), strict=True)) | fields
    return [header, ",".join(row.values()), *others]


def twice(lines: list[str]) -> list[str]:
    """The second row of the first list has the item of the first."""
    header, first, second, *others = lines
    item = first.split(",")[2]
    fields = second.split(",")
    return [header, first, ",".join([*fields[:2], item, *fields[3:]]), *others]


for _name, _row, _change in (
    ("list_unreadable", "a list that cannot be read", partial(with_first, score="high")),
    ("list_empty", "a list without rows", lambda lines: lines[:1]),
    ("list_reason", "an unknown reason", partial(with_first, reason="because")),
    ("list_item", "an item that may not be shown", partial(with_first, item_id="100")),
    ("list_positions", "positions with a gap", partial(with_first, position="9")),
    ("list_twice", "an item twice in one list", twice),
):
    case(_row, on=ANY, call=("publish",), name=_name)(partial(rewrite, _change))


@case("an item that the shop's rules leave out", on=ANY, call=("publish",))
def list_against_the_rules(shop: BadShop) -> None:
    shop.query("SELECT 'never' AS rule, 105 AS item_id, 'recommendations' AS list", "rules")
    rewrite(partial(with_first, item_id="105"), shop)
