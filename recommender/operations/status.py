"""What happened last night, how old what is published is, and what is wrong since when."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import TypedDict

from recommender.errors import DatabaseError
from recommender.night.target import target_of
from recommender.operations.pastruns import RunFigures, figures_of, is_going_on
from recommender.runs.folder import Run, iso
from recommender.runs.history import History
from recommender.runs.hold import RELEASE, Hold, find_hold
from recommender.runs.manifest import Day, Manifest, Method, RunId, Sha256, Source, Status, Time
from recommender.settings import Settings

_WITHOUT_OUTCOME = (Status.DRY_RUN, Status.WAITING)


class LastPublish(TypedDict):
    """The newest publish, as the table recommendation_runs has it."""

    run_id: RunId
    """The run that published."""
    published_seq: int | None
    """Counts the publishes."""
    published_at: Time
    """When the lists became visible."""
    age_hours: float
    """How long ago that is."""
    as_of: Day
    """The shop's day that the lists belong to."""
    source: str
    """run: it made the lists itself; rollback: those of an earlier run again."""
    source_run_id: RunId
    """The run that made the lists."""
    method: str | None
    """How the lists are made: blend, als, own_habit or popular."""
    customers: int | None
    """Customers with a list."""
    items: int | None
    """Items that were sold."""
    sales: int | None
    """Sale lines that were read."""
    rows_written: int | None
    """Rows in all lists."""
    model_run_id: RunId | None
    """The run that trained the model."""
    data_sha256: Sha256 | None
    """A hash of the sales."""
    ndcg: float | None
    """Quality of the lists on past weeks."""
    baseline_ndcg: float | None
    """That of the best simple list."""
    program_version: str | None
    """The version of recommend that published."""
    schema_version: int | None
    """That of the tables; null where the database does not answer."""


@dataclass(frozen=True)
class StatusReport:
    """Whether all is well, what customers see now, and what happened last night."""

    good: bool
    """Whether a probe should be content; if not, the exit code is 3."""
    summary: str
    """What happened last night, in one sentence."""
    published: LastPublish | None
    """The newest publish, from this machine's records where the database does not answer; null where nothing
    was ever published."""
    last_run: RunFigures | None
    """The newest run of this machine that has an outcome."""
    going_on: RunId | None = None
    """The run that a process is at work on."""
    wrong_since: Time | None = None
    """When what is wrong began: the first run of the present bad ones, or when the lists became too old."""
    bad_runs: int = 0
    """So many nights of a scheduler were bad one after the other, up to the last one."""
    quality: str | None = None
    """How good the lists are, in a sentence."""
    hold: Hold | None = None
    """The hold that keeps nights from publishing, where one stands."""
    problems: list[str] = field(default_factory=list)
    """What is wrong, in sentences."""
    warnings: list[str] = field(default_factory=list)
    """What an owner should know although nothing is wrong."""


def status(settings: Settings, *, now: datetime, max_age: timedelta | None = None) -> StatusReport:
    """Look at the newest publish, which is a problem where it is older than `max_age`, and the newest run.

    The moment is aware.
    """
    past = History.of(settings.data_dir)
    going_on = is_going_on(settings, past)
    # A dry run changes nothing; one that goes on, or waits for its next stage, has no outcome yet.
    without = {*_WITHOUT_OUTCOME, *([Status.RUNNING] if going_on else [])}
    ended = [run for run in past.runs if run.manifest.status not in without]
    warnings = list(settings.warnings)
    published = _newest_publish(settings, past, now, warnings)
    since_published = list(takewhile(lambda run: not _is_published(run, published), reversed(ended)))
    bad = [run for run in since_published if not run.manifest.by_hand]
    tried = [run for run in since_published if run.manifest.by_hand]
    problems: list[str] = []
    since: list[datetime] = []
    if published is None:
        problems.append("Nothing was ever published.")
    else:
        age = _age_of(published["published_at"], now)
        if max_age is not None and age > max_age:
            problems.append(f"What is published is {published['age_hours']:g} hours old.")
            since.append(now - (age - max_age))
    if bad:
        problems.append(_problem(bad))
        since.append(datetime.fromisoformat(bad[-1].manifest.started_at))
    if tried:
        warnings.append(_problem(tried[:1], whose="A run by hand"))
    hold = find_hold(settings.data_dir)
    if hold is not None:
        warnings.append(f"{hold.words} {RELEASE}")
    last = ended[-1] if ended else None
    at_work = [run.run_id for run in past.runs if run.manifest.status is Status.RUNNING]
    if last is not None:
        warnings += [text for text in last.manifest.warnings if text not in warnings]
    return StatusReport(
        good=not problems,
        summary=_summary(bad[0] if bad else last, published, now, is_bad=bool(bad)),
        published=published,
        last_run=None if last is None else figures_of(last, past, going_on=going_on),
        going_on=at_work[-1] if at_work and going_on else None,
        wrong_since=iso(min(since)) if since else None,
        bad_runs=len(bad),
        quality=None if published is None else _quality(published),
        hold=hold,
        problems=problems,
        warnings=warnings,
    )


def _is_published(run: Run, published: LastPublish | None) -> bool:
    """By its record; and where the record does not know the outcome of the commit, the database may."""
    return run.manifest.status is Status.PUBLISHED or (
        published is not None and published["run_id"] == run.run_id
    )


