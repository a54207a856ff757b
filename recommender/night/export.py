"""The first stage: sales and items from the shop's database into the run folder, and read back from there."""

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from recommender.database import retries
from recommender.database.base import Database
from recommender.export.shoprules import rules_text
from recommender.export.snapshot import export, since_of
from recommender.export.sourcefiles import SourceFiles
from recommender.learning.interactions import Interactions, SaleLines, load_sale_lines, make_interactions
from recommender.night.context import Night
from recommender.night.memory import Size, require_memory, size_of
from recommender.night.namedrules import Known, NamedRules, ask_shop, name_rules
from recommender.night.never import NeverRecommend, never_recommend
from recommender.night.record import note_again, stage, warn
from recommender.night.refusals import require_sales
from recommender.night.target import key_kinds, shop_of
from recommender.ranking.listrules import NO_RULES, ShopRules
from recommender.runs.folder import ITEMS, QUERIES, RULES, RULES_QUERY, SALES, Run, iso
from recommender.runs.items import Catalogue, load_catalogue
from recommender.runs.keys import Keys
from recommender.runs.manifest import ReadFile, ReadFiles, Stage
from recommender.runs.rules import load_dated_rules
from recommender.system import machine
from recommender.system.files import sha256_of
from recommender.system.times import microseconds
from recommender.tables import Role


def export_stage(night: Night, shop: Database) -> None:
    """Write `sales.csv`, `items.csv` and, where the shop has rules, `rules.csv` from its database."""
    run, settings, manifest, last = night.run, night.settings, night.run.manifest, night.past.last
    with stage(run, Stage.EXPORT, night.progress) as figures:
        before = _size_before(night)
        known = f"the last night had {before.words}" if before.sales else "before any sale is read"
        require_memory(before, settings, source=known)
        for name in (RULES_QUERY, RULES):  # of an export before
            run.drop(name)
        found = export(
            shop,
            settings,
            folder=run.folder,
            window=night.window,
            forgotten=night.forgotten,
            kinds=key_kinds(settings, night.target),
            expected=before.sales,
            progress=night.progress.step,
        )
        manifest.sources = {name: _record_of(files) for name, files in found.files.items() if files}
        for name in QUERIES:
            if name in manifest.sources:
                run.drop(name)
            else:
                run.keep(name, settings.sql_dir / name)
        manifest.keys = {"customer": found.customer_kind, "item": found.item_kind}
        manifest.note_file(SALES, found.sales_sha256)
        manifest.note_file(ITEMS, found.items_sha256)
        if found.rules_sha256 is not None:
            run.keep(RULES_QUERY, settings.sql_dir / RULES_QUERY)
            manifest.note_file(RULES, found.rules_sha256)
        for warning in [*found.warnings, *_rules_gone(last, found.rules_sha256)]:
            warn(run, warning)
        manifest.counts = asdict(found.counts)
        require_sales(
            found.counts.sales,
            settings,
            until=night.window.as_of_day,
            newest=found.older_day(settings.shop_timezone),
            before=last,
        )
        size = Size(found.counts.sales, before.customers, found.counts.items)
        require_memory(size, settings)
        figures["summary"] = f"{found.counts.sales:,} sales, {found.counts.items:,} items"


def _record_of(source: SourceFiles) -> ReadFiles:
    """What was read, for the record."""
    return ReadFiles(
        source.uri,
        [
            ReadFile(
                file.path,
                file.size,
                None if file.modified is None else iso(file.modified),
                source.hashes[file.path],
            )
            for file in source.files
        ],
    )


def _rules_gone(last: Run | None, now: str | None) -> Iterator[str]:
    """Told on the first night without any rule: a lost file or an empty table shows what was kept out.

    Args:
        last: the run that was published last.
        now: the sha256 of tonight's `rules.csv`; None where there is no rules.sql.
    """
    none = (None, hashlib.sha256(rules_text({})).hexdigest())
    if last is not None and last.manifest.files.get(RULES) not in none and now in none:
        why = "there is no rules.sql" if now is None else "rules.sql returns none that holds today"
        yield f"The lists of {last.run_id} followed rules of the shop; tonight {why}."


