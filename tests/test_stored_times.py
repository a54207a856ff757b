"""Times in whatever form a shop stores them: what its database cannot compare with `:since` is noticed."""

from datetime import UTC, date, datetime, timedelta

import pytest

from recommender.errors import ExitCode
from tests.nights import Shop
from tests.test_proposal import unknown_shop

LAST = datetime(2026, 11, 1, 12, tzinfo=UTC)
"""The newest sale, UTC."""
DAY = date(2026, 11, 2)
N = 40


def stored(form, moment):
    """A moment of UTC as the number or text of that form."""
    seconds = int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return {
        "seconds": seconds,
        "milliseconds": seconds * 1000,
        "microseconds": seconds * 1_000_000,
        "real seconds": seconds + 0.25,
        "Julian days": 2_440_587.5 + seconds / 86_400 + 1e-6,
        "text": f"{moment:%Y-%m-%d %H:%M:%S}",
        "text with T": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
        "digits": str(seconds * 1000),
    }[form]


def shop_of(tmp_path, declared, forms):
    """Orders of a day each, the forms in turn; one product an order."""
    shop = unknown_shop(
        tmp_path,
        f"sqlite:///{tmp_path / 'shop.db'}",
        f"CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, created_at {declared})",
        "CREATE TABLE order_lines (id INTEGER PRIMARY KEY, order_id INTEGER, product_id INTEGER)",
    )
    moments = [LAST - timedelta(days=n) for n in range(N)]
    shop.execute(
        "INSERT INTO orders VALUES (:n, :c, :t)",
        rows=[
            {"n": n, "c": n % 5 + 1, "t": stored(forms[n % len(forms)], moment)}
            for n, moment in enumerate(moments)
        ],
    )
    shop.execute(
        "INSERT INTO order_lines VALUES (:n, :n, :p)", rows=[{"n": n, "p": n % 3 + 1} for n in range(N)]
    )
    return shop


MIXED = ["seconds", "milliseconds", "microseconds", "real seconds", "Julian days", "text", "text with T"]


@pytest.mark.parametrize(
    ("declared", "forms"),
    [
        *(("DATETIME", [form]) for form in MIXED),
        *((declared, MIXED) for declared in ("DATETIME", "TEXT", "INTEGER", "REAL", "")),
        ("TEXT", ["milliseconds"]),
        ("", ["text"]),
        ("INTEGER", ["text", "milliseconds"]),
        ("TEXT", ["digits"]),
        ("", ["digits", "text"]),
    ],
    ids=str,
)
def test_what_is_stored_decides(tmp_path, declared, forms):
    """Each order is read at the second of its day, whatever the column is declared as."""
    shop = shop_of(tmp_path, declared, forms)
    said = shop.does("init", "--url", shop.url, "--yes")
    shop.decides()
    assert "2026-11-01 12:00" in said
    shop.set(DATABASE_URL=shop.url, HISTORY_DAYS=30)
    shop.does("export", "--as-of", str(DAY))
    # From the midnight 30 days before November 2nd, which is October 3rd, to the 1st of November.
    counts = shop.last_run.manifest.counts
    assert (counts["sales"], counts["unreadable_time"], counts["not_compared"]) == (30, 0, 0)


def owners_shop(tmp_path, forms, sold_at="created_at"):
    """With a query of the owner's that compares the column as it is."""
    shop = shop_of(tmp_path, "DATETIME", forms)
    shop.does("init", "--url", shop.url, "--yes")
    shop.decides()
    shop.set(DATABASE_URL=shop.url, HISTORY_DAYS=365)
    (shop.folder / "sql" / "sales.sql").write_text(
        f"SELECT customer_id, product_id AS item_id, {sold_at} AS sold_at"
        " FROM orders JOIN order_lines ON order_id = orders.id WHERE created_at >= :since",
        encoding="utf-8",
    )
    return shop


