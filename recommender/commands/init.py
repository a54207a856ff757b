"""`recommend init`."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recommender.commands import questions
from recommender.commands.common import json_option, print_json, print_line, print_table, settings
from recommender.errors import DatabaseError, RecommenderError, SettingsError
from recommender.system.text import Column

if TYPE_CHECKING:
    from sqlalchemy import URL

    from recommender.settings import Settings
    from recommender.setup.create import TablesPlan
    from recommender.setup.grants import Grants
    from recommender.setup.initreport import InitReport
    from recommender.setup.looks import Sample
    from recommender.setup.platforms.queries import PlatformQueries
    from recommender.setup.shopfolder import EnvFile, Queries

_UNREAD_SHOWN = 5
_OTHERS_SHOWN = 8
_NEWEST = (
    Column("customer_id", shortest=20),
    Column("item_id", shortest=20),
    Column("name", shortest=10),
    Column("sold_at"),
)


@click.command()
@click.option("--url", help="The shop's database, where .env does not name it yet.")
@click.option(
    "--owner-url", help="A user who may create the tables, where the job's may not; it is never stored."
)
@click.option(
    "--platform",
    metavar="NAME",
    help="What the shop runs on, where its tables leave a doubt: woocommerce, prestashop, opencart, magento,"
    " shopware or oscar.",
)
@click.option(
    "--param",
    "params",
    multiple=True,
    metavar="NAME=VALUE",
    help="What a platform's queries need to know, such as statuses=…; may be given several times.",
)
@click.option(
    "--sales-uri",
    metavar="URI",
    help="Files of sales in the place of a query, Parquet or CSV: a path, s3://… or hdfs://….",
)
@click.option("--items-uri", metavar="URI", help="Files of items, likewise.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@json_option
def command(
    *,
    url: str | None,
    owner_url: str | None,
    platform: str | None,
    params: tuple[str, ...],
    sales_uri: str | None,
    items_uri: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Set up this folder for a shop: .env, sql/, and the tables, with the types of the shop's own keys.

    What is there is left as it is: files, and tables that fit. Nothing is ever dropped. For a shop on a known
    platform the queries are that platform's; else they are guessed from the shop's tables, and in a terminal
    what only you can tell is asked. At the end stand the rights that are needed. --json asks nothing.
    """
    from recommender.setup.initreport import InitReport

    asks = not yes and not as_json and sys.stdin.isatty()
    said = _said(params)
    _require_platform(platform)
    told = _Told(InitReport(), as_json=as_json)
    uris = {"SALES_URI": _uri("--sales-uri", sales_uri), "ITEMS_URI": _uri("--items-uri", items_uri)}
    try:
        _set_up(told, url, owner_url, platform, said, uris=uris, asks=asks)
    finally:  # what was written is told even where the rest then fails
        if as_json and told.report.env_file:
            print_json(told.report)


class _Told:
    """What is found and done: said to a person at once, told to machines at the end."""

    def __init__(self, report: "InitReport", *, as_json: bool) -> None:
        self.report = report
        self.as_json = as_json

    def say(self, text: str) -> None:
        """A sentence."""
        self.report.said.append(text)
        self.show(text)

    def warn(self, text: str) -> None:
        """What looks wrong."""
        self.report.warnings.append(text)
        self.say(f"Warning: {text}")

    def show(self, text: str = "") -> None:
        """A line for persons alone: machines have what it says in a field."""
        if not self.as_json:
            print_line(text)

    def show_statements(self, statements: Sequence[str]) -> None:
        """Statements as they are to be pasted, each with its own line ends."""
        for line in "\n".join(statements).split("\n"):
            self.show(line.expandtabs(4))


