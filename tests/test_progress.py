"""How far the work is: shares that add up, a percentage that never falls, a line that fits the terminal."""

import io
import itertools
import re
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.commands import common
from recommender.evaluation.split import Task
from recommender.night.run import run, run_stage
from recommender.operations.evaluate import evaluate
from recommender.operations.rollback import rollback
from recommender.runs.manifest import Stage
from recommender.settings import load_settings
from recommender.system.progress import Progress, Step
from tests.nights import DAY, usual_shop

NAMES = st.lists(
    st.text("abc, ", min_size=1, max_size=4).map(str.strip).filter(bool), min_size=1, unique=True
)
SHARES = st.just(0.0) | st.floats(0.001, 1000)


class Recorder(Progress):
    """Keeps all that it hears, by stage, and checks what holds at any moment."""

    def __init__(self):
        super().__init__()
        self.steps: dict[str, list[str]] = {}
        self.places = [0.0]
        self.stage = None

    def begin(self, stage):
        assert self.stage is None
        super().begin(stage)
        self.stage = stage
        self.steps[stage] = []

    def update(self, step, done):
        assert self.stage is not None, f"{step} after the end"
        assert self.places[-1] <= done <= 1
        left = self.left()
        assert left is None or left >= 0
        self.places.append(done)
        if not self.steps[self.stage] or self.steps[self.stage][-1] != step:
            self.steps[self.stage].append(step)

    def end(self, summary, seconds):
        super().end(summary, seconds)
        self.stage = None

    def require_whole(self):
        assert self.places[-1] == pytest.approx(1)
        assert self.stage is None
        assert all(names and all(names) for names in self.steps.values())


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __init__(self, monkeypatch):
        monkeypatch.setattr("time.monotonic", lambda: self.now)


@pytest.fixture
def shop(tmp_path):
    return usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}", NIGHTLY_PROOF="on")


# Steps


@given(
    names=NAMES,
    shares=st.data(),
    past=st.dictionaries(st.text("abc, ", max_size=6), SHARES),
    first=st.floats(0, 0.5),
)
def test_steps_fill_what_they_are_parts_of_in_their_order(names, shares, past, first):
    step = Step("", first, 0.75, past=past)
    given_shares = {name: shares.draw(SHARES) for name in names}
    for found in ([*step.split(given_shares).values()], step.parts(*given_shares.values())):
        assert all(one.first <= one.last for one in found)
        assert all(one.last == other.first for one, other in itertools.pairwise(found))
        assert found[0].first == first
        assert found[-1].last == pytest.approx(0.75)


def test_a_steps_share_is_what_it_took_before():
    past = {"learn, window 1": 2.0, "learn, window 2": 4.0, "prove": 1.0, "read": 1.0}
    found = Step(past=past).split({"read": 5, "": 1, "prove": 7})
    assert [step.last for step in found.values()] == pytest.approx([1 / 8, 7 / 8, 1])
    inner = found[""].split({"learn": 1, "compare": 1})
    # The new one has the share that the code gives it, beside what the other took.
    assert inner["compare"].first == pytest.approx(1 / 8 + 6 / 8 / 2)
    windows = inner["learn"].split({"window 1": 1, "window 2": 1})
    assert windows["window 2"].name == "learn, window 2"
    assert windows["window 2"].first == pytest.approx(1 / 8 + 3 / 8 / 3)


def test_a_step_tells_its_place_and_as_one_only_its_own_name():
    heard = []
    step = Step("weigh", 0.2, 0.6, lambda *told: heard.append(told))
    step(1, 4)
    step(0, 0)
    step.count(1234)
    for part in step.split({"a": 1, "b": 1}).values():
        part.begin()
    step.as_one().split({"a": 1, "b": 3})["b"].begin()
    assert [(name, round(done, 9), note) for name, done, _, note in heard] == [
        ("weigh", 0.3, ""),
        ("weigh", 0.2, ""),
        ("weigh", 0.2, "1,234"),
        ("weigh, a", 0.2, ""),
        ("weigh, b", 0.4, ""),
        ("weigh", 0.3, ""),
    ]


# Time


