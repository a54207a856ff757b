"""docs/platforms: the code of each page, as the owner copies it, shows the right list to the right customer.

The platforms' own software is not there (but for django-oscar: test_oscar_shop.py). PHP runs the code against
stubs of what it calls; its queries run on the platform's tables.
"""

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.conftest import leave_out
from tests.nights import connection_to
from tests.platforms.support import HERE, PAGES, files_of, laid_out

PHP = ["woocommerce", "prestashop", "opencart", "magento", "shopware"]
MINE = "SELECT item_id FROM recommendations WHERE customer_id = 1 ORDER BY position"
EVERYBODYS = "SELECT item_id FROM popular_items ORDER BY position"
LIST = [18, 11, 99, 10, 12, *range(21, 40)]
POPULAR = [10, 12, 18, *range(41, 60)]


@pytest.fixture(scope="module")
def php():
    """The program that runs PHP."""
    program = shutil.which("php")
    if program is None:
        leave_out("no PHP on this machine; apt-get install php-cli")
    return program


def run(php, folder, *arguments):
    done = subprocess.run([php, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", PHP)
def test_code_is_well_formed(tmp_path, php, name):
    for path, text in laid_out(PAGES / f"{name}.md", tmp_path).items():
        match Path(path).suffix:
            case ".php" | ".phtml":
                run(php, tmp_path, "-l", path)
            case ".xml":
                ET.fromstring(text)
            case ".json":
                json.loads(text)
            case kind:
                assert kind in (".tpl", ".twig")


@pytest.mark.parametrize("name", PHP)
def test_each_sees_the_own_list_and_others_what_is_popular(tmp_path, php, name):
    laid_out(PAGES / f"{name}.md", tmp_path)
    answers = json.dumps({MINE: LIST, EVERYBODYS: POPULAR})
    stubs = HERE / "stubs"
    said = json.loads(run(php, tmp_path, str(stubs / "visits.php"), str(stubs / f"{name}.php"), answers))
    mine, popular = [11, 10, *range(21, 27)], [10, *range(41, 48)]
    assert said["seen"] == [mine, popular, popular, []]
    assert said["logged"] == []


@pytest.mark.parametrize(
    "words", ["Table 'shop.recommendations' doesn't exist", "SELECT command denied to user 'web'@'localhost'"]
)
@pytest.mark.parametrize("name", PHP)
def test_where_the_lists_cannot_be_read_the_page_shows_nothing_and_the_log_says_why(
    tmp_path, php, name, words
):
    laid_out(PAGES / f"{name}.md", tmp_path)
    stubs = HERE / "stubs"
    said = json.loads(run(php, tmp_path, str(stubs / "visits.php"), str(stubs / f"{name}.php"), "{}", words))
    assert said["seen"] == [[], [], [], []]
    assert len(said["logged"]) >= 4
    assert all(words in line for line in said["logged"])
    assert said["looked up"] == {"product": 0, "stock": 0}


@pytest.mark.parametrize("name", PHP)
def test_no_more_is_looked_up_than_is_shown(tmp_path, php, name):
    """With a hundred popular items and as long a list of the customer's own."""
    laid_out(PAGES / f"{name}.md", tmp_path)
    answers = json.dumps({MINE: [*range(1001, 1101)], EVERYBODYS: [*range(2001, 2101)]})
    stubs = HERE / "stubs"
    said = json.loads(run(php, tmp_path, str(stubs / "visits.php"), str(stubs / f"{name}.php"), answers))
    mine, popular = [*range(1001, 1009)], [*range(2001, 2009)]
    assert said["seen"] == [mine, popular, popular, []]
    assert all(query.endswith(" LIMIT 24") for query in said["asked"])
    # One by one, or all candidates in one query.
    each_view = 24 if name in ("magento", "shopware") else 8
    assert said["looked up"]["product"] == 3 * each_view
    assert said["looked up"]["stock"] <= 3 * 8


@pytest.mark.parametrize("name", [*PHP, "oscar"])
def test_its_queries_run(ready, far_mariadb, name):
    params = ["statuses=Complete"] if name == "oscar" else ()
    shop = ready(None if name == "oscar" else far_mariadb, f"{name}.sql", params)
    code = "".join(files_of(PAGES / f"{name}.md").values())
    queries = re.findall(r"SELECT item_id FROM .*? ORDER BY position LIMIT 24", code)
    assert len(queries) == 2
    with connection_to(shop.url) as connection:
        for query in queries:
            value = re.sub(r'%[ds]|\?|\$customer|" \. \$customer \. "', "1", query)
            assert list(connection.execute(sa.text(value)).keys()) == ["item_id"]
