"""The command line: exit codes, one line per error, silence under cron, a terminal, secrets kept."""

import contextlib
import errno
import json
import os
import pty
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import click
import pytest

from recommender import cli
from recommender.database.base import Database
from recommender.errors import (
    DatabaseError,
    ExitCode,
    Interrupted,
    LockedError,
    ModelError,
    RecommenderError,
    RefusedError,
    SettingsError,
    exit_code_of,
)
from recommender.night import record
from recommender.night import run as night
from recommender.runs.folder import Run
from recommender.runs.manifest import Status
from recommender.system import logs
from recommender.system.logs import run_log
from tests.conftest import own_name
from tests.faults.injection import Fork, Gate, at_point, forked, patched
from tests.nights import DAY, usual_shop

ROOT = Path(__file__).parent.parent
NIGHT = ("run", "--as-of", str(DAY))
SENTINEL = "sentinel-p@ss:w/rd%41"


@pytest.fixture
def shop(tmp_path):
    return usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")


def program(shop, *arguments, environment=None):
    """`recommend` as cron starts it: in the shop's folder, no terminal, hardly any environment."""
    return subprocess.run(
        [sys.executable, "-m", "recommender", *arguments],
        cwd=shop.folder,
        env={"PYTHONPATH": str(ROOT), **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


# Calls


def test_every_command_has_help_with_the_common_options(shop):
    listing = shop.does("--help")
    for name, short in cli.COMMANDS.items():
        assert f"{name} " in listing
        assert short in listing
        text = shop.does(name, "--help")
        assert text.startswith(f"Usage: recommend {name} ")
        for option in ("--env-file", "--verbose", "--quiet", "--log-format", "--version", "--help"):
            assert option in text


def test_every_command_module_is_listed():
    names = {file.stem for file in (ROOT / "recommender" / "commands").glob("*.py")}
    assert names - {"__init__", "changes", "common", "lists", "questions", "terminal"} == set(cli.COMMANDS)


def _program(*arguments, folder=None, **environment):
    """The program in a process of its own, without a shop."""
    known = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.run(
        [sys.executable, "-m", "recommender", *arguments],
        cwd=folder,
        env=known | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_word_at_all_asks_for_help(shop):
    found = _program()
    assert (found.returncode, found.stderr) == (ExitCode.DONE, "")
    assert found.stdout == shop.does("--help")
    assert all(f"{title}:\n" in found.stdout for title in cli.GROUPS)


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        (["shwo"], "did you mean show?"),
        (["runs", "dif"], "did you mean diff?"),
        (["show", "--jsn"], "Did you mean '--json'?"),
    ],
)
def test_a_slip_is_told_with_what_may_be_meant(shop, call, meant):
    assert meant in shop.fails(ExitCode.SETTINGS, *call)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_completes_commands_and_options(shop, shell):
    assert f"_RECOMMEND_COMPLETE={shell}_complete" in shop.does("completion", shell)
    for words, wanted in (("recommend st", "status"), ("recommend status --js", "--json")):
        last = words.split()[-1]
        found = _program(
            _RECOMMEND_COMPLETE=f"{shell}_complete",
            COMP_WORDS=words,
            COMP_CWORD=last if shell == "fish" else str(len(words.split()) - 1),
        )
        assert re.search(rf"(^|[,\s]){wanted}\b", found.stdout)


def test_bash_takes_the_script_of_completion(shop):
    script = shop.does("completion", "bash")
    bash = "source /dev/stdin; complete -p recommend"
    found = subprocess.run(["bash", "-c", bash], input=script, capture_output=True, text=True, check=True)
    assert "_recommend_completion" in found.stdout


def test_an_empty_folder_is_told_how_to_begin(tmp_path):
    found = _program("run", folder=tmp_path)
    assert found.returncode == ExitCode.SETTINGS
    assert "No shop is set up here" in found.stderr
    assert "`recommend init`" in found.stderr


def test_the_help_names_every_exit_code(shop):
    text = " ".join(shop.does("--help").split())
    codes = re.search(r"Exit codes: (.*?)\.", text)
    assert codes is not None
    numbers = {int(number) for number in re.findall(r"\d+", codes[1])}
    assert numbers == {int(code) for code in ExitCode}


@pytest.mark.parametrize("arguments", [["--version"], ["run", "--version"], ["show", "--version"]])
def test_version_before_and_after_the_command(shop, arguments):
    assert re.fullmatch(r"recommend, version \d+\.\d+\.\d+(\.dev\d+)?\n", shop.does(*arguments))


def test_common_options_before_and_after_the_command(shop, tmp_path):
    env_file = str(shop.env_file)
    for call in (["--env-file", env_file, "status"], ["status", "--env-file", env_file]):
        done = subprocess.run(
            [sys.executable, "-m", "recommender", *call],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == ExitCode.REFUSED
        assert "Nothing was ever published" in done.stdout


@pytest.mark.parametrize("call", [["-v", "run"], ["run", "-v"], ["run", "--verbose", "--log-format", "text"]])
def test_verbose_says_what_goes_on(shop, call):
    outcome = shop.recommend(*call, "--as-of", str(DAY))
    assert outcome.code is ExitCode.DONE
    assert "INFO stage begins: export" in outcome.err


def test_the_json_log_is_one_object_a_line(shop):
    outcome = shop.recommend("-vv", "--log-format", "json", *NIGHT)
    lines = [json.loads(line) for line in outcome.err.splitlines()]
    assert {"time", "level", "logger", "message"} <= lines[0].keys()
    (closing,) = [line for line in lines if line["message"] == "run ended"]
    manifest = shop.last_run.manifest
    assert closing["run_id"] == manifest.run_id
    assert closing["status"] == manifest.status
    assert closing["exit_code"] == ExitCode.DONE
    assert closing["rows"] == manifest.counts["rows"]
    assert closing["seconds"].keys() == manifest.stages.keys()
    in_file = [json.loads(line) for line in shop.last_run.path("log.jsonl").read_text().splitlines()]
    assert [line for line in in_file if line["message"] == "run ended"] == [closing]


@pytest.mark.parametrize(
    "call",
    [
        ["nonsense"],
        ["run", "--nonsense"],
        ["run", "extra"],
        ["run", "--as-of", "yesterday"],
        ["run", "--as-of", "2026-02-30"],
        ["--env-file", "/nowhere/.env", "run"],
        ["--log-format", "xml", "status"],
        ["show"],
        ["publish", "--run"],
    ],
)
def test_a_wrong_call_is_one_line_and_2(shop, call):
    line = shop.fails(ExitCode.SETTINGS, *call)
    assert "--help" in line or "--env-file" in line


def test_train_and_load_are_two_sides_of_one_choice(shop):
    for command in ("run", "train"):
        line = shop.fails(ExitCode.SETTINGS, command, "--load", "--train")
        assert "Use --train or --load, not both." in line
        assert f"recommend {command} --help" in line
    assert shop.runs == []


# Errors


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RecommenderError("tried", "x"), ExitCode.UNEXPECTED),
        (SettingsError("tried", "x"), ExitCode.SETTINGS),
        (RefusedError("tried", "x"), ExitCode.REFUSED),
        (ModelError("tried", "x"), ExitCode.REFUSED),
        (DatabaseError("tried", "x"), ExitCode.DATABASE),
        (LockedError("tried", "x"), ExitCode.LOCKED),
        (Interrupted(ExitCode.TERMINATED), ExitCode.TERMINATED),
        (click.Abort(), ExitCode.INTERRUPTED),
        (MemoryError(), ExitCode.UNEXPECTED),
        (OSError(errno.ENOSPC, "No space left on device", "var"), ExitCode.UNEXPECTED),
        (OSError(errno.EDQUOT, "Quota exceeded"), ExitCode.UNEXPECTED),
        (OSError(errno.EIO, "I/O error", "var"), ExitCode.UNEXPECTED),
        (PermissionError(errno.EACCES, "Permission denied", "var"), ExitCode.SETTINGS),
        (OSError(errno.EROFS, "Read-only file system", "var"), ExitCode.SETTINGS),
        (ZeroDivisionError("\x1b[31mtwo\nlines"), ExitCode.UNEXPECTED),
    ],
)
def test_every_error_in_a_night_is_one_line_its_code_and_its_record(shop, error, code):
    def fail(*_arguments):
        raise error

    with patched(night, "rank_stage", fail):
        line = shop.fails(code, *NIGHT)
    assert "\x1b" not in line
    manifest = shop.last_run.manifest
    log = shop.last_run.path("log.jsonl").read_text(encoding="utf-8")
    assert "Traceback" in log
    if not isinstance(error, click.Abort):
        assert exit_code_of(error) is code
        assert manifest.exit_code == code
    if isinstance(error, ZeroDivisionError):
        assert f"The traceback is in {shop.last_run.path('log.jsonl')}." in line
    shop.night()


