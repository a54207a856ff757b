"""Online Retail II from every form it comes in: the same sales, cleaned the same way."""

import os
import subprocess
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from recommender.database import open_database
from recommender.database.query import read_query
from recommender.errors import ExitCode, SettingsError
from recommender.settings import load_settings
from scripts.online_retail import clean_sales, load_online_retail, read_online_retail, shop_rows

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "scripts" / "load-online-retail"
HEADER = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]
OLD_HEADER = ["InvoiceNo", *HEADER[1:5], "UnitPrice", "CustomerID", "Country"]
UK = "United Kingdom"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


# Numbers where the workbook has numbers: it keeps invoices and most stock codes as such.
FIRST_YEAR: list[tuple[Any, ...]] = [
    (489434, 85048, "CHRISTMAS GLASS BALL", 12, at("2009-12-01 07:45:00"), 6.95, 13085, UK),
    (489434, "79323P", "PINK CHERRY LIGHTS", 12, at("2009-12-01 07:45:00"), 6.75, 13085, UK),
    # A lower-case code with a blank is the same item; the name differs and ends in a blank.
    (489436, "79323p ", "PINK CHERRY LIGHTS OLD ", 1, at("2009-12-01 09:06:00"), 6.75, 13078, UK),
    # No customer.
    (489525, "85048", "CHRISTMAS GLASS BALL", 1, at("2009-12-01 11:49:00"), 14.0, None, UK),
    (489526, 85226, None, -3, at("2009-12-01 11:50:00"), 0.0, None, UK),
    # No products: postage, a manual entry in lower case, a sample, a voucher, a test, a fee.
    (489439, "POST", "POSTAGE", 1, at("2009-12-01 09:28:00"), 18.0, 12682, "France"),
    (489440, "m", "Manual", 1, at("2009-12-01 09:29:00"), 5.0, 12682, "France"),
    (489441, "S", "SAMPLES", 1, at("2009-12-01 09:30:00"), 1.0, 12682, "France"),
    (
        489442,
        "gift_0001_20",
        "Dotcomgiftshop Gift Voucher £20.00",
        1,
        at("2009-12-01 09:31:00"),
        17.4,
        12682,
        UK,
    ),
    (489443, "TEST001", "This is a test product.", 5, at("2009-12-01 09:32:00"), 4.5, 12346, UK),
    (489444, "BANK CHARGES", "Bank Charges", 1, at("2009-12-01 09:33:00"), 15.0, 12346, UK),
    # A cancellation.
    ("C489449", 85048, "CHRISTMAS GLASS BALL", -2, at("2009-12-01 10:33:00"), 6.95, 13085, UK),
]
# In both sheets; the heart is on its invoice twice and stays so.
OVERLAP: list[tuple[Any, ...]] = [
    (536365, "85123A", "WHITE HANGING HEART £1", 6, at("2010-12-01 08:26:00"), 2.55, 17850, UK),
    (536365, "85123A", "WHITE HANGING HEART £1", 6, at("2010-12-01 08:26:00"), 2.55, 17850, UK),
    (536370, 22728, "ALARM CLOCK BAKELIKE PINK", 24, at("2010-12-01 08:45:00"), 3.75, 12583, "France"),
    (536370, "POST", "POSTAGE", 3, at("2010-12-01 08:45:00"), 18.0, 12583, "France"),
    (536414, 22139, None, 56, at("2010-12-09 11:52:00"), 0.0, None, UK),
    (538000, 22728, "ALARM CLOCK", 2, at("2010-12-09 20:01:00"), 3.75, 12583, "France"),
]
SECOND_YEAR: list[tuple[Any, ...]] = [
    # One invoice, written over two minutes.
    (540001, 22728, "ALARM CLOCK", 4, at("2011-01-04 10:00:00"), 3.75, 17850, UK),
    (540001, 85048, "CHRISTMAS GLASS BALL", 1, at("2011-01-04 10:01:00"), 7.95, 17850, UK),
    # The same line twice, after the overlap.
    (540002, 21034, None, 1, at("2011-01-05 12:00:00"), 0.0, 17850, UK),
    (540002, 21034, None, 1, at("2011-01-05 12:00:00"), 0.0, 17850, UK),
]
CLEAN: list[tuple[Any, ...]] = [
    ("489434", 13085, "79323P", "PINK CHERRY LIGHTS", 12, 6.75, at("2009-12-01 07:45:00")),
    ("489434", 13085, "85048", "CHRISTMAS GLASS BALL", 12, 6.95, at("2009-12-01 07:45:00")),
    ("489436", 13078, "79323P", "PINK CHERRY LIGHTS OLD", 1, 6.75, at("2009-12-01 09:06:00")),
    ("C489449", 13085, "85048", "CHRISTMAS GLASS BALL", -2, 6.95, at("2009-12-01 10:33:00")),
    ("536365", 17850, "85123A", "WHITE HANGING HEART £1", 6, 2.55, at("2010-12-01 08:26:00")),
    ("536365", 17850, "85123A", "WHITE HANGING HEART £1", 6, 2.55, at("2010-12-01 08:26:00")),
    ("536370", 12583, "22728", "ALARM CLOCK BAKELIKE PINK", 24, 3.75, at("2010-12-01 08:45:00")),
    ("538000", 12583, "22728", "ALARM CLOCK", 2, 3.75, at("2010-12-09 20:01:00")),
    ("540001", 17850, "22728", "ALARM CLOCK", 4, 3.75, at("2011-01-04 10:00:00")),
    ("540001", 17850, "85048", "CHRISTMAS GLASS BALL", 1, 7.95, at("2011-01-04 10:01:00")),
    ("540002", 17850, "21034", "", 1, 0.0, at("2011-01-05 12:00:00")),
    ("540002", 17850, "21034", "", 1, 0.0, at("2011-01-05 12:00:00")),
]
CLEAN_HEADER = ["invoice", "customer_id", "item_id", "name", "quantity", "unit_price", "sold_at"]


