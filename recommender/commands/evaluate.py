"""`recommend evaluate`."""

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from recommender.commands.common import json_option, print_json, print_line, print_table, progress, settings
from recommender.system.text import Column

if TYPE_CHECKING:
    from recommender.evaluation.report import (
        ChoiceReport,
        ContestantReport,
        EvaluationReport,
        Figure,
        TaskReport,
    )

_NOTHING = "–"  # noqa: RUF001 - the dash of an empty figure
_MOST_DAYS, _MOST_WINDOWS = 3650, 52


@click.command()
@click.option(
    "--days",
    type=click.IntRange(1, _MOST_DAYS),
    default=28,
    show_default=True,
    help="Length of each stretch of time that is held out.",
)
@click.option(
    "--windows",
    "most_windows",
    type=click.IntRange(1, _MOST_WINDOWS),
    default=3,
    show_default=True,
    help="How many of them, where the sales reach back so far.",
)
@click.option("--fresh", is_flag=True, help="Read the shop's sales now, instead of those of the newest run.")
@json_option
def command(*, days: int, most_windows: int, fresh: bool, as_json: bool) -> None:
    """How good the lists would have been in the last weeks, beside simpler methods.

    Every method learns from the sales before a day and is judged by what customers bought in the weeks after
    it. Nothing is published or kept.
    """
    from recommender.operations.evaluate import evaluate

    given = settings(aloud=True)
    report = evaluate(
        given,
        now=dt.datetime.now(dt.UTC),
        days=days,
        most_windows=most_windows,
        fresh=fresh,
        progress=progress(),
    )
    print_json(report) if as_json else _print(report, given.shop_timezone)


def _print(report: "EvaluationReport", zone: dt.tzinfo) -> None:
    source = f"the run {report.run_id}" if report.run_id else "the shop's database"
    print_line(f"Judged by what customers bought, with the sales of {source}:")
    print_table(
        (Column(""), Column("customers", right=True), Column("sales before", right=True)),
        [
            (
                f"{_day(window.begin, zone)} to {_day(window.end, zone)}",
                window.customers,
                window.sales_before,
            )
            for window in report.windows
        ],
        indent="  ",
    )
    for note in report.notes:
        print_line(f"Note: {note}")
    for task in report.tasks:
        print_line()
        _print_task(task, report.top_n)
        _print_choices(task.choices, [_day(window.begin, zone) for window in report.windows], report.top_n)


def _print_task(task: "TaskReport", n: int) -> None:
    from recommender.evaluation.report import FIRST_DAYS, SEGMENTS, WORDS

    name = {"new": "New items", "all": "All items, repeats too"}[task.task]
    setting = {"new": "exclude", "all": "include"}[task.task]
    which = f" (your setting, REPEAT_PURCHASES={setting})" if task.is_configured else ""
    print_line(f"{name}{which}: {task.customers:,} customers")
    figures = ("recall", "hit rate", "coverage", "full lists")
    print_table(
        (
            Column("method"),
            Column(f"nDCG@{n}, 95 %", right=True),
            *(Column(name, right=True, goes=place) for place, name in enumerate(figures, 1)),
        ),
        [
            (
                WORDS[m.method],
                _interval(m.ndcg),
                _share(m.recall.value),
                _share(m.hit_rate.value),
                _share(m.coverage),
                _share(m.full_lists),
            )
            for m in task.methods
        ],
        indent="  ",
    )
    print_line()
    firsts = [*FIRST_DAYS.values()]
    days = [f"{firsts[1] - 1} day", f"{firsts[1]}-{firsts[2] - 1} days", f"{firsts[2]}+ days"]
    print_table(
        (
            Column(f"nDCG@{n} of customers"),
            *(
                Column(f"{s} ({bought}): {task.customers_by_segment[s]:,}", right=True, goes=place)
                for place, (s, bought) in enumerate(zip(SEGMENTS, days, strict=True))
            ),
        ),
        [(WORDS[m.method], *(_interval(m.ndcg_by_segment[s]) for s in SEGMENTS)) for m in task.methods],
        indent="  ",
    )
    print_line()
    print_line(f"  {task.verdict}")
    if task.rules_cost is not None:
        print_line(f"  Your rules cost {_interval(task.rules_cost)} of nDCG@{n}.")


def _print_choices(choices: "Sequence[ChoiceReport | None]", days: Sequence[str], n: int) -> None:
    """Which ways to the weights competed at the begin of each window, which won, and what was published."""
    if not any(choices):
        return
    print_line()
    print_line("  What the night at each window's begin would have chosen:")
    tables = [choice.contestants if choice else () for choice in choices]
    # The same compete in all windows in which any do.
    ways = [each.short_words for each in max(tables, key=len)]
    if ways:
        print_table(
            (
                Column(f"nDCG@{n} on the weeks before, * won"),
                *(Column(day, right=True, goes=place) for place, day in enumerate(days)),
            ),
            [
                (way, *(_contestant(contestants, place) for contestants in tables))
                for place, way in enumerate(ways)
            ],
            indent="  ",
        )
    for day, choice in zip(days, choices, strict=True):
        _print_choice(choice, day)


def _contestant(contestants: "Sequence[ContestantReport]", place: int) -> str:
    if not contestants:
        return _NOTHING
    return f"{'* ' if contestants[place].is_chosen else ''}{contestants[place].ndcg:.4f}"


def _print_choice(choice: "ChoiceReport | None", day: str) -> None:
    if choice is None:
        print_line(f"  {day}: nobody to judge by")
        return
    print_line(f"  {day}: {choice.words}; published by: {_words(choice.method)}")
    if choice.leads:
        leads = [f"{_words(method)} by {_interval(lead)}" for method, lead in choice.leads.items()]
        print_line(f"    The blend leads {', '.join(leads)}.")
    if choice.learned_from_newest and choice.method == "blend":
        print_line("    Its weights also learned from the weeks on which it was proved.")
    if choice.proof:
        print_line(f"    {choice.proof}")


def _words(method: str) -> str:
    return method.replace("_", " ")


def _day(moment: str, zone: dt.tzinfo) -> str:
    return str(dt.datetime.fromisoformat(moment).astimezone(zone).date())


def _interval(figure: "Figure") -> str:
    """The figure with its interval, which that of a single customer has not."""
    if figure.value is None:
        return _NOTHING
    if figure.low is None:
        return f"{figure.value:.4f}"
    return f"{figure.value:.4f} [{figure.low:.4f}, {figure.high:.4f}]"


def _share(share: float | None) -> str:
    return _NOTHING if share is None else f"{100 * share:.1f} %"
