"""`recommend show`."""

import json
from typing import Any

import click

from recommender.commands.common import printable, settings

_MOST_HISTORY = 15


@click.command()
@click.argument("customer")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def command(*, customer: str, as_json: bool) -> None:
    """What CUSTOMER (the shop's own customer_id) bought, is shown, and why."""
    from recommender.show import show

    view = show(settings(), customer)
    if as_json:
        click.echo(json.dumps(view.as_json(), indent=2, ensure_ascii=False))
        return
    _line(f"Customer {customer}")
    _line("")
    _line("Bought (latest first)")
    for line in view.history[:_MOST_HISTORY]:
        times = "" if line["purchases"] == 1 else f", {line['purchases']} times"
        _line(f"  {line['last_bought']}  {_name(line)}{times}")
    if len(view.history) > _MOST_HISTORY:
        _line(f"  … and {len(view.history) - _MOST_HISTORY} more items")
    if not view.history:
        _line("  (nothing in the export that is kept)")
    _line("")
    _line(f"Is shown (from {view.source})")
    for line in view.recommendations:
        _line(f"  {line['position']:>2}. {_name(line)}  {_why(line)}")
    if not view.recommendations:
        _line("  no list of their own; the shop shows what is popular:")
        for line in view.popular_items:
            _line(f"  {line['position']:>2}. {_name(line)}")


def _name(line: dict[str, Any]) -> str:
    return line["name"] or f"item {line['item_id']}"


def _why(line: dict[str, Any]) -> str:
    if line["reason"] == "model":
        because = line.get("because_name") or line.get("because_item_id")
        return f"— because of: {because}" if because else "— suits this customer"
    return {"popular": "— popular", "new": "— new in the shop", "buy_again": "— due again"}[line["reason"]]


def _line(text: str) -> None:
    click.echo(printable(text))
