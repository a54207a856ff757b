"""What every stage of a run works with."""

from dataclasses import dataclass, field
from datetime import datetime

from recommender.database.schema import Target
from recommender.export.forgotten import Forgotten
from recommender.runs.folder import Run
from recommender.runs.history import History
from recommender.settings import Settings
from recommender.system import machine
from recommender.system.progress import Progress
from recommender.system.window import Window
from recommender.tables import KeyKind, Role


@dataclass(frozen=True)
class Night:
    """One run, and what is known when it begins; the stages are functions over it."""

    settings: Settings
    run: Run
    past: History
    """the other runs"""
    forgotten: Forgotten
    """the customers who are left out"""
    target: Target | None
    """where it publishes; None for a repetition, which publishes nothing"""
    progress: Progress = field(default_factory=Progress)

    @property
    def threads(self) -> int:
        """How many to use, at least 1; no list depends on it."""
        return self.settings.threads or machine.available_cpus()

    @property
    def window(self) -> Window:
        """Of the sales."""
        manifest = self.run.manifest
        start, end = map(datetime.fromisoformat, (manifest.window_start, manifest.as_of))
        return Window(start, end, self.run.day, manifest.is_past)

    @property
    def kinds(self) -> dict[Role, KeyKind]:
        """Of the keys, known once the export is done."""
        keys = self.run.manifest.keys
        return {Role.CUSTOMER: keys["customer"], Role.ITEM: keys["item"]}
