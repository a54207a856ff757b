"""Customer and item keys: 64-bit integers, texts, or both (the guests of a shop with integer keys)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import compress

import numpy as np

from recommender.system.arrays import Bools, Int32s, Int64s


@dataclass(frozen=True)
class Keys:
    """Distinct keys in canonical order: integers by number, then texts by their UTF-8 bytes.

    The index of a key is its place in this order: rows and columns of every matrix follow it, so that ties,
    files and hashes never depend on the order in which a database returned its rows. (Python compares texts
    by code point, which is the order of their UTF-8 bytes.)
    """

    integers: Int64s
    """shape (number of integer keys,), int64, strictly ascending"""
    texts: tuple[str, ...]
    """strictly ascending by code point"""
    _places: dict[str, int] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, integers: Iterable[int] = (), texts: Iterable[str] = ()) -> "Keys":
        """The distinct keys among these, in canonical order."""
        return cls(np.unique(np.fromiter(integers, np.int64)), tuple(sorted(set(texts))))

    def __len__(self) -> int:
        return len(self.integers) + len(self.texts)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Keys):
            return NotImplemented
        return np.array_equal(self.integers, other.integers) and self.texts == other.texts

    def __hash__(self) -> int:
        return hash((self.integers.tobytes(), self.texts))

    def __getitem__(self, index: int) -> int | str:
        if index < len(self.integers):
            return int(self.integers[index])
        return self.texts[index - len(self.integers)]

    def as_texts(self) -> list[str]:
        """Every key as text, in order: what a CSV field holds before quoting."""
        return [*map(str, self.integers.tolist()), *self.texts]

    def union(self, other: "Keys") -> "Keys":
        """The keys of both, in canonical order."""
        return Keys(np.union1d(self.integers, other.integers), tuple(sorted({*self.texts, *other.texts})))

    def where(self, wanted: Bools) -> "Keys":
        """The keys that are wanted, a flag for each, shape (keys,); in order as they are."""
        split = len(self.integers)
        return Keys(self.integers[wanted[:split]], tuple(compress(self.texts, wanted[split:].tolist())))

    def find_integers(self, values: Int64s) -> Int64s:
        """Index of each integer key, -1 where it is unknown; shapes alike."""
        if not len(self.integers):
            return np.full(len(values), -1, np.int64)
        places = np.minimum(np.searchsorted(self.integers, values), len(self.integers) - 1)
        return np.where(self.integers[places] == values, places, -1)

    def find_texts(self, values: Sequence[str]) -> Int64s:
        """Index of each text key, -1 where it is unknown."""
        if not self._places and self.texts:
            start = len(self.integers)
            self._places.update({text: start + i for i, text in enumerate(self.texts)})
        get = self._places.get
        return np.fromiter((get(value, -1) for value in values), np.int64, len(values))

    def find_each(self, keys: Sequence[int | str | None]) -> Int32s:
        """Index of each key, -1 where it is unknown or None; shape (len(keys),), int32."""
        found = np.full(len(keys), -1, np.int32)
        integers = [place for place, key in enumerate(keys) if isinstance(key, int)]
        texts = [place for place, key in enumerate(keys) if isinstance(key, str)]
        found[integers] = self.find_integers(np.array([keys[place] for place in integers], np.int64))
        found[texts] = self.find_texts([str(keys[place]) for place in texts])
        return found

    def find(self, other: "Keys") -> Int64s:
        """For every key of `other`, its index here, -1 where it is unknown; shape (len(other),), int64."""
        return np.concatenate([self.find_integers(other.integers), self.find_texts(other.texts)])


def keys_of(found: Iterable[int | str]) -> Keys:
    """The distinct keys among some of both kinds."""
    found = [*found]
    return Keys.of(
        integers=(key for key in found if isinstance(key, int)),
        texts=(key for key in found if isinstance(key, str)),
    )
