"""Records of runs that never took place, with all that a record of their kind must have."""

from datetime import date, datetime

from recommender.runs.folder import iso
from recommender.runs.manifest import ChoiceRecord, Manifest, Method, Mode, ModelOrigin, Status
from recommender.tables import KeyKind

CHOICE = ChoiceRecord(
    task="new",
    weights={"als": 1.0},
    proved_weights={"als": 1.0},
    neighbours={"half_life_days": 60.0, "regularization": 200.0},
    contestant="defaults",
    learned=False,
    why="made up",
    trials=[],
    als={},
    half_life_days=60.0,
    sales=1,
    run_id="20260101T000000Z-0000",
    as_of_day="2026-01-01",
)


def fill(manifest: Manifest, status: Status, day: date, *, seq: int | None = None) -> None:
    """What a run of that day has on record; a published one all that it takes, its model trained cold."""
    manifest.status, manifest.as_of_day = status, day.isoformat()
    if status is not Status.PUBLISHED:
        return
    moment = iso(datetime.fromisoformat(f"{day}T00:00:00+00:00"))
    manifest.as_of = manifest.window_start = manifest.published_at = moment
    manifest.published_seq = seq
    manifest.keys = {"customer": KeyKind.INTEGER, "item": KeyKind.INTEGER}
    manifest.data_sha256 = "0" * 64
    manifest.counts = {"sales": 1}
    manifest.method, manifest.choice = Method.BLEND, CHOICE
    manifest.model = ModelOrigin(
        mode=Mode.COLD,
        why="made up",
        run_id=manifest.run_id,
        as_of_day=manifest.as_of_day,
        may_start_warm=True,
        chain=[],
    )