def _set_up(
    told: _Told,
    url: str | None,
    owner_url: str | None,
    platform: str | None,
    said: dict[str, str],
    *,
    uris: dict[str, str | None],
    asks: bool,
) -> None:
    from recommender.database.urls import normalise_url
    from recommender.setup import create, shopfolder
    from recommender.setup.initreport import ShopKey

    env = _settings_file(told, url, asks=asks)
    found = settings(aloud=True)
    files = {name: uri for name, uri in uris.items() if uri is not None}
    env = _with_files(env, found, files)
    found = settings()
    owner = None if owner_url is None else normalise_url(owner_url, env.path.absolute().parent)
    queries = _queries(told, found, platform, said, asks=asks)
    if queries.platform is not None:
        env = _take_zones(told, env, found, queries.platform, keep_shop=asks)
        found = settings()
    elif queries.written and queries.proposal is None:
        where = " and ".join(map(str, queries.written))
        raise SettingsError(
            "setup-no-sales-table",
            f"No table that has rows looks like sales; an example and a list of the tables are in {where}.",
            "Put the shop's tables and columns in, then call `recommend init` again.",
        )
    is_new = bool(queries.written or files)
    env, found, sampled = _sample(told, found, env, shows=is_new, asks=asks)
    question = "Are these the shop's sales? The tables take the types of these keys"
    if is_new and asks and not questions.confirmed(question, default=False):
        told.say("No table was made. Finish the queries, then call `recommend init` again.")
        return
    create.require_writable(found)
    env, found, planned = _plan(told, found, env, sampled, owner, asks=asks)
    told.report.customer_key, told.report.item_key = ShopKey.of(planned.customer), ShopKey.of(planned.item)
    told.say(f"Customer keys: {planned.customer.sql}; item keys: {planned.item.sql}.")
    if planned.needs_guest_key:
        shopfolder.make_key(shopfolder.GUEST_KEY, found, told.say)
    _propose_repeats(told, found, env, sampled, asks=asks)
    if _create(told, found, planned, owner, asks=asks):
        told.report.done = True
        # Not before: with the key every night wants its table.
        shopfolder.make_key(shopfolder.FORGET_KEY, found, told.say)
        given = None if owner is None else create.give_rights(found, owner)
        if given is not None:
            told.say(f"Gave the rights on them to {given.who}.")
        _show_grants(told, found, given)
        for meddler in create.named_meddlers(found):
            told.warn(f"{meddler.what}. {meddler.what_to_do}")
        finish = f"decide what is TO DECIDE in {found.sql_dir}, then " if told.report.to_decide else ""
        if finish or planned.statements or queries.written:
            told.show()
            told.say(f"Next: {finish}`recommend check`.")


def _uri(option: str, text: str | None) -> str | None:
    from recommender.settings import file_uri

    try:
        return None if text is None else file_uri(text)
    except ValueError as error:
        raise click.UsageError(f"{option} must be {error}.") from error


def _with_files(env: "EnvFile", found: "Settings", uris: dict[str, str]) -> "EnvFile":
    """The file with the addresses of files that were given, where none are set."""
    from recommender.setup.shopfolder import with_unset

    for name, uri in uris.items():
        if getattr(found, name.lower()) not in (None, uri):
            raise SettingsError(
                "setup-other-files",
                f"{name} is set already, and names other files.",
                "Change it where it is set, or leave the option out; nothing was changed.",
            )
    comment = "Files in the place of a query; set by `recommend init`."
    return with_unset(env, found, comment, **uris) if uris else env


def _said(params: tuple[str, ...]) -> dict[str, str]:
    said: dict[str, str] = {}
    for param in params:
        name, is_pair, value = param.partition("=")
        if not is_pair or not name.strip():
            raise click.UsageError(f"--param {param} must have the form NAME=VALUE.")
        if name.strip() in said:
            raise click.UsageError(
                f"--param {name.strip()} is given twice: put commas between several values."
            )
        said[name.strip()] = value.strip()
    return said


def _require_platform(name: str | None) -> None:
    from recommender.setup.platforms.preset import NAMES

    if name is not None and name not in NAMES:
        raise click.UsageError(f"--platform {name} is not known; there are {', '.join(NAMES)}.")


def _take_zones(
    told: _Told, env: "EnvFile", found: "Settings", known: "PlatformQueries", *, keep_shop: bool
) -> "EnvFile":
    from recommender.setup.shopfolder import set_zones

    env = set_zones(env, found, known, keep_shop=keep_shop)
    after = settings()
    told.say(
        f"Times of orders are read in SALES_TIMEZONE={after.sales_timezone}; the shop's day begins in"
        f" SHOP_TIMEZONE={after.shop_timezone}."
    )
    if str(after.sales_timezone) != known.sales_timezone:
        told.warn(f"{known.title} stores them in {known.sales_timezone}: correct SALES_TIMEZONE.")
    return env


def _settings_file(told: _Told, url: str | None, *, asks: bool) -> "EnvFile":
    from recommender.setup import shopfolder

    path = click.get_current_context().meta["recommender.env_file"] or Path(".env")
    is_new = not path.exists()
    if asks and url is None and shopfolder.needs_url(path):
        url = questions.ask_address(path.absolute().parent)
    zone = None
    if asks and is_new:
        zone = questions.ask_zone()
    env = shopfolder.prepare_env(path, url, zone)
    told.report.env_file = str(env.path)
    (told.report.written if env.is_new else told.report.kept).append(str(env.path))
    if env.made_private:
        told.say(env.made_private)
    if env.is_new:
        check = "" if zone else "; set it to where the shop's day begins"
        told.say(
            f"Wrote {env.path}: every setting, with what it does."
            f" SHOP_TIMEZONE is {env.values.get('SHOP_TIMEZONE', 'UTC')}{check}."
        )
    return env


