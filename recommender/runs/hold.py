"""The hold: a file in DATA_DIR that keeps nights from publishing, until somebody takes it away."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from recommender.errors import RefusedError
from recommender.runs.folder import iso
from recommender.runs.manifest import TimeOrEmpty
from recommender.system.files import read_plain, write_text

HOLD = "hold"


@dataclass(frozen=True)
class Hold:
    """What keeps nights from publishing."""

    since: TimeOrEmpty
    """When it began; empty where its file does not say."""
    source_run_id: str
    """The run whose lists the rollback published again; empty where its file does not say."""

    @property
    def words(self) -> str:
        """For the owner."""
        since = f" since {self.since}" if self.since else ""
        why = f", after the rollback to {self.source_run_id}" if self.source_run_id else ""
        return f"A hold keeps nights from publishing{since}{why}."


RELEASE = "`recommend rollback --release` lets nights publish again, and so does one `recommend run --force`."


def set_hold(data_dir: Path, *, now: datetime, source_run_id: str) -> None:
    """Keep nights from publishing from that moment on, aware: the lists of that run are to stay."""
    write_text(data_dir / HOLD, json.dumps(asdict(Hold(iso(now), source_run_id))) + "\n")


def find_hold(data_dir: Path) -> Hold | None:
    """The hold that stands; a file that is no longer readable, or was made by hand, holds as well."""
    path = data_dir / HOLD
    try:
        found = json.loads(read_plain(path))
        return Hold(str(found["since"]), str(found["source_run_id"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return Hold("", "")


def release_hold(data_dir: Path) -> bool:
    """Let nights publish again; whether there was a hold."""
    path = data_dir / HOLD
    if not path.exists():
        return False
    path.unlink()
    return True


def require_no_hold(data_dir: Path) -> None:
    """Stop what would publish.

    Raises:
        RefusedError: a hold stands.
    """
    hold = find_hold(data_dir)
    if hold is not None:
        raise RefusedError("hold", hold.words, RELEASE)
