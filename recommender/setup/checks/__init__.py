"""Tries everything that a night needs, and tells all findings at once; publishes and keeps nothing.

    findings       one form for all of them, and the exit code
    connections    both databases, our tables, the rights on them
    ownqueries     columns, types, first rows, which orders count as sales, plan
    ownfiles       the same of files in their place
    sales          what the sales and items hold, and what the gate would say
    ownrules       the shop's own rules, and what nobody can follow
    surroundings   disk, memory, secrets, who may write, schedule, the last run

The sales are read once, by the export of the night itself, into a folder that is removed afterwards. What a
check finds it puts into the `Findings` that it is given; `since` is what `:since` stands for tonight.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from recommender.database import open_database
from recommender.database.base import Database
from recommender.database.query import require_decided
from recommender.database.schema import Target
from recommender.errors import RecommenderError, SettingsError
from recommender.export.forgotten import Forgotten, read_forgotten
from recommender.export.snapshot import Export, all_queries, export
from recommender.night.locked import require_own_folder
from recommender.night.memory import Size
from recommender.night.target import key_kinds, target_of
from recommender.runs.archive import remove_scratch
from recommender.runs.folder import ITEMS, SALES
from recommender.runs.history import History
from recommender.settings import NAMES, Settings
from recommender.setup.checks.connections import (
    Server,
    check_connection,
    check_excess,
    check_owner,
    check_tables,
    check_zone,
    sqlite_path,
    try_rights,
)
from recommender.setup.checks.findings import CheckReport, Finding, Findings, Level
from recommender.setup.checks.ownfiles import probe_files
from recommender.setup.checks.ownqueries import (
    FirstRows,
    check_plan,
    check_statuses,
    first_lines,
    probe_items,
    probe_sales,
)
from recommender.setup.checks.ownrules import check_rules, probe_rules
from recommender.setup.checks.sales import CheckedSales, check_gate, check_items, check_sales, read_sales
from recommender.setup.checks.surroundings import (
    check_disk,
    check_hold,
    check_last_run,
    check_memory,
    check_schedule,
    check_secrets,
    check_waits,
    check_writers,
)
from recommender.setup.looks import Look, separate_looks
from recommender.system.files import temporary_folder
from recommender.system.progress import Progress
from recommender.system.window import window
from recommender.tables import KeyKind, Role

__all__ = ["CheckReport", "Finding", "Findings", "Level", "check"]


def check(load: Callable[[], Settings], *, now: datetime, progress: Progress | None = None) -> CheckReport:
    """Look at everything that a night needs.

    Args:
        load: reads the settings.
        now: the start of tonight's run, aware.
        progress: listens.
    """
    findings = Findings()
    settings = _load(load, findings)
    if settings is not None:
        if check_writers(settings, findings):
            with _scratch(settings, findings) as folder:
                _Check(settings, now, folder, findings, progress or Progress()).run()
        check_secrets(settings, findings)
    check_schedule(findings)
    if settings is not None:
        check_hold(settings, findings)
        check_last_run(settings, findings, now)
    return findings.report()


def _load(load: Callable[[], Settings], findings: Findings) -> Settings | None:
    """The settings, or None and a finding for each thing that is wrong with them."""
    try:
        settings = load()
    except SettingsError as error:
        for problem in re.split(r"\(\d+\) ", error.reason.removeprefix("Several settings are wrong:")):
            if problem.strip():
                findings.error("settings", SettingsError(error.code, problem.strip(), error.what_to_do))
        return None
    for warning in settings.warnings:
        findings.warn("settings", warning, "Correct the name, or take the line away.")
    if settings.sources.get("SHOP_TIMEZONE", "default") == "default":
        findings.warn(
            "settings", "SHOP_TIMEZONE is not set: the shop's day begins at midnight UTC.", "Set it in .env."
        )
    shown = settings.public()
    given = [name for name in NAMES if settings.sources.get(name, "default") != "default"]
    findings.ok(
        "settings",
        f"{len(given)} settings are given, {len(NAMES) - len(given)} have their defaults.",
        *(f"{name}={shown[name]} ({settings.sources[name]})" for name in given),
    )
    return settings


@contextmanager
def _scratch(settings: Settings, findings: Findings) -> Iterator[Path]:
    """A private folder beside the runs; elsewhere where tonight's run could not make one either."""
    with ExitStack() as stack:
        folder = None
        with findings.trying("disk"):
            folder = stack.enter_context(temporary_folder(settings.data_dir))
            remove_scratch(settings.data_dir)
        yield folder or Path(stack.enter_context(TemporaryDirectory()))


