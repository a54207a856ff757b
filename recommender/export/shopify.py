"""The CSV files that Shopify exports, as rows of sales and items.

An order has a row for each item that was bought. What is the order's own, such as its status, stands in its
first row alone. So it is with a product, of which each variant has a row; more images have rows of their own.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from recommender.system.arrow import pa

_SOLD = ("paid", "partially_refunded")
_OPTIONS = ("Option1 Value", "Option2 Value", "Option3 Value")
_NO_OPTION = "Default Title"

Row = dict[str, str | None]
Batches = Iterator[tuple[int, dict[str, pa.Array]]]
"""How many rows, and their columns."""


@dataclass(frozen=True)
class ExportForm:
    """How the rows of an export become ours."""

    needs: tuple[str, ...]
    """The columns by which it is known."""
    columns: tuple[str, ...]
    """Ours."""
    made: Callable[[Row, Row], Sequence[str | None] | None]
    """A row of ours, from one of the file and the first one of its order or product; None: there is none."""

    def rows(self, batches: "Batches") -> "Batches":
        """The rows of a file, as many as there are of ours."""
        first: Row = {}
        named = self.needs[0]
        for _, batch in batches:
            kept: list[Sequence[str | None]] = []
            for values in zip(*(column.to_pylist() for column in batch.values()), strict=True):
                row = dict(zip(batch, values, strict=True))
                if row[named] != first.get(named):
                    first = row
                if (made := self.made(row, first)) is not None:
                    kept.append(made)
            columns = zip(*kept, strict=True) if kept else [()] * len(self.columns)
            arrays = (pa.array(values, pa.string()) for values in columns)
            yield len(kept), dict(zip(self.columns, arrays, strict=True))


def _sale(row: Row, order: Row) -> Sequence[str | None] | None:
    """Paid and not cancelled, by a customer with an address, which is the key."""
    customer = (order["Email"] or "").strip().lower()
    is_sold = (order["Financial Status"] or "").lower() in _SOLD and not order["Cancelled at"]
    if not is_sold or not customer:
        return None
    # 2026-11-30 09:50:26 +0100
    sold_at = (row["Created at"] or order["Created at"] or "").replace(" +", "+").replace(" -", "-")
    item = _sku(row["Lineitem sku"]) or row["Lineitem name"]
    return customer, item, sold_at, row["Lineitem quantity"], row["Lineitem price"], row["Name"]


def _item(row: Row, product: Row) -> Sequence[str | None] | None:
    """A variant; it is for sale where its product is active and published."""
    options = [value for name in _OPTIONS if (value := row.get(name))]
    sku = _sku(row["Variant SKU"])
    if not sku and not options:
        return None  # one more image
    variant = " / ".join(value for value in options if value != _NO_OPTION)
    name = " - ".join(filter(None, (product["Title"], variant)))
    is_on = (
        product.get("Status") in (None, "active") and (product.get("Published") or "true").lower() == "true"
    )
    category = product.get("Type") or product.get("Product Category")
    image = row.get("Variant Image") or product.get("Image Src")
    price = row.get("Variant Price") or product.get("Variant Price")
    return sku or name, name, "1" if is_on else "0", category, product.get("Vendor"), price, image


def _sku(text: str | None) -> str | None:
    # The apostrophe keeps spreadsheets from taking it for a number.
    return None if text is None else text.removeprefix("'").strip()


_FORMS = (
    ExportForm(
        (
            "Name",
            "Email",
            "Financial Status",
            "Cancelled at",
            "Created at",
            "Lineitem name",
            "Lineitem sku",
            "Lineitem quantity",
            "Lineitem price",
        ),
        ("customer_id", "item_id", "sold_at", "quantity", "price", "order_id"),
        _sale,
    ),
    ExportForm(
        ("Handle", "Title", "Variant SKU"),
        ("item_id", "name", "sellable", "category", "brand", "price", "image_url"),
        _item,
    ),
)


def form_of(names: Iterable[str]) -> ExportForm | None:
    """The export whose columns these are; None where they are none of Shopify's."""
    there = {*names}
    return next((form for form in _FORMS if there.issuperset(form.needs)), None)