def test_an_unexpected_error_outside_a_run_says_how_to_see_the_traceback(shop):
    def fail(_self):
        raise ZeroDivisionError("oops")

    with patched(Database, "connect", fail):
        assert "Give -v" in shop.fails(ExitCode.UNEXPECTED, "status")
        outcome = shop.recommend("-v", "status")
    assert "Traceback" in outcome.err
    assert "ZeroDivisionError" in outcome.err


def test_the_error_of_a_night_is_told_once_with_verbose(shop):
    def fail(*_arguments):
        raise ZeroDivisionError("oops")

    with patched(night, "rank_stage", fail):
        outcome = shop.recommend("-v", *NIGHT)
    assert outcome.err.count("Traceback") == 1


def test_a_full_disk_while_writing_a_file_leaves_no_piece_of_it(shop):
    shop.night()
    before = shop.dump()

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with patched(os, "fsync", full):
        line = shop.fails(ExitCode.UNEXPECTED, *NIGHT)
    assert "disk is full" in line
    assert list((shop.folder / "var").rglob(".tmp-*")) == []
    assert shop.dump() == before
    shop.night()


def test_a_full_disk_stops_neither_log_nor_clean_up(shop):
    """Log and record cannot be written: one line all the same, and the next run settles the record."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    code, said = forked(shop, *NIGHT, fault=_log_on_a_full_disk)
    assert (code, said.count("\n")) == (ExitCode.UNEXPECTED, 1)
    assert "disk is full" in said
    assert shop.last_run.manifest.status is Status.RUNNING
    dead = shop.last_run.run_id
    shop.night()
    assert {run.run_id: run.manifest.status for run in shop.runs}[dead] is Status.KILLED


@contextlib.contextmanager
def _log_on_a_full_disk():
    """The disk is full from the moment when the run's log begins."""

    def save(_self):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    @contextlib.contextmanager
    def full_log(_path):
        # Only a plain file is taken for a log; this one stands for such a file on that disk.
        with patched(Run, "save", save), patched(logs, "open_plain", os.open), run_log(Path("/dev/full")):
            yield

    with patched(record, "run_log", full_log):
        yield


