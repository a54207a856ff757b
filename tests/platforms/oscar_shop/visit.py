"""Asks the shop for its front page as each address given (`-` for a visitor) and prints the pages as JSON."""

import json
import sys

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402 - the shop is set up first
from django.test import Client  # noqa: E402


def page_for(address):
    """The page that a customer or a visitor sees."""
    client = Client(raise_request_exception=True)
    if address != "-":
        client.force_login(
            get_user_model().objects.get(email=address), "oscar.apps.customer.auth_backends.EmailBackend"
        )
    response = client.get("/catalogue/")
    assert response.status_code == 200, response.status_code
    return response.content.decode()


json.dump([page_for(address) for address in sys.argv[1:]], sys.stdout)
