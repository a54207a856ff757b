"""The life of a shop with the program, and what must hold at each step of it, whatever the shop.

`Expected` works out on plain Python objects who is to have a list of how many rows, and which nights are to
be refused: a second way to compute what the program says.
"""

import hashlib
import hmac
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from recommender.errors import ExitCode
from recommender.runs.folder import Run
from recommender.runs.manifest import Status
from tests.fleet.shops import ALL_LISTS, Line, Shop, put_into
from tests.nights import FORGET_KEY, Outcome
from tests.nights import Shop as Folder

GUEST_KEY = "g" * 32
_NOTHING = 1e-9
_MOST_BAD_SHARE = 0.01
Key = int | str


@dataclass
class Expected:
    """What a night over a window must come to."""

    refused: str
    """why; empty where it must be published"""
    owned: dict[Key, set[Key]]
    """what each customer who is to have a list has bought and kept"""
    allowed: set[Key]
    """what may be recommended"""

    @classmethod
    def of(cls, shop: Shop, run: Run, forgotten: set[Key]) -> "Expected":
        """For the run's window."""
        start, end = map(datetime.fromisoformat, (run.manifest.window_start, run.manifest.as_of))
        lines = [(_buyer(shop, line), line) for line in shop.lines if start <= line.time < end]
        read = [(buyer, line) for buyer, line in lines if buyer is not None]
        known = [(buyer, line, _number(line.quantity)) for buyer, line in read if buyer not in forgotten]
        usable = [(buyer, line, quantity) for buyer, line, quantity in known if quantity is not None]
        sold: dict[tuple[Key, Key], dict[datetime, float]] = defaultdict(lambda: defaultdict(float))
        for buyer, line, quantity in usable:
            sold[buyer, line.item][line.time] += quantity
        bought = {(buyer, line.item) for buyer, line, quantity in usable if quantity > 0}
        publishes_guests = shop.settings.get("PUBLISH_GUESTS") == "yes"
        listed = {buyer for buyer, _ in bought if publishes_guests or not is_guest(buyer)}
        owned: dict[Key, set[Key]] = {buyer: set() for buyer in listed}
        for (buyer, item), times in sold.items():
            if buyer in owned and _is_kept(times):
                owned[buyer].add(item)
        allowed = {item.key for item in shop.items if item.sellable} - {*shop.never}
        expected = cls("", owned, allowed)
        if len(known) - len(usable) > _MOST_BAD_SHARE * len(read):
            expected.refused = "too many lines that cannot be used"
        else:
            expected.refused = expected._why_not(shop, {item for _, item in bought}, has_sales=bool(usable))
        return expected

    def _why_not(self, shop: Shop, bought: set[Key], *, has_sales: bool) -> str:
        makes = lists_of(shop)
        reasons = {
            "no sales": not has_sales,
            "nothing was sold": not bought,
            "no sold item is in the catalogue": bought.isdisjoint(item.key for item in shop.items),
            "nothing may be recommended": not self.allowed,
            "only guests": "recommendations" in makes and not self.owned,
            "everybody owns everything": "recommendations" in makes
            and not any(self.possible(shop, customer) for customer in self.owned),
        }
        return next((why for why, is_so in reasons.items() if is_so), "")

    def possible(self, shop: Shop, customer: Key) -> set[Key]:
        """What the customer may be shown."""
        if shop.settings.get("REPEAT_PURCHASES") == "include":
            return self.allowed
        return self.allowed - self.owned[customer]

    def rows_of(self, shop: Shop, customer: Key) -> int:
        """How many rows the customer's list must have."""
        return min(int(shop.settings.get("TOP_N", 10)), len(self.possible(shop, customer)))


def lists_of(shop: Shop) -> list[str]:
    """The lists that the shop's settings ask for."""
    return shop.settings.get("LISTS", ",".join(ALL_LISTS)).split(",")


def is_guest(buyer: Key) -> bool:
    """Whether the key is one that `_buyer` made of an address."""
    return str(buyer).startswith("guest:") and len(str(buyer)) == len("guest:") + 24


def _buyer(shop: Shop, line: Line) -> Key | None:
    """The key under which the line's buyer is known; None where the query leaves the line out."""
    if line.customer not in (None, 0, ""):
        return line.customer
    if not shop.has_emails or line.email is None:
        return None
    digest = hmac.new(GUEST_KEY.encode(), line.email.strip().lower().encode(), hashlib.sha256)
    return "guest:" + digest.hexdigest()[:24]