class _Check:
    """The parts that build on each other, in the order in which a night would meet them."""

    def __init__(
        self, settings: Settings, now: datetime, folder: Path, findings: Findings, progress: Progress
    ) -> None:
        self._settings = settings
        self._now = now
        self._folder = folder
        self._findings = findings
        self._progress = progress
        self._window = window(
            now=now, as_of=None, history_days=settings.history_days, zone=settings.shop_timezone
        )

    def run(self) -> None:
        """Do it all, each part as far as the ones before let it."""
        settings, findings = self._settings, self._findings
        target = server = None
        is_ready = False
        with findings.trying("settings"):
            target = target_of(settings)
            require_own_folder(settings, History.of(settings.data_dir))
        if target is not None:
            server = check_connection("connection", target.database, findings)
            with findings.trying("rights"):
                check_owner(target.database, _user(), findings)
            is_ready = server is not None and check_tables(target, findings)
        with findings.trying("settings"):
            shop = open_database(settings.database_url)
            if settings.target_database_url != settings.database_url:
                server = check_connection("connection", shop, findings)
                with findings.trying("rights"):
                    check_owner(shop, _user(), findings)
            if server is not None:
                self._look(shop, server, target if is_ready else None)
                self._waits(shop, target if is_ready else None)
                if target is not None:
                    check_excess(shop, target, findings)

    def _look(self, shop: Database, server: Server, target: Target | None) -> None:
        """The shop's data; `target` is None where it cannot be used."""
        settings, findings, folder = self._settings, self._findings, self._folder
        exported = first = None
        forgotten = Forgotten()
        if target is not None:
            with findings.trying("forgotten"):
                forgotten = read_forgotten(target, settings)
                if forgotten:
                    findings.ok(
                        "forgotten", f"{len(forgotten)} customers are forgotten: no sale of theirs is read."
                    )
        with findings.trying("queries"):
            require_decided(all_queries(settings), shop.backend)
        with (
            findings.trying("sales"),
            separate_looks(shop, folder, settings.query_timeout_seconds) as look,
        ):
            exported = self._export(shop, look, forgotten, target)
            first = self._probe(shop, look, target)
        if first is not None and not first.has_instants:
            check_zone(settings, server, findings, self._now)
        sales = None if exported is None else read_sales(folder, exported, settings)
        if first is not None and first.rows:
            lines = first_lines(first, None if sales is None else sales.catalogue, settings)
            findings.ok("sales", f"The first rows, in the time of {settings.shop_timezone}:", *lines)
        keys: dict[Role, object] = {}
        if sales is not None:
            last = History.of(settings.data_dir).last
            check_sales(sales, window=self._window, settings=settings, last_run=last, findings=findings)
            never = check_items(sales, settings=settings, target=target, findings=findings)
            never = check_rules(
                sales,
                never,
                folder=folder,
                settings=settings,
                shop=shop,
                target=target,
                since=self._local(self._window.start),
                findings=findings,
            )
            recent = self._local((sales.newest or self._now) - timedelta(days=1))
            check_plan(settings, shop, recent, sales.lines, findings)
            if target is not None:
                keys = check_gate(
                    sales,
                    never,
                    settings=settings,
                    target=target,
                    window=self._window,
                    last_run=last,
                    findings=findings,
                )
            self._resources(shop, sales)
        if target is not None and settings.data_dir.is_dir():
            try_rights(settings, target, folder, keys, findings)

    def _probe(self, shop: Database, look: Look, target: Target | None) -> FirstRows | None:
        """Columns and types of each query and file, and the first rows of the sales."""
        settings, findings, since = self._settings, self._findings, self._local(self._window.start)
        first = probe_files(settings, shop, self._folder, self._kinds(target), findings)
        if settings.sales_uri is None:
            first = probe_sales(settings, shop, since, look, findings)
        if settings.items_uri is None:
            probe_items(settings, shop, since, look, findings)
        if first is not None:
            day = self._window.as_of_day
            probe_rules(settings, shop, since, look, findings, first=first, day=day)
        check_statuses(settings, shop, since, look, findings)
        return first

    def _kinds(self, target: Target | None) -> Mapping[str, KeyKind]:
        """Of the keys in our tables, where these can be asked."""
        try:
            return key_kinds(self._settings, target)
        except RecommenderError:  # which is told by itself
            return {}

    def _export(
        self, shop: Database, look: Look, forgotten: Forgotten, target: Target | None
    ) -> Export | None:
        settings = self._settings
        self._progress.begin("sales")
        started = time.perf_counter()
        with self._findings.trying("sales"), look() as snapshot:
            exported = export(
                shop,
                settings,
                folder=self._folder,
                window=self._window,
                forgotten=forgotten,
                kinds=self._kinds(target),
                progress=self._progress.step,
                within=snapshot,
                undecided=True,  # which is told by itself
            )
            self._progress.end(f"{exported.counts.sales:,} read", time.perf_counter() - started)
            return exported
        return None

    def _resources(self, shop: Database, sales: CheckedSales) -> None:
        path = sqlite_path(shop)
        size = Size(sales.lines, len(sales.customers), len(sales.catalogue.ids))
        if self._settings.data_dir.is_dir():
            with self._findings.trying("disk"):
                check_disk(
                    size,
                    self._settings,
                    self._findings,
                    export_bytes=sum((self._folder / name).stat().st_size for name in (SALES, ITEMS)),
                    copied_bytes=path.stat().st_size if path else 0,
                )
        check_memory(size, self._settings, self._findings)

    def _waits(self, shop: Database, target: Target | None) -> None:
        last = None
        if target is not None:
            with target.connect() as connection:
                last = target.last_publish(connection)
        check_waits(
            self._findings,
            shop=sqlite_path(shop),
            target=None if target is None else sqlite_path(target.database),
            rows=0 if last is None else int(last.rows_written),
        )

    def _local(self, moment: datetime) -> datetime:
        """As `:since` is put in: naive, in the zone of the sales."""
        return moment.astimezone(self._settings.sales_timezone).replace(tzinfo=None)


def _user() -> int | None:
    return os.geteuid() if hasattr(os, "geteuid") else None
