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
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import URL

from recommender.database.urls import masked, normalise_url
from recommender.errors import RefusedError, SettingsError
from recommender.system.files import open_plain, read_plain
from recommender.system.kernel import AUTO
from recommender.system.text import in_utf8
from recommender.system.window import MOST_HISTORY_DAYS
from recommender.tables import LISTS

_SCHEMES = ("file", "s3", "hdfs")
"""Of the addresses of files."""
_S3_OPTIONS = {"region", "scheme", "endpoint_override"}
"""What may stand behind the ? of an address in S3: Arrow's words, without those that hold a secret."""
T = TypeVar("T")

UTC = ZoneInfo("UTC")
_NOWHERE = URL.create("sqlite")
_LISTS = tuple(definition.name for definition in LISTS)


class RepeatPurchases(StrEnum):
    """May `recommendations` hold items that the customer already bought."""

    EXCLUDE = "exclude"
    INCLUDE = "include"


class WarmStart(StrEnum):
    """May a training begin with the factors of an earlier model."""

    AUTO = "auto"
    NEVER = "never"


def setting(default: T, parse: Callable[[str], T], *, secret: bool = False, follows: str | None = None) -> T:
    """A field of `Settings` that `.env` has too.

    Args:
        default: where nothing is given; a path begins in the folder of the `.env`.
        parse: makes a value of its text; raises ValueError with what is allowed.
        secret: no message, log or manifest shows it, and a file may hold it.
        follows: name of the field above whose value is the default.
    """
    about = {"parse": parse, "secret": secret, "follows": follows}
    return dataclasses.field(default=default, repr=not secret, metadata=about)


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


def _one_of(words: Mapping[str, T]) -> Callable[[str], T]:
    def parse(text: str) -> T:
        if text.lower() not in words:
            raise ValueError(" or ".join(words))
        return words[text.lower()]

    return parse