def write_workbook(path: Path) -> Path:
    """As published: one sheet for each year, the first with the begin of the second."""
    sheets = {"Year 2009-2010": FIRST_YEAR + OVERLAP, "Year 2010-2011": OVERLAP + SECOND_YEAR}
    with pd.ExcelWriter(path) as book:
        for name, lines in sheets.items():
            pd.DataFrame(lines, columns=HEADER, dtype=object).to_excel(book, sheet_name=name, index=False)
    return path


def write_csv(path: Path) -> Path:
    """One sheet after the other; a customer's number has become a decimal."""
    lines = pd.DataFrame(FIRST_YEAR + OVERLAP + OVERLAP + SECOND_YEAR, columns=HEADER)
    lines.to_csv(path, index=False)
    assert ",13085.0," in path.read_text(encoding="utf-8")
    return path


def write_sorted_csv(path: Path) -> Path:
    """The same, sorted by time, so that nothing tells where a sheet ends, and as Windows writes it."""
    lines = pd.DataFrame(FIRST_YEAR + OVERLAP + OVERLAP + SECOND_YEAR, columns=HEADER)
    lines.sort_values("InvoiceDate").to_csv(path, index=False, encoding="cp1252")
    return path


def write_parquet(path: Path) -> Path:
    """Cleaned before, in an order of its own."""
    lines = pd.DataFrame(CLEAN[::-1], columns=CLEAN_HEADER)
    lines.astype({"quantity": "int32"}).to_parquet(path)
    return path


FORMS = {
    "workbook": lambda folder: write_workbook(folder / "online_retail_II.xlsx"),
    "csv": lambda folder: write_csv(folder / "online_retail_II.csv"),
    "sorted csv": lambda folder: write_sorted_csv(folder / "sorted.CSV"),
    "parquet": lambda folder: write_parquet(folder / "cleaned.parquet"),
}


def as_lines(sales: pd.DataFrame) -> list[tuple[Any, ...]]:
    times = sales["sold_at"].to_numpy("datetime64[s]").tolist()
    return list(zip(*(sales[name].tolist() for name in CLEAN_HEADER[:-1]), times, strict=True))