def _queries(
    told: _Told, found: "Settings", platform: str | None, said: dict[str, str], *, asks: bool
) -> "Queries":
    from recommender.export.snapshot import all_queries
    from recommender.setup.initreport import ShopPlatform
    from recommender.setup.shopfolder import matters_to_decide, prepare_queries

    report = told.report
    report.kept += [str(path) for path in all_queries(found) if path.exists()]
    queries = prepare_queries(
        found,
        platform=platform,
        parameters=said,
        ask=questions.ask_parameter if asks else None,
        owner=questions.owner_on_terminal() if asks else None,
    )
    report.written += map(str, queries.written)
    report.to_decide = matters_to_decide(found)
    known = queries.platform
    if known is not None:
        report.platform = ShopPlatform.of(known)
        told.say(f"This shop runs on {known.title}: {known.reason}.")
        for name, value in known.values.items():
            others = f"; there are also {', '.join(value.others[:_OTHERS_SHOWN])}" if value.others else ""
            told.say(f"  {name}={value.text} ({value.source}{others}): {value.parameter.about}")
            if value.unasked:
                told.say(f"    Which others there are could not be asked: {value.unasked}")
        for sentence in known.left_out:
            told.say(sentence)
        told.say(f"Wrote {', '.join(map(str, queries.written))}.")
    proposal = queries.proposal
    if queries.unread:
        more = len(queries.unread) - _UNREAD_SHOWN
        names = ", ".join(queries.unread[:_UNREAD_SHOWN]) + (f" and {more} more" if more > 0 else "")
        told.say(f"Left out, since this user cannot read them: {names}.")
    if proposal is not None:
        report.guess, report.not_found = proposal.found, [*proposal.missing]
        told.say(f"The sales seem to be in {proposal.found}.")
        told.say(f"Wrote {' and '.join(map(str, queries.written))}: a first guess.")
        for what in proposal.matters:
            told.say(f"  To decide: {what}.")
        for what in proposal.missing:
            told.say(f"  Not found: {what}.")
    return queries


def _sample(
    told: _Told, found: "Settings", env: "EnvFile", *, shows: bool, asks: bool
) -> tuple["EnvFile", "Settings", "Sample"]:
    """What the queries return, the newest sales shown; and the settings, which may be others now."""
    from recommender.setup.filelooks import reads_files, sample_files
    from recommender.setup.looks import sample

    with _grants_where_refused(told, found):
        sampled = sample_files(found) if reads_files(found) else sample(found, newest=shows or told.as_json)
    told.report.newest_sales, told.report.no_sales = [*sampled.newest], sampled.problem or None
    if shows:
        _show_newest(told, sampled, found)
    chosen = _with_history(found, env, sampled.days_old) if asks and sampled.days_old is not None else None
    if chosen is None:
        return env, found, sampled
    return _sample(told, settings(), chosen, shows=shows, asks=False)


def _plan(
    told: _Told,
    found: "Settings",
    env: "EnvFile",
    sampled: "Sample",
    owner: "URL | None",
    *,
    asks: bool,
) -> tuple["EnvFile", "Settings", "TablesPlan"]:
    """What is to be made, and the settings, which may have another schema now."""
    from recommender.setup import create

    with _grants_where_refused(told, found):
        planned = create.plan_tables(found, sampled, owner)
    chosen = _with_schema(found, env, planned) if asks and planned.is_first else None
    if chosen is None:
        return env, found, planned
    return _plan(told, settings(), chosen, sampled, owner, asks=False)


def _show_newest(told: _Told, sampled: "Sample", found: "Settings") -> None:
    if sampled.problem:
        told.say(sampled.problem)
        return
    told.show(f"The newest sales, as they are read, in the time of {found.shop_timezone}:")
    if not told.as_json:
        # As texts, since a number would get separators.
        rows = [
            [None if value is None else str(value) for name, value in sale.items() if name != "sold_at"]
            for sale in sampled.newest
        ]
        print_table(_NEWEST, rows, indent="  ")


