"""The queries of a shop on a known platform: which platform it is, what it needs to know, and the texts."""

from collections.abc import Mapping
from dataclasses import dataclass

from recommender.database.base import Database
from recommender.errors import SettingsError
from recommender.platforms.detect import Platform, Shop, detect
from recommender.platforms.parameters import Ask, Value, fill
from recommender.platforms.preset import STATUSES
from recommender.platforms.text import filled
from recommender.setup.grants import GRANTS, reader_of


@dataclass(frozen=True)
class PlatformQueries:
    """What `init` found of a shop's platform, and what it writes."""

    platform: Platform
    title: str
    """The platform and its version, as people say it."""
    values: Mapping[str, Value]
    shop_timezone: str | None
    """Where the shop's own settings tell it."""
    texts: Mapping[str, str]
    """The files for the shop's `sql/`, by name."""

    @property
    def reason(self) -> str:
        """Why it is taken for that, in words."""
        first, prefix = self.platform.preset.tables[0], self.platform.prefix
        return f"the database has its tables, such as {prefix}{first}"

    @property
    def sales_timezone(self) -> str:
        """The zone of the times of orders."""
        return self.values["timezone"].text


def platform_queries(
    database: Database, *, asked: str | None, parameters: Mapping[str, str], ask: Ask | None = None
) -> PlatformQueries | None:
    """The queries for a shop, if it is of a platform that we know.

    Args:
        database: the shop's.
        asked: the platform that the owner says it is.
        parameters: what the owner says of it, by name.
        ask: asks on a terminal for what was not said.

    Raises:
        SettingsError: the platform or a parameter cannot be told, or is not what the owner says.
        DatabaseError: the database does not answer.
    """
    platform = detect(database, asked=asked, prefix=parameters.get("prefix"))
    if platform is None:
        if parameters:
            raise SettingsError(
                f"{database.name} shows none of the platforms that --param is for.",
                "Mind the address, and that its user may read the shop's tables; or leave out --param.",
            )
        return None
    shop, preset = Shop(database), platform.preset
    values = fill(platform, shop, parameters, ask)
    switches = tuple(name for name, text in preset.switches.items() if shop.is_true(text, platform.names))
    version = next(iter(shop.first(preset.version, platform.names)), None)
    reader, place = reader_of(database)
    names = {**platform.names, "reader": reader, "database": place}
    title = " ".join(filter(None, (preset.title, version)))
    files = ["sales.sql", "items.sql", STATUSES, *([] if database.backend == "sqlite" else [GRANTS])]
    head = (
        f"-- {title}: written by `recommend init`, yours to read and to change. It was made with\n"
        f"-- {', '.join(f'{name}={value.text}' for name, value in values.items())}\n"
    )
    return PlatformQueries(
        platform=platform,
        title=title,
        values=values,
        shop_timezone=next(iter(shop.first(preset.shop_timezone, platform.names)), None),
        texts={file: head + filled(preset.text(file), values, names, switches) for file in files},
    )