@pytest.fixture(params=FORMS)
def file(request, tmp_path):
    """The same sales in each form in turn."""
    return FORMS[request.param](tmp_path)


def test_every_form_gives_the_same_sales(file):
    assert as_lines(clean_sales(read_online_retail(file))) == CLEAN


def test_cleaning_twice_changes_nothing(tmp_path):
    once = clean_sales(read_online_retail(write_workbook(tmp_path / "book.xlsx")))
    pd.testing.assert_frame_equal(clean_sales(once), once)


def test_the_workbook_of_the_second_year_alone(tmp_path):
    """As first published, with other names and month/day/year: its December is there once, and kept."""
    lines = pd.DataFrame(OVERLAP + SECOND_YEAR, columns=OLD_HEADER)
    lines["InvoiceDate"] = [
        f"{t.month}/{t.day}/{t.year} {t.hour}:{t.minute:02}" for t in lines["InvoiceDate"]
    ]
    lines.to_csv(tmp_path / "data.csv", index=False)
    later = [line for line in CLEAN if line[-1] >= at("2010-12-01 00:00:00")]
    assert as_lines(clean_sales(read_online_retail(tmp_path / "data.csv"))) == later


def test_what_becomes_of_the_sales():
    rows = shop_rows(pd.DataFrame(CLEAN, columns=CLEAN_HEADER))
    assert rows["customers"] == [
        (12583, None, None, at("2010-12-01 08:45:00")),
        (13078, None, None, at("2009-12-01 09:06:00")),
        (13085, None, None, at("2009-12-01 07:45:00")),
        (17850, None, None, at("2010-12-01 08:26:00")),
    ]
    assert rows["products"] == [
        ("21034", "21034", None, 0.0, True, None),  # never named, never priced
        ("22728", "ALARM CLOCK", None, 3.75, True, None),  # the most frequent name
        ("79323P", "PINK CHERRY LIGHTS OLD", None, 6.75, True, None),  # both once: the latest
        ("85048", "CHRISTMAS GLASS BALL", None, 7.95, True, None),  # the latest price
        ("85123A", "WHITE HANGING HEART £1", None, 2.55, True, None),
    ]
    assert rows["orders"] == [
        ("489434", 13085, None, "completed", at("2009-12-01 07:45:00")),
        ("489436", 13078, None, "completed", at("2009-12-01 09:06:00")),
        ("C489449", 13085, None, "returned", at("2009-12-01 10:33:00")),
        ("536365", 17850, None, "completed", at("2010-12-01 08:26:00")),
        ("536370", 12583, None, "completed", at("2010-12-01 08:45:00")),
        ("538000", 12583, None, "completed", at("2010-12-09 20:01:00")),
        ("540001", 17850, None, "completed", at("2011-01-04 10:00:00")),
        ("540002", 17850, None, "completed", at("2011-01-05 12:00:00")),
    ]
    assert rows["order_lines"] == [
        ("489434", 1, "79323P", 12, 6.75),
        ("489434", 2, "85048", 12, 6.95),
        ("489436", 1, "79323P", 1, 6.75),
        ("C489449", 1, "85048", -2, 6.95),
        ("536365", 1, "85123A", 6, 2.55),
        ("536365", 2, "85123A", 6, 2.55),
        ("536370", 1, "22728", 24, 3.75),
        ("538000", 1, "22728", 2, 3.75),
        ("540001", 1, "22728", 4, 3.75),
        ("540001", 2, "85048", 1, 7.95),
        ("540002", 1, "21034", 1, 0.0),
        ("540002", 2, "21034", 1, 0.0),
    ]


def test_names_that_are_equally_frequent_and_late():
    """By alphabet, so that the order of the lines decides nothing."""
    lines = [("1", 1, "A", name, 1, 1.0, at("2010-01-01 10:00:00")) for name in ("SEVEN", "EIGHT")]
    for order in (lines, lines[::-1]):
        rows = shop_rows(clean_sales(pd.DataFrame(order, columns=CLEAN_HEADER)))
        assert rows["products"] == [("A", "EIGHT", None, 1.0, True, None)]


