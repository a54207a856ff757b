"""The shop at work: does what each line on standard input asks, and answers with a line of JSON.

A line is JSON too: the name of a function and its arguments. One process serves from the first table to the
last page, as a shop's does.
"""

import json
import sys
import types

import django

django.setup()

# Models exist only once the shop is set up.
from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402
from recommended.templatetags import recommended  # type: ignore[import-not-found]  # noqa: E402 - of the page
from sell import sell  # type: ignore[import-not-found]  # noqa: E402 - beside this file


def migrate(by_models):
    """Make the tables."""
    call_command("migrate", run_syncdb=by_models, verbosity=0)


def new_customer(name, address):
    """Somebody who has bought nothing."""
    get_user_model().objects.create_user(name, address, "word")


def page_for(address):
    """The page that a customer sees, or a visitor (`-`)."""
    client = Client(raise_request_exception=True)
    if address != "-":
        client.force_login(
            get_user_model().objects.get(email=address), "oscar.apps.customer.auth_backends.EmailBackend"
        )
    response = client.get("/catalogue/")
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def looks_for(number):
    """A visitor's list of this length where all is in stock, and how many products were looked at."""
    seen: list[object] = []

    def in_stock(_strategy, product):
        seen.append(product)
        return True

    can_be_bought, recommended._can_be_bought = recommended._can_be_bought, in_stock
    try:
        request = types.SimpleNamespace(user=types.SimpleNamespace(pk=None), strategy=None)
        shown = recommended.recommended_products({"request": request}, number=number)
    finally:
        recommended._can_be_bought = can_be_bought
    return [product.title for product in shown], len(seen)


FUNCTIONS = {function.__name__: function for function in (migrate, sell, new_customer, page_for, looks_for)}
for line in sys.stdin:
    name, arguments = json.loads(line)
    sys.stdout.write(json.dumps(FUNCTIONS[name](*arguments)) + "\n")
    sys.stdout.flush()
