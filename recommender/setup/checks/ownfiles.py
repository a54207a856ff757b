"""Files in the place of the shop's own queries: which there are, columns, types and first rows."""

from collections.abc import Collection, Mapping
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from recommender.database.base import Database, QueryColumn
from recommender.export.fields import find_columns
from recommender.export.shopitems import ITEM_COLUMNS, read_items
from recommender.export.snapshot import SALE_COLUMNS
from recommender.export.sources import RowSource, RowSources, uri_of
from recommender.runs.folder import QUERIES
from recommender.settings import Settings
from recommender.setup.checks.findings import Findings
from recommender.setup.checks.ownqueries import FirstRows
from recommender.tables import KeyKind

_KEYS = ("customer_id", "item_id")
_FIRST = 3


def probe_files(
    settings: Settings, shop: Database, folder: Path, kinds: Mapping[str, KeyKind], findings: Findings
) -> FirstRows | None:
    """Files, columns, types and first rows of the sales; of the items their values too."""
    since = datetime.now(UTC).replace(tzinfo=None)
    first = None
    for area, name in zip(("sales", "items"), QUERIES, strict=True):
        if uri_of(settings, name) is None:
            continue
        with (
            findings.trying(area),
            closing(RowSources(shop, settings, folder=folder, since=since, kinds=kinds)) as sources,
        ):
            source = sources.open(name)
            wanted = SALE_COLUMNS if area == "sales" else ITEM_COLUMNS
            columns = find_columns(source.query, source.reader, *wanted)
            keys = [name for name in _KEYS if name in columns]
            types = {name: source.reader.key_type(source.query, columns[name]).kind for name in keys}
            if area == "sales":
                first = FirstRows(_first_rows(source, columns), types, has_instants=False)
            else:
                read_items(
                    source.reader, source.query, columns, types["item_id"], settings.sales_timezone
                ).counted()
            if source.files is not None:
                uri, number = source.files.uri, len(source.files.files)
                findings.ok(
                    area,
                    f"{uri}: {number:,} {source.files.format} file{'s' * (number != 1)} of"
                    f" {source.files.size / 1e6:,.1f} MB with {', '.join(_named(columns, types))}.",
                )
    return first


def _named(columns: Collection[str], types: Mapping[str, KeyKind]) -> list[str]:
    return [f"{name} ({types[name]})" if name in types else name for name in columns]


def _first_rows(source: RowSource, columns: dict[str, QueryColumn]) -> list[dict[str, object]]:
    shown = {name: column for name, column in columns.items() if name != "guest_email"}
    with closing(source.reader.stream(source.query, [*shown.values()])) as batches:
        for batch in batches:
            rows = [*islice(zip(*batch, strict=True), _FIRST)]
            if rows:
                return [dict(zip(shown, row, strict=True)) for row in rows]
    return []