@pytest.mark.parametrize(
    ("forms", "missing"),
    [(["milliseconds"], N), (["text", "Julian days"], N // 2), (["text"] * 3 + ["real seconds"], N // 4)],
)
def test_what_the_owners_comparison_leaves_out_is_refused(tmp_path, forms, missing):
    shop = owners_shop(tmp_path, forms)
    told = shop.fails(ExitCode.REFUSED, "export", "--as-of", str(DAY))
    assert f"{missing} of {N} are left out by the comparison with :since" in told
    outcome = shop.recommend("check")
    assert outcome.code is ExitCode.REFUSED
    assert f"{missing} of {N} are left out" in " ".join(outcome.out.split())


def test_what_is_converted_but_compared_as_it_is_stored(tmp_path):
    """`sold_at` is in order, and the comparison leaves all out: these times lie in the window."""
    time = "strftime('%Y-%m-%d %H:%M:%S', created_at / 1000, 'unixepoch')"
    shop = owners_shop(tmp_path, ["milliseconds"], time)
    told = shop.fails(ExitCode.REFUSED, "run", "--as-of", str(DAY))
    assert f"{N} of {N} are left out by the comparison with :since" in told


def test_up_to_a_hundredth_is_counted_and_told(tmp_path):
    shop = owners_shop(tmp_path, ["text"])
    for _ in range(2):  # 160 lines of the same orders
        shop.execute(
            "INSERT INTO order_lines (order_id, product_id) SELECT order_id, product_id FROM order_lines"
        )
    shop.execute(f"INSERT INTO orders VALUES ({N + 1}, 1, {stored('milliseconds', LAST)})")
    shop.execute(f"INSERT INTO order_lines VALUES (99999, {N + 1}, 1)")
    shop.does("export", "--as-of", str(DAY))
    run = shop.last_run
    assert run.manifest.counts["not_compared"] == 1
    assert "1 sale lines which :since cannot be compared with were left out." in run.manifest.warnings


def test_what_has_no_time_is_rightly_left_out(tmp_path):
    """NULL, an empty text and 0 are orders that were never paid; older texts are older."""
    shop = owners_shop(tmp_path, ["text"])
    for n, value in enumerate(["NULL", "''", "0", "'2020-01-01'"] * 5):
        shop.execute(f"INSERT INTO orders VALUES ({1000 + n}, 1, {value})")
        shop.execute(f"INSERT INTO order_lines VALUES ({1000 + n}, {1000 + n}, 1)")
    shop.does("export", "--as-of", str(DAY))
    counts = shop.last_run.manifest.counts
    assert (counts["sales"], counts["not_compared"]) == (N, 0)


def test_times_in_another_form_of_text_are_noticed_everywhere(tmp_path, database_url):
    """As texts, the 1st of November comes before any year: some are read, and those that are not are told."""
    shop = Shop(tmp_path, database_url)
    shop.set(DATABASE_URL=database_url, HISTORY_DAYS=365)
    if database_url.startswith("sqlite"):
        (tmp_path / "shop.db").touch()
    shop.execute(
        "CREATE TABLE sales (customer_id INTEGER, item_id INTEGER, sold_at VARCHAR(30))",
        "CREATE TABLE items (item_id INTEGER, name VARCHAR(30), sellable INTEGER)",
        "INSERT INTO items VALUES (1, 'Tea', 1)",
    )
    days = [LAST - timedelta(days=n) for n in range(N)]
    shop.execute("INSERT INTO sales VALUES (1, 1, :t)", rows=[{"t": f"{day:%d.%m.%Y}"} for day in days])
    (tmp_path / "sql").mkdir()
    for name, text in (
        ("items", "SELECT * FROM items"),
        ("sales", "SELECT * FROM sales WHERE sold_at >= :since"),
    ):
        (tmp_path / "sql" / f"{name}.sql").write_text(text, encoding="utf-8")
    shop.does("init", "--yes")
    # From the 1st to the 20th a day comes before 2025, as a text; the others are read, and are no times.
    shop.execute("DELETE FROM sales WHERE sold_at >= '2025'")
    left = shop.rows("SELECT count(*) FROM sales")[0][0]
    told = shop.fails(ExitCode.REFUSED, "run", "--as-of", str(DAY))
    assert f"{left} of {left} are left out by the comparison with :since" in told


def test_init_says_why_no_sale_could_be_read(tmp_path):
    shop = owners_shop(tmp_path, ["text"])
    shop.set(HISTORY_DAYS=1)
    (shop.folder / "sql" / "sales.sql").unlink()
    said = shop.does("init", "--yes")
    assert "No sale could be read" in said
    assert "The newest sale there is of 2026-11-01; HISTORY_DAYS=" in said
    assert "The newest sales, as they are read" not in said


def test_digits_alone_are_no_time(tmp_path, database_url):
    """Milliseconds come as a text from PostgreSQL, and 13 digits can be read as a day of the year 1712."""
    shop = Shop(tmp_path, database_url)
    shop.set(DATABASE_URL=database_url)
    if database_url.startswith("sqlite"):
        (tmp_path / "shop.db").touch()
    shop.execute(
        "CREATE TABLE sales (customer_id INTEGER, item_id INTEGER, created BIGINT)",
        "INSERT INTO sales VALUES (1, 1, 1712101512345)",
        "CREATE TABLE items (item_id INTEGER, name VARCHAR(30), sellable INTEGER)",
        "INSERT INTO items VALUES (1, 'Tea', 1)",
    )
    (tmp_path / "sql").mkdir()
    sales = "SELECT customer_id, item_id, created AS sold_at FROM sales"
    for name, text in (("items", "SELECT * FROM items"), ("sales", sales)):
        (tmp_path / "sql" / f"{name}.sql").write_text(text, encoding="utf-8")
    shop.does("init", "--yes")
    told = shop.fails(ExitCode.REFUSED, "run")
    assert "1 of 1 have a sold_at that is not a time. Examples: sold_at = '1712101512345'" in told


# The newest sale there is


@pytest.mark.parametrize("filtered", [True, False])
def test_without_sales_the_newest_is_named(tmp_path, database_url, filtered):
    # MariaDB's TIMESTAMP is an instant, for which that zone means nothing.
    sold_in = "Pacific/Kiritimati" if database_url.startswith("mysql") else "UTC"
    shop = Shop(tmp_path, database_url)
    shop.set(
        DATABASE_URL=database_url, HISTORY_DAYS=30, SHOP_TIMEZONE="Pacific/Auckland", SALES_TIMEZONE=sold_in
    )
    if database_url.startswith("sqlite"):
        (tmp_path / "shop.db").touch()
    shop.execute(
        "CREATE TABLE sales (customer_id INTEGER, item_id INTEGER, sold_at TIMESTAMP)",
        # Already the 2nd in Auckland; and one that the night of that day does not know of yet.
        "INSERT INTO sales VALUES (1, 1, '2023-05-06 07:08:09'), (2, 1, '2024-03-01 20:00:00'),"
        " (2, 2, '2026-10-01 08:00:00')",
        "CREATE TABLE items (item_id INTEGER, name VARCHAR(30), sellable INTEGER)",
        "INSERT INTO items VALUES (1, 'Tea', 1), (2, 'Cup', 1)",
    )
    (tmp_path / "sql").mkdir()
    sales = "SELECT * FROM sales" + " WHERE sold_at >= :since" * filtered
    for name, text in (("items", "SELECT * FROM items"), ("sales", sales)):
        (tmp_path / "sql" / f"{name}.sql").write_text(text, encoding="utf-8")
    shop.does("init", "--yes")
    told = shop.fails(ExitCode.REFUSED, "run", "--as-of", "2026-09-01")
    days = (date(2026, 9, 1) - date(2024, 3, 2)).days
    assert f"The newest sale there is of 2024-03-02; HISTORY_DAYS={days} would read it." in told
    shop.set(HISTORY_DAYS=days - 1)
    assert f"HISTORY_DAYS={days} would" in shop.fails(ExitCode.REFUSED, "run", "--as-of", "2026-09-01")
    shop.set(HISTORY_DAYS=days)
    shop.does("export", "--as-of", "2026-09-01")
    assert shop.last_run.manifest.counts["sales"] == 1
    assert "newest sale" not in shop.fails(ExitCode.REFUSED, "run", "--as-of", "2020-01-01")
    shop.set(HISTORY_DAYS=1)
    outcome = shop.recommend("check")
    assert "The newest sale there is of 2026-10-01;" in " ".join(outcome.out.split())
    assert outcome.code is ExitCode.REFUSED
