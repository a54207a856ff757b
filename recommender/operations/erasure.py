"""Customers erased from the files of run folders: sales, lists, models, and what logs say of them."""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from recommender.errors import RecommenderError, RefusedError
from recommender.export.forgotten import Forgotten
from recommender.runs.compression import compressed
from recommender.runs.folder import LOG, MANIFEST, MODEL, SALES, Run, load_run
from recommender.system.csvform import parse_records, whole_records
from recommender.system.files import atomic_path, remove_temporary, sha256_of
from recommender.system.text import escaped, shortened
from recommender.tables import LISTS, Role

_FILES_BY_CUSTOMER = (
    SALES,
    f"{SALES}.gz",
    *(d.file_name for d in LISTS if any(column.role is Role.CUSTOMER for column in d.columns)),
)
_FIRST_FIELDS = re.compile(b"^[^,\n]+", re.MULTILINE)
"""Of lines of a CSV file without quotes."""
_RECORD = re.compile(rb'("(?:[^"]|"")*"|[^",\n]*)(?:,(?:"(?:[^"]|"")*"|[^",\n]*))*(?:\n|\Z)')
"""A record of our CSV form; its first field is the customer's key in all files that have one."""
_ERASED = "[forgotten]"

_AT_MOST = 32
"""Characters of a long key by which it is known where a server's message cuts it."""
_NOT_WORDS = ("time", "level", "logger", "run_id", "status")
"""Fields of a line of the log."""

Write = Callable[[Path], str | None]
"""Writes the new content to a temporary file; returns the sha256 for the record, None where it has none."""
Find = Callable[[Path, Forgotten, set[str]], Write | None]
"""Finds what a file has of the customers, puts their keys into the set, and tells how to write it without."""


def erase(folder: Path, forgotten: Forgotten, names: set[str]) -> list[str]:
    """Erase the customers from a run folder; what has nothing of them stays as it is, to the byte.

    The new hash of a file goes on record before the file takes its place: whoever is killed between leaves a
    file that nothing accepts until it is erased again, never one that was changed unseen.

    Args:
        folder: of a run, whole or not.
        forgotten: the customers.
        names: the keys that are found are put into it, for `erase_words`.

    Returns:
        Names of the files that were changed.

    Raises:
        RefusedError: a file cannot be read, so that nobody knows what is in it; the others are done.
        OSError: a file cannot be written.
    """
    run = None
    with suppress(RefusedError):
        run = load_run(folder)
    changed, unread = [], []
    for path, find in _kept_files(folder):
        try:
            new = find(_own(path), forgotten, names)
            if new is not None:
                _replace(run, path, new)
                changed.append(path.name)
        except (RecommenderError, ValueError, PermissionError) as error:
            unread.append(f"{path}: {error}")
    remove_temporary(folder)
    if unread:
        raise RefusedError(" ".join(unread))
    return changed


def erase_words(folder: Path, names: Collection[str]) -> list[str]:
    """Erase these customers' keys from what the log and the record of a run say in words.

    Args:
        folder: of a run, whole or not.
        names: the keys.

    Returns:
        Names of the files that were changed.

    Raises:
        RefusedError: the record cannot be read, so that nobody knows what is in it.
        OSError: a file cannot be written.
    """
    changed: list[str] = []
    told = [name for name in names if name]  # the empty key would be everywhere
    if not told:
        return changed
    naming = _naming(told)
    log = folder / LOG
    if log.is_file() and (new := _without_words(log, naming)) is not None:
        _replace(None, log, new)
        changed.append(LOG)
    if (folder / MANIFEST).exists() and _erase_record(load_run(folder), naming):
        changed.append(MANIFEST)
    return changed


def _own(path: Path) -> Path:
    if path.is_symlink():
        raise ValueError("it is a link, and what it leads to is not touched")
    return path


def _kept_files(folder: Path) -> Iterator[tuple[Path, Find]]:
    """Each file of customers that is there, with what looks into it."""
    for name in _FILES_BY_CUSTOMER:
        if (folder / name).is_file():
            yield folder / name, _without_lines
    if (folder / MODEL).is_file():
        yield folder / MODEL, _without_factors


def _replace(run: Run | None, path: Path, write: Write) -> None:
    with atomic_path(path) as temporary:
        sha256 = write(temporary)
        if run is not None and sha256 is not None:
            # On record are the plain bytes of what may be kept compressed.
            name = path.name.removesuffix(".gz")
            if run.manifest.sha256_of(name) != sha256:
                run.manifest.forgotten.setdefault(name, []).append(sha256)
                run.save()


def _without_lines(path: Path, forgotten: Forgotten, names: set[str]) -> Write | None:
    pieces = whole_records(path)
    gone = _gone(next(pieces, b"").partition(b"\n")[2], forgotten)
    for piece in pieces:
        gone |= _gone(piece, forgotten)
    names.update(next(parse_records(field.decode()))[0] or "" for field in gone)
    return partial(_write_lines, path, gone) if gone else None


def _gone(piece: bytes, forgotten: Forgotten) -> set[bytes]:
    """The first fields of whole records that are keys of the customers."""
    keys = {field: next(parse_records(field.decode()))[0] for field in _first_fields(piece)}
    gone = forgotten.among(key for key in keys.values() if key)
    return {field for field, key in keys.items() if key in gone}


