"""NEVER_RECOMMEND: the owner's file, and which of the shop's items it names."""

from dataclasses import dataclass
from pathlib import Path

from recommender.database.namedkeys import equal_keys
from recommender.database.schema import Target
from recommender.errors import SettingsError
from recommender.runs.folder import NEVER_ITEMS, NEVER_RECOMMEND, Run
from recommender.runs.keys import Keys, keys_of
from recommender.system.csvform import quote
from recommender.system.files import read_plain
from recommender.system.text import shortened
from recommender.tables import KeyKind, Role, allowed_key, key_of

_WHAT_TO_DO = "Put one item id on each line, or empty the setting NEVER_RECOMMEND."
_EXAMPLES = 3


@dataclass(frozen=True)
class NeverRecommend:
    """What the file names."""

    items: Keys
    """The shop's own keys."""
    unknown: tuple[tuple[int, str], ...] = ()
    """The lines that name no item, with their numbers."""

    @property
    def warning(self) -> str | None:
        """Of the lines that name no item: one may be a slip, and then its item is shown.

        Without what is written there, since whoever is on it may be a customer, by another slip.
        """
        if not self.unknown:
            return None
        lines = ", ".join(f"line {number}" for number, _ in self.unknown[:_EXAMPLES])
        more = f" and {len(self.unknown) - _EXAMPLES:,} more" if len(self.unknown) > _EXAMPLES else ""
        count = "1 line names" if len(self.unknown) == 1 else f"{len(self.unknown):,} lines name"
        return f"NEVER_RECOMMEND: {count} no item that was sold or that items.sql returns: {lines}{more}."

    @property
    def examples(self) -> tuple[str, ...]:
        """What the first of these lines have, for people."""
        return tuple(f"line {number}: {shortened(repr(text))}" for number, text in self.unknown[:_EXAMPLES])


def read_never_recommend(path: Path, item_kind: KeyKind) -> dict[int, tuple[int | str, ...]]:
    """The lines of the owner's file by their numbers: one item id a line, blank lines skipped.

    A text id with blanks around it stands for itself and for the id without them: a blank too many, typed by
    hand, must not bring an item back.

    Raises:
        SettingsError: the file cannot be read, or an integer shop's line is no integer; names file and line.
    """
    try:
        lines = read_plain(path, "utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not a text in UTF-8"
        raise SettingsError(
            "never-unreadable", f"NEVER_RECOMMEND: {path} cannot be read: {why}.", _WHAT_TO_DO
        ) from error
    found: dict[int, tuple[int | str, ...]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        keys: list[int | str] = []
        for text in (line, line.strip()) if item_kind is KeyKind.TEXT else (line.strip(),):
            key = key_of(text, item_kind)
            if key is None:
                # Not the line itself: where the setting names a file of secrets, root would tell them.
                where = f"NEVER_RECOMMEND: {path}, line {number}"
                raise SettingsError(
                    "never-not-an-item", f"{where} is not {allowed_key(item_kind)} (not shown).", _WHAT_TO_DO
                )
            keys.append(key)
        found[number] = tuple(dict.fromkeys(keys))
    return found


def never_recommend(
    path: Path | None, item_kind: KeyKind, known: Keys, target: Target | None
) -> NeverRecommend:
    """The shop's items that the owner's file names.

    What is equal letter by letter is found here; only for what is left the database is asked.

    Args:
        path: the file; None for none.
        item_kind: of the shop's keys.
        known: all items of the sales and of the catalogue.
        target: whose tables tell which keys are equal; None: only those that are so letter by letter.

    Raises:
        SettingsError: see `read_never_recommend`.
        DatabaseError: the database failed.
    """
    lines = {} if path is None else read_never_recommend(path, item_kind)
    forms = {number: [str(key) for key in keys] for number, keys in lines.items()}
    texts = {*known.as_texts()}
    named = {form: {form} for some in forms.values() for form in some if form in texts}
    left = [form for some in forms.values() if named.keys().isdisjoint(some) for form in some]
    if left and target is not None and item_kind is KeyKind.TEXT:
        with target.connect() as connection:
            named |= equal_keys(target, connection, Role.ITEM, left, texts)
    unknown = [(number, some[-1]) for number, some in forms.items() if named.keys().isdisjoint(some)]
    keys = (key_of(text, item_kind) for text in set().union(*named.values()))
    return NeverRecommend(keys_of(key for key in keys if key is not None), tuple(unknown))


def keep(run: Run, path: Path | None, never: NeverRecommend) -> None:
    """Keep the owner's file with the run, and the keys that it named: a repetition asks no database."""
    for name in (NEVER_RECOMMEND, NEVER_ITEMS):
        run.drop(name)
    if path is not None:
        run.keep(NEVER_RECOMMEND, path)
        lines = [quote(key) + "\n" for key in ("item_id", *never.items.as_texts())]
        run.write(NEVER_ITEMS, "".join(lines).encode())


def kept_never(run: Run, item_kind: KeyKind) -> Keys:
    """The keys that the run had; of one from before they were kept, those of the owner's file as it is."""
    files = run.manifest.files
    if NEVER_ITEMS in files:
        from recommender.runs.columns import read_columns

        return read_columns(run.path(NEVER_ITEMS), ["item_id"]).take_keys("item_id", item_kind)[0]
    if NEVER_RECOMMEND in files:
        lines = read_never_recommend(run.path(NEVER_RECOMMEND), item_kind)
        return keys_of(key for keys in lines.values() for key in keys)
    return Keys.of()
