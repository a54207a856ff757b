"""Machines with many users: who may write what a night needs is told; root obeys nobody."""

import json
import os
from pathlib import Path

import pytest

from recommender.errors import ExitCode
from recommender.night import writers
from recommender.runs.history import History
from recommender.settings import load_settings
from recommender.setup.checks.findings import Findings, Level
from recommender.setup.checks.surroundings import check_secrets, check_writers
from recommender.system.files import make_folder
from tests.nights import DAY, usual_shop

ALICE, BOB = 54321, 54322
NIGHT = ("run", "--as-of", str(DAY))
is_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away"
)


@pytest.fixture
def shop(tmp_path):
    made = usual_shop(make_folder(tmp_path / "place") / "shop", f"sqlite:///{tmp_path / 'place' / 'shop.db'}")
    make_folder(made.folder / "var" / "runs")
    (made.folder / "sql").chmod(0o755)
    made.folder.chmod(0o755)
    made.env_file.chmod(0o600)
    for name in ("sales.sql", "items.sql"):
        (made.folder / "sql" / name).chmod(0o644)
    return made


def give(path: Path, user: int = ALICE) -> None:
    os.chown(path, user, user)


def found_in(shop, level=Level.WARNING):
    findings = Findings()
    check_writers(load_settings({}, shop.env_file), findings)
    return [finding for finding in findings.report().findings if finding.level is level]


def test_a_shop_of_ours_alone_is_no_finding(shop):
    shop.night()
    assert found_in(shop) == found_in(shop, Level.ERROR) == []


@is_root
@pytest.mark.parametrize("name", [".env", "sql", "sql/sales.sql", "sql/statuses.sql", "key", "."])
@pytest.mark.parametrize("how", ["owner", "group", "everybody"])
def test_root_does_nothing_that_another_user_may_write(shop, name, how):
    (shop.folder / "sql" / "statuses.sql").write_text("SELECT 1")
    (shop.folder / "key").write_text("k" * 40)
    shop.set(GUEST_KEY_FILE="key")
    shop.env_file.chmod(0o600)
    shop.night()
    path = shop.folder / name
    if how == "owner":
        give(path)
    elif how == "group":
        os.chown(path, 0, ALICE)
        path.chmod(path.stat().st_mode | 0o020)
    else:
        path.chmod(path.stat().st_mode | 0o002)
    who = {"owner": f"the user with the number {ALICE}", "group": f"the group with the number {ALICE}"}
    (error,) = found_in(shop, Level.ERROR)
    assert f"{path.resolve()} " in error.what
    assert who.get(how, "everybody") in error.what
    assert error.exit_code is ExitCode.SETTINGS
    runs = len(shop.runs)
    assert shop.recommend("check").code is ExitCode.SETTINGS
    for call in (NIGHT, ("export",), ("rollback",), ("forget", "1"), ("evaluate", "--fresh")):
        said = shop.fails(ExitCode.SETTINGS, *call)
        assert "This is root, and others may change what it would do" in said
        assert who.get(how, "everybody") in said
    assert len(shop.runs) == runs


@is_root
def test_a_check_does_not_try_what_root_must_not_do(shop):
    shop.execute("CREATE TABLE seen (n INTEGER)")
    give(shop.folder / "sql" / "sales.sql")
    found = json.loads(shop.recommend("check", "--json").out)
    assert "sales" not in {finding["area"] for finding in found["findings"]}
    assert found["exit_code"] == ExitCode.SETTINGS


@is_root
def test_env_of_another_user_is_not_called_private(shop):
    give(shop.env_file)
    findings = Findings()
    check_secrets(load_settings({}, shop.env_file), findings)
    assert "is private" not in " ".join(finding.what for finding in findings.report().findings)


@is_root
@pytest.mark.parametrize(
    "name", ["var", "var/runs", "var/lock", "var/archives.jsonl", "var/forgotten.txt", "never"]
)
def test_who_may_change_what_is_kept_is_told(shop, name):
    shop.set(NEVER_RECOMMEND="never")
    shop.env_file.chmod(0o600)
    for file in ("var/archives.jsonl", "var/forgotten.txt", "never"):
        (shop.folder / file).touch(0o600)
    shop.night()
    path = shop.folder / name
    give(path)
    told = [finding for finding in found_in(shop) if finding.what.startswith(f"{path} belongs to")]
    assert f"chown 0 {path}" in [finding.what_to_do for finding in told]
    assert found_in(shop, Level.ERROR) == []
    shop.night()


@is_root
def test_a_file_of_a_run_that_another_user_may_write_is_told(shop):
    path = shop.night().path("model.npz")
    path.chmod(0o666)
    (told,) = found_in(shop)
    assert told.what.startswith(f"{path} may be written by everybody")
    assert told.what_to_do == f"chmod go-w {path}"


@is_root
def test_a_folder_for_all_is_told_although_its_files_cannot_be_replaced(shop):
    """As /tmp is: nobody takes our files away, but what is not there yet anybody can make."""
    (shop.folder / "var").chmod(0o1777)
    told = [finding.what for finding in found_in(shop)]
    assert any(what.startswith(f"{shop.folder / 'var'} may be written by everybody") for what in told)
    assert any(what.startswith(f"{shop.folder / 'var'} was there with mode 1777") for what in told)


