"""The gate: what is wrong with a result, before anything is published.

Integrity findings are never passed; the share and past-night findings are passed by `--force`.
"""

import logging
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from recommender.database.schema import FoundKey, Target
from recommender.errors import RefusedError
from recommender.runs.leftout import LeftOut
from recommender.runs.lists import AGAIN, ListFile
from recommender.runs.manifest import GateFinding
from recommender.settings import Settings
from recommender.system.arrays import Float64s, Int32s
from recommender.system.text import shortened
from recommender.tables import KeyKind, ListTable, Role

log = logging.getLogger(__name__)

_FEWEST_COMPARED = 50
_CHANGED_SHARE = 0.5
_MOST_UTF8_BYTES = 4
_REASONS = ("model", "buy_again", "popular", "new", "rule")
_OF_TEXTS = (Role.CUSTOMER, Role.ITEM, Role.REASON)


@dataclass(frozen=True)
class Objection:
    """One reason not to publish."""

    check: str
    message: str
    what_to_do: str
    forceable: bool = False
    named: str = ""
    """Keys that it is about, in a sentence: for the one who calls the command, never kept."""

    @property
    def code(self) -> str:
        """Of docs/when-it-fails.md."""
        return f"gate-{self.check.replace('_', '-')}"

    @property
    def recorded(self) -> GateFinding:
        """What the manifest has of it."""
        return GateFinding(self.check, self.message, self.what_to_do, self.forceable)


@dataclass(frozen=True)
class ListableItems:
    """Which items a list may hold: keys as texts."""

    sellable: Collection[str]
    """items that may be recommended"""
    known: Collection[str]
    """all items of the sales and the catalogue"""
    catalogue: Collection[str] | None = None
    """all items of the catalogue, held against what was published last; None: they are not"""
    left_out: Mapping[ListTable, LeftOut] = field(default_factory=dict)
    """what the shop's rules leave out of each list beside what is not sellable"""


@dataclass(frozen=True)
class ListFacts:
    """What the gate learnt about a list's file on the way."""

    rows: int
    texts: Mapping[str, tuple[str, ...]]
    """The distinct keys of each key column, as texts."""


def check_list(file: ListFile, candidates: ListableItems) -> tuple[list[Objection], ListFacts]:
    """Integrity of one list's file: everything that is wrong with it, and what was learnt on the way."""
    path, definition = file.path, file.definition
    of_texts = [column for column in definition.columns if column.role in _OF_TEXTS]
    try:
        columns = file.read()
        rows = columns.n_records
        found = {
            column.name: columns.take_texts(column.name, nullable=column.nullable) for column in of_texts
        }
        positions = columns.take_numbers("position")
        columns.take_numbers("score")
    except (RefusedError, OSError) as error:
        # Also a score that is no finite number: the reader knows no other form.
        reason = error.reason if isinstance(error, RefusedError) else f"{path} cannot be read: {error}."
        named = error.named if isinstance(error, RefusedError) else ""
        return [Objection("readable", reason, AGAIN, named=named)], ListFacts(0, {})
    if not rows and not definition.needs_rows:
        return [], ListFacts(0, {})
    if not rows:
        hint = "Check the sales, the items' sellable, the filters, and rules.sql where there is one."
        return [Objection("rows", f"{path} has no rows.", hint)], ListFacts(0, {})
    texts = {name: tuple(sorted(distinct)) for name, (distinct, _) in found.items()}
    codes = {name: places for name, (_, places) in found.items()}
    findings = _check_texts(path, definition, texts, candidates)
    findings += _check_order(path, definition, codes, positions)
    findings += _check_rules(path, definition, found, candidates.left_out.get(definition, LeftOut()))
    return findings, ListFacts(rows, texts)


def _check_texts(
    path: Path, definition: ListTable, texts: Mapping[str, Sequence[str]], candidates: ListableItems
) -> list[Objection]:
    """Whether reasons and items are such as may stand there; `texts` has the distinct ones of each column."""
    findings = []
    for column in definition.columns:
        if column.role is Role.REASON and set(texts[column.name]) - set(_REASONS):
            findings.append(
                Objection("reason", f"{path} has reasons other than {', '.join(_REASONS)}.", AGAIN)
            )
        if column.role is Role.ITEM:
            allowed = {*(candidates.sellable if column.shown else candidates.known)}
            wrong = sorted(set(texts[column.name]) - allowed)
            if wrong:
                what = "unknown or not sellable" if column.shown else "unknown"
                example = shortened(wrong[0])
                message = f"{path}: {len(wrong)} items of {column.name} are {what}, such as {example!r}."
                findings.append(Objection("items", message, AGAIN))
    return findings