def test_the_time_left_is_that_of_the_last_time_and_runs_down(monkeypatch):
    clock = Clock(monkeypatch)
    progress = Progress()
    progress.plan({"one": 10, "two": 10}, is_measured=True)
    progress.begin("one")
    assert progress.left() == 20
    clock.now += 5
    progress.step(1, 2)
    assert progress.left() == pytest.approx(15)
    clock.now += 3
    assert progress.left() == pytest.approx(12)
    clock.now += 100  # it takes longer: what comes after it will still take its time
    assert progress.left() == pytest.approx(10)
    assert progress.gone() == 108


def test_without_a_record_the_pace_tells_the_time_left_once_it_is_known(monkeypatch):
    clock = Clock(monkeypatch)
    progress = Progress()
    progress.plan({"one": 1, "two": 3})
    progress.begin("one")
    clock.now += 4
    progress.step(1, 100)
    assert progress.left() is None
    progress.step(1, 1)
    assert progress.left() == pytest.approx(12)


@given(
    words=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.integers(0, 9), st.floats(0, 1e4))),
    is_measured=st.booleans(),
    shares=st.tuples(SHARES, SHARES),
)
def test_whatever_is_said_the_percentage_never_falls_and_no_time_is_below_nothing(words, is_measured, shares):
    with pytest.MonkeyPatch.context() as monkeypatch:
        clock = Clock(monkeypatch)
        heard = Recorder()
        heard.plan(dict(zip("ab", shares, strict=True)), is_measured=is_measured)
        for stage in "ab":
            heard.begin(stage)
            steps = heard.step.split({"a": 1, "b": 2})
            for name, done, total, seconds in words:
                clock.now += seconds
                steps[name](done, total)
                left = heard.left()
                assert left is None or left >= 0
            assert all(seconds >= 0 for seconds in heard.took().values())
            heard.end("", 0)
        assert heard.places[-1] == pytest.approx(1)


# Nights


def settings_of(shop):
    return load_settings({}, shop.env_file)


def test_a_night_has_named_steps_and_one_percentage_up_to_100(shop):
    for day in (DAY, DAY + timedelta(days=1)):  # the first knows of none before it
        heard = Recorder()
        manifest = run(settings_of(shop), as_of=day, progress=heard).run.manifest
        heard.require_whole()
        assert [*heard.steps] == [*Stage]
        for stage, figures in manifest.stages.items():
            assert {*figures.steps} <= {*heard.steps[stage]}
            assert figures.steps
            assert sum(figures.steps.values()) <= figures.seconds + 0.001 * (len(figures.steps) + 1)
    assert [name.partition(":")[0] for name in heard.steps["export"]][-1] == "read the items"
    assert "train the model" in heard.steps["train"]
    assert "prove against simple lists" in heard.steps["train"]
    assert heard.steps["rank"] == [
        "signals",
        "recommendations",
        "buy again",
        "similar items",
        "bought together",
    ]
    assert heard.steps["publish"] == ["check the lists", "write the tables"]


def test_the_steps_of_the_last_night_are_the_shares_of_the_next(shop):
    settings = settings_of(shop)
    last = run(settings, as_of=DAY).run.manifest
    whole = sum(figures.seconds for figures in last.stages.values())
    heard = Recorder()
    run(settings, as_of=DAY + timedelta(days=1), progress=heard)
    first = last.stages[Stage.EXPORT].seconds / whole
    assert any(place == pytest.approx(first) for place in heard.places)


def test_every_other_way_through_the_stages_ends_at_100_too(shop):
    settings = settings_of(shop)
    run(settings, as_of=DAY)
    run(settings, as_of=DAY + timedelta(days=1))
    for stage in Stage:
        heard = Recorder()
        run_stage(
            settings, stage, as_of=DAY + timedelta(days=2) if stage is Stage.EXPORT else None, progress=heard
        )
        heard.require_whole()
    heard = Recorder()
    run(settings, as_of=DAY + timedelta(days=3), dry_run=True, progress=heard)
    heard.require_whole()
    for _ in range(2):
        heard = Recorder()
        rollback(settings, progress=heard)
        heard.require_whole()
        assert [*heard.steps] == ["export", "rank", "publish"]


@pytest.mark.parametrize("fresh", [False, True])
def test_an_evaluation_has_one_percentage_over_all_windows(shop, fresh):
    settings = settings_of(shop)
    now = run(settings, as_of=DAY).run.manifest.as_of
    heard = Recorder()
    report = evaluate(
        settings,
        now=datetime.fromisoformat(now),
        days=7,
        most_windows=2,
        fresh=fresh,
        progress=heard,
    )
    heard.require_whole()
    windows = [f"window {number} of {len(report.windows)}" for number in range(1, len(report.windows) + 1)]
    assert [*heard.steps] == [*(["export"] if fresh else []), *windows, "figures"]
    for window in windows:
        assert {"train", "methods"} <= {*heard.steps[window]}
        assert {name for name in heard.steps[window] if "weights" in name} <= {
            f"weights, {task} items" for task in Task
        }