@is_root
@pytest.mark.parametrize(
    ("mode", "owner", "is_told"), [(0o777, 0, True), (0o1777, 0, False), (0o1777, BOB, True)]
)
def test_a_folder_above_counts_where_things_in_it_can_be_replaced(tmp_path, mode, owner, is_told):
    above = make_folder(tmp_path / "above")
    (above / "file").touch(0o600)
    above.chmod(mode)
    os.chown(above, owner, owner)
    found = writers.writers([above / "file"])
    assert [writer.path for writer in found if writer.path != above] == []
    assert bool(found) is is_told
    if is_told:
        assert f"who may so put something in the place of {above / 'file'}" in found[0].words


@is_root
def test_in_a_folder_with_the_sticky_bit_the_owner_of_a_folder_may_move_it(tmp_path):
    above = make_folder(tmp_path / "above")
    (make_folder(above / "theirs") / "file").touch(0o600)
    above.chmod(0o1777)
    give(above / "theirs")
    assert {writer.path for writer in writers.writers([above / "theirs" / "file"])} == {
        above,
        above / "theirs",
    }


@is_root
def test_both_ways_of_a_link_count(tmp_path):
    given, real = make_folder(tmp_path / "given"), make_folder(tmp_path / "real")
    (real / "file").touch(0o600)
    (given / "link").symlink_to(real / "file")
    assert writers.writers([given / "link"]) == []
    for folder in (given, real):
        folder.chmod(0o777)
        assert [writer.path for writer in writers.writers([given / "link"])] == [folder]
        folder.chmod(0o700)
    os.lchown(given / "link", ALICE, ALICE)
    assert [writer.path for writer in writers.writers([given / "link"])] == [given / "link"]


@is_root
def test_the_folder_of_a_sqlite_shop_is_where_its_lock_lies(shop, tmp_path):
    (tmp_path / "place").chmod(0o1777)
    (told,) = found_in(shop)
    assert told.what.startswith(f"{tmp_path / 'place'} may be written by everybody")
    assert "the lock" in told.what


@is_root
def test_certificates_are_obeyed_too(tmp_path, shop):
    ca = tmp_path / "ca.pem"
    ca.touch(0o600)
    give(ca)
    shop.set(TARGET_DATABASE_URL=f"mysql://u@127.0.0.1/d?ssl-mode=VERIFY_CA&ssl_ca={ca}")
    shop.env_file.chmod(0o600)
    (error,) = found_in(shop, Level.ERROR)
    assert str(ca) in error.what


@is_root
def test_who_is_not_root_is_warned_alone(shop, monkeypatch):
    """Bob's job, over a query that Alice may write."""
    for path in [shop.folder, *shop.folder.rglob("*"), shop.folder.parent]:
        give(path, BOB)
    give(shop.folder / "sql" / "sales.sql", ALICE)
    monkeypatch.setattr(os, "geteuid", lambda: BOB)
    (told,) = found_in(shop)
    assert told.what.startswith(
        f"{shop.folder / 'sql/sales.sql'} belongs to the user with the number {ALICE}"
    )
    assert found_in(shop, Level.ERROR) == []
    writers.require_obeyed_is_ours(load_settings({}, shop.env_file))


@is_root
def test_a_run_as_root_in_a_users_folder_is_warned_of(shop):
    give(shop.folder / "var")
    told = [finding for finding in found_in(shop) if "Permission denied" in finding.what]
    assert [
        f"belongs to the user with the number {ALICE}, but this is root" in each.what for each in told
    ] == [True]
    assert f"chown -R {ALICE}" in told[0].what_to_do


def test_the_group_of_one_user_alone_is_that_user(monkeypatch):
    import grp
    import pwd
    from types import SimpleNamespace

    monkeypatch.setattr(os, "geteuid", lambda: BOB)
    monkeypatch.setattr(pwd, "getpwuid", lambda number: SimpleNamespace(pw_gid=number, pw_name="bob"))
    for members, is_own in (([], True), (["bob"], True), (["bob", "alice"], False)):
        group = SimpleNamespace(gr_name="bob", gr_mem=members)
        monkeypatch.setattr(grp, "getgrgid", lambda _, group=group: group)
        assert writers._is_own_group(BOB) is is_own
    assert not writers._is_own_group(ALICE)


@pytest.mark.parametrize("line", ["root:$6$s4lt$h4sh:19000:0:99999:7:::", "12,5"])
def test_a_line_of_never_recommend_that_is_no_item_is_not_repeated(shop, line):
    """As root the setting could name a file of secrets, and cron mails what is said."""
    (shop.folder / "never").write_text(f"101\n{line}\n")
    shop.set(NEVER_RECOMMEND="never")
    said = shop.fails(ExitCode.SETTINGS, *NIGHT)
    assert f"{shop.folder / 'never'}, line 2 is not an integer of 64 bits (not shown)." in said
    assert line not in said
    (run,) = History.of(shop.folder / "var").runs
    for path in run.folder.iterdir():
        assert path.name == "never_recommend.txt" or line not in path.read_text(errors="replace")
