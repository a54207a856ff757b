"""The settings: one frozen object, read once from environment and `.env`; problems are told all at once."""

import dataclasses
import difflib
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import URL

from recommender.database.urls import masked, normalise_url
from recommender.errors import RefusedError, SettingsError
from recommender.system.files import open_plain, read_plain
from recommender.system.kernel import AUTO
from recommender.system.text import in_utf8
from recommender.system.window import MOST_HISTORY_DAYS
from recommender.tables import LISTS

UTC = ZoneInfo("UTC")


class RepeatPurchases(StrEnum):
    """May `recommendations` hold items that the customer already bought."""

    EXCLUDE = "exclude"
    INCLUDE = "include"


class WarmStart(StrEnum):
    """May a training begin with the factors of an earlier model."""

    AUTO = "auto"
    NEVER = "never"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that a run is told from outside. Names in `.env` are the field names in capitals."""

    database_url: URL = dataclasses.field(repr=False)
    """The shop's database, where sales are read: postgresql://, mysql://, mariadb:// or sqlite:///."""
    target_database_url: URL = dataclasses.field(repr=False)
    """Where the tables are written. Default: the shop's database."""
    target_schema: str | None = None
    """PostgreSQL schema or MySQL database of our tables. Default: the connection's own."""
    table_prefix: str = ""
    """Put before the name of each of our tables; one prefix for each storefront of a shared database."""
    sql_dir: Path = Path("sql")
    """Folder of sales.sql and items.sql."""
    shop_timezone: ZoneInfo = UTC
    """The shop's day begins at midnight in this zone."""
    sales_timezone: ZoneInfo = UTC
    """Zone of sold_at values that carry none. Default: SHOP_TIMEZONE."""
    history_days: int = 730
    """Days of sales that are read, 1 to 36500."""
    lists: tuple[str, ...] = tuple(definition.name for definition in LISTS)
    """Which lists are made: names of tables, without TABLE_PREFIX; the others are left empty."""
    top_n: int = 10
    """Items in a list; fewer where there are no more that fit."""
    popular_items: int = 100
    """Items in popular_items; more than TOP_N, since shops leave out what is sold out when they read."""
    repeat_purchases: RepeatPurchases = RepeatPurchases.EXCLUDE
    """exclude or include: may recommendations hold items that the customer already bought."""
    never_recommend: Path | None = None
    """File with one item id a line; these are never recommended."""
    publish_guests: bool = False
    """yes or no: write rows for guests too; the customer key column must then be text."""
    guest_key: str | None = dataclasses.field(default=None, repr=False)
    """Secret that turns guests' addresses into keys; made by `recommend init`."""
    forget_key: str | None = dataclasses.field(default=None, repr=False)
    """Secret under which forgotten customers are remembered; made by `recommend init`."""
    factors: int = 64
    """Latent factors of the model."""
    regularization: float = 10.0
    """Regularization of the model."""
    iterations: int = 15
    """Iterations of a training."""
    alpha: float = 3.0
    """Confidence of a purchase: 1 + ALPHA x its weight."""
    half_life_days: float = 60.0
    """A purchase counts half after so many days."""
    seed: int = 42
    """Seed of all random numbers."""
    threads: int = 0
    """Threads; 0 takes the processors this process may use. The result is the same for any number."""
    max_memory_mb: int = 0
    """MB of memory a night may take; what cannot fit is refused before it begins. 0: no limit of ours."""
    blas_kernel: str = AUTO
    """auto, or a kernel of OpenBLAS such as Haswell, used on any processor, for the same bytes on all."""
    nightly_proof: bool = True
    """on or off: measure each night, on past weeks, whether the lists are better than simpler ones."""
    tune_budget: int = 2
    """Trainings on past weeks that it may cost to learn the blend's weights; 0 keeps the defaults."""
    train_every_days: int = 1
    """Train when the newest model is so many days old; between, it is loaded and brought up to date."""
    warm_start: WarmStart = WarmStart.AUTO
    """auto or never: may a training begin with the last model's factors, which takes fewer iterations."""
    min_customers_share: float = 0.5
    """Refuse a result with fewer customers than this share of the last published run's."""
    min_sales_share: float = 0.5
    """Refuse a result from fewer sales than this share of the last published run's."""
    min_items_share: float = 0.5
    """Refuse a result when fewer than this share of the items recommended now are still in items.sql."""
    query_timeout_seconds: int = 3600
    """A query that takes longer is ended, and the run with it."""
    data_dir: Path = Path("var")
    """Folder of the runs: exports, models, lists, records."""
    keep_runs: int = 14
    """Published runs that are kept."""
    keep_export_days: int = 7
    """Days that the exported sales of published runs are kept."""
    sources: Mapping[str, str] = dataclasses.field(default_factory=dict, compare=False, repr=False)
    """Where each value was read: name in capitals to `environment`, a path, or `default`."""
    warnings: tuple[str, ...] = dataclasses.field(default=(), compare=False, repr=False)
    """What looks like a mistake but harms nothing, such as a misspelt name."""
    env_file: Path | None = dataclasses.field(default=None, compare=False, repr=False)
    """The `.env` that was read, if any."""

    @property
    def exclude_seen(self) -> bool:
        """Whether recommendations hold nothing that the customer has bought."""
        return self.repeat_purchases is RepeatPurchases.EXCLUDE

    def public(self) -> dict[str, Any]:
        """Every setting by its name, without secrets, in JSON types: what a manifest may hold."""
        shown: dict[str, Any] = {}
        for name in NAMES:
            value = getattr(self, name.lower())
            if name in SECRETS:
                value = masked(value) if isinstance(value, URL) else "***" if value else None
            if isinstance(value, tuple):
                value = ",".join(value)
            shown[name] = value if isinstance(value, int | float | None) else str(value)
        return shown


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", text) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return parse


