"""`recommend show`."""

import shlex
from typing import TYPE_CHECKING

import click

from recommender.commands.common import (
    ID,
    ITEM,
    KeyCommand,
    json_option,
    name_of,
    print_json,
    print_line,
    print_list,
    print_table,
    settings,
)
from recommender.system.text import Column

if TYPE_CHECKING:
    from recommender.operations.search import SearchResult
    from recommender.operations.show import CustomerView, ListedItem

_MOST_HISTORY = 15
_REASONS = {
    "popular": "(popular)",
    "new": "(new in the shop)",
    "buy_again": "(due again)",
    "rule": "(pinned by a rule)",
}


@click.command(cls=KeyCommand)
@click.argument("customer", required=False)
@click.option(
    "--search", "text", metavar="TEXT", help="Find customers who bought an item with TEXT in its name."
)
@json_option
def command(*, customer: str | None, text: str | None, as_json: bool) -> None:
    """What CUSTOMER (the shop's own customer_id) bought, is shown, and why.

    Two keys are the same customer where the shop's database holds them equal.
    """
    if (customer is None) == (not text):
        raise click.UsageError("Give either a CUSTOMER or --search TEXT.", click.get_current_context())
    if customer is not None:
        from recommender.operations.show import show

        view = show(settings(), customer)
        print_json(view) if as_json else _print(view)
    elif text:
        from recommender.operations.search import search

        found = search(settings(), text)
        print_json(found) if as_json else _print_found(found)


def _print(view: "CustomerView") -> None:
    print_line(f"Customer {view.customer_id}")
    print_line()
    print_line("Bought (latest first)")
    if view.history:
        print_table(
            (Column("last"), Column("times", right=True), ITEM, ID),
            [
                (line["last_bought"], line["purchases"], name_of(line), str(line["item_id"]))
                for line in view.history[:_MOST_HISTORY]
            ],
            indent="  ",
        )
    else:
        print_line("  (nothing in the export that is kept)")
    if len(view.history) > _MOST_HISTORY:
        print_line(f"  … and {len(view.history) - _MOST_HISTORY} more items")
    print_line()
    print_line(f"Is shown (from {view.source})")
    if view.recommendations:
        print_table(
            (Column("", right=True), ITEM, Column("because of", shortest=20), ID),
            [(f"{n['position']}.", name_of(n), _why(n), str(n["item_id"])) for n in view.recommendations],
            indent="  ",
        )
    else:
        print_line("  no list of their own; the shop shows what is popular:")
        print_list(view.popular_items)
    if view.buy_again:
        print_line()
        print_line("May buy again now")
        print_list(view.buy_again)


def _print_found(found: "SearchResult") -> None:
    customers = "1 customer" if found.n_customers == 1 else f"{found.n_customers:,} customers"
    items = "the item" if found.n_items == 1 else f"one of {found.n_items:,} items"
    print_line(f"{customers} bought {items} with {found.text!r} in the name; most often:")
    print_table(
        (Column("customer"), Column("times", right=True), Column("last"), ITEM, ID),
        [
            (
                str(line["customer_id"]),
                line["purchases"],
                line["last_bought"],
                name_of(line),
                str(line["item_id"]),
            )
            for line in found.customers
        ],
        indent="  ",
    )
    key = str(found.customers[0]["customer_id"])
    print_line(f"See one: {shlex.join(['recommend', 'show', *(['--'] if key.startswith('-') else []), key])}")


def _why(line: "ListedItem") -> str:
    if line["reason"] == "model":
        return line["because_name"] or str(line["because_item_id"] or "(all they bought)")
    return _REASONS[str(line["reason"])]
