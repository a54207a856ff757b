"""Real sales as a shop of the same tables as the demo's: UCI's Online Retail II.

Chen, D. (2012). Online Retail II [Dataset]. UCI Machine Learning Repository. https://doi.org/10.24432/C5CG6D,
CC BY 4.0. It is read as published (a workbook of two sheets), as a CSV of that, or as a Parquet file that was
cleaned before; all of them give the same shop. docs/real-sales.md says what is cleaned.
"""

import logging
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import pandas as pd
import sqlalchemy as sa

from recommender.database.urls import describe, normalise_url
from recommender.errors import SettingsError
from recommender.setup.demo.loader import demo_tables, load_shop, shop_folder

log = logging.getLogger(__name__)

_COLUMNS = ["invoice", "customer_id", "item_id", "name", "quantity", "unit_price", "sold_at"]
# What the columns are called in the workbook of 2012, and in that of 2015 with the second year alone.
_PUBLISHED = {
    "Invoice": "invoice",
    "InvoiceNo": "invoice",
    "StockCode": "item_id",
    "Description": "name",
    "Quantity": "quantity",
    "InvoiceDate": "sold_at",
    "Price": "unit_price",
    "UnitPrice": "unit_price",
    "Customer ID": "customer_id",
    "CustomerID": "customer_id",
}
_TEXTS = dict.fromkeys(("Invoice", "InvoiceNo", "StockCode", "Description"), str)
_TIME_FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%m/%d/%Y %H:%M")
_READERS = {".xlsx": "openpyxl", ".parquet": "pyarrow", ".csv": None}

# Both sheets of the workbook hold these days, line for line.
_OVERLAP = (datetime(2010, 12, 1), datetime(2010, 12, 10))  # noqa: DTZ001 - local times, as published
_MOSTLY = 0.95
"""Share of lines in pairs from which a file is one with both sheets; one sheet alone has 4 % of them."""
_NO_PRODUCT = "POST|DOT|D|M|S|B|C2|C3|CRUK|PADS|BANK CHARGES|AMAZON.*|ADJUST.*|TEST.*|GIFT.*"
"""Stock codes of postage, discounts, fees, samples, corrections, tests and vouchers."""


@dataclass(frozen=True)
class LoadReport:
    """What `load_online_retail` loaded."""

    database: str
    """In words, without secrets."""
    customers: int
    items: int
    orders: int
    sale_lines: int
    first: datetime
    last: datetime


def load_online_retail(file: Path, url: str, *, directory: Path | None = None) -> LoadReport:
    """Load the sales into an empty database, and write `.env` and `sql/` for it where a folder is given.

    Args:
        file: a workbook (.xlsx), a .csv or a .parquet.
        url: the database.
        directory: an empty or missing folder.

    Raises:
        SettingsError: the file cannot be read as this data set, a package for it is missing, the database has
            tables of these names, or the folder is not empty.
        DatabaseError: the database failed; it is left as it was.
    """
    address = normalise_url(url)
    sales = clean_sales(read_online_retail(file))
    if sales.empty:
        raise SettingsError("file", f"{file} holds no sale of a known customer.", "Check the file.")
    rows = shop_rows(sales)
    settings = {
        "DATABASE_URL": address.render_as_string(hide_password=False),
        "SHOP_TIMEZONE": "Europe/London",
        "HISTORY_DAYS": "36500",  # all, for they are of 2009 to 2011
    }
    folder = nullcontext() if directory is None else shop_folder(directory, settings)
    with folder:
        load_shop(address, demo_tables(sa.String(20)), rows)
    log.info("%s sale lines loaded into %s", len(sales), describe(address))
    return LoadReport(
        database=describe(address),
        customers=len(rows["customers"]),
        items=len(rows["products"]),
        orders=len(rows["orders"]),
        sale_lines=len(sales),
        first=sales["sold_at"].min().to_pydatetime(),
        last=sales["sold_at"].max().to_pydatetime(),
    )


def read_online_retail(file: Path) -> pd.DataFrame:
    """The lines of the file as they are.

    Returns:
        The columns `invoice`, `customer_id`, `item_id`, `name`, `quantity`, `unit_price` and `sold_at`
        (datetime64, local time).

    Raises:
        SettingsError: as `load_online_retail`.
    """
    kind = file.suffix.lower()
    if kind not in _READERS:
        raise SettingsError("file", f"{file} is none of .xlsx, .csv and .parquet.", "Check the file.")
    package = _READERS[kind]
    if package is not None and find_spec(package) is None:
        raise SettingsError(
            "file", f"Reading {kind} needs the package {package}.", f"Install it: pip install {package}"
        )
    try:
        frame = _read(file, kind)
    except (OSError, ValueError, BadZipFile) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise SettingsError("file", f"{file} cannot be read: {reason}.", "Check the file.") from error
    frame = frame.rename(columns=lambda name: _PUBLISHED.get(str(name).strip(), name))
    missing = [name for name in _COLUMNS if name not in frame.columns]
    if missing:
        raise SettingsError(
            "file",
            f"{file} is not Online Retail II: it has no column for {', '.join(missing)}.",
            "docs/real-sales.md says where the file is published.",
        )
    frame = frame[_COLUMNS]
    return frame.assign(sold_at=_times(frame["sold_at"], file))