def _number(low: float, high: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise ValueError(f"a number from {low:g} to {high:g}")
        return value

    return parse


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("a time zone name such as Europe/London or UTC") from error


def _yes_no(text: str) -> bool:
    if text.lower() not in ("yes", "no"):
        raise ValueError("yes or no")
    return text.lower() == "yes"


def _on_off(text: str) -> bool:
    if text.lower() not in ("on", "off"):
        raise ValueError("on or off")
    return text.lower() == "on"


def _lists(text: str) -> tuple[str, ...]:
    known = [definition.name for definition in LISTS]
    given = [name.strip().lower() for name in text.split(",")]
    if not set(given) <= set(known):
        raise ValueError(f"names of lists with commas between them, out of {', '.join(known)}")
    return tuple(name for name in known if name in given)


def _repeats(text: str) -> RepeatPurchases:
    try:
        return RepeatPurchases(text.lower())
    except ValueError as error:
        raise ValueError("exclude or include") from error


def _warm_start(text: str) -> WarmStart:
    try:
        return WarmStart(text.lower())
    except ValueError as error:
        raise ValueError("auto or never") from error


def _kernel(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]{3,20}", text):
        raise ValueError("auto, or a kernel of OpenBLAS such as Haswell or SkylakeX")
    return text


def _prefix(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,30}", text):
        raise ValueError("a letter, then at most 30 letters, digits and underscores")
    return text


def _schema(text: str) -> str:
    # PostgreSQL's limit is 63 bytes, MySQL's 64 characters.
    if len(text.encode()) > 63 or not text.isprintable():  # noqa: PLR2004 - the reason stands above
        raise ValueError("the name of a schema, at most 63 bytes")
    return text


def _secret_key(text: str) -> str:
    if len(text) < 32:  # noqa: PLR2004 - the number is in the message
        raise ValueError("a secret of at least 32 characters; `recommend init` makes one")
    return text


_PARSERS: dict[str, Callable[[str], Any]] = {
    "TARGET_SCHEMA": _schema,
    "TABLE_PREFIX": _prefix,
    "SHOP_TIMEZONE": _zone,
    "SALES_TIMEZONE": _zone,
    "HISTORY_DAYS": _whole(1, MOST_HISTORY_DAYS),
    "LISTS": _lists,
    "TOP_N": _whole(1, 1000),
    "POPULAR_ITEMS": _whole(1, 100_000),
    "REPEAT_PURCHASES": _repeats,
    "PUBLISH_GUESTS": _yes_no,
    "GUEST_KEY": _secret_key,
    "FORGET_KEY": _secret_key,
    "FACTORS": _whole(1, 1024),
    "REGULARIZATION": _number(1e-6, 1e6),
    "ITERATIONS": _whole(1, 1000),
    "ALPHA": _number(1e-3, 1e6),
    "HALF_LIFE_DAYS": _number(0.1, 36500),
    "SEED": _whole(0, 2**32 - 1),
    "THREADS": _whole(0, 1024),
    "MAX_MEMORY_MB": _whole(0, 10**7),
    "BLAS_KERNEL": _kernel,
    "NIGHTLY_PROOF": _on_off,
    "TUNE_BUDGET": _whole(0, 20),
    "TRAIN_EVERY_DAYS": _whole(1, 365),
    "WARM_START": _warm_start,
    "MIN_CUSTOMERS_SHARE": _number(0, 1),
    "MIN_SALES_SHARE": _number(0, 1),
    "MIN_ITEMS_SHARE": _number(0, 1),
    "QUERY_TIMEOUT_SECONDS": _whole(1, 86_400),
    "KEEP_RUNS": _whole(1, 10_000),
    "KEEP_EXPORT_DAYS": _whole(0, 36_500),
}
_PATHS = ("SQL_DIR", "NEVER_RECOMMEND", "DATA_DIR")
_NOWHERE = URL.create("sqlite")
_URLS = ("DATABASE_URL", "TARGET_DATABASE_URL")
SECRETS = (*_URLS, "GUEST_KEY", "FORGET_KEY")
"""Settings that no message, log or manifest shows; each may be given as NAME_FILE instead."""
NAMES = tuple(
    field.name.upper()
    for field in dataclasses.fields(Settings)
    if field.name not in ("sources", "warnings", "env_file")
)


def read_env_file(path: Path) -> tuple[dict[str, str], list[str]]:
    """The names and values of a `.env`, without interpolation, and the problems found.

    Raises:
        SettingsError: the file cannot be read.
    """
    from dotenv.parser import parse_stream

    try:
        with os.fdopen(open_plain(path), encoding="utf-8-sig") as file:
            bindings = list(parse_stream(file))
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not a text file in UTF-8.", "Save it as UTF-8.") from error
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read: {error.strerror}.", "Mind its owner and mode."
        ) from error
    values = {b.key: b.value for b in bindings if b.key and b.value is not None and not b.error}
    problems = [
        f"{path}, line {b.original.line}: not of the form NAME=value (not shown: it may be a secret)."
        for b in bindings
        if b.error
    ]
    return values, problems


