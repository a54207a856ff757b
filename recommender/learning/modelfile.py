"""`model.npz`: a model as plain arrays, without pickle, the same bytes for the same model; checked on load.

An `.npz` is a zip of `.npy` arrays. Ours is stored without compression, so nothing in it can be larger than
the file itself. Text keys are their UTF-8 bytes one after the other, with offsets.
"""

import dataclasses
import itertools
import json
import math
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from recommender.errors import ModelError
from recommender.learning.als import AlsSettings, Model
from recommender.runs.keys import Keys
from recommender.system.arrays import Array, UInt8s, UInt64s
from recommender.system.files import atomic_path, sha256_of

_VERSION = 1
_DTYPES = {
    "version": "<i8",
    "settings": "|u1",
    "user_integers": "<i8",
    "user_texts": "|u1",
    "user_offsets": "<i8",
    "item_integers": "<i8",
    "item_texts": "|u1",
    "item_offsets": "<i8",
    "history": "<u8",
    "user_factors": "<f4",
    "item_factors": "<f4",
}
_OF_USERS = ("user_integers", "user_texts", "user_offsets", "history")
_TWO_DIMENSIONS = ("user_factors", "item_factors")
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '([<|][a-z]\d)', 'fortran_order': False, "
    rb"'shape': \((\d{1,15}),(?: (\d{1,15}))?\), \} *\n",
    re.DOTALL,
)
"""The header of a `.npy` member as numpy writes it: type and one or two lengths."""
_TRAIN_AGAIN = "Train a new one: `recommend run --train`."


def save_model(model: Model, path: Path) -> None:
    """Write the model; the file is whole or not there at all.

    The same model gives the same bytes: numpy dates the members of a zip 1980.
    """
    arrays = {
        "version": np.array([_VERSION]),
        "settings": _bytes(json.dumps(dataclasses.asdict(model.settings), sort_keys=True).encode()),
        **_keys_as_arrays("user", model.user_ids),
        **_keys_as_arrays("item", model.item_ids),
        "history": model.history,
        "user_factors": model.user_factors,
        "item_factors": model.item_factors,
    }
    ordered: dict[str, Any] = {n: np.ascontiguousarray(arrays[n], dtype) for n, dtype in _DTYPES.items()}
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **ordered)


def _bytes(text: bytes) -> UInt8s:
    return np.frombuffer(text, np.uint8)


def _keys_as_arrays(kind: str, keys: Keys) -> dict[str, Array]:
    texts = [text.encode() for text in keys.texts]
    return {
        f"{kind}_integers": keys.integers,
        f"{kind}_texts": _bytes(b"".join(texts)),
        f"{kind}_offsets": np.cumsum([0, *map(len, texts)]),
    }


def load_model(path: Path, *, sha256: str | None = None) -> Model:
    """Read a model and check all of it: names, shapes, types, finite factors, keys in order, settings.

    Args:
        path: the file.
        sha256: hex digest that its bytes must have, where one is known.

    Raises:
        ModelError: the file is missing or not exactly as `save_model` writes it.
    """
    with _told(path):
        _require(path, sha256)
        return _model(_arrays(path))