def test_into_every_database(shop_url, tmp_path):
    """What the written query returns is what the file held."""
    report = load_online_retail(write_csv(tmp_path / "sales.csv"), shop_url, directory=tmp_path / "night")
    assert (report.customers, report.items, report.orders, report.sale_lines) == (4, 5, 8, 12)
    assert (report.first, report.last) == (at("2009-12-01 07:45:00"), at("2011-01-05 12:00:00"))
    settings = load_settings({}, tmp_path / "night" / ".env")
    assert settings.warnings == ()
    assert settings.shop_timezone.key == "Europe/London"
    database = open_database(settings.database_url)
    query = read_query(settings.sql_dir / "sales.sql", database.backend, at("2009-12-01 09:06:00"))
    columns = "customer_id, item_id, sold_at, quantity, order_id"
    with database.connect() as connection:
        found = connection.execute(sa.text(query.wrapped(columns).replace(":", r"\:"))).all()
    first_times = {line[0]: line[-1] for line in reversed(CLEAN)}
    assert Counter(
        (customer, item, at(str(sold_at)), int(quantity), order)
        for customer, item, sold_at, quantity, order in found
    ) == Counter((line[1], line[2], first_times[line[0]], line[4], line[0]) for line in CLEAN[2:])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("sales.xls", "", "none of .xlsx, .csv and .parquet"),
        ("sales.csv", "a,b\n1,2\n", "no column for invoice, customer_id, item_id"),
        ("sales.csv", "", "cannot be read"),
        ("sales.xlsx", "PK\x03\x04 no workbook", "cannot be read"),
        ("sales.parquet", "PAR1 no table", "cannot be read"),
        ("sales.csv", ",".join(HEADER) + "\n1,A,NAME,1,1.12.2009,1,1,UK\n", "'1.12.2009' cannot be read"),
        ("sales.csv", ",".join(HEADER) + "\n1,A,NAME,1,2009-12-01 07:45:00,1,,UK\n", "no sale of a known"),
    ],
)
def test_another_file_is_refused(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(SettingsError, match=message) as caught:
        load_online_retail(tmp_path / name, f"sqlite:///{tmp_path}/shop.db")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(("name", "package"), [("sales.xlsx", "openpyxl"), ("sales.parquet", "pyarrow")])
def test_a_missing_package_is_named_with_the_command(tmp_path, monkeypatch, name, package):
    monkeypatch.setattr("scripts.online_retail.find_spec", lambda _name: None)
    with pytest.raises(SettingsError, match=f"pip install {package}"):
        read_online_retail(tmp_path / name)


def run_script(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_script(tmp_path):
    file = write_parquet(tmp_path / "cleaned.parquet")
    done = run_script(file, f"sqlite:///{tmp_path}/shop.db", "--env", tmp_path / "night")
    assert done.stderr == ""
    assert done.returncode == ExitCode.DONE
    assert "4 customers, 5 products, 8 orders, 12 sale lines" in done.stdout
    assert f"cd {tmp_path / 'night'}" in done.stdout
    again = run_script(file, f"sqlite:///{tmp_path}/shop.db")
    assert again.returncode == ExitCode.SETTINGS
    assert again.stdout == ""
    assert "already has customers, products, orders, order_lines" in again.stderr
    assert again.stderr.count("\n") == 1


def test_the_script_says_how_it_is_used():
    assert os.access(SCRIPT, os.X_OK)
    first, usage = SCRIPT.read_text().splitlines()[:2]
    assert first == "#!/usr/bin/env python3"
    assert usage == "# Usage: scripts/load-online-retail FILE URL [--env DIR]"


def test_the_script_without_the_program():
    """Started with a Python that has nothing installed, it says what to do."""
    command = [sys.executable, "-I", "-S", str(SCRIPT), "sales.csv", "sqlite:///shop.db"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.SETTINGS
    assert "is not installed" in done.stderr
    assert "scripts/test makes .venv" in done.stderr
    assert "Traceback" not in done.stderr
