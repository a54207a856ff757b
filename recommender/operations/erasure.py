"""Customers erased from the files of run folders: sales, lists, models, and words of earlier versions."""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from recommender.errors import RecommenderError, RefusedError
from recommender.export.forgotten import Forgotten
from recommender.learning.modelfile import load_model, save_model
from recommender.runs.compression import compressed
from recommender.runs.folder import LOG, MANIFEST, MODEL, RULES, SALES, Run, load_run
from recommender.runs.manifest import GateFinding, Manifest
from recommender.system.csvform import unquoted, whole_records
from recommender.system.files import atomic_path, remove_temporary, sha256_of
from recommender.tables import LISTS, Role

_FILES_BY_CUSTOMER = (
    SALES,
    f"{SALES}.gz",
    RULES,
    *(d.file_name for d in LISTS if any(column.role is Role.CUSTOMER for column in d.columns)),
)
_FIRST_FIELDS = re.compile(b"^[^,\n]+", re.MULTILINE)
"""Of lines of a CSV file without quotes."""
_RECORD = re.compile(rb'("(?:[^"]|"")*"|[^",\n]*)(?:,(?:"(?:[^"]|"")*"|[^",\n]*))*(?:\n|\Z)')
"""A record of our CSV form; its first field is the customer's key in all files that have one."""
_ERASED = "[forgotten]"
_AT_MOST = 32
"""Characters of a long key by which it is known where a server's message cuts it."""
_NAMES_NOBODY_SINCE = 2
"""The first version of the record that, with its log, has no key of a customer."""

Write = Callable[[Path], str]
"""Writes the new content to a temporary file; returns the sha256 for the record."""
Find = Callable[[Path, Forgotten, set[str]], Write | None]
"""Finds what a file has of the customers, puts their keys into the set, and tells how to write it without."""


@dataclass(frozen=True)
class Traces:
    """What the files of a run folder have of some customers."""

    folder: Path
    names: set[str] = field(default_factory=set)
    """Their keys."""
    writes: dict[Path, Write] = field(default_factory=dict)
    """How to write each file that has one, without them."""
    unread: list[str] = field(default_factory=list)
    """Files that cannot be read, so that nobody knows what is in them, and why."""


def find_traces(folder: Path, forgotten: Forgotten) -> Traces:
    """Look for the customers in the files of a run folder, whole or not; nothing is changed."""
    traces = Traces(folder)
    for path, find in _kept_files(folder):
        try:
            write = find(_own(path), forgotten, traces.names)
        except (RecommenderError, ValueError, PermissionError) as error:
            traces.unread.append(f"{path}: {error}")
        else:
            if write is not None:
                traces.writes[path] = write
    return traces


def erase(traces: Traces) -> list[str]:
    """Write the files without the customers; what has nothing of them stays as it is, to the byte.

    The new hash of a file goes on record before the file takes its place: whoever is killed between leaves a
    file that nothing accepts until it is erased again, never one that was changed unseen.

    Args:
        traces: what was found; what cannot be written is put into its `unread`, and the others are done.

    Returns:
        Names of the files that were changed.

    Raises:
        OSError: the disk is full or broken.
    """
    run, changed = None, []
    with suppress(RefusedError):
        run = load_run(traces.folder)
    for path, write in traces.writes.items():
        try:
            _replace(run, path, write)
            changed.append(path.name)
        except PermissionError as error:
            traces.unread.append(f"{path}: {error}")
    remove_temporary(traces.folder)
    return changed