def _require(path: Path, sha256: str | None) -> None:
    if sha256 is not None and sha256_of(path) != sha256:
        raise ModelError(
            "model-changed", f"{path} is not the file that its run wrote: its hash differs.", _TRAIN_AGAIN
        )


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What is wrong with a file, as an error of ours."""
    try:
        yield
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        raise ModelError(
            "model-unusable", f"The model {path} cannot be used: {error}.", _TRAIN_AGAIN
        ) from error


def load_histories(path: Path, *, sha256: str | None) -> tuple[Keys, UInt64s]:
    """The users of a model and their histories (`Model.history`), without the factors, which are most of it.

    Args:
        path: the file.
        sha256: hex digest that its bytes must have, where one is known.

    Raises:
        ModelError: the file is missing or not as `save_model` writes it.
    """
    with _told(path):
        _require(path, sha256)
        arrays = _arrays(path, _OF_USERS)
        users, history = _keys("user", arrays), arrays["history"].astype(np.uint64, copy=False)
        if len(history) != len(users):
            raise ValueError(f"{len(history)} histories for {len(users)} customers")
        return users, history


def _arrays(path: Path, names: Iterable[str] = _DTYPES) -> dict[str, Array]:
    size = path.stat().st_size
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if sorted(member.filename for member in members) != sorted(f"{name}.npy" for name in _DTYPES):
            raise ValueError("it does not hold the arrays of a model")
        # Nothing is read before the sizes are known to be possible: a hostile file cannot fill the memory.
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("it is compressed")
        if sum(member.file_size for member in members) > size:
            raise ValueError("it claims to hold more than its size")
        return {name: _array(archive, name, _DTYPES[name]) for name in names}


def _array(archive: zipfile.ZipFile, name: str, dtype: str) -> Array:
    """One array; its header must be as numpy writes it, and its shape must need just the bytes there are."""
    content = archive.read(f"{name}.npy")
    header = _HEADER.match(content)
    if header is None:
        raise ValueError(f"{name} is no array in the form of a model")
    shape = tuple(int(length) for length in header.groups()[1:] if length is not None)
    dimensions = 2 if name in _TWO_DIMENSIONS else 1
    found = header[1].decode()
    if found != dtype or len(shape) != dimensions:
        raise ValueError(f"{name} is {found} of shape {shape}, not {dtype} with {dimensions} dimensions")
    if math.prod(shape) * np.dtype(dtype).itemsize != len(content) - header.end():
        raise ValueError(f"{name} has not the size that its shape {shape} needs")
    # A copy, because what is made from bytes cannot be written to, and implicit wants that it could.
    return np.array(np.frombuffer(content, dtype, offset=header.end()).reshape(shape))


def _model(arrays: dict[str, Array]) -> Model:
    if arrays["version"].tolist() != [_VERSION]:
        raise ValueError(f"it has the version {arrays['version'].tolist()}, not {_VERSION}")
    settings = _settings(arrays["settings"].tobytes())
    user_ids, item_ids = _keys("user", arrays), _keys("item", arrays)
    factors = {}
    for name, ids in (("user_factors", user_ids), ("item_factors", item_ids)):
        factors[name] = arrays[name].astype(np.float32, copy=False)
        needed = (len(ids), settings.factors)
        if factors[name].shape != needed:
            raise ValueError(f"{name} has the shape {factors[name].shape}, not {needed}")
        if not np.isfinite(factors[name]).all():
            raise ValueError(f"{name} holds numbers that are not finite")
    history = arrays["history"].astype(np.uint64, copy=False)
    if len(history) != len(user_ids):
        raise ValueError(f"{len(history)} histories for {len(user_ids)} customers")
    return Model(user_ids, item_ids, factors["user_factors"], factors["item_factors"], history, settings)


def _settings(text: bytes) -> AlsSettings:
    values = json.loads(text)
    types = {field.name: field.type for field in dataclasses.fields(AlsSettings)}
    if not isinstance(values, dict) or values.keys() != types.keys():
        raise ValueError("its settings are not those of a model")
    for name, value in values.items():
        allowed = (int, float) if types[name] is float else (int,)
        if type(value) not in allowed or not math.isfinite(value) or value < 0:
            raise ValueError(f"its setting {name} is {value!r}")
    return AlsSettings(**values)


def _keys(kind: str, arrays: dict[str, Array]) -> Keys:
    integers = arrays[f"{kind}_integers"].astype(np.int64, copy=False)
    offsets = arrays[f"{kind}_offsets"].astype(np.int64, copy=False)
    blob = arrays[f"{kind}_texts"].tobytes()
    if not len(offsets) or offsets[0] != 0 or offsets[-1] != len(blob) or (np.diff(offsets) < 0).any():
        raise ValueError(f"the offsets of its {kind} keys are wrong")
    ends = offsets.tolist()
    texts = tuple(blob[start:end].decode() for start, end in itertools.pairwise(ends))
    ascending = (integers[1:] > integers[:-1]).all() and all(a < b for a, b in itertools.pairwise(texts))
    if not ascending:
        raise ValueError(f"its {kind} keys are not distinct and in order")
    return Keys(integers, texts)
