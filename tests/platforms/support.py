"""Shops on real platforms: their tables from a file, `init` over them, and what its queries then return."""

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from recommender.database import open_database
from recommender.database.query import read_query
from recommender.errors import ExitCode
from recommender.settings import load_settings
from recommender.setup import looks
from recommender.tables import KeyKind
from tests.nights import Shop, connection_to

HERE = Path(__file__).parent
PAGES = HERE.parents[1] / "docs" / "platforms"
SINCE = datetime.fromisoformat("2024-03-01 01:30")
"""In the zone of the sales: as a night binds `:since`."""


def load(url, name):
    """Make the tables and rows of a file; a statement ends with `;` at the end of a line."""
    text = (HERE / name).read_text(encoding="utf-8")
    lines = [line.split("-- ")[0].rstrip() if not line.startswith("--") else "" for line in text.splitlines()]
    with connection_to(url) as connection, connection.begin():
        for statement in "\n".join(lines).split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement.strip().removesuffix(";").replace("%", "%%"))


def set_up(folder, url, *params):
    """`recommend init` by options alone."""
    folder.mkdir()
    shop = Shop(folder, url)
    options = [option for param in params for option in ("--param", param)]
    outcome = shop.recommend("init", "--url", url, "--yes", *options)
    assert outcome.code is ExitCode.DONE, outcome.err
    return shop, outcome.out


def rows_of(shop, name, columns, since=SINCE):
    """What a query of the shop returns, as the nights read it."""
    settings = load_settings(env_file=shop.env_file, environ={})
    backend = open_database(settings.database_url).backend
    query = read_query(settings.sql_dir / name, backend, since)
    with looks.shop_snapshot(settings, 60) as snapshot:
        found = {column.name: column for column in snapshot.columns(query)}
        rows = looks.rows_of(snapshot, query, [found[name] for name in columns])
        if not snapshot.integers_as_text:
            return rows
        keys = [
            name in ("customer_id", "item_id")
            and snapshot.key_type(query, found[name]).kind is KeyKind.INTEGER
            for name in columns
        ]
        return [
            tuple(int(str(v)) if is_key and v is not None else v for is_key, v in zip(keys, row, strict=True))
            for row in rows
        ]


def sales_of(shop, since=SINCE):
    """Customer, item, quantity and guest's address of each sale, sorted."""
    columns = ("customer_id", "item_id", "quantity", "guest_email")
    return sorted(
        (
            (customer, item, Decimal(str(quantity)), address and address.lower())
            for customer, item, quantity, address in rows_of(shop, "sales.sql", columns, since)
        ),
        key=repr,
    )


def items_of(shop):
    """Name and whether it is sellable, by item; a doubled item fails."""
    rows = rows_of(shop, "items.sql", ("item_id", "name", "sellable"))
    items = {item: (name, bool(int(sellable))) for item, name, sellable in rows}
    assert len(items) == len(rows)
    return items


FACT_COLUMNS = ("category", "brand", "price", "url", "image_url", "added_at")


def facts_of(shop, columns=FACT_COLUMNS):
    """What else is told of each item: a price as a number, a time as a text; a doubled item fails."""
    rows = rows_of(shop, "items.sql", ("item_id", *columns))
    facts = {}
    for item, *values in rows:
        told = dict(zip(columns, values, strict=True))
        if told.get("price") is not None:
            told["price"] = Decimal(str(told["price"]))
        if told.get("added_at") is not None:
            told["added_at"] = str(told["added_at"])[:19]
        facts[item] = tuple(told.values())
    assert len(facts) == len(rows)
    return facts


def code_of(page, language):
    """The blocks of code of a page that are in one language."""
    return re.findall(rf"```{re.escape(language)}\n(.*?\n)```", page.read_text(encoding="utf-8"), re.DOTALL)


def files_of(page):
    """The files that a page tells its reader to make, by their path: each stands behind its name."""
    text = page.read_text(encoding="utf-8")
    return dict(re.findall(r"^`([\w./-]+\.\w+)`.*?:\n```[\w+]+\n(.*?\n)```", text, re.DOTALL | re.MULTILINE))


def laid_out(page, folder):
    """The same files, written where the page says they go."""
    files = files_of(page)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return files