def test_a_disk_that_is_full_behind_the_commit_is_a_warning(shop):
    """The lists are out, whatever can be written of it."""
    shop.night()
    before = shop.lists()
    shop.set(TOP_N=4)
    assert forked(shop, *NIGHT, fault=_full_once_published) == (ExitCode.DONE, "")
    assert before != shop.lists()
    assert {len(items) for items in shop.lists().values()} == {4}
    left = shop.last_run
    assert left.manifest.status is Status.RUNNING
    shop.night()
    assert {run.run_id: run.manifest.status for run in shop.runs}[left.run_id] is Status.PUBLISHED


@contextlib.contextmanager
def _full_once_published():
    save = Run.save

    def saved(run):
        if run.manifest.status is Status.PUBLISHED:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        save(run)

    with patched(Run, "save", saved):
        yield


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_streams_that_the_caller_has_closed(shop, closed):
    """As some schedulers do; the files that are opened then must not take their numbers."""
    call = f'"$0" -m recommender run --as-of {DAY} {closed} && "$0" -m recommender status {closed}'
    done = subprocess.run(
        ["/bin/sh", "-c", call, sys.executable],
        cwd=shop.folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (ExitCode.DONE, "")
    assert shop.last_run.manifest.status is Status.PUBLISHED
    assert bool(done.stdout) == ("1>" not in closed)


@pytest.mark.parametrize(("call", "code"), [("run --as-of 2020-01-01", 3), ("nonsense", 2)])
def test_what_cannot_be_said_changes_no_exit_code(shop, call, code):
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "recommender", *call.split()],
            cwd=shop.folder,
            env={"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=full,
            check=False,
        )
    assert done.returncode == code


