"""How much memory a night needs, and how its work is cut to need less.

The estimate is a sum of what was measured for shops of a hundred thousand to ten million sales, rounded up;
docs/performance.md has both side by side.
"""

from dataclasses import dataclass

from recommender.errors import RefusedError
from recommender.learning.interactions import Interactions
from recommender.learning.sizes import MOST_ITEMS, WHOLE, Blocks
from recommender.runs.folder import Run
from recommender.settings import Settings
from recommender.system.machine import available_cpus
from recommender.tables import POPULAR_ITEMS, RECOMMENDATIONS

MB = 1 << 20
_PROGRAM = 140 * MB
_LOADING = 65
"""For each sale line, while they are read and put in order."""
_TRAINING = 52
"""For each sale line, while they are weighed and a model is trained."""
_FACTOR_COPIES = 1.5
_RANKING = 45
"""For each sale line, while lists are made."""
_NEIGHBOUR = 7
"""For each pair of the items, or of the customers, whose neighbours are learned."""
_NEIGHBOUR_LINE = 40
"""For each sale line, at the same time."""
_SCORE, _NUMBER, _LIST_ROW = 36, 200, 160
_ITEM_FACTOR = 24
"""For each number of the items' factors, while customers' lists are made."""
_PAIR = 70
"""For each sale line, while items that are bought together are counted."""
_PAST_LINE = 95
"""For each sale line, while past windows are looked at."""
_PAST_CUSTOMER, _PAST_CHOICES = 45_000, 16_000
"""For each customer whose past choices the weights are learned from; and for each past window of theirs."""
_MOST_PAST_CUSTOMERS = 1000
_LEAST_COLUMNS = 512
"""Of a block, however few items there are."""
_SMALLEST = 5
"""So often blocks are halved at most; smaller ones are slow."""


@dataclass(frozen=True)
class Size:
    """How much a shop has of what a night's memory depends on."""

    sales: int
    customers: int
    items: int

    @classmethod
    def of(cls, interactions: Interactions) -> "Size":
        """Of tonight's sales."""
        return cls(interactions.n_sales, len(interactions.user_ids), len(interactions.item_ids))

    @property
    def words(self) -> str:
        """For a person."""
        customers = f"{self.customers:,} customers, " if self.customers else ""
        return f"{self.sales:,} sales, {customers}{self.items:,} items"


def size_of(run: Run) -> Size:
    """What an earlier run was made of."""
    counts = run.manifest.counts
    return Size(*(counts.get(name) or 0 for name in ("sales", "customers", "items")))


def choose_blocks(size: Size, settings: Settings) -> Blocks:
    """The largest blocks with which such a night stays below MAX_MEMORY_MB; the smallest where none do."""
    sizes = [WHOLE.halved(times) for times in range(_SMALLEST + 1)]
    if not settings.max_memory_mb:
        return sizes[0]
    fit = (blocks for blocks in sizes if needed_bytes(size, settings, blocks) <= settings.max_memory_mb * MB)
    return next(fit, sizes[-1])


def needed_bytes(size: Size, settings: Settings, blocks: Blocks) -> int:
    """The most memory that a night of this size has at any moment, in bytes, estimated."""
    factors = (size.customers + size.items) * settings.factors * 4
    pairs = _neighbour_rows(size) ** 2 * _NEIGHBOUR
    near = pairs + size.sales * _NEIGHBOUR_LINE
    lists = _block_bytes(size, settings, blocks)
    lists += min(size.customers, blocks.customers) * settings.top_n * _LIST_ROW
    lists += size.items * settings.factors * _ITEM_FACTOR
    phases = [
        size.sales * _LOADING,
        size.sales * _TRAINING + factors * _FACTOR_COPIES,
        size.sales * _RANKING + factors + max(near, lists),
    ]
    if settings.nightly_proof:
        choices = _PAST_CUSTOMER + (settings.tune_budget + 1) * _PAST_CHOICES
        choices *= min(size.customers, _MOST_PAST_CUSTOMERS)
        at_work = max(size.sales * _PAST_LINE, size.sales * _RANKING + _block_bytes(size, settings, WHOLE))
        phases.append(pairs + factors * _FACTOR_COPIES + choices + at_work)
    if {*settings.lists} - {RECOMMENDATIONS.name, POPULAR_ITEMS.name}:
        phases.append(size.sales * (_RANKING + _PAIR))
    return int(_PROGRAM + max(phases))


def _neighbour_rows(size: Size) -> int:
    """Rows of the matrix that neighbours are learned from."""
    if size.customers < size.items and size.customers <= MOST_ITEMS:
        return size.customers
    return min(size.items, MOST_ITEMS)


def _block_bytes(size: Size, settings: Settings, blocks: Blocks) -> int:
    """What all threads take for the scores, or the histories, of a block of customers."""
    scores = min(blocks.scores, size.customers * max(size.items, _LEAST_COLUMNS))
    return (settings.threads or available_cpus()) * max(scores * _SCORE, blocks.numbers * _NUMBER)


def require_memory(size: Size, settings: Settings, *, source: str = "") -> None:
    """Refuse what cannot be done in MAX_MEMORY_MB; 0 is no limit. The message says where the size is from.

    Raises:
        RefusedError: even with the smallest blocks the night needs more.
    """
    if not settings.max_memory_mb:
        return
    needed = needed_bytes(size, settings, choose_blocks(size, settings))
    if needed > settings.max_memory_mb * MB:
        raise RefusedError(
            "memory-limit",
            f"Tonight needs about {needed / MB:,.0f} MB of memory ({source or size.words}), and"
            f" MAX_MEMORY_MB is {settings.max_memory_mb}.",
            "Raise it, lower HISTORY_DAYS or FACTORS, set NIGHTLY_PROOF=off, or make fewer LISTS.",
        )
