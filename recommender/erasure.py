"""Customers erased from the files of run folders: sales, lists, models, and what logs say of them."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from recommender.compression import compressed
from recommender.csvform import whole_records
from recommender.database.tables import LISTS, Role
from recommender.errors import RecommenderError, RefusedError
from recommender.files import atomic_path, sha256_of
from recommender.forgotten import Forgotten
from recommender.runs import LOG, MANIFEST, MODEL, SALES, Run, load_run
from recommender.texttable import escaped, shortened

_FILES_BY_CUSTOMER = (
    SALES,
    f"{SALES}.gz",
    *(d.file_name for d in LISTS if any(column.role is Role.CUSTOMER for column in d.columns)),
)
_RECORD = re.compile(rb'("(?:[^"]|"")*"|[^",\n]*)(?:,(?:"(?:[^"]|"")*"|[^",\n]*))*(?:\n|\Z)')
"""A record of our CSV form; its first field is the customer's key in all files that have one."""
_ERASED = "[forgotten]"
_SURE = 4
"""A number of fewer digits stands for many things beside a customer: it is one in quotes or brackets only."""

Write = Callable[[Path], str | None]
"""Writes the new content to a temporary file; returns the sha256 for the record, None where it has none."""


def erase(folder: Path, forgotten: Forgotten, customer: str | None) -> list[str]:
    """Erase the customers from a run folder; what has nothing of them stays as it is, to the byte.

    The new hash of a file goes on record before the file takes its place: whoever is killed between leaves a
    file that nothing accepts until it is erased again, never one that was changed unseen.

    Args:
        folder: of a run, whole or not.
        forgotten: the customers.
        customer: the key of the one whom the logs may name; None where only hashes are known.

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
    for name, write in _writers(folder, forgotten, customer):
        path = folder / name
        try:
            new = write(path)
            if new is not None:
                _replace(run, path, new)
                changed.append(name)
        except (RecommenderError, ValueError) as error:
            unread.append(f"{path}: {error}")
    if run is not None:
        if customer is not None and _erase_record(run, _naming(customer)):
            changed.append(MANIFEST)
        run.remove_temporary()
    if unread:
        raise RefusedError(" ".join(unread))
    return changed


def _writers(
    folder: Path, forgotten: Forgotten, customer: str | None
) -> Iterator[tuple[str, Callable[[Path], Write | None]]]:
    """For each file that is there what makes its new content; that gives None where nothing is to be done."""
    for name in _FILES_BY_CUSTOMER:
        if (folder / name).is_file():
            yield name, partial(_without_lines, forgotten=forgotten)
    if (folder / MODEL).is_file():
        yield MODEL, partial(_without_factors, forgotten=forgotten)
    if (folder / LOG).is_file() and customer is not None:
        yield LOG, partial(_without_words, naming=_naming(customer))


def _replace(run: Run | None, path: Path, write: Write) -> None:
    with atomic_path(path) as temporary:
        sha256 = write(temporary)
        if run is not None and sha256 is not None:
            # On record are the plain bytes of what may be kept compressed.
            name = path.name.removesuffix(".gz")
            if run.manifest.sha256_of(name) != sha256:
                run.manifest.forgotten.setdefault(name, []).append(sha256)
                run.save()


def _without_lines(path: Path, forgotten: Forgotten) -> Write | None:
    pieces = whole_records(path)
    gone = _gone(next(pieces, b"").partition(b"\n")[2], forgotten)
    for piece in pieces:
        gone |= _gone(piece, forgotten)
    return partial(_write_lines, path, gone) if gone else None


def _gone(piece: bytes, forgotten: Forgotten) -> set[bytes]:
    """The first fields of whole records that are keys of the customers."""
    if b'"' not in piece:
        found = forgotten.first_of(piece)
    else:
        matches = [*_RECORD.finditer(piece)]
        if sum(match.end() - match.start() for match in matches) < len(piece):
            raise ValueError("it is not in the form of our CSV files")
        found = forgotten.among(match[1].decode() for match in matches)
    return {field.encode() for field in found}


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


def _without_factors(path: Path, forgotten: Forgotten) -> Write | None:
    from recommender.modelfile import load_model, save_model

    model = load_model(path)
    stay = np.array([key not in forgotten for key in model.user_ids.as_texts()], bool)
    if stay.all():
        return None
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


def _naming(customer: str) -> re.Pattern[str]:
    """Where a text names the customer: as a whole word; a short number only where a message puts a key."""
    # Messages have keys as they are, as Python writes them in quotes, or cut.
    forms = {
        form for text in (customer, shortened(customer), customer[:60]) for form in (text, repr(text)[1:-1])
    }
    key = "|".join(map(re.escape, sorted(forms, key=len, reverse=True)))
    put = rf"""(?<=['"(=])(?:{key})(?=['"),-])"""
    if customer.isdecimal() and len(customer) < _SURE:
        return re.compile(put)
    # Not a piece of a date, of a number with a fraction, or of one with commas between its thousands.
    return re.compile(rf"{put}|(?<![\w.-])(?<!\d,)(?:{key})(?![\w-]|\.\d|,\d{{3}}(?!\d))")


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
        name: naming.sub(_ERASED, value) if isinstance(value, str) and name != "time" else value
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