def _read(file: Path, kind: str) -> pd.DataFrame:
    if kind == ".parquet":
        return pd.read_parquet(file)
    if kind == ".xlsx":
        sheets = pd.read_excel(file, sheet_name=None, dtype=_TEXTS)
        return pd.concat(sheets.values(), ignore_index=True)
    try:
        return pd.read_csv(file, dtype=_TEXTS)
    except UnicodeDecodeError:
        # The pound sign in some names, as Windows wrote it.
        return pd.read_csv(file, dtype=_TEXTS, encoding="cp1252")


def _times(times: "pd.Series[Any]", file: Path) -> "pd.Series[Any]":
    if pd.api.types.is_datetime64_any_dtype(times):
        return times
    for form in _TIME_FORMS:
        try:
            return pd.to_datetime(times, format=form)
        except ValueError:
            continue
    raise SettingsError(
        "file",
        f"{file}: the times such as {times.iloc[0]!r} cannot be read.",
        "They are written 2009-12-01 07:45:00, or 12/1/2010 8:26 with the month first.",
    )


def clean_sales(lines: pd.DataFrame) -> pd.DataFrame:
    """The lines that are sales of products to known customers, each once.

    Args:
        lines: as `read_online_retail` returns them.

    Returns:
        The same columns, `customer_id` int64, a missing name '', sorted by all of them, `sold_at` and
        `invoice` first: it does not depend on the order of the lines. Lines that occur twice within one sheet
        stay twice. Cleaned lines come out as they are.
    """
    lines = lines.assign(
        item_id=lines["item_id"].astype(str).str.strip().str.upper(),
        name=lines["name"].fillna("").astype(str).str.strip(),
    )
    lines = _without_second_copy(lines)
    known = lines["customer_id"].notna()
    product = ~lines["item_id"].str.fullmatch(_NO_PRODUCT)
    lines = lines[known & product].astype(
        {"customer_id": "int64", "quantity": "int64", "unit_price": "float64"}
    )
    order = ["sold_at", "invoice", "item_id", "quantity", "unit_price", "name", "customer_id"]
    return lines.sort_values(order, ignore_index=True)


def _without_second_copy(lines: pd.DataFrame) -> pd.DataFrame:
    """Halve the days that both sheets hold, if the lines are of both."""
    begin, end = _OVERLAP
    both = lines[(lines["sold_at"] >= begin) & (lines["sold_at"] < end)]
    if both.empty:
        return lines
    groups = both.groupby(_COLUMNS, dropna=False, sort=False)
    copies = groups["sold_at"].transform("size")
    if (copies % 2 == 0).mean() < _MOSTLY:
        return lines
    second = groups.cumcount() >= (copies + 1) // 2
    return lines.drop(index=both.index[second])


def shop_rows(sales: pd.DataFrame) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of the shop's tables from cleaned lines.

    An invoice has one time, that of its first line (a few were written over two minutes). An item's name is
    the most frequent of its lines, among equals the latest, then the first by alphabet, without any its code;
    its price is the latest above 0. A customer registered with the first order; names and addresses of
    customers are not in the data.
    """
    registered = sales.groupby("customer_id")["sold_at"].min()
    prices = sales[sales["unit_price"] > 0].groupby("item_id")["unit_price"].last().to_dict()
    names = _names(sales)
    orders = sales.groupby("invoice", as_index=False).agg({"customer_id": "first", "sold_at": "min"})
    orders = orders.sort_values(["sold_at", "invoice"])
    line_numbers = sales.groupby("invoice").cumcount() + 1
    return {
        "customers": [
            (customer, None, None, time)
            for customer, time in zip(registered.index.tolist(), _datetimes(registered), strict=True)
        ],
        "products": [
            (item, names.get(item, item), None, prices.get(item, 0.0), True, None)  # stock is not known
            for item in sorted(sales["item_id"].unique())
        ],
        "orders": [
            (invoice, customer, None, "returned" if invoice.startswith("C") else "completed", time)
            for invoice, customer, time in zip(
                orders["invoice"], orders["customer_id"].tolist(), _datetimes(orders["sold_at"]), strict=True
            )
        ],
        "order_lines": list(
            zip(
                sales["invoice"].tolist(),
                line_numbers.tolist(),
                sales["item_id"].tolist(),
                sales["quantity"].tolist(),
                sales["unit_price"].tolist(),
                strict=True,
            )
        ),
    }


def _names(sales: pd.DataFrame) -> dict[str, str]:
    printed = sales[sales["name"] != ""].groupby(["item_id", "name"])["sold_at"]
    counted = printed.agg(["size", "max"]).reset_index()
    best = counted.sort_values(["size", "max", "name"], ascending=[False, False, True])
    return dict(best.drop_duplicates("item_id")[["item_id", "name"]].itertuples(index=False))


def _datetimes(times: "pd.Series[Any]") -> list[datetime]:
    found: list[datetime] = times.to_numpy("datetime64[s]").tolist()
    return found
