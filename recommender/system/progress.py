"""How far the work is: the command line shows it on a terminal, elsewhere nobody looks.

The work is a tree: a whole (a night, an evaluation) has stages, a stage has named steps, a step may have
parts. Each has its share of the one above and so its place in the whole, from 0 to 1; a count within a step
(3 of 15 iterations) is such a place too. Who works is handed a `Step`, a plain callable of how much is done
and of how much, and may split it further; it knows of no terminal. `Progress` hears every step, never goes
back, and notes what each took. The night puts that on record, and in the next one each step's share is what
it took then; where nothing is on record, it is the share that stands in the code.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate, pairwise

_SURE = 0.1
"""So much must be done of a whole with nothing on record before its pace says how long the rest takes."""


def _to_nobody(_name: str, _done: float, _until: float, _note: str) -> None:
    """For work that nobody looks at."""


@dataclass(frozen=True, eq=False)
class Step:
    """A piece of the work; itself the callable that is told how much of it is done."""

    name: str = ""
    first: float = 0.0
    """where it begins in the whole, 0 to 1"""
    last: float = 1.0
    """where it ends"""
    tell: Callable[[str, float, float, str], None] = _to_nobody
    """hears the name, the place in the whole, where the step ends, and what else there is to say"""
    past: Mapping[str, float] = field(default_factory=dict)
    """seconds of the stage's steps, by name, when it was done before"""

    def __call__(self, done: int, total: int) -> None:
        """So many of the parts of the step are done; what a listener raises stops the work."""
        self.tell(self.name, self.first + (self.last - self.first) * done / max(total, 1), self.last, "")

    def count(self, done: int) -> None:
        """So many are done, and nobody knows of how many."""
        self.tell(self.name, self.first, self.last, f"{done:,}")

    def begin(self) -> "Step":
        """Say that it begins."""
        self(0, 1)
        return self

    def split(self, shares: Mapping[str, float]) -> dict[str, "Step"]:
        """Named steps in their order, each to be begun; one that is left out is passed over.

        Args:
            shares: of each name; relative to each other, and taken only where it has no seconds on record.
                The step named "" has no name of its own, but has named steps in it.
        """
        names = {name: ", ".join(filter(None, [self.name, name])) for name in shares}
        took = dict.fromkeys(shares, 0.0)
        for recorded, seconds in self.past.items():
            owner = next((name for name in shares if name and _is_in(recorded, names[name])), "")
            if owner in took and _is_in(recorded, self.name):
                took[owner] += seconds
        known = [name for name in shares if took[name]]
        scale = sum(took.values()) / (sum(shares[name] for name in known) or 1)
        places = self._places([took[name] or shares[name] * (scale or 1) for name in shares])
        return {
            name: replace(self, name=names[name], first=first, last=last)
            for name, (first, last) in zip(shares, places, strict=True)
        }

    def parts(self, *shares: float) -> list["Step"]:
        """Parts without names of their own, in their order."""
        return [replace(self, first=first, last=last) for first, last in self._places(shares)]

    def as_one(self) -> "Step":
        """The same, under its name alone whatever the steps in it are called."""

        def tell(_name: str, done: float, until: float, note: str) -> None:
            self.tell(self.name, done, until, note)

        return replace(self, tell=tell)

    def _places(self, shares: "list[float] | tuple[float, ...]") -> list[tuple[float, float]]:
        shares = shares if sum(shares) else [1.0] * len(shares)
        size = (self.last - self.first) / (sum(shares) or 1)
        return [*pairwise(self.first + size * upto for upto in accumulate(shares, initial=0.0))]


def _is_in(recorded: str, name: str) -> bool:
    """Whether a step on record is the one of that name or a step in it."""
    return not name or recorded == name or recorded.startswith(f"{name}, ")


UNSEEN = Step()
"""For work that nobody looks at."""


class Progress:
    """Hears how far the work is, and shows it to nobody; a subclass does."""

    def __init__(self) -> None:
        """Nothing has begun."""
        self.step = UNSEEN
        """the stage that goes on, to be split"""
        self._places: dict[str, tuple[float, float]] = {}
        self._past: Mapping[str, Mapping[str, float]] = {}
        self._expected: float | None = None
        self._began = self._moved = self._named = time.monotonic()
        self._name, self._took = "", dict[str, float]()
        self._done = self._until = 0.0

    def plan(
        self,
        stages: Mapping[str, float],
        *,
        is_measured: bool = False,
        past: Mapping[str, Mapping[str, float]] | None = None,
    ) -> None:
        """The stages that are still to come, which share what is left of the whole.

        Args:
            stages: seconds of each, or shares relative to each other.
            is_measured: they are the seconds of an earlier time.
            past: of each stage the seconds of its steps, then.
        """
        places = replace(UNSEEN, first=self._done).split(stages)
        self._places = {name: (step.first, step.last) for name, step in places.items()}
        self._expected = sum(stages.values()) if is_measured else None
        self._past = past or {}

    def begin(self, stage: str) -> None:
        """A stage begins; one that is not planned is a whole of its own."""
        now = time.monotonic()
        if stage not in self._places:
            self._done, self._began, self._expected = 0.0, now, None
        first, last = self._places.get(stage, (0.0, 1.0))
        self._name, self._named, self._moved, self._took = "", now, now, {}
        self._done = self._until = max(self._done, first)
        self.step = Step("", first, last, self._hear, self._past.get(stage, {}))

    def _hear(self, name: str, done: float, until: float, note: str) -> None:
        now = time.monotonic()
        if name != self._name:
            self._note_time(now)
            self._name = name
        if done > self._done:
            self._done, self._moved = min(done, 1.0), now
        self._until = min(max(until, self._done), 1.0)
        self.update(f"{name}, {note}" if note else name, self._done)

    def _note_time(self, now: float) -> None:
        """Add what has passed to the step that goes on."""
        if self._name:
            self._took[self._name] = self._took.get(self._name, 0.0) + now - self._named
        self._named = now

    def took(self) -> dict[str, float]:
        """Seconds of each step of the stage so far."""
        self._note_time(time.monotonic())
        return {name: round(seconds, 3) for name, seconds in self._took.items()}

    def update(self, step: str, done: float) -> None:
        """A step goes on, and so much of the whole is done, 0 to 1."""

    def end(self, summary: str, seconds: float) -> None:  # noqa: ARG002 - for who shows it
        """The stage is done; `summary` says in a few words what it brought, or nothing: no line stays."""
        self._hear(self._name, self.step.last, self.step.last, "")
        self.step = UNSEEN

    def gone(self) -> float:
        """Seconds since the work began."""
        return time.monotonic() - self._began

    def left(self) -> float | None:
        """Seconds that the rest will take, never less than 0; None where nobody can tell yet.

        By the time that the whole took before, and the more is done, the more by tonight's pace. Between two
        words of the work it runs down, though not below the time of the steps after this one.
        """
        done, gone = self._done, self._moved - self._began
        if self._expected is not None:
            whole = (1 - done) * self._expected + gone
        elif done >= _SURE:
            whole = gone / done
        else:
            return None
        return max((1 - done) * whole - (time.monotonic() - self._moved), (1 - self._until) * whole, 0.0)