def _first_fields(piece: bytes) -> set[bytes]:
    """Those of whole records that are not NULL, as they are written."""
    if b'"' not in piece:
        return {*_FIRST_FIELDS.findall(piece)}
    matches = [*_RECORD.finditer(piece)]
    if sum(match.end() - match.start() for match in matches) < len(piece):
        raise ValueError("it is not in the form of our CSV files")
    return {match[1] for match in matches}


def customers_in(folder: Path) -> set[str]:
    """Everybody whom a run folder's files name; of a damaged one those who can be read.

    Args:
        folder: of a run, whole or not.
    """
    from recommender.learning.modelfile import load_model

    found: set[str] = set()
    for path, find in _kept_files(folder):
        with suppress(RecommenderError, ValueError, OSError):
            if find is _without_factors:
                found.update(load_model(path).user_ids.as_texts())
                continue
            pieces = whole_records(path)
            fields = _first_fields(next(pieces, b"").partition(b"\n")[2])
            for piece in pieces:
                fields |= _first_fields(piece)
            found.update(next(parse_records(field.decode()))[0] or "" for field in fields if field)
    return found


def _write_lines(path: Path, gone: set[bytes], temporary: Path) -> str:
    digest = hashlib.sha256()
    opened: Any = compressed(temporary) if path.suffix == ".gz" else temporary.open("wb")
    with opened as target:
        is_first = True
        for piece in whole_records(path):
            header, rest = piece.split(b"\n", 1) if is_first else (b"", piece)
            kept = [match[0] for match in _RECORD.finditer(rest) if match[1] not in gone]
            text = (header + b"\n") * is_first + b"".join(kept)
            is_first = False
            target.write(text)
            digest.update(text)
    return digest.hexdigest()


def _without_factors(path: Path, forgotten: Forgotten, names: set[str]) -> Write | None:
    from recommender.learning.modelfile import load_model, save_model

    model = load_model(path)
    keys = model.user_ids.as_texts()
    stay = np.array([key not in forgotten for key in keys], bool)
    if stay.all():
        return None
    names.update(key for key, stays in zip(keys, stay, strict=True) if not stays)
    left = replace(
        model,
        user_ids=model.user_ids.where(stay),
        user_factors=model.user_factors[stay],
        history=model.history[stay],
    )

    def write(temporary: Path) -> str:
        save_model(left, temporary)
        return sha256_of(temporary)

    return write


def _naming(names: Collection[str]) -> re.Pattern[str]:
    """Where a text names one of the customers: as a whole word; a number only where a message puts a key."""
    numbers = [name for name in names if name.isdecimal()]
    texts = {form for name in names if not name.isdecimal() for form in _forms(name)}
    patterns = []
    if numbers:
        key = _any_of(numbers)
        put = rf"""(?<=['"(=])(?:{key})(?=['"),-])|(?<=, )(?:{key})(?=[,)])"""
        named = rf"(?:(?<=ustomer )|(?<=integer )|(?<=row has ))(?:{key})(?![\w-]|[.,]\d)"
        patterns += [put, named]
    if texts:
        key = _any_of(texts)
        put = rf"""(?<=['"(=])(?:{key})(?=['"),-])"""
        # Not a piece of a date, of a number with a fraction, or of an address.
        patterns += [put, rf"(?<![\w.@-])(?:{key})(?![\w@-]|\.\w)"]
    cut = {form for name in names if len(name) > _AT_MOST for form in _written(name[:_AT_MOST])}
    if cut:
        patterns.append(rf"""(?:{_any_of(cut)})[^'"()]*""")
    return re.compile("|".join(patterns))


def _forms(key: str) -> set[str]:
    """The key as messages have it: as it is or cut; `_written`."""
    cut = (shortened(key), key[:60], shortened(repr(key))[1:])
    return _written(key) | {form for text in cut for form in _written(text)}


def _written(text: str) -> set[str]:
    """As it is, as Python writes it in quotes, as CSV and as SQL do."""
    return {text, repr(text)[1:-1], text.replace('"', '""'), text.replace("'", "''")}


def _any_of(texts: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))


def _without_words(path: Path, naming: re.Pattern[str]) -> Write | None:
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = [_line_without(line, naming) for line in text.splitlines(keepends=True)]
    new = "".join(lines)
    if new == text:
        return None

    def write(temporary: Path) -> None:
        temporary.write_text(new, encoding="utf-8")

    return write


def _line_without(line: str, naming: re.Pattern[str]) -> str:
    try:
        fields = json.loads(line)
    except ValueError:
        return naming.sub(_ERASED, line)
    if not isinstance(fields, dict):
        return naming.sub(_ERASED, line)
    told = {
        name: naming.sub(_ERASED, value) if isinstance(value, str) and name not in _NOT_WORDS else value
        for name, value in fields.items()
    }
    return line if told == fields else escaped(json.dumps(told, ensure_ascii=False)) + "\n"


def _erase_record(run: Run, naming: re.Pattern[str]) -> bool:
    """What the record says in words: errors, warnings, findings; whether that named the customer."""
    manifest = run.manifest
    clean = partial(naming.sub, _ERASED)
    error = None if manifest.error is None else clean(manifest.error)
    warnings = [*map(clean, manifest.warnings)]
    gate = [{**finding, "message": clean(finding["message"])} for finding in manifest.gate]
    if (error, warnings, gate) == (manifest.error, manifest.warnings, manifest.gate):
        return False
    manifest.error, manifest.warnings, manifest.gate = error, warnings, gate
    run.save()
    return True
