"""Small shops made at random: whatever an honest shop's sales and settings may look like, from a seed.

`Shop` is what the shop knows of itself; `put_into` writes it into a database, in tables as shops have them.
Times are whole seconds between a day's eighth hour and midnight of UTC, some days before a day that is given.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

ALL_LISTS = ("recommendations", "buy_again", "similar_items", "bought_together", "popular_items")
_ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
)
_EPOCHS = {"seconds since 1970": 1, "milliseconds since 1970": 1000}
_ODD_TEXTS = (
    "NA",
    "null",
    "1e5",
    "00123",
    "123",
    "-5",
    "--all",
    " ",
    "a b",
    "a,b",
    'say "x"',
    "two\nlines",
    "lone\rreturn",
    "tab\there",
    "ünïcödé",
    "e\u0301",
    "\u202ereversed",
    "100%",
    "a:b",
    "$HOME",
    "x" * 90,
    "guest:someone",
    "nan",
    "TRUE",
)


@dataclass(frozen=True)
class Line:
    """A sale line."""

    customer: int | str | None
    email: str | None
    item: int | str
    time: datetime
    quantity: float | str
    price: float | str
    order: int


@dataclass(frozen=True)
class Item:
    """An item of the catalogue."""

    key: int | str
    name: str
    sellable: int


@dataclass
class Shop:
    """What a shop has sold and sells, and its settings."""

    seed: int
    kinds: tuple[type, type]
    """of the keys of customers and items"""
    lines: list[Line]
    items: list[Item]
    settings: dict[str, str]
    never: list[int | str]
    zone: ZoneInfo
    time_form: str
    """how the shop stores times"""
    layout: str
    """which tables it has"""
    has_emails: bool
    traits: list[str] = field(default_factory=list)
    """in words, for messages"""

    def __str__(self) -> str:
        given = ", ".join(f"{name}={value}" for name, value in self.settings.items())
        return f"shop {self.seed}: {', '.join(self.traits)}; {given}"


def random_shop(seed: int, today: datetime, *, typed: bool = False) -> Shop:
    """The shop of a seed.

    Args:
        seed: the same gives the same shop, as far back from the day.
        today: midnight UTC of the day that it is.
        typed: leave out the numbers that a column of numbers would not take.
    """
    chance = random.Random(seed)
    n_customers, n_items, n_lines = (_size(chance, most) for most in (120, 50, 500))
    days = _size(chance, 800) + 1
    traits = [f"{n_customers} customers, {n_items} items, {n_lines} lines, {days} days"]

    def pick(*choices: str, odds: Sequence[float] | None = None) -> str:
        chosen = chance.choices(choices, odds)[0]
        traits.append(chosen)
        return chosen

    kinds = (chance.choice((int, int, str)), chance.choice((int, int, str)))
    customers = _keys(chance, kinds[0], n_customers, pick)
    items = _keys(chance, kinds[1], n_items, pick)
    catalogue = _with_strangers(_catalogue(chance, items, pick), kinds[1], chance, pick)
    guests = pick("no guests", "some guests", "only guests", "guests are nobody", odds=(8, 3, 0.5, 1))
    lines = _sold(
        chance,
        _crowd(chance, customers, n_lines, pick),
        items,
        pick("any taste", "one item each", "a bag in each basket", "all own everything", odds=(8, 2, 1, 1)),
        when=_calendar(chance, days, pick),
        today=today,
    )
    lines = _with_guests(chance, lines, guests, 0 if kinds[0] is int else "")
    lines = _returned(
        lines, pick("nothing back", "some came back", "all came back", odds=(6, 4, 0.4)), chance
    )
    if pick("whole numbers", "odd numbers", odds=(6, 1)) == "odd numbers" and not typed:
        lines = _with_odd_numbers(lines, chance)
    zone = ZoneInfo(chance.choice(_ZONES))
    time_form = pick("plain times", "with T", "with Z", "dates", *_EPOCHS, odds=(4, 1, 1, 1, 1, 1))
    if time_form == "dates":
        lines = [replace(line, time=_midnight(line.time, zone)) for line in lines]
    chance.shuffle(lines)
    never = chance.sample(items, chance.randrange(n_items + 1)) if chance.random() < 0.15 else []
    return Shop(
        seed=seed,
        kinds=kinds,
        lines=lines,
        items=catalogue,
        settings=_settings(chance),
        # What a line of a file can hold.
        never=[key for key in never if str(key).strip() == str(key) and str(key).isprintable()],
        zone=zone,
        time_form=time_form,
        layout=pick("sales", "sales with orders", "orders and lines"),
        has_emails=guests != "no guests" and chance.random() < 0.8,
        traits=traits,
    )


def _sold(
    chance: random.Random,
    who: list[Any],
    items: list[Any],
    taste: str,
    *,
    when: Callable[[], int],
    today: datetime,
) -> list[Line]:
    """A line for each customer of `who`, and one of each pair where all own everything."""
    pairs = []
    for number, customer in enumerate(who):
        item = items[min(int(chance.expovariate(4 / len(items))), len(items) - 1)]
        if taste == "one item each":
            item = items[number % len(items)]
        if taste == "a bag in each basket" and chance.random() < 0.5:
            item = items[0]
        pairs.append((customer, item))
    if taste == "all own everything":
        pairs += [(customer, item) for customer in sorted({*who}, key=repr)[:20] for item in items[:20]]
    return [
        Line(
            customer,
            None,
            item,
            today - timedelta(days=when()) + timedelta(seconds=chance.randrange(8 * 3600, 20 * 3600)),
            chance.choice((1, 1, 1, 2, 5, 0.5)),
            chance.randrange(1, 90),
            number // 2,
        )
        for number, (customer, item) in enumerate(pairs)
    ]


def _with_guests(chance: random.Random, lines: list[Line], style: str, nobody: int | str) -> list[Line]:
    """The lines, some or all of them without a customer: NULL, or what the shop stores for nobody."""
    share = {"no guests": 0.0, "only guests": 1.0}.get(style, 0.3)
    key = nobody if style == "guests are nobody" or chance.random() < 0.3 else None
    return [
        replace(line, customer=key, email=f"guest{chance.randrange(20)}@example.com")
        if chance.random() < share
        else line
        for line in lines
    ]


def _catalogue(chance: random.Random, items: list[Any], pick: Callable[..., str]) -> list[Item]:
    style = pick("all on sale", "some on sale", "one on sale", "nothing on sale", odds=(6, 6, 1, 0.3))
    shares = {"all on sale": 1.0, "some on sale": 0.7}
    return [
        Item(
            key,
            f"Item {key}"[:80],
            int(chance.random() < shares.get(style, 0) or (style == "one on sale" and key == items[0])),
        )
        for key in items
    ]


def _midnight(time: datetime, zone: ZoneInfo) -> datetime:
    """As the day's begin, which is what a date without a time stands for."""
    local = time.astimezone(zone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def _size(chance: random.Random, most: int) -> int:
    """From 1, each order of magnitude as often as any other."""
    return int(math.exp(chance.uniform(0, math.log(most + 1))))


def _keys(chance: random.Random, kind: type, n: int, pick: Callable[..., str]) -> list[Any]:
    if kind is str:
        style = pick("plain texts", "odd texts", odds=(2, 1))
        plain = [f"key-{number}" for number in range(n)]
        if style == "odd texts":
            odd = chance.sample(_ODD_TEXTS, min(n, len(_ODD_TEXTS)))
            plain[: len(odd)] = odd
        return plain
    style = pick("small integers", "snowflakes", "any integers", odds=(3, 1, 1))
    if style == "small integers":
        return list(range(1, n + 1))
    if style == "snowflakes":
        return [1_234_567_890_123_456_789 + 4_194_304 * number for number in range(n)]
    ends = [2**63 - 1, -(2**63), -1, 10**18, 999_999_999_999_999_999]
    return (ends + [chance.randrange(-(2**62), 2**62) for _ in range(n)])[:n]


def _with_strangers(
    catalogue: list[Item], kind: type, chance: random.Random, pick: Callable[..., str]
) -> list[Item]:
    """The catalogue with items that nobody bought, or without some or all that were bought."""
    style = pick("known items", "unsold items too", "deleted items", "other items", odds=(6, 4, 2, 0.4))
    more = [
        Item(7_000_000 + n if kind is int else f"new-{n}", f"New {n}", 1)
        for n in range(chance.randrange(1, 8))
    ]
    if style == "unsold items too":
        return catalogue + more
    if style == "deleted items":
        return chance.sample(catalogue, len(catalogue) // 2) + more
    return more if style == "other items" else catalogue


def _calendar(chance: random.Random, days: int, pick: Callable[..., str]) -> Callable[[], int]:
    """How many days ago a sale was."""
    style = pick(
        "all the time", "a season a year", "bursts", "long ago", "lately", "growing", odds=(4, 2, 2, 1, 1, 1)
    )
    if style == "a season a year":
        begin = chance.randrange(1, 365)
        return lambda: begin + chance.randrange(20) + 365 * chance.randrange(1 + days // 365)
    if style == "bursts":
        bursts = [chance.randrange(1, days + 1) for _ in range(chance.randrange(1, 5))]
        return lambda: chance.choice(bursts) + chance.randrange(3)
    if style == "long ago":
        return lambda: 300 + chance.randrange(1, days + 1)
    if style == "lately":
        return lambda: chance.randrange(1, min(days, 10) + 1)
    if style == "growing":
        return lambda: 1 + int(days * chance.random() ** 3)
    return lambda: chance.randrange(1, days + 1)


def _crowd(chance: random.Random, customers: list[Any], n_lines: int, pick: Callable[..., str]) -> list[Any]:
    """The customer of each line."""
    style = pick("regulars", "each comes once", "a robot", odds=(5, 2, 1))
    if style == "each comes once":
        return chance.sample(customers, min(len(customers), n_lines))
    if style == "a robot":
        return [customers[0] if chance.random() < 0.8 else chance.choice(customers) for _ in range(n_lines)]
    return [chance.choice(customers) for _ in range(n_lines)]


def _returned(lines: list[Line], style: str, chance: random.Random) -> list[Line]:
    """The lines with returns among them, some of more than was ever sold."""
    if style == "nothing back":
        return lines
    share = 0.2 if style == "some came back" else 1.0
    back = []
    for line in lines:
        if chance.random() < share:
            later = line.time + timedelta(hours=chance.randrange(3))
            back.append(replace(line, time=later, quantity=-chance.choice((1, 5, 100))))
    if style == "all came back" and chance.random() < 0.5:
        return back
    return lines + back


def _with_odd_numbers(lines: list[Line], chance: random.Random) -> list[Line]:
    """Some numbers as no honest form has them; one of them only, or few enough to be left out."""
    odd = (
        "Infinity",
        "sNaN",
        "NaN",
        "-inf",
        "1e400",
        "1e-400",
        "1e999999999",
        1.7e308,
        1e-300,
        "",
        "many",
        math.inf,
    )
    changed = list(lines)
    for number in chance.sample(range(len(lines)), min(len(lines), 1 + len(lines) // 200)):
        line = changed[number]
        value = chance.choice(odd)
        quantity, price = (value, line.price) if chance.random() < 0.5 else (line.quantity, value)
        changed[number] = Line(line.customer, line.email, line.item, line.time, quantity, price, line.order)
    return changed


_ENDS: dict[str, tuple[str, ...]] = {
    "HISTORY_DAYS": ("1", "30", "36500"),
    "TOP_N": ("1", "2", "60", "1000"),
    "POPULAR_ITEMS": ("1", "100000"),
    "REPEAT_PURCHASES": ("exclude", "include"),
    "PUBLISH_GUESTS": ("yes", "no"),
    "FACTORS": ("1", "2", "300", "1024"),
    "REGULARIZATION": ("1e-6", "1e6"),
    "ITERATIONS": ("1", "40"),
    "ALPHA": ("1e-3", "1e6"),
    "HALF_LIFE_DAYS": ("0.1", "36500"),
    "SEED": ("0", "4294967295"),
    "THREADS": ("1", "3"),
    "MAX_MEMORY_MB": ("0", "1", "10000000"),
    "NIGHTLY_PROOF": ("on", "off"),
    "TUNE_BUDGET": ("0", "1", "20"),
    "TRAIN_EVERY_DAYS": ("1", "365"),
    "WARM_START": ("auto", "never"),
    "MIN_CUSTOMERS_SHARE": ("0", "1"),
    "MIN_SALES_SHARE": ("0", "1"),
    "MIN_ITEMS_SHARE": ("0", "1"),
    "QUERY_TIMEOUT_SECONDS": ("30", "86400"),
    "KEEP_RUNS": ("1", "10000"),
    "KEEP_EXPORT_DAYS": ("0", "36500"),
    "TABLE_PREFIX": ("r_",),
}


def _settings(chance: random.Random) -> dict[str, str]:
    """Defaults in half of the shops; else some settings at their ends, and some lists left out."""
    if chance.random() < 0.5:
        return {}
    names = chance.sample(sorted(_ENDS), chance.randrange(1, 7))
    settings = {name: chance.choice(_ENDS[name]) for name in names}
    if chance.random() < 0.5:
        settings["LISTS"] = ",".join(chance.sample(ALL_LISTS, chance.randrange(1, len(ALL_LISTS))))
    return settings


_TYPES: dict[str, dict[Any, str]] = {
    "sqlite": {
        int: "INTEGER",
        str: "TEXT",
        "time": "TEXT",
        "epoch": "INTEGER",
        "number": "REAL",
        "email": "TEXT",
    },
    "postgresql": {
        int: "BIGINT",
        str: 'VARCHAR(100) COLLATE "C"',
        "time": "TIMESTAMP",
        "epoch": "BIGINT",
        "number": "DOUBLE PRECISION",
        "email": "VARCHAR(100)",
    },
    "mysql": {
        int: "BIGINT",
        str: "VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
        "time": "DATETIME",
        "epoch": "BIGINT",
        "number": "DOUBLE",
        "email": "VARCHAR(100)",
    },
}


def put_into(shop: Shop, url: str, *, backwards: bool = False) -> None:
    """Make the shop's tables and fill them: one of sale lines, or orders and their lines; and the catalogue.

    Args:
        shop: the shop.
        url: of an empty database.
        backwards: insert the rows in the opposite order.
    """
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    backend = engine.dialect.name
    types = _TYPES[backend]
    step = -1 if backwards else 1
    customer = {"customer_id": types[shop.kinds[0]]}
    if shop.has_emails:
        customer |= {"guest_email": types["email"]}
    item = types[shop.kinds[1]]
    time = types["epoch"] if shop.time_form in _EPOCHS else types["time"]
    amounts = {"quantity": types["number"], "price": types["number"]}
    rows = [_row(shop, line, number, backend) for number, line in enumerate(shop.lines)][::step]
    items = [{"item_id": i.key, "name": i.name, "sellable": i.sellable} for i in shop.items][::step]
    with engine.begin() as connection:

        def fill(table: str, columns: dict[str, str], these: list[dict[str, Any]]) -> None:
            order = random.Random(shop.seed).sample(sorted(columns), len(columns))
            declared = ", ".join(f"{name} {columns[name]}" for name in order)
            connection.exec_driver_sql(f"CREATE TABLE {table} ({declared})")
            marks = ", ".join(f":{name}" for name in columns)
            if these:
                statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
                connection.execute(sa.text(statement), these)

        if shop.layout == "orders and lines":
            key = {"order_id": "INTEGER PRIMARY KEY"}
            fill("orders", {**key, **customer, "sold_at": time}, rows)
            fill("order_lines", {"order_id": "INTEGER", "item_id": item, **amounts}, rows)
        else:
            order_key = {"order_id": "INTEGER"} if shop.layout == "sales with orders" else {}
            fill("sales", {**customer, "item_id": item, "sold_at": time, **amounts, **order_key}, rows)
        fill("items", {"item_id": item, "name": "VARCHAR(100)", "sellable": "INTEGER"}, items)


def _row(shop: Shop, line: Line, number: int, backend: str) -> dict[str, Any]:
    return {
        "customer_id": line.customer,
        "item_id": line.item,
        "sold_at": _stored_time(shop, line.time, backend),
        "quantity": line.quantity,
        "price": line.price,
        # Lines share an order where nothing says that an order has one customer and time.
        "order_id": number if shop.layout == "orders and lines" else line.order,
        "guest_email": line.email,
    }


def _stored_time(shop: Shop, time: datetime, backend: str) -> str | int:
    if shop.time_form in _EPOCHS:
        return int(time.timestamp()) * _EPOCHS[shop.time_form]
    if shop.time_form == "dates":
        return str(time.astimezone(shop.zone).date())
    if backend != "sqlite":
        return time.astimezone(shop.zone).strftime("%Y-%m-%d %H:%M:%S")
    if shop.time_form == "with Z":
        return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    separator = "T" if shop.time_form == "with T" else " "
    return time.astimezone(shop.zone).strftime(f"%Y-%m-%d{separator}%H:%M:%S")
