"""What a check finds: one form for good and bad news, gathered in the order of a night."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from recommender.errors import ExitCode, RecommenderError, exit_code_of, of_system


class Level(StrEnum):
    """How bad a finding is, worst first."""

    ERROR = "error"
    """Tonight's run would end with it."""
    WARNING = "warning"
    OK = "ok"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    """How bad it is: tonight's run would end with an error, and goes on in spite of a warning."""
    area: str
    """What it is about, in one word: settings, tables, sales …"""
    what: str
    """What was found."""
    what_to_do: str = ""
    """What to do about it; empty where there is nothing to do."""
    exit_code: ExitCode = ExitCode.DONE
    """Of an error: what tonight's run would return."""
    code: str = ""
    """Of an error: under which docs/when-it-fails.md tells of it."""
    details: tuple[str, ...] = ()
    """Lines below it, such as the first rows of a query."""


@dataclass
class Findings:
    """Gathers findings; the same words are not said twice."""

    _all: list[Finding] = field(default_factory=list)

    def _add(self, finding: Finding) -> None:
        if all((finding.level, finding.what) != (other.level, other.what) for other in self._all):
            self._all.append(finding)

    def ok(self, area: str, what: str, *details: str) -> None:
        """Something is as it should be."""
        self._add(Finding(Level.OK, area, what, details=details))

    def warn(self, area: str, what: str, what_to_do: str = "", *details: str) -> None:
        """Something looks wrong, or will be; tonight's run goes on all the same."""
        self._add(Finding(Level.WARNING, area, what, what_to_do, details=details))

    def error(self, area: str, error: Exception) -> None:
        """Tonight's run would end with this error."""
        if isinstance(error, OSError):
            error = of_system(error)
        if not isinstance(error, RecommenderError):
            raise error
        self._add(Finding(Level.ERROR, area, error.told, error.what_to_do, exit_code_of(error), error.code))

    @contextmanager
    def trying(self, area: str) -> Iterator[None]:
        """Turn an error of the block, if it is one that a person can act on, into a finding."""
        try:
            yield
        except (RecommenderError, OSError) as error:
            self.error(area, error)

    def report(self) -> "CheckReport":
        """All findings, worst first, those of a level in a night's order."""
        errors = [finding for finding in self._all if finding.level is Level.ERROR]
        order = list(Level)
        return CheckReport(
            errors[0].exit_code if errors else ExitCode.DONE,
            sorted(self._all, key=lambda finding: order.index(finding.level)),
        )


@dataclass(frozen=True)
class CheckReport:
    """All that was looked at."""

    exit_code: ExitCode
    """What tonight's run would return: that of the error it would meet first."""
    findings: list[Finding]
    """All findings, worst first, those of a level in a night's order."""

    def count(self, level: Level) -> int:
        """Findings of this level."""
        return sum(finding.level is level for finding in self.findings)