def _check_order(
    path: Path, definition: ListTable, codes: Mapping[str, Int32s], positions: Float64s
) -> list[Objection]:
    """Whether each list is in one piece, in order, and has no item twice.

    `codes` has for each column of keys the number of each row's key; all shapes (rows,).
    """
    findings = []
    owner = next((name for name in definition.key if name in codes), None)
    owners = np.zeros(len(positions), np.int32) if owner is None else codes[owner]
    begins = np.flatnonzero(np.diff(owners, prepend=-1))
    lengths = np.diff(begins, append=len(owners))
    counted = np.arange(1, len(owners) + 1) - np.repeat(begins, lengths)
    is_in_pieces = len(begins) > owners.max() + 1  # more lists than owners
    if is_in_pieces or (positions != counted).any():
        findings.append(Objection("positions", f"{path}: positions are not 1, 2, 3 … in every list.", AGAIN))
    for column in definition.columns:
        if column.role is Role.ITEM and not column.nullable and column.name != owner:
            items = codes[column.name]
            pairs = np.repeat(np.arange(len(begins)), lengths) * (int(items.max()) + 1) + items
            pairs.sort()
            if (np.diff(pairs) == 0).any():
                findings.append(Objection("twice", f"{path}: an item stands twice in one list.", AGAIN))
    return findings


def _check_rules(
    path: Path, definition: ListTable, found: Mapping[str, tuple[Sequence[str], Int32s]], rules: LeftOut
) -> list[Objection]:
    """Whether a list has what the shop's rules leave out; `found` has the texts and places of each column."""
    shown = next(column.name for column in definition.columns if column.role is Role.ITEM and column.shown)
    items, item = found[shown]
    wrong = {text for text in items if text in rules.items}
    if rules.of_customers:
        customers, owner = found[definition.key[0]]
        order = np.argsort(owner, kind="stable")
        bounds = np.searchsorted(owner[order], np.arange(len(customers) + 1)).tolist()
        for place, customer in enumerate(customers):
            if customer in rules.of_customers:
                theirs = {items[i] for i in item[order[bounds[place] : bounds[place + 1]]].tolist()}
                wrong |= {text for text in theirs if rules.has(customer, text)}
    if not wrong:
        return []
    example = shortened(min(wrong))
    message = f"{path}: {len(wrong)} items are left out by the rules of the shop, such as {example!r}."
    return [Objection("rules", message, AGAIN)]


def check_keys(
    facts: Mapping[ListTable, ListFacts],
    kinds: Mapping[Role, KeyKind],
    target: Target,
    connection: sa.Connection,
) -> list[Objection]:
    """Whether the keys fit the columns of our tables: kind, length, and how the database compares them."""
    found_keys = target.keys(connection)
    findings: list[Objection] = []
    for definition, fact in facts.items():
        for column in definition.columns:
            if column.role in kinds and fact.rows:
                found = found_keys[definition, column.name]
                where = f"{target.prefix}{definition.name}.{column.name}"
                texts = fact.texts[column.name]
                if not texts:
                    continue
                most_bytes = target.database.most_key_bytes if column.name in definition.key else None
                misfit = _misfit(texts, kinds[column.role], found, most_bytes, where)
                if misfit:
                    findings.append(misfit)
                elif found.kind is KeyKind.TEXT:
                    table = target.lists[definition]
                    pair = target.database.equal_pair(connection, table.c[column.name], texts)
                    if pair:
                        findings.append(_equal(where, pair))
    return findings


def _misfit(
    texts: tuple[str, ...], kind: KeyKind, found: FoundKey, most_bytes: int | None, where: str
) -> Objection | None:
    if kind is not found.kind:
        return Objection(
            "kind",
            f"The keys to publish are {kind}, but the column {where} is of the kind {found.kind}.",
            "Drop the table and run `recommend init` again, or convert the key in the query with CAST"
            " (with PUBLISH_GUESTS=yes the customer's column must be text).",
        )
    longest = max(texts, key=len)
    if most_bytes is not None and _MOST_UTF8_BYTES * len(longest) > most_bytes:
        largest = max(texts, key=_bytes)
        if _bytes(largest) > most_bytes:
            return Objection(
                "length",
                f"A key has {len(largest)} characters; no index of {where} holds it.",
                "Leave its rows out in the query, or let the query make a shorter key of it.",
                named=f"It begins {largest[:60]!r}.",
            )
    if found.length is not None and found.kind is KeyKind.TEXT and len(longest) > found.length:
        return Objection(
            "length",
            f"A key has {len(longest)} characters; {where} takes {found.length}.",
            "Make the column longer (ALTER TABLE), or drop the table and run `recommend init` again.",
            named=f"It begins {longest[:60]!r}.",
        )
    return None


def _bytes(text: str) -> int:
    return len(text.encode())


def _equal(where: str, pair: tuple[str, str]) -> Objection:
    one, other = map(shortened, pair)
    return Objection(
        "collation",
        f"Two different keys of the sales are equal in the column {where}.",
        'Give the column a binary collation (utf8mb4_bin, "C", BINARY), or make the keys one in the query.',
        named=f"They are {one!r} and {other!r}.",
    )


