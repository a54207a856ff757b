"""A first guess at `sales.sql` and `items.sql` for a shop nobody described.

What only the owner can tell is asked on a terminal; else each such matter is a line `-- TO DECIDE: …` in the
query, and no night uses it as long as one stands there.

shoptables     the shop's tables as its catalogue tells them
contents       which column names a row, which numbers are times: by some of their values
words          what columns and tables are called in shops
owner          what only the owner can tell
guesses        which tables hold the sales and the items: by names, foreign keys and sizes
querywriter    what both queries are written with
salesquery     writes sales.sql
itemsquery     writes items.sql
"""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain

from recommender.database.base import Database
from recommender.runs.folder import QUERIES
from recommender.setup.proposal import words
from recommender.setup.proposal.contents import with_epochs, with_keys
from recommender.setup.proposal.guesses import candidates
from recommender.setup.proposal.itemsquery import ItemsQuery
from recommender.setup.proposal.owner import Owner
from recommender.setup.proposal.salesquery import SalesQuery
from recommender.setup.proposal.shoptables import FoundTable

_OTHERS_SHOWN = 3


@dataclass(frozen=True)
class Proposal:
    """Both queries, with comments that say what was guessed."""

    sales_sql: str
    items_sql: str
    found: str
    """Where the sales were found, in a line."""
    matters: tuple[str, ...]
    """What the owner has to decide; each is a line of its query."""
    missing: tuple[str, ...]
    """What was not found, and may not be there."""


def propose(
    database: Database,
    tables: list[FoundTable],
    owner: Owner | None = None,
    wanted: Collection[str] = QUERIES,
) -> Proposal | None:
    """The queries for the tables that look most like sales; None where none do.

    Args:
        database: the shop's; asked for some values of columns.
        tables: what is in it.
        owner: asks on a terminal.
        wanted: the queries that will be written, of which alone anything is asked.

    Raises:
        DatabaseError: the database does not answer.
    """
    tables = with_epochs(database, with_keys(database, tables))
    ranked = candidates(tables)
    if not ranked:
        return None
    best = ranked[0]
    others: list[str] = []
    for other in ranked[1:]:
        if other.words not in (best.words, *others):
            others.append(other.words)
    asked = [owner if name in wanted else None for name in QUERIES]
    sales, items = SalesQuery(database, asked[0]), ItemsQuery(database, asked[1])
    returns = [table for table in tables if words.names_returns(table.name)]
    sales_sql = sales.sql(best, others[:_OTHERS_SHOWN], returns)
    items_sql = items.sql(best, tables)
    told = [writer for name, writer in zip(QUERIES, (sales, items), strict=True) if name in wanted]
    matters, missing = (
        [*chain(*found)] for found in zip(*((w.matters, w.missing) for w in told), strict=True)
    )
    return Proposal(sales_sql, items_sql, best.words, tuple(matters), tuple(missing))