def test_a_folder_whose_name_is_no_text_is_refused_before_the_night(shop):
    outcome = program(shop, *NIGHT, environment={"DATA_DIR": os.fsdecode(b"l\xe4den")})
    assert outcome.returncode == ExitCode.SETTINGS
    assert "l?den: its name is not UTF-8" in outcome.stderr
    assert outcome.stderr.count("\n") == 1


def test_a_link_to_a_disk_that_is_away_is_a_matter_of_settings(shop, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "away")
    assert "Check DATA_DIR" in shop.set(DATA_DIR=str(tmp_path / "link")).fails(ExitCode.SETTINGS, *NIGHT)


def test_what_other_packages_warn_of_goes_to_the_log_of_the_run(shop):
    """A good night is silent: a column of a type that SQLAlchemy does not know makes it warn."""
    shop.execute("ALTER TABLE recommendations ADD COLUMN place geography")
    outcome = program(shop, *NIGHT)
    assert (outcome.returncode, outcome.stderr) == (ExitCode.DONE, "")


def test_a_folder_that_cannot_be_written_is_a_matter_of_settings(shop, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("no folder", encoding="utf-8")
    line = shop.set(DATA_DIR=str(blocked / "var")).fails(ExitCode.SETTINGS, *NIGHT)
    assert str(blocked) in line
    assert "DATA_DIR" in line


def test_a_missing_database_is_an_error_of_the_database(shop, tmp_path):
    (tmp_path / "shop.db").unlink()
    for command in ("run", "init", "export"):
        assert "no database file" in shop.fails(ExitCode.DATABASE, command)
    assert not (tmp_path / "shop.db").exists()


def test_a_reader_of_our_output_may_leave(shop):
    shop.night()
    command = f"{sys.executable} -m recommender status | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=shop.folder,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == (f"{int(ExitCode.DONE)}\n", "")


# Cron and terminals


def test_under_cron_a_good_night_is_silent_and_a_bad_one_is_one_line(shop):
    good = program(shop, *NIGHT)
    assert (good.returncode, good.stdout, good.stderr) == (ExitCode.DONE, "", "")
    assert program(shop, "evaluate", "--days", "7").stderr == ""
    shop.execute("DELETE FROM sales WHERE customer_id > 3")
    bad = program(shop, *NIGHT)
    assert (bad.returncode, bad.stdout) == (ExitCode.REFUSED, "")
    assert bad.stderr.startswith("recommend: Not published: ")
    assert bad.stderr.count("\n") == 1


def test_warnings_stay_out_of_crons_mail(shop):
    query = "SELECT customer_id, item_id, sold_at FROM sales"
    (shop.folder / "sql" / "sales.sql").write_text(query, encoding="utf-8")
    done = program(shop, *NIGHT)
    assert (done.returncode, done.stdout, done.stderr) == (ExitCode.DONE, "", "")
    assert ":since" in shop.last_run.manifest.warnings[0]
    assert ":since" in shop.last_run.path("log.jsonl").read_text(encoding="utf-8")


def test_neither_locale_nor_home_is_needed(shop):
    shop.execute("UPDATE items SET name = 'Äpfel 日本'")
    environment = {"LC_ALL": "C", "PYTHONIOENCODING": "iso8859-5", "TZ": "Asia/Tokyo"}
    done = program(shop, *NIGHT, environment=environment)
    assert (done.returncode, done.stdout, done.stderr) == (ExitCode.DONE, "", "")
    usual = shop.night()
    # Not the model: which of its routines BLAS takes for the processor may be set in the environment.
    for name in ("sales.csv", "items.csv", "recommendations.csv", "popular_items.csv"):
        assert usual.manifest.files[name] == shop.runs[-2].manifest.files[name]
    shown = program(shop, "show", "1", environment=environment)
    assert shown.returncode == ExitCode.DONE
    assert "?pfel ??" in shown.stdout


def on_terminal(shop, *arguments, interrupt_at=None, **environment):
    """What a terminal of that environment gets to see, and the exit code; Ctrl-C where it sees some words."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "recommender", *arguments],
        cwd=shop.folder,
        env={"PYTHONPATH": str(ROOT), "TERM": "xterm", **environment},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    ) as process:
        os.close(follower)
        seen = b""
        while True:
            try:
                piece = os.read(leader, 4096)
            except OSError:  # Linux: the last writer has gone
                break
            if not piece:
                break
            seen += piece
            if interrupt_at is not None and interrupt_at in seen.decode(errors="replace"):
                process.send_signal(signal.SIGINT)
                interrupt_at = None
    os.close(leader)
    return seen.decode(), process.returncode


def shown_lines(seen):
    """The lines as they stand on the terminal in the end."""
    lines = [line.rpartition("\r\x1b[K")[2] for line in seen.replace("\r\n", "\n").split("\n")]
    return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines if line]


def test_a_terminal_shows_the_stages_and_a_summary(shop):
    seen, code = on_terminal(shop, *NIGHT)
    assert code == ExitCode.DONE
    lines = shown_lines(seen)
    assert [line.split()[0] for line in lines] == ["export", "train", "rank", "publish", "Published", "See"]
    assert "120 sales, 24 items" in lines[0]
    assert re.match(r"Published \d+ recommendations for 30 customers, and 4 more lists.", lines[4])
    assert "Customer" in shop.does(*lines[5].partition("recommend ")[2].split())
    assert "\x1b[1m" in seen


@pytest.mark.parametrize("columns", [80, 60])
def test_no_line_that_a_night_or_an_evaluation_shows_is_longer_than_the_terminal(shop, columns):
    for call in (NIGHT, ("evaluate", "--days", "7", "--json")):
        seen, code = on_terminal(shop, *call, COLUMNS=str(columns), NO_COLOR="1")
        assert code == ExitCode.DONE
        shown = seen.partition("{")[0]  # behind it stands what the evaluation has found
        frames = re.split(r"\r\x1b\[K|\n", shown.replace("\r\n", "\n"))
        assert all(len(frame) <= columns for frame in frames)
        places = [int(found[1]) for frame in frames if (found := re.search(r" (\d+) %  ", frame))]
        assert places == sorted(places)
        assert places
    lines = shown_lines(shown)
    assert lines
    for number, line in enumerate(lines, 1):
        assert re.fullmatch(rf"window {number} of {len(lines)} \d+ customers  \d+\.\d s", line)


def test_an_interrupt_on_a_terminal_ends_the_line_and_nothing_follows(shop):
    seen, code = on_terminal(shop, *NIGHT, interrupt_at="read the sales")
    assert code == ExitCode.INTERRUPTED
    assert shown_lines(seen)[-1] == "recommend: Interrupted; the published lists are whole."
    assert "%" in shown_lines(seen)[-2]


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"NO_COLOR": "yes"}])
def test_no_color_is_honoured(shop, setting):
    seen, _ = on_terminal(shop, *NIGHT, **setting)
    assert not re.search(r"\x1b\[[0-9;]*m", seen)
    assert "Published" in seen


def test_force_color_colours_where_there_is_no_terminal(shop, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in shop.does("check")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in shop.does("check")


def test_sentences_are_folded_by_words_on_a_narrow_terminal(shop):
    shop.does(*NIGHT)
    for call in (("status",), ("check",), ("show", "c01"), ("show", "nobody-of-that-name")):
        seen, _ = on_terminal(shop, *call, COLUMNS="60")
        words = {word for line in shown_lines(seen) for word in line.split()}
        wide, _ = on_terminal(shop, *call, COLUMNS="500")
        # No word is cut in two, but for names in tables.
        assert words - {word for line in shown_lines(wide) for word in line.split()} <= {
            word for word in words if word.endswith("…") or not word.isalpha()
        }
        assert all(len(line) <= 60 for line in shown_lines(seen) if "/" not in line)


def test_a_narrow_terminal_keeps_the_runs_id_and_says_what_is_missing(shop):
    shop.does(*NIGHT)
    seen, _ = on_terminal(shop, "runs", COLUMNS="60")
    assert shop.last_run.run_id in seen
    assert re.search(r"\(\d+ more columns in a wider terminal", seen)


def test_quiet_is_quiet_on_a_terminal_too(shop):
    assert on_terminal(shop, "-q", *NIGHT) == ("", ExitCode.DONE)


def test_an_error_on_a_terminal_has_a_line_of_its_own(shop):
    shop.execute("UPDATE sales SET sold_at = 'never'")
    seen, code = on_terminal(shop, *NIGHT)
    assert code == ExitCode.REFUSED
    lines = shown_lines(seen)
    assert lines[0].startswith("export")
    assert lines[1].startswith("recommend: ")


# Secrets


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_the_password_is_nowhere_but_in_the_settings(tmp_path, request, kind):
    server = request.getfixturevalue(kind)
    url = server.create_database()
    database = url.rpartition("/")[2]
    user = own_name("secretive")
    if kind == "postgresql":
        server.execute(f"CREATE ROLE {user} SUPERUSER LOGIN PASSWORD '{SENTINEL}'")
    else:
        server.execute(
            f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY '{SENTINEL}'",
            f"GRANT ALL ON {database}.* TO {user}@'127.0.0.1'",
        )
    shop = usual_shop(tmp_path / "shop", url)
    shop.set(DATABASE_URL=server.url(database, user, SENTINEL), GUEST_KEY="sentinel-" * 5)
    secrets = (
        SENTINEL,
        shop.settings["DATABASE_URL"].partition("://")[2].partition("@127")[0],
        "sentinel-" * 2,
    )
    said = []
    gate = Gate.new()
    with Fork(shop, "-vv", *NIGHT, fault=partial(at_point, "train", "begin", gate.wait)) as fork:
        gate.await_arrival()
        said.append(Path(f"/proc/{fork.process_id}/cmdline").read_text())
        gate.opened.set()
        code, output = fork.end()
        assert code == ExitCode.DONE, output
        said.append(output)
    for call in (["-vv", "status", "--json"], ["-vv", "show", "1"], ["-vv", "init", "--yes"]):
        outcome = shop.recommend(*call)
        said += [outcome.out, outcome.err]
    # Now what fails: a wrong password, a server that is not there, a database that is not.
    for wrong in (
        server.url(database, user, SENTINEL + "x"),
        re.sub(r":\d+/", ":1/", server.url(database, user, SENTINEL)),
        server.url("no_such", user, SENTINEL),
    ):
        outcome = shop.set(DATABASE_URL=wrong).recommend("-vv", *NIGHT)
        assert outcome.code is ExitCode.DATABASE
        said += [outcome.out, outcome.err]
        outcome = shop.recommend(*NIGHT)
        assert outcome.err.count("\n") == 1
        said.append(outcome.err)
    said += [path.read_text(errors="replace") for path in (shop.folder / "var").rglob("*") if path.is_file()]
    for text in said:
        for secret in secrets:
            assert secret not in text