def _problem(bad: list[Run], *, whose: str = "The last night") -> str:
    """What is wrong with the runs since the last good one, the newest first."""
    last, first = bad[0], bad[-1]
    if last.manifest.status is Status.RUNNING:
        # Where the outcome of a commit is unknown there is an error, and the next run settles it.
        how = last.manifest.error or "It ended without a word: it was killed."
        text = f"{whose} ({last.run_id}) has no outcome: {how}"
    else:
        text = f"{whose} ({last.run_id}) {_outcome(last)}: {last.manifest.error}"
    if first is last:
        return text
    text = f"{text} The last {len(bad)} nights went wrong, the first for day {first.manifest.as_of_day}"
    if first.manifest.error and first.manifest.error != last.manifest.error:
        return f"{text} ({first.run_id}), which {_outcome(first)}: {first.manifest.error}"
    return f"{text} ({first.run_id})."


def _outcome(run: Run) -> str:
    status = run.manifest.status
    if status is Status.FAILED:
        return "failed"
    return "was killed" if status is Status.RUNNING else f"was {status}"


def _summary(last: Run | None, published: LastPublish | None, now: datetime, *, is_bad: bool) -> str:
    """What happened last night, in one sentence."""
    if published is None:
        shown = "nothing was ever published"
    else:
        shown = f"customers still see the lists of day {published['as_of']}, published {_age(published, now)}"
    if is_bad and last is not None:
        manifest = last.manifest
        ago = _ago(now - datetime.fromisoformat(manifest.started_at))
        return f"The last run, for day {manifest.as_of_day}, {_outcome(last)} {ago}; {shown}."
    if published is None:
        if last is None:
            return "No night has run here yet."
        return "The lists of the last run are no longer in the database."
    if published["source"] == Source.ROLLBACK:
        return (
            f"Customers see the lists of {published['source_run_id']} again, for day {published['as_of']}:"
            f" rolled back {_age(published, now)}."
        )
    whose = "The last run" if last is not None and last.run_id == published["run_id"] else "Another run"
    counts = (published["rows_written"], published["customers"], published["sales"])
    rows, customers, sales = map(_count, counts)
    return (
        f"{whose}, for day {published['as_of']}, published {rows} rows for {customers} customers from {sales}"
        f" sales, {_age(published, now)}."
    )


def _quality(published: LastPublish) -> str | None:
    """How good the lists are, in plain words; None where nobody has measured it."""
    ndcg, baseline = published["ndcg"], published["baseline_ndcg"]
    if ndcg is None or not baseline:
        return None
    figures = f"nDCG {ndcg:.3f} against {baseline:.3f}"
    if published["method"] in (Method.POPULAR, Method.OWN_HABIT):
        return f"On past weeks no list was clearly better than a simple one, which is shown ({figures})."
    return (
        f"On past weeks the lists found what customers bought {ndcg / baseline:.1f} times as well as the best"
        f" simple list ({figures})."
    )


def _age(published: LastPublish, now: datetime) -> str:
    return _ago(_age_of(published["published_at"], now))


def _age_of(moment: str, now: datetime) -> timedelta:
    return now - datetime.fromisoformat(moment)


def _ago(age: timedelta) -> str:
    """How long ago; a negative age tells of a clock that was set back."""
    minutes = age / timedelta(minutes=1)
    if abs(minutes) < 120:  # noqa: PLR2004 - two of the greater unit
        return f"{minutes:.0f} minutes ago"
    hours = minutes / 60
    return f"{hours:.1f} hours ago" if abs(hours) < 48 else f"{hours / 24:.1f} days ago"  # noqa: PLR2004


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def _newest_publish(
    settings: Settings, past: History, now: datetime, warnings: list[str]
) -> LastPublish | None:
    """From the database's record; from this machine's manifests where the database does not answer."""
    try:
        target = target_of(settings)
        with target.connect() as connection:
            row = target.last_publish(connection)
    except DatabaseError as error:
        warnings.append(f"{error.reason} The figures are from the run folder.")
        return None if past.last is None else _on_record(past.last.manifest, now)
    if row is None:
        return None
    moment = row.published_at
    published_at = iso(moment.replace(tzinfo=moment.tzinfo or UTC))
    return {
        "run_id": row.run_id,
        "published_seq": row.published_seq,
        "published_at": published_at,
        "age_hours": _hours(published_at, now),
        "as_of": str(row.as_of),
        "source": row.source,
        "source_run_id": row.source_run_id,
        "method": row.method,
        "customers": row.customers,
        "items": row.items,
        "sales": row.sales,
        "rows_written": row.rows_written,
        "model_run_id": row.model_run_id,
        "data_sha256": row.data_sha256,
        "ndcg": row.ndcg,
        "baseline_ndcg": row.baseline_ndcg,
        "program_version": row.program_version,
        "schema_version": row.schema_version,
    }


def _on_record(manifest: Manifest, now: datetime) -> LastPublish:
    """What the table would have of a run that was published."""
    counts, published_at = manifest.counts, str(manifest.published_at)
    return {
        "run_id": manifest.run_id,
        "published_seq": manifest.published_seq,
        "published_at": published_at,
        "age_hours": _hours(published_at, now),
        "as_of": manifest.as_of_day,
        "source": str(manifest.source),
        "source_run_id": manifest.source_run_id or manifest.run_id,
        "method": manifest.method,
        "customers": counts.get("customers"),
        "items": counts.get("items"),
        "sales": counts.get("sales"),
        "rows_written": counts.get("rows"),
        "model_run_id": None if manifest.model is None else manifest.model.run_id,
        "data_sha256": manifest.data_sha256,
        "ndcg": manifest.quality.get("ndcg"),
        "baseline_ndcg": manifest.quality.get("baseline_ndcg"),
        "program_version": manifest.program.get("version"),
        "schema_version": None,
    }


def _hours(moment: str, now: datetime) -> float:
    return round(_age_of(moment, now) / timedelta(hours=1), 1)