def check_forgotten(facts: Mapping[ListTable, ListFacts], forgotten: Container[str]) -> list[Objection]:
    """Whether a list is of somebody who is to be forgotten: made elsewhere, or in a folder from a backup."""
    found = {
        text
        for definition, fact in facts.items()
        for column in definition.columns
        if column.role is Role.CUSTOMER
        for text in fact.texts.get(column.name, ())
        if text in forgotten
    }
    if not found:
        return []
    message = f"{len(found)} customers who are to be forgotten have lists."
    return [Objection("forgotten", message, "`recommend forget` takes them out of all that is kept.")]


def check_shares(
    last: sa.Row[tuple[object, ...]] | None,
    settings: Settings,
    *,
    customers: int | None,
    sales: int,
    as_of_day: date | None,
) -> list[Objection]:
    """The result against the newest publish: neither much less than it, nor of an earlier night.

    Args:
        last: the newest row of recommendation_runs, or None when nothing was published yet.
        settings: MIN_CUSTOMERS_SHARE, MIN_SALES_SHARE.
        customers: with a list; None where there is no such list.
        sales: sale lines of the export.
        as_of_day: the shop's day of this run; None where it may be earlier.
    """
    if last is None:
        return []
    known = last._mapping  # noqa: SLF001 - SQLAlchemy's public name for a row by names
    findings = []
    had_customers, had_sales = int(str(known["customers"])), int(str(known["sales"]))
    if customers is not None and customers < settings.min_customers_share * had_customers:
        findings.append(
            Objection(
                "customers_share",
                f"There are {customers} customers now; the run {known['run_id']}, published last, had"
                f" {had_customers}, of which at least {settings.min_customers_share:g} are needed.",
                "If that is right: `recommend run --force`; MIN_CUSTOMERS_SHARE and MIN_SALES_SHARE set the"
                " limits.",
                forceable=True,
            )
        )
    if sales < settings.min_sales_share * had_sales:
        findings.append(
            Objection(
                "sales_share",
                f"There are {sales} sales now; the run {known['run_id']}, published last, had {had_sales}, of"
                f" which at least {settings.min_sales_share:g} are needed.",
                "If that is right: `recommend run --force`; MIN_CUSTOMERS_SHARE and MIN_SALES_SHARE set the"
                " limits.",
                forceable=True,
            )
        )
    last_day = date.fromisoformat(str(known["as_of"])[:10])
    if as_of_day is not None and as_of_day < last_day:
        findings.append(
            Objection(
                "past_night",
                f"Lists of {as_of_day} would replace those of {last_day} (run {known['run_id']}).",
                "If that is wanted: `recommend run --force`.",
                forceable=True,
            )
        )
    return findings


def check_published_items(
    published: Collection[str], catalogue: Collection[str], *, min_share: float
) -> list[Objection]:
    """Whether the items of the last publish are still there: a move of the platform can give new keys to all.

    At least this share, 0 to 1, of what is recommended in the tables now must be among tonight's items.
    """
    gone = len(published) - len({*published}.intersection(catalogue))
    if not published or len(published) - gone >= min_share * len(published):
        return []
    return [
        Objection(
            "items_share",
            f"{gone} of the {len(published)} items that are recommended now are no longer in items.sql.",
            "If their keys were given anew, the sales must have the new ones too. If that is right:"
            " `recommend run --force`; MIN_ITEMS_SHARE sets the limit.",
            forceable=True,
        )
    ]


def check_histories(compared: int, changed: int) -> list[Objection]:
    """Whether customers still have the purchases that they had at the last publish; see `Histories`."""
    if compared < _FEWEST_COMPARED or changed <= _CHANGED_SHARE * compared:
        return []
    return [
        Objection(
            "histories",
            f"{changed} of {compared} customers have other purchases of the time before the last publish than"
            " they had then.",
            "If keys were given anew or orders changed, `recommend runs diff` tells. If that is right:"
            " `recommend run --force`.",
            forceable=True,
        )
    ]


def refuse(findings: list[Objection], *, force: bool) -> None:
    """Raise when a finding stands in the way.

    Raises:
        RefusedError: names every finding that `--force` does not pass.
    """
    standing = [finding for finding in findings if not (force and finding.forceable)]
    for finding in findings:
        log.warning("gate: %s", finding.message, extra={"check": finding.check})
    if standing:
        # Where something is broken `--force` helps nothing, and few customers may be of that very fault.
        advising = [finding for finding in standing if not finding.forceable] or standing
        raise RefusedError(
            advising[0].code,
            "Not published: " + " ".join(finding.message for finding in standing),
            " ".join(dict.fromkeys(finding.what_to_do for finding in advising)),
            named=" ".join(finding.named for finding in standing if finding.named),
        )