@dataclass
class _Reader:
    """Looks names up in the order of precedence and gathers every problem on the way."""

    environ: Mapping[str, str]
    file_values: Mapping[str, str]
    file: Path | None
    folder: Path
    sources: dict[str, str] = dataclasses.field(default_factory=dict)
    problems: list[str] = dataclasses.field(default_factory=list)

    def text(self, name: str) -> str | None:
        """The value as it was written; an empty one counts as not set."""
        for values, source in ((self.environ, "environment"), (self.file_values, str(self.file))):
            direct = values.get(name, "").strip()
            from_file = values.get(f"{name}_FILE", "").strip() if name in SECRETS else ""
            if direct and from_file:
                self.problems.append(f"{name} and {name}_FILE are both set ({source}): keep one.")
            if direct:
                self.sources[name] = source
                return direct
            if from_file:
                path = self.folder / from_file
                self.sources[name] = str(path)
                try:
                    return read_plain(path, "utf-8-sig").strip()
                except (OSError, UnicodeDecodeError):
                    self.problems.append(f"{name}_FILE ({source}) names {path}, which cannot be read.")
                    return None
        self.sources[name] = "default"
        return None

    def value(self, name: str, parse: Callable[[str], Any]) -> Any:
        """The parsed value, or None where it is not set or wrong."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return parse(text)
        except ValueError as error:
            shown = "***" if name in SECRETS else text
            self.problems.append(f"{name}={shown} ({self.sources[name]}): must be {error}.")
        except SettingsError as error:
            end = "" if str(error).endswith(".") else "."
            self.problems.append(f"{name} ({self.sources[name]}): {error}{end}")
        return None


def _misspelt(values: Mapping[str, str], source: str, cutoff: float) -> list[str]:
    return [
        f"{name} ({source}) is not one of our settings: did you mean {near}?"
        for name in sorted(values)
        if (near := _nearest(name, cutoff)) is not None
    ]


@cache
def _nearest(name: str, cutoff: float) -> str | None:
    """The setting of ours that another name is like; None where it is like none, or is one itself."""
    known = [*NAMES, *(f"{secret}_FILE" for secret in SECRETS)]
    near = [] if name in known else difflib.get_close_matches(name.upper(), known, 1, cutoff)
    return near[0] if near else None


def load_settings(
    environ: Mapping[str, str] | None = None, env_file: Path | None = None, *, shop: bool = True
) -> Settings:
    """Read the settings: real environment variables win over `.env`, which wins over the defaults.

    Args:
        environ: the environment; default the process's own.
        env_file: the file to read; default `.env` of the current folder, which may be missing.
        shop: whether databases and secrets are needed; else none of them is read, or must be there.

    Raises:
        SettingsError: names every wrong or missing setting at once, with its value (secrets masked), where it
            was read from, and what is allowed.
    """
    environ = os.environ if environ is None else environ
    path = (env_file or Path(".env")).absolute()
    values: dict[str, str] = {}
    problems: list[str] = []
    if env_file is not None and not path.exists():
        raise SettingsError(f"There is no settings file {path}.", "Mind the path given to --env-file.")
    if path.exists():
        values, problems = read_env_file(path)
    folder = path.parent
    reader = _Reader(environ, values, path if path.is_file() else None, folder, problems=problems)

    found = {
        name: reader.value(name, parse) for name, parse in _PARSERS.items() if shop or name not in SECRETS
    }
    found |= {name: reader.value(name, lambda text: folder / text) for name in _PATHS}
    if not shop:
        found |= dict.fromkeys(_URLS, _NOWHERE)
    else:
        found |= {name: reader.value(name, lambda text: normalise_url(text, folder)) for name in _URLS}
    if found["DATABASE_URL"] is None and reader.sources["DATABASE_URL"] == "default":
        looked = f"the environment and {path}" + ("" if path.is_file() else " (no such file)")
        reader.problems.append(f"DATABASE_URL is not set; looked in {looked}.")
    data_dir = str(found["DATA_DIR"] or folder / "var")
    if (shown := in_utf8(data_dir)) != data_dir:
        reader.problems.append(f"DATA_DIR={shown}: its name is not UTF-8; give another, or mind LC_ALL.")
    if reader.problems:
        raise SettingsError(
            "Settings: " + " ".join(f"[{i}] {text}" for i, text in enumerate(reader.problems, 1)),
            "Correct them in .env or the environment; .env.example explains each.",
        )
    defaults: dict[str, Any] = {
        "SQL_DIR": folder / "sql",
        "DATA_DIR": folder / "var",
        "TARGET_DATABASE_URL": found["DATABASE_URL"],
        "SALES_TIMEZONE": found["SHOP_TIMEZONE"],
    }
    given = {name: defaults.get(name) if value is None else value for name, value in found.items()}
    return Settings(
        **{name.lower(): value for name, value in given.items() if value is not None},
        sources=reader.sources,
        warnings=(*_misspelt(values, str(path), 0.8), *_misspelt(environ, "environment", 0.9)),
        env_file=reader.file,
    )


def recorded_settings(values: Mapping[str, Any], *, data_dir: Path, threads: int) -> Settings:
    """The settings that a record has, as `Settings.public` wrote them, for doing the same again.

    Databases, secrets and paths are not among them: nothing that is made from a run folder needs these.

    Args:
        values: of the record.
        data_dir: where the folders of the runs are.
        threads: in place of the recorded ones, on which no result depends.

    Raises:
        RefusedError: a value is none that a setting can have.
    """
    words = {_yes_no: ("no", "yes"), _on_off: ("off", "on")}
    found: dict[str, Any] = {}
    for name, parse in _PARSERS.items():
        value = values.get(name)
        if value in (None, "") or name in SECRETS:
            continue
        text = words[parse][value] if isinstance(value, bool) and parse in words else str(value)
        try:
            found[name.lower()] = parse(text)
        except ValueError as error:
            raise RefusedError(
                f"The record has {name}={text[:60]}, which must be {error}.", "Take another run."
            ) from error
    found |= {"data_dir": data_dir, "sql_dir": data_dir / "sql", "threads": threads}
    return Settings(database_url=_NOWHERE, target_database_url=_NOWHERE, **found)
