"""Sizes that bound memory."""

from dataclasses import dataclass

MOST_ITEMS = 4000
"""Items, or customers, of the dense matrix that neighbours are learned from: 64 MB of it."""


@dataclass(frozen=True)
class Blocks:
    """How much of the ranking is worked on at once: sizes that no list depends on, only time and memory."""

    customers: int = 1 << 15
    """whose lists are in memory"""
    scores: int = 1 << 20
    """of customers and items that one thread looks at: 4 MB"""
    numbers: int = 1 << 17
    """of the factors of histories that one thread gathers: few enough for the processor's cache"""

    def halved(self, times: int) -> "Blocks":
        """Smaller blocks."""
        return Blocks(self.customers >> times, self.scores >> times, self.numbers >> times)


WHOLE = Blocks()
"""As large as is of any use."""