def _size_before(night: Night) -> Size:
    """What the last night was made of; nothing where tonight's sales are chosen in another way."""
    last, settings = night.past.last, night.settings
    query = settings.sql_dir / QUERIES[0]
    now = sha256_of(query) if settings.sales_uri is None and query.is_file() else None
    is_same = (
        last is not None
        and last.manifest.settings.get("HISTORY_DAYS") == settings.history_days
        and last.manifest.settings.get("SALES_URI") == settings.sales_uri
        and (now is not None or settings.sales_uri is not None)
        and last.manifest.files.get(query.name) == now
    )
    return size_of(last) if last is not None and is_same else Size(0, 0, 0)


@dataclass(frozen=True)
class ShopData:
    """What the export has left for the later stages, in memory."""

    interactions: Interactions
    catalogue: Catalogue
    never: Keys
    """items that are never recommended"""
    rules: ShopRules = NO_RULES
    """the shop's own, beside these"""


def read_shop_data(night: Night) -> ShopData:
    """What an export that is done has left, and what its owner's file and rules name today."""
    interactions = interactions_of(night, exported_lines(night))
    catalogue = exported_items(night)
    never = named_items(night, catalogue, interactions).items
    sold, customers = interactions.item_ids, interactions.user_ids
    named = named_rules(night, catalogue, sold=sold, customers=customers, never=never)
    return ShopData(interactions, catalogue, never.union(named.never), rules_of(night, named))


def rules_of(night: Night, named: NamedRules) -> ShopRules:
    """What the rules and the settings ask of the lists."""
    settings = night.settings
    return ShopRules(
        rules=named.rules,
        max_per_category=settings.max_per_category,
        new_item_slots=settings.new_item_slots,
        seed=settings.seed,
        now=microseconds(night.window.end),
    )


def exported_lines(night: Night) -> SaleLines:
    """The sales of the export, without who is forgotten."""
    kinds = night.kinds
    lines = load_sale_lines(
        night.run.path(SALES), customer_kind=kinds[Role.CUSTOMER], item_kind=kinds[Role.ITEM]
    )
    # An export leaves them out; a folder that comes from a backup can still have them.
    if night.forgotten:
        lines = lines.without(night.forgotten)
    machine.give_back_memory()
    return lines


def interactions_of(night: Night, lines: SaleLines) -> Interactions:
    """What was bought, weighed for the model."""
    made = make_interactions(lines, half_life_days=night.settings.half_life_days)
    machine.give_back_memory()
    return made


def exported_items(night: Night) -> Catalogue:
    """The items of the export."""
    return load_catalogue(night.run.path(ITEMS), item_kind=night.kinds[Role.ITEM])


def named_items(night: Night, catalogue: Catalogue, interactions: Interactions) -> NeverRecommend:
    """What the owner's file NEVER_RECOMMEND names.

    Raises:
        SettingsError: it cannot be read.
        DatabaseError: the database, which knows what is equal, failed.
    """
    path, kind = night.settings.never_recommend, night.kinds[Role.ITEM]
    known = catalogue.ids.union(interactions.item_ids)
    return retries.USUAL.call(
        lambda: never_recommend(path, kind, known, night.target),
        note_again(night.run, "look at NEVER_RECOMMEND"),
    )


def named_rules(
    night: Night, catalogue: Catalogue, *, sold: Keys, customers: Keys, never: Keys
) -> NamedRules:
    """What the rules name that an export has left in the run folder; nothing where it has left none.

    Args:
        night: whose export is done.
        catalogue: its items.
        sold: items that are known beside these.
        customers: who is known.
        never: the items that NEVER_RECOMMEND names.

    Raises:
        SettingsError: rules are about a column that items.sql does not return.
        RefusedError: rules.csv is not as an export writes it.
        DatabaseError: a database, which knows what is equal, failed.
    """
    run, settings, target = night.run, night.settings, night.target
    dated = load_dated_rules(run.path(RULES)) if RULES in run.manifest.files else {}
    # As with the sales: a folder that comes from a backup can still have them.
    gone = night.forgotten.among(rule.customer for rule in dated if rule.customer is not None)
    dated = {rule: dates for rule, dates in dated.items() if rule.customer not in gone}
    ask = None
    if target is not None:
        ask = ask_shop(shop_of(settings, target), settings, since_of(night.window, settings))
    known = Known(catalogue, catalogue.ids.union(sold), customers, night.kinds, target, ask)
    return retries.USUAL.call(
        lambda: name_rules(dated, known, never=never, settings=settings),
        note_again(run, "look at the shop's rules"),
    )
