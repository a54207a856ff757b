"""How the last run went, and how old what is published is."""

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from recommender.errors import DatabaseError
from recommender.locks import is_held
from recommender.pipeline import lock_path, target_of
from recommender.runs import Run, Status, list_runs, published_runs
from recommender.settings import Settings

_BAD = (Status.FAILED, Status.REFUSED, Status.INTERRUPTED, Status.KILLED)


@dataclass(frozen=True)
class StatusReport:
    """What `recommend status` prints, in JSON types."""

    published: dict[str, Any] | None
    """The newest publish: run_id, published_at, as_of, age_hours and figures."""
    last_run: dict[str, Any] | None
    """The newest run of this machine, published or not."""
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether a probe should be content."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """The report as JSON types."""
        return {"good": self.is_good, **asdict(self)}


def status(settings: Settings, *, now: datetime, max_age: timedelta | None = None) -> StatusReport:
    """Look at the newest publish and the newest run.

    Args:
        settings: where to look.
        now: aware.
        max_age: of the newest publish; older is a problem.
    """
    runs = list_runs(settings.data_dir)
    # A dry run changes nothing, and one that goes on has no outcome yet.
    without = {Status.DRY_RUN}
    if runs and runs[-1].manifest.status is Status.RUNNING and is_held(lock_path(settings)):
        without.add(Status.RUNNING)
    ended = [run for run in runs if run.manifest.status not in without]
    last = ended[-1] if ended else None
    problems: list[str] = []
    warnings = list(settings.warnings)
    published = _newest_publish(settings, runs, warnings)
    if published is None:
        problems.append("Nothing was ever published.")
    else:
        age = now - datetime.fromisoformat(published["published_at"])
        published["age_hours"] = round(age / timedelta(hours=1), 1)
        if max_age is not None and age > max_age:
            problems.append(f"What is published is {published['age_hours']:g} hours old.")
    if last is not None and last.manifest.status in _BAD:
        problems.append(f"The last run ({last.run_id}) was {last.manifest.status}: {last.manifest.error}")
    elif last is not None and last.manifest.status is Status.RUNNING and not _is_of(published, last):
        # Where the outcome of a commit is unknown there is an error, and the next run settles it.
        how = last.manifest.error or "It ended without a word: it was killed."
        problems.append(f"The last run ({last.run_id}) has no outcome: {how}")
    if last is not None:
        warnings += [text for text in last.manifest.warnings if text not in warnings]
    return StatusReport(published, None if last is None else _summary(last), problems, warnings)


def _is_of(published: dict[str, Any] | None, run: Run) -> bool:
    return published is not None and published["run_id"] == run.run_id


def _newest_publish(settings: Settings, runs: list[Run], warnings: list[str]) -> dict[str, Any] | None:
    """From the database's record; from this machine's manifests where the database does not answer."""
    try:
        target = target_of(settings)
        with target.database.connect() as connection:
            row = target.last_publish(connection)
    except DatabaseError as error:
        warnings.append(f"{error.reason} The figures are from the run folder.")
        published = published_runs(runs)
        if not published:
            return None
        manifest = published[-1].manifest
        return {
            "run_id": manifest.run_id,
            "published_at": manifest.published_at,
            "as_of": manifest.as_of_day,
            "method": manifest.method,
            **{name: manifest.counts.get(name) for name in ("customers", "items", "sales")},
            "rows_written": manifest.counts.get("rows"),
        }
    if row is None:
        return None
    found = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for a row by names
    moment = found["published_at"]
    found["published_at"] = moment.replace(tzinfo=moment.tzinfo or UTC).isoformat()
    found["as_of"] = str(found["as_of"])
    return found


def _summary(run: Run) -> dict[str, Any]:
    manifest = run.manifest
    return {
        "run_id": manifest.run_id,
        "status": str(manifest.status),
        "started_at": manifest.started_at,
        "ended_at": manifest.ended_at,
        "exit_code": manifest.exit_code,
        "error": manifest.error,
        "seconds": round(sum(stage["seconds"] for stage in manifest.stages.values()), 1),
        "peak_mb": max((stage["peak_mb"] for stage in manifest.stages.values()), default=None),
        "counts": manifest.counts,
        "model": manifest.model,
    }
