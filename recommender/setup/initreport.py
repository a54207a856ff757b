"""What `recommend init` tells machines: what it found and made, and what is left for somebody to do."""

from dataclasses import dataclass, field

from recommender.database.ddl import KeyType
from recommender.setup.grants import Grants
from recommender.setup.looks import NewSale
from recommender.setup.platforms.queries import PlatformQueries
from recommender.setup.shopfolder import OpenMatter
from recommender.tables import KeyKind


@dataclass(frozen=True)
class PlatformParameter:
    """Something that the platform's queries need to know of the shop."""

    name: str
    """Its name, as --param takes it."""
    value: str
    """What was put into the queries."""
    source: str
    """Where that is from, in words."""
    about: str
    """What it is, in a few words."""
    others: list[str]
    """Values to choose from that were not taken, in words."""


@dataclass(frozen=True)
class ShopPlatform:
    """The platform that the shop runs on."""

    name: str
    """Its name, as --platform takes it."""
    title: str
    """The platform and its version, as people say it."""
    reason: str
    """Why it is taken for that, in words."""
    parameters: list[PlatformParameter]
    """What the queries were made with."""

    @classmethod
    def of(cls, known: PlatformQueries) -> "ShopPlatform":
        """What set-up found."""
        values = [
            PlatformParameter(name, value.text, value.source, value.parameter.about, [*value.others])
            for name, value in known.values.items()
        ]
        return cls(known.platform.preset.name, known.title, known.reason, values)


@dataclass(frozen=True)
class ShopKey:
    """What the shop's keys are."""

    kind: KeyKind
    """integer or text: so are they told in every answer."""
    sql: str
    """The type of their columns in our tables."""

    @classmethod
    def of(cls, found: KeyType) -> "ShopKey":
        """The key's type as our tables take it."""
        return cls(found.kind, found.sql)


@dataclass
class InitReport:
    """What was found, written and made, and what is left to do."""

    done: bool = False
    """Whether all tables are there and fit."""
    env_file: str = ""
    """The path of the settings."""
    platform: ShopPlatform | None = None
    """The platform whose queries were written; null where the queries were there, or were guessed."""
    guess: str | None = None
    """Where the sales seem to be, where the queries were guessed."""
    not_found: list[str] = field(default_factory=list)
    """What a guess did not find, and may not be there."""
    written: list[str] = field(default_factory=list)
    """Files that this call wrote."""
    kept: list[str] = field(default_factory=list)
    """Files that were there; at most a setting that nothing set was added at the end of .env."""
    to_decide: list[OpenMatter] = field(default_factory=list)
    """Lines of the queries that keep them from being used until somebody decides and takes them out."""
    customer_key: ShopKey | None = None
    """What the customers' keys are; null where it did not come so far."""
    item_key: ShopKey | None = None
    """What the items' keys are; null where it did not come so far."""
    newest_sales: list[NewSale] = field(default_factory=list)
    """The newest sales as the queries read them, at most five: check that they are sales."""
    no_sales: str | None = None
    """Why there are none to show, in a sentence."""
    tables_made: list[str] = field(default_factory=list)
    """Tables that this call made."""
    statements: list[str] = field(default_factory=list)
    """What makes the tables that are missing still, for somebody who may run it."""
    grants: list[Grants] = field(default_factory=list)
    """The rights that are needed, and no more; users who own the tables have them already."""
    warnings: list[str] = field(default_factory=list)
    """What looks wrong, in sentences."""
    said: list[str] = field(default_factory=list)
    """All that a person reads at this place, in sentences and in order."""