def erase_words(folder: Path, names: Collection[str]) -> list[str]:
    """Take out what an earlier version of the program may have said of customers in its own words.

    A log that has one of the keys goes; so does each error, warning or finding of the record.

    Returns:
        Names of the files that were changed.

    Raises:
        RefusedError: the record cannot be read, so that nobody knows what is in it.
        OSError: a file cannot be changed.
    """
    changed = []
    naming, log = _naming(names), folder / LOG
    run, damage = None, None
    try:
        run = load_run(folder)
    except RefusedError as error:
        damage = error
    if naming is None or (run is not None and run.manifest.manifest_version >= _NAMES_NOBODY_SINCE):
        return []
    if log.is_file() and naming.search(log.read_text(encoding="utf-8", errors="replace")):
        log.unlink()
        changed.append(LOG)
    if run is not None and _words(run.manifest) != (new := _words(run.manifest, naming)):
        run.manifest.error, run.manifest.warnings, run.manifest.gate = new
        run.save()
        changed.append(MANIFEST)
    if damage is not None and (folder / MANIFEST).exists():
        raise damage
    return changed


def names_in_words(folder: Path, names: Collection[str]) -> bool:
    """Whether the record of a run that can be read names one of these customers."""
    naming, manifest = _naming(names), load_run(folder).manifest
    return naming is not None and _words(manifest) != _words(manifest, naming)


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
        # On record are the plain bytes of what may be kept compressed.
        name = path.name.removesuffix(".gz")
        if run is not None and run.manifest.sha256_of(name) != sha256:
            run.manifest.forgotten.setdefault(name, []).append(sha256)
            run.save()


def _without_lines(path: Path, forgotten: Forgotten, names: set[str]) -> Write | None:
    pieces = whole_records(path)
    gone = _gone(next(pieces, b"").partition(b"\n")[2], forgotten)
    for piece in pieces:
        gone |= _gone(piece, forgotten)
    names.update(map(unquoted, gone))
    return partial(_write_lines, path, gone) if gone else None


def _gone(piece: bytes, forgotten: Forgotten) -> set[bytes]:
    """The first fields of whole records that are keys of the customers."""
    keys = {field: unquoted(field) for field in _first_fields(piece)}
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
    """Everybody whom a run folder's files name; of a damaged one those who can be read."""
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
            found.update(unquoted(field) for field in fields if field)
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
    gone = {key for key in load_model(path).user_ids.as_texts() if key in forgotten}
    names |= gone
    return partial(_write_model, path, gone) if gone else None


def _write_model(path: Path, gone: set[str], temporary: Path) -> str:
    model = load_model(path)
    stay = np.array([key not in gone for key in model.user_ids.as_texts()], bool)
    left = replace(
        model,
        user_ids=model.user_ids.where(stay),
        user_factors=model.user_factors[stay],
        history=model.history[stay],
    )
    save_model(left, temporary)
    return sha256_of(temporary)


def _naming(names: Iterable[str]) -> re.Pattern[str] | None:
    """Finds keys in texts and lines of JSON, in whatever quotes; too much rather than too little."""
    starts = {name[:_AT_MOST] for name in names if name}  # the empty key would be everywhere
    written = {repr(start)[1:-1] for start in starts}
    written |= {start.replace(mark, 2 * mark) for start in starts for mark in "\"'"}
    forms = starts | written
    forms |= {json.dumps(form, ensure_ascii=is_ascii)[1:-1] for form in forms for is_ascii in (True, False)}
    patterns = [
        # The number 7 is not in 17.
        rf"(?<!\d){re.escape(form)}(?!\d)" if form.lstrip("-").isdecimal() else re.escape(form)
        for form in forms
    ]
    return re.compile("|".join(patterns)) if patterns else None


def _words(
    manifest: Manifest, without: re.Pattern[str] | None = None
) -> tuple[str | None, list[str], list[GateFinding]]:
    """Error, warnings and findings of a record, without those in which the pattern is found."""

    def kept(text: str) -> str:
        return _ERASED if without is not None and without.search(text) else text

    return (
        None if manifest.error is None else kept(manifest.error),
        [*map(kept, manifest.warnings)],
        [msgspec.structs.replace(finding, message=kept(finding.message)) for finding in manifest.gate],
    )