# A terminal


class Terminal(io.StringIO):
    """Stands for stderr."""

    def isatty(self):
        return True

    def fileno(self):
        raise OSError

    @property
    def frames(self):
        """What stood on the line one after the other."""
        return re.split(r"\r\x1b\[K|\n", self.getvalue())[1:]


def terminal_of(monkeypatch):
    """A terminal of 60 columns whose clock never ticks by itself; a fixture could not put it in place."""
    found = Terminal()
    monkeypatch.setattr("sys.stderr", found)
    monkeypatch.setattr(common, "_SECONDS_BETWEEN_TICKS", 1e6)
    monkeypatch.setenv("COLUMNS", "60")
    return found


def test_a_line_is_written_over_a_few_times_a_second_and_fits(monkeypatch):
    terminal = terminal_of(monkeypatch)
    clock = Clock(monkeypatch)
    shown = common._TerminalProgress(colour=False)
    shown.plan({"one": 30, "two": 70}, is_measured=True)
    shown.begin("one")
    steps = shown.step.split(
        {"a step": 1, "a step with a name that is longer than any terminal, to be cut": 2}
    )
    steps["a step"].begin()
    for number in range(1000):
        steps["a step"](number, 1000)
    assert len(terminal.frames) == 1
    clock.now += 2
    [*steps.values()][1].begin()
    clock.now += 60
    shown._draw()
    shown._draw()
    assert terminal.frames == [
        "one      a step                  0 %  0 s, about 2 min left",
        "one      a step with a name t…  10 %  2 s, about 2 min left",
        "one      a step with a …  10 %  1 min 2 s, about 2 min left",
    ]
    shown.end("so many sales, and much more to be said than fits into a line of it", 62.04)
    shown.close()
    assert terminal.frames[-2:] == ["one      so many sales, and much more to be said th…  62.0 s", ""]
    assert len(terminal.frames[-2]) == 60


def test_nothing_is_written_after_the_end(monkeypatch):
    terminal = terminal_of(monkeypatch)
    monkeypatch.setattr(common, "_SECONDS_BETWEEN", 0)
    shown = common._TerminalProgress(colour=True)
    shown.begin("one")
    step = shown.step.split({"a step": 1})["a step"].begin()
    thread = shown._clock
    assert thread is not None
    assert thread.is_alive()
    shown.close()
    assert not thread.is_alive()
    written = terminal.getvalue()
    assert written.endswith("\n")
    step(1, 2)
    shown._draw()
    shown.close()
    assert terminal.getvalue() == written


def test_between_two_stages_the_clock_writes_nothing(monkeypatch):
    terminal = terminal_of(monkeypatch)
    shown = common._TerminalProgress(colour=False)
    shown.begin("one")
    shown.end("done", 1)
    written = terminal.getvalue()
    shown._draw()
    shown.close()
    assert terminal.getvalue() == written


def test_a_stage_without_a_summary_leaves_no_line(monkeypatch):
    terminal = terminal_of(monkeypatch)
    shown = common._TerminalProgress(colour=False)
    shown.begin("one")
    shown.end("", 1)
    shown.close()
    assert terminal.frames[-1] == ""
    assert "\n" not in terminal.getvalue()


def test_a_terminal_that_has_gone_ends_the_clock_and_nothing_else(monkeypatch):
    terminal = terminal_of(monkeypatch)
    monkeypatch.setattr(common, "_SECONDS_BETWEEN_TICKS", 0)
    shown = common._TerminalProgress(colour=False)

    def gone(_text):
        raise OSError

    monkeypatch.setattr(terminal, "write", gone)
    shown.begin("one")
    assert shown._clock is not None
    shown._clock.join()
    assert not shown._closed.is_set()
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.9, "0 s"),
        (59, "59 s"),
        (108, "1 min 48 s"),
        (120, "2 min"),
        (3600, "1 h 0 min"),
        (7325, "2 h 2 min"),
    ],
)
def test_times_are_told_as_somebody_who_waits_reads_them(seconds, words):
    assert common._in_words(seconds) == words