def _number(value: float | str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if abs(number) < float("inf") else None


def _is_kept(times: dict[datetime, float]) -> bool:
    """Whether something is left when each return has taken from the latest purchases before it."""
    left: list[float] = []
    for _, quantity in sorted(times.items()):
        if quantity > 0:
            left.append(quantity)
        back = -quantity
        while left and back > _NOTHING:
            last = left.pop()
            if last - back > _NOTHING:
                left.append(last - back)
            back -= last
    return any(quantity > _NOTHING for quantity in left)


class Life:
    """One shop in its folder, step by step; what must hold at each step is asserted, and names the shop."""

    def __init__(self, shop: Shop, folder: Path, url: str, *, backwards: bool = False) -> None:
        self.shop = shop
        self.forgotten: set[Key] = set()
        put_into(shop, url, backwards=backwards)
        folder.mkdir(parents=True, exist_ok=True)
        settings = {"SHOP_TIMEZONE": str(shop.zone), "FORGET_KEY": FORGET_KEY, "GUEST_KEY": GUEST_KEY}
        # Without the first `init` may propose to show repeats; several threads wait for each other here.
        settings |= {"REPEAT_PURCHASES": "exclude", "THREADS": "1"} | shop.settings
        if shop.never:
            never = folder / "never.txt"
            never.write_text("".join(f"{key}\n" for key in shop.never), encoding="utf-8")
            settings["NEVER_RECOMMEND"] = "never.txt"
        self.folder = Folder(folder, url).set(DATABASE_URL=url, **settings)

    def live(self, today: date, *, is_whole: bool) -> None:
        """Set up, nights, and what an owner does between them.

        Args:
            today: the day of tonight's run.
            is_whole: do all; else only one of the three things that change nothing for what follows, and
                either what loads and goes back or what forgets.
        """
        asides = [True] * 3 if is_whole else [self.shop.seed % 3 == number for number in range(3)]
        self.begin(today)
        tonight = self.checked_night()
        if asides[0]:
            self.evaluate()
        if tonight is None:
            return
        if asides[1]:
            self.same_bytes(tonight)
        goes_back = is_whole or bool(self.shop.seed % 2)
        if goes_back:
            self.does("run", "--load")
            self.good_lists(self.folder.last_run)
            self.reproduce(self.folder.last_run)
        if asides[2]:
            self.reproduce(tonight)
        if goes_back:
            self.rollback()
            self.does("status")
        if is_whole or not self.shop.seed % 2:
            self.forget(tonight)

    def begin(self, today: date) -> Run | None:
        """Set up, what only the owner can tell, and the night of the day before."""
        self.does("init", "--yes")
        assert self.folder.decides() == [], self.shop
        return self.night("--as-of", str(today - timedelta(days=1)))

    def does(self, *arguments: str) -> Outcome:
        """A command that must succeed silently."""
        return self._tried({ExitCode.DONE}, *arguments)

    def _tried(self, codes: set[ExitCode], *arguments: str) -> Outcome:
        outcome = self.folder.recommend(*arguments)
        shown = f"{self.shop}\n{arguments} ended with {outcome.code:d}: {outcome.err}{outcome.out[-300:]}"
        assert outcome.code in codes, shown
        if outcome.code is ExitCode.DONE:
            assert outcome.err == "", shown
        elif arguments[0] != "check":
            assert outcome.err.startswith("recommend: "), shown
            assert outcome.err.count("\n") == 1, shown
        return outcome

    def night(self, *arguments: str) -> Run | None:
        """A night, as it must end; None where it must be refused."""
        outcome = self._tried({ExitCode.DONE, ExitCode.REFUSED}, "run", *arguments)
        if outcome.code is ExitCode.REFUSED and "--force" in outcome.err:
            outcome = self._tried({ExitCode.DONE, ExitCode.REFUSED}, "run", "--force", *arguments)
        run = self.folder.last_run
        expected = self.expected(run)
        shown = f"{self.shop}\nexpected {expected.refused or 'lists'}, but: {outcome.err}"
        assert (outcome.code is ExitCode.REFUSED) == bool(expected.refused), shown
        if expected.refused:
            return None
        self.good_lists(run)
        return run

    def checked_night(self) -> Run | None:
        """Tonight's run, of which `check` must know how it ends."""
        known = self.folder.recommend("check")
        outcome = self.folder.recommend("run")
        shown = (
            f"{self.shop}\ncheck {known.code:d}, run {outcome.code:d}: {outcome.err}\n{known.out}{known.err}"
        )
        assert known.code == outcome.code, shown
        if outcome.code is ExitCode.REFUSED and "--force" in outcome.err:
            return self.night("--force")
        expected = self.expected(self.folder.last_run)
        assert outcome.code is (ExitCode.REFUSED if expected.refused else ExitCode.DONE), (
            f"{expected.refused!r} was expected. {shown}"
        )
        if expected.refused:
            return None
        self.good_lists(self.folder.last_run)
        return self.folder.last_run

    def expected(self, run: Run) -> Expected:
        """What the run must come to."""
        expected = Expected.of(self.shop, run, self.forgotten)
        if self.shop.settings.get("MAX_MEMORY_MB") == "1":
            expected.refused = "no memory"
        return expected

    def good_lists(self, run: Run) -> None:
        """Everybody who bought has as many good rows as are possible, and nobody else has any."""
        assert run.manifest.status is Status.PUBLISHED
        shop, expected = self.shop, self.expected(run)
        prefix = shop.settings.get("TABLE_PREFIX", "")
        makes = lists_of(shop)
        found: dict[Key, list[tuple[int, Key, float]]] = defaultdict(list)
        rows = self.folder.rows(
            f"SELECT customer_id, position, item_id, score FROM {prefix}recommendations"
            " ORDER BY customer_id, position"
        )
        for customer, position, item, score in rows:
            found[customer].append((position, item, score))
        if "recommendations" not in makes:
            assert not found, str(shop)
            return
        as_text = shop.settings.get("PUBLISH_GUESTS") == "yes"
        wanted = {str(key) if as_text else key: key for key in expected.owned}
        assert {*found} <= {*wanted}, f"{shop}\nlists of { ({*found} - {*wanted}) }"
        for shown, customer in wanted.items():
            own, possible = found.get(shown, []), expected.possible(shop, customer)
            assert len(own) == expected.rows_of(shop, customer), f"{shop}\n{customer!r} has {own}"
            assert [row[0] for row in own] == [*range(1, len(own) + 1)], str(shop)
            items = [row[1] for row in own]
            assert len({*items}) == len(items), f"{shop}\n{customer!r} has an item twice"
            assert {*items} <= possible, f"{shop}\n{customer!r} is shown { ({*items} - possible) }"
            scores = [float(row[2]) for row in own]
            assert all(0 <= score <= 1 for score in scores), f"{shop}\n{scores}"
            assert scores == sorted(scores, reverse=True), f"{shop}\n{scores}"
        if "popular_items" in makes:
            popular = [row[0] for row in self.folder.rows(f"SELECT item_id FROM {prefix}popular_items")]
            most = min(int(shop.settings.get("POPULAR_ITEMS", 100)), len(expected.allowed))
            assert len(popular) == most, f"{shop}\n{popular}"
            assert {*popular} <= expected.allowed, str(shop)

    def same_bytes(self, run: Run) -> None:
        """The same sales once more: the same lists to the byte."""
        self._tried({ExitCode.DONE, ExitCode.REFUSED}, "run", "--dry-run")
        again = self.folder.last_run
        for definition in ALL_LISTS:
            name = f"{definition}.csv"
            assert again.manifest.sha256_of(name) == run.manifest.sha256_of(name), f"{self.shop}\n{name}"

    def reproduce(self, run: Run) -> None:
        """A run made again; where the settings keep no sales, those of the newest alone are left."""
        may_be_gone = self.shop.settings.get("KEEP_EXPORT_DAYS") == "0" and run is not self.folder.last_run
        codes = {ExitCode.DONE, ExitCode.REFUSED} if may_be_gone else {ExitCode.DONE}
        self._tried(codes, "reproduce", run.run_id)

    def rollback(self) -> None:
        """To the night before, forced where that has fewer customers than the settings let pass."""
        outcome = self._tried({ExitCode.DONE, ExitCode.REFUSED}, "rollback")
        if outcome.code is ExitCode.REFUSED:
            assert "published last" in outcome.err, f"{self.shop}\n{outcome.err}"
            self.does("rollback", "--force")

    def evaluate(self) -> None:
        """There may be too little to judge by."""
        self._tried({ExitCode.DONE, ExitCode.REFUSED}, "evaluate")

    def forget(self, run: Run) -> None:
        """A customer goes, and stays away."""
        expected = self.expected(run)
        if not expected.owned:
            return
        customer = sorted(expected.owned, key=repr)[self.shop.seed % len(expected.owned)]
        self.does("show", "--", str(customer))
        self.does("forget", "--", str(customer))
        prefix = self.shop.settings.get("TABLE_PREFIX", "")
        self.forgotten.add(customer)
        gone = {str(row[0]) for row in self.folder.rows(f"SELECT customer_id FROM {prefix}recommendations")}
        assert str(customer) not in gone, f"{self.shop}\n{customer!r} still has a list"
        self.checked_night()
        shown = self.folder.recommend("show", "--", str(customer))
        assert shown.code is ExitCode.SETTINGS, f"{self.shop}\n{customer!r} is known: {shown.out}"
