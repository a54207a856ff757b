"""`recommend init` on a terminal: what it asks, and that a wrong answer is asked again."""

import os
import pty
import subprocess
import sys

from recommender.errors import ExitCode
from tests.nights import Shop
from tests.platforms.support import load

END_OF_INPUT = b"\x04"
ANSWERS = ("Europe/Berlin", "9", "1", "2", "yes please", "2, 5", "y", "y")
"""The shop's zone; a shop that there is not, one that is; a language; no numbers, numbers; yes to both."""


def on_a_terminal(folder, url, answers):
    """The outcome of the command with a terminal as its input."""
    ours, its = pty.openpty()
    try:
        # A question more than there are answers meets the end of the input.
        os.write(ours, "".join(f"{answer}\n" for answer in answers).encode() + END_OF_INPUT * 3)
        return subprocess.run(
            [sys.executable, "-m", "recommender", "init", "--url", url],
            cwd=folder,
            stdin=its,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(its)


def test_the_dialogue(tmp_path, far_mariadb):
    url = far_mariadb.create_database()
    load(url, "prestashop.sql")
    done = on_a_terminal(tmp_path, url, ANSWERS)
    assert done.returncode == ExitCode.DONE, done.stderr
    assert "PrestaShop: id_shop, the shop whose orders are read " in done.stdout
    assert "; there are: 1 (Teas), 2 (Outlet).\n" in done.stdout
    assert "Error: id_shop=9 is not in the shop; found: 1 (Teas)" in done.stdout
    assert "Error: statuses=yes please is not of its form: integers, with commas between them" in done.stdout
    assert "id_shop=1 (" in done.stdout
    assert "statuses=2,5 (as you said" in done.stdout
    sales = (tmp_path / "sql" / "sales.sql").read_text(encoding="utf-8")
    assert "o.id_shop = 1\n" in sales
    assert "o.current_state IN (2, 5)\n" in sales
    assert Shop(tmp_path, url).env_file.read_text(encoding="utf-8").count("Europe/Berlin") == 1