def _form(pattern: str, allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(allowed)
        return text

    return parse


def _zone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("a time zone name such as Europe/London or UTC") from error


def _lists(text: str) -> tuple[str, ...]:
    given = [name.strip().lower() for name in text.split(",")]
    if not set(given) <= set(_LISTS):
        raise ValueError(f"names of lists with commas between them, out of {', '.join(_LISTS)}")
    return tuple(name for name in _LISTS if name in given)


def _schema(text: str) -> str:
    # PostgreSQL's limit is 63 bytes, MySQL's 64 characters.
    if len(text.encode()) > 63 or not text.isprintable():  # noqa: PLR2004 - the reason stands above
        raise ValueError("the name of a schema, at most 63 bytes")
    return text


def file_uri(text: str) -> str:
    """The address of files as it is kept; a path becomes one.

    Raises:
        ValueError: with what is allowed.
        SettingsError: it holds a user or a password, or what is not known.
    """
    if text.startswith("/"):
        text = Path(text).as_uri()
    allowed = "a path that begins with /, or file:///…, s3://bucket/… or hdfs://host/…"
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise ValueError(allowed) from error
    options = parse_qsl(parts.query, keep_blank_values=True)
    # What is wrong with these is not shown, since they may hold a password.
    if "@" in parts.netloc or any("@" in value for _, value in options):
        raise SettingsError(
            "address",
            "The address of files holds a user or a password.",
            "Leave it out: S3 takes both from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws.",
        )
    known = _S3_OPTIONS if parts.scheme == "s3" else set()
    if parts.fragment or not {name for name, _ in options} <= known or bool(options) is not bool(parts.query):
        raise SettingsError(
            "address",
            "The address of files has something behind ? or # that is not known.",
            "With s3:// there may be region=, scheme= and endpoint_override=, with & between them;"
            " in a name write %3F and %23.",
        )
    if parts.scheme not in _SCHEMES or bool(parts.netloc) is (parts.scheme == "file"):
        raise ValueError(allowed)
    return text


_secret_key = _form(r"(?s).{32,}", "a secret of at least 32 characters; `recommend init` makes one")
_prefix = _form(r"[A-Za-z][A-Za-z0-9_]{0,30}", "a letter, then at most 30 letters, digits and underscores")
_kernel = _form(r"[A-Za-z0-9]{3,20}", "auto, or a kernel of OpenBLAS such as Haswell or SkylakeX")
_yes_or_no = _one_of({"yes": True, "no": False})
_on_or_off = _one_of({"on": True, "off": False})
_share = _number(0, 1)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that a run is told from outside. Names in `.env` are the field names in capitals."""

    database_url: URL = setting(_NOWHERE, normalise_url, secret=True)
    """The shop's database, where sales are read: postgresql://, mysql://, mariadb:// or sqlite:///.
    Characters such as @ : / # in a password are written %40 %3A %2F %23."""
    target_database_url: URL = setting(_NOWHERE, normalise_url, secret=True, follows="database_url")
    """Where the tables are written. Default: the shop's database."""
    target_schema: str | None = setting(None, _schema)
    """PostgreSQL schema or MySQL database of our tables. Default: the connection's own; where everybody may
    create tables in that, as in public up to PostgreSQL 14, take one of their own, such as recommend."""
    table_prefix: str = setting("", _prefix)
    """Put before the name of each of our tables; one prefix for each storefront of a shared database."""
    sql_dir: Path = setting(Path("sql"), Path)
    """Folder of sales.sql, items.sql and, where you have rules of your own, rules.sql."""
    sales_uri: str | None = setting(None, file_uri)
    """Files of sales in the place of sales.sql: Parquet or CSV, a file or a folder, such as
    file:///srv/export/sales, s3://bucket/sales or hdfs://namenode:8020/sales."""
    items_uri: str | None = setting(None, file_uri)
    """Files of items in the place of items.sql."""
    shop_timezone: ZoneInfo = setting(UTC, _zone)
    """The shop's day begins at midnight in this zone."""
    sales_timezone: ZoneInfo = setting(UTC, _zone, follows="shop_timezone")
    """Zone of sold_at values that carry none. Default: SHOP_TIMEZONE."""
    history_days: int = setting(730, _whole(1, MOST_HISTORY_DAYS))
    """Days of sales that are read, 1 to 36500."""
    lists: tuple[str, ...] = setting(_LISTS, _lists)
    """Which lists are made: names of tables, without TABLE_PREFIX; the others are left empty."""
    top_n: int = setting(10, _whole(1, 1000))
    """Items in a list; fewer where there are no more that fit."""
    popular_items: int = setting(100, _whole(1, 100_000))
    """Items in popular_items; more than TOP_N, since shops leave out what is sold out when they read."""
    max_per_category: int = setting(0, _whole(0, 1000))
    """At most so many items of one category in a list; 0: no limit. items.sql must return category."""
    new_item_slots: int = setting(0, _whole(0, 1000))
    """Places at the end of recommendations for items that came within the last 30 days; at most TOP_N."""
    repeat_purchases: RepeatPurchases = setting(
        RepeatPurchases.EXCLUDE, _one_of({choice.value: choice for choice in RepeatPurchases})
    )
    """May recommendations hold items that the customer already bought."""
    never_recommend: Path | None = setting(None, Path)
    """File with one item id a line; these are never recommended. Ids are equal as your database holds them
    equal; a line that names no item is told by each night's warnings and by `recommend check`."""
    publish_guests: bool = setting(False, _yes_or_no)
    """Write rows for guests too; the customer key column must then be text."""
    guest_key: str | None = setting(None, _secret_key, secret=True)
    """Secret that turns guests' addresses into keys; made by `recommend init`."""
    forget_key: str | None = setting(None, _secret_key, secret=True)
    """Secret under which forgotten customers are remembered; made by `recommend init`. Keep it, also on a new
    machine: with another one nights are refused, not wrong."""
    factors: int = setting(64, _whole(1, 1024))
    """Latent factors of the model."""
    regularization: float = setting(10.0, _number(1e-6, 1e6))
    """Regularization of the model."""
    iterations: int = setting(15, _whole(1, 1000))
    """Iterations of a training."""
    alpha: float = setting(3.0, _number(1e-3, 1e6))
    """Confidence of a purchase: 1 + ALPHA x its weight."""
    half_life_days: float = setting(60.0, _number(0.1, 36500))
    """A purchase counts half after so many days."""
    seed: int = setting(42, _whole(0, 2**32 - 1))
    """Seed of all random numbers."""
    threads: int = setting(0, _whole(0, 1024))
    """Threads; 0 takes the processors this process may use. The result is the same for any number."""
    max_memory_mb: int = setting(0, _whole(0, 10**7))
    """MB of memory a night may take; what cannot fit is refused before it begins. 0: no limit of ours."""
    blas_kernel: str = setting(AUTO, _kernel)
    """The kernel of the linear algebra. auto takes the best for the processor; another processor then gives
    other lists to one customer in ten, as another SEED does. One name everywhere gives the same bytes; a
    processor that cannot run it ends the program."""
    nightly_proof: bool = setting(True, _on_or_off)
    """Measure each night, on past weeks, whether the lists are better than simpler ones."""
    tune_budget: int = setting(2, _whole(0, 20))
    """Trainings on past weeks that choosing the blend's weights may cost; fewer than 2 keep the defaults."""
    train_every_days: int = setting(1, _whole(1, 365))
    """Train when the newest model is so many days old; between, it is loaded and brought up to date."""
    warm_start: WarmStart = setting(WarmStart.AUTO, _one_of({choice.value: choice for choice in WarmStart}))
    """May a training begin with the last model's factors, which takes fewer iterations."""
    min_customers_share: float = setting(0.5, _share)
    """Refuse a result with fewer customers than this share of the last published run's."""
    min_sales_share: float = setting(0.5, _share)
    """Refuse a result from fewer sales than this share of the last published run's."""
    min_items_share: float = setting(0.5, _share)
    """Refuse a result when fewer than this share of the items recommended now are still in items.sql."""
    query_timeout_seconds: int = setting(3600, _whole(1, 86_400))
    """A query that takes longer is ended, and the run with it."""
    data_dir: Path = setting(Path("var"), Path)
    """Folder of the runs: exports, models, lists, records. They hold what customers bought: keep it
    private."""
    keep_runs: int = setting(14, _whole(1, 10_000))
    """Published runs that are kept."""
    keep_export_days: int = setting(7, _whole(0, 36_500))
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


_FIELDS = tuple(field for field in dataclasses.fields(Settings) if field.metadata)
NAMES = tuple(field.name.upper() for field in _FIELDS)
SECRETS = tuple(field.name.upper() for field in _FIELDS if field.metadata["secret"])
"""Settings that no message, log or manifest shows; each may be given as NAME_FILE instead."""


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
        raise SettingsError(
            "settings-file", f"{path} is not a text file in UTF-8.", "Save it as UTF-8."
        ) from error
    except OSError as error:
        raise SettingsError(
            "settings-file", f"{path} cannot be read: {error.strerror}.", "Check its owner and mode."
        ) from error
    values = {b.key: b.value for b in bindings if b.key and b.value is not None and not b.error}
    problems = [
        f"{path}, line {b.original.line}, is not of the form NAME=value (not shown: it may be a secret)."
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

    def value(self, field: "dataclasses.Field[Any]") -> Any:
        """The parsed value, or None where it is not set or wrong."""
        name, parse = field.name.upper(), field.metadata["parse"]
        text = self.text(name)
        if text is None:
            return None
        try:
            return normalise_url(text, self.folder) if parse is normalise_url else parse(text)
        except ValueError as error:
            shown = "***" if name in SECRETS else text
            self.problems.append(f"{name}={shown} ({self.sources[name]}): must be {error}.")
        except SettingsError as error:
            end = "" if error.sentences.endswith(".") else "."
            self.problems.append(f"{name} ({self.sources[name]}): {error.sentences}{end}")
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


def _require_address(reader: _Reader, path: Path) -> None:
    """Where nothing at all is set up, say only that."""
    if reader.sources["DATABASE_URL"] != "default":
        return
    if not path.exists() and not reader.problems:
        raise SettingsError(
            "shop-none",
            f"No shop is set up here: there is no {path}, and DATABASE_URL is not set.",
            "Go to the shop's folder, or set one up: `recommend init`. To try it on a made-up shop first:"
            " `recommend demo DIR`.",
        )
    looked = f"the environment and {path}" + ("" if path.is_file() else " (no such file)")
    reader.problems.append(f"DATABASE_URL is not set; looked in {looked}.")


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
        raise SettingsError(
            "settings-file", f"There is no settings file {path}.", "Check the path given to --env-file."
        )
    if path.exists():
        values, problems = read_env_file(path)
    folder = path.parent
    reader = _Reader(environ, values, path if path.is_file() else None, folder, problems=problems)

    found: dict[str, Any] = {}
    for field in _FIELDS:
        if shop or not field.metadata["secret"]:
            value = reader.value(field)
            if value is None:
                value = found.get(field.metadata["follows"], field.default)
            found[field.name] = folder / value if isinstance(value, Path) else value
    if shop:
        _require_address(reader, path)
    data_dir = str(found["data_dir"])
    if (shown := in_utf8(data_dir)) != data_dir:
        reader.problems.append(f"DATA_DIR={shown}: its name is not UTF-8; give another, or check LC_ALL.")
    if found["new_item_slots"] > found["top_n"]:
        reader.problems.append(
            f"NEW_ITEM_SLOTS={found['new_item_slots']} ({reader.sources['NEW_ITEM_SLOTS']}): must be at most"
            f" TOP_N, which is {found['top_n']}."
        )
    if reader.problems:
        numbered = [f"({i}) {text}" for i, text in enumerate(reader.problems, 1)]
        raise SettingsError(
            "settings",
            reader.problems[0] if len(numbered) == 1 else f"Several settings are wrong: {' '.join(numbered)}",
            "Correct it in .env or the environment; .env.example explains each setting.",
        )
    return Settings(
        **found,
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
    found: dict[str, Any] = {}
    for field in _FIELDS:
        name, parse = field.name.upper(), field.metadata["parse"]
        value = values.get(name)
        if value in (None, "") or field.metadata["secret"] or parse is Path:
            continue
        is_flag = isinstance(value, bool) and isinstance(field.default, bool)
        try:
            found[field.name] = value if is_flag else parse(str(value))
        except ValueError as error:
            raise RefusedError(
                "run-damaged",
                f"The record has {name}={str(value)[:60]}, which must be {error}.",
                "Take another run.",
            ) from error
    found |= {"data_dir": data_dir, "sql_dir": data_dir / "sql", "threads": threads}
    return Settings(**found)
