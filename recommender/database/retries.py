"""Try again what failed for a moment only: a few times, with pauses that grow and differ from run to run."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from recommender.errors import TransientError

Result = TypeVar("Result")


@dataclass(frozen=True)
class Retries:
    """How often and when. Together the pauses last as long as a server takes to start again."""

    attempts: int = 3
    """With the first one."""
    first_pause_seconds: float = 5.0
    growth: float = 4.0
    """Each pause is so many times the one before."""
    jitter: float = 0.5
    """A pause is longer or shorter by up to this share, so that several shops do not come back at once."""
    sleep: Callable[[float], None] = time.sleep
    chance: random.Random = field(default_factory=random.Random)

    def call(self, work: Callable[[], Result], note: Callable[[TransientError, int], None]) -> Result:
        """Do the work, again where it may help.

        Args:
            work: what is safe to repeat: when it fails, nothing of it stays.
            note: told of each failure that is followed by another attempt, and of that attempt's number.

        Raises:
            TransientError: the last attempt has failed too.
        """
        for attempt in range(1, self.attempts):
            try:
                return work()
            except TransientError as error:
                note(error, attempt + 1)
            self.sleep(self.pause_seconds(attempt))
        return work()

    def pause_seconds(self, attempt: int) -> float:
        """How long to wait behind an attempt, which count from 1."""
        longer = self.chance.uniform(1 - self.jitter, 1 + self.jitter)
        return self.first_pause_seconds * self.growth ** (attempt - 1) * longer


USUAL = Retries()