def _with_history(found: "Settings", env: "EnvFile", days_old: int) -> "EnvFile | None":
    """The file with the days that read the sales of a shop whose newest one is so many days old.

    None where nothing is to be set.
    """
    from recommender.setup.shopfolder import with_unset
    from recommender.system.window import MOST_HISTORY_DAYS

    days = days_old + found.history_days  # else each night would read a day of sales less
    is_open = found.sources["HISTORY_DAYS"] == "default" and found.env_file is not None
    question = f"Set HISTORY_DAYS={days}, which reads the {found.history_days} days before it too?"
    if days > MOST_HISTORY_DAYS or not is_open or not questions.confirmed(question, default=True):
        return None
    comment = "Reads sales as old as the newest ones; set by `recommend init`."
    return with_unset(env, found, comment, HISTORY_DAYS=str(days))


def _with_schema(found: "Settings", env: "EnvFile", planned: "TablesPlan") -> "EnvFile | None":
    """The file with the schema that the owner chose for our tables, where there are such and none is set.

    None where nothing is to be set.
    """
    from recommender.setup.shopfolder import with_unset

    is_open = found.sources["TARGET_SCHEMA"] == "default" and found.env_file is not None
    if not is_open or found.target_database_url.get_backend_name() != "postgresql" or planned.schema is None:
        return None
    schema = questions.ask_schema(planned.schema)
    if schema == planned.schema:
        return None
    return with_unset(env, found, "Where our tables are; set by `recommend init`.", TARGET_SCHEMA=schema)


def _propose_repeats(
    told: _Told, found: "Settings", env: "EnvFile", sampled: "Sample", *, asks: bool
) -> None:
    from recommender.settings import RepeatPurchases
    from recommender.setup.filelooks import reads_files
    from recommender.setup.looks import REPEATS_FROM, repeats_share
    from recommender.setup.shopfolder import with_unset

    if found.sources["REPEAT_PURCHASES"] != "default" or found.repeat_purchases is RepeatPurchases.INCLUDE:
        return
    share = sampled.repeats if reads_files(found) else repeats_share(found)
    if share is None or share <= REPEATS_FROM:
        return
    why = f"{share:.0%} of the sale lines are of an item that the customer had bought before"
    if found.env_file is None or not (asks or env.is_new):
        told.say(f"Consider REPEAT_PURCHASES=include in .env: {why}.")
    elif not asks or questions.confirmed(
        f"{why}: recommend such items too (REPEAT_PURCHASES=include)?", default=True
    ):
        comment = "What customers bought before is recommended too; set by `recommend init`."
        with_unset(env, found, comment, REPEAT_PURCHASES="include")
        told.say(f"Set REPEAT_PURCHASES=include: {why}.")


def _create(
    told: _Told, found: "Settings", planned: "TablesPlan", owner: "URL | None", *, asks: bool
) -> bool:
    """Whether the tables are there now."""
    from recommender.setup import create

    if not planned.statements:
        told.say("All tables are there and fit.")
        return True
    told.report.statements = planned.statements
    apart = create.apart_from_shop(found, planned)
    if apart:
        told.say(apart)
    if asks:
        if not create.may_create(found, planned, owner):
            raise DatabaseError(
                "setup-may-not-create",
                f"This user may not create tables in {planned.schema}.",
                "Call `recommend init` with the address of a user who may as --owner-url (it is not stored),"
                f" or let such a user run {create.write_statements(found, planned)}.",
            )
        if click.get_current_context().meta["recommender.verbose"]:
            told.show_statements(planned.statements)
        where = "" if planned.schema is None else f" in {planned.schema}"
        told.say(f"Missing{where}: {', '.join(planned.made)}.")
        if not questions.may_be_done(
            "Create these tables?", lambda: told.show_statements(planned.statements)
        ):
            told.say("Nothing was created.")
            return False
    with _grants_where_refused(told, found):
        try:
            create.create_tables(found, planned, owner)
        except DatabaseError:
            if not asks:
                told.show_statements(planned.statements)
            raise
    told.report.statements, told.report.tables_made = [], planned.made
    told.say(f"Created {', '.join(planned.made)}.")
    return True


@contextmanager
def _grants_where_refused(told: _Told, found: "Settings") -> Iterator[None]:
    """Where a database refuses, the rights that are needed stand before what it said."""
    try:
        yield
    except DatabaseError:
        _show_grants(told, found)
        raise


def _show_grants(told: _Told, found: "Settings", given: "Grants | None" = None) -> None:
    from recommender.setup.grants import needed_grants

    try:
        grants = [grant for grant in needed_grants(found) if grant != given]
    except RecommenderError as error:
        told.say(f"-- The rights that are needed cannot be told: {error}")
        return
    told.report.grants = grants
    if grants:
        told.show()
        told.show("-- The rights that are needed, and no more; who owns a table has them already.")
    for grant in grants:
        told.show(f"-- For {grant.who}:")
        for statement in grant.statements:
            told.show(statement)
