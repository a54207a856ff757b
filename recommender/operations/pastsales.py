"""The sales of an evaluation: those of the newest run that still has them, or a fresh export."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from recommender.database import open_database
from recommender.export.forgotten import read_forgotten
from recommender.export.snapshot import export
from recommender.night.locked import require_own_folder
from recommender.night.target import key_kinds, target_of
from recommender.night.writers import require_obeyed_is_ours
from recommender.runs.folder import ITEMS, RULES, SALES
from recommender.runs.history import History
from recommender.settings import Settings
from recommender.system.files import temporary_folder
from recommender.system.progress import Progress
from recommender.system.window import window
from recommender.tables import KeyKind


@dataclass(frozen=True)
class SalesFile:
    """Exported sales."""

    path: Path
    """`sales.csv` or `sales.csv.gz`"""
    customer_kind: KeyKind
    item_kind: KeyKind
    run_id: str | None
    """the run that exported them; None: nobody else has them"""

    @property
    def items(self) -> Path:
        """The items beside them."""
        return self.path.parent / ITEMS

    @property
    def rules(self) -> Path:
        """The shop's rules beside them, where it has some."""
        return self.path.parent / RULES


@contextmanager
def find_sales(settings: Settings, *, fresh: bool, now: datetime, progress: Progress) -> Iterator[SalesFile]:
    """The newest published run's sales, or the shop's where there are none; nothing is left behind.

    Args:
        settings: where to look.
        fresh: read the shop's database in any case.
        now: the end of a fresh export, aware.
        progress: listens.

    Raises:
        SettingsError: the folder is another storefront's, or a query is not right or none for root.
        RefusedError: the sales are not fit to be exported.
        DatabaseError: the shop's database failed.
    """
    past = History.of(settings.data_dir)
    require_own_folder(settings, past)
    run = None if fresh else past.last_with_sales
    path = None if run is None else run.sales_path()
    if run is not None and path is not None:
        keys = run.manifest.keys
        yield SalesFile(path, keys["customer"], keys["item"], run.run_id)
        return
    require_obeyed_is_ours(settings)
    with temporary_folder(settings.data_dir) as folder:
        yield _export(settings, folder, now, progress)


def _export(settings: Settings, folder: Path, now: datetime, progress: Progress) -> SalesFile:
    started = time.monotonic()
    # Who asked has yet to see how many windows there are.
    progress.plan({"export": 1, "the rest": 9})
    progress.begin("export")
    target = target_of(settings)
    found = export(
        open_database(settings.database_url),
        settings,
        kinds=key_kinds(settings, target),
        folder=folder,
        window=window(now=now, as_of=None, history_days=settings.history_days, zone=settings.shop_timezone),
        forgotten=read_forgotten(target, settings),
        progress=progress.step,
    )
    progress.end(f"{found.counts.sales:,} sales", time.monotonic() - started)
    return SalesFile(folder / SALES, found.customer_kind, found.item_kind, None)
