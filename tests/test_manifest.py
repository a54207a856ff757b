"""The record of a run: one published schema, which every record fits and nothing else does."""

import dataclasses
import json
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.errors import ExitCode
from recommender.evaluation.proof import Method
from recommender.night.plan import Mode
from recommender.runs.folder import MANIFEST, Manifest, Source, Stage, Status, is_run_id
from recommender.system.files import shipped_text
from tests.nights import DAY, usual_shop
from tests.records import fill

SCHEMA = json.loads(shipped_text("docs/manifest.schema.json"))
FIELDS = SCHEMA["properties"]


def text_of(**fields):
    manifest = Manifest("20260301T000000Z-0000", started_at="2026-03-01T00:00:00Z")
    fill(manifest, Status.PUBLISHED, date(2026, 3, 1), seq=1)
    return json.dumps(dataclasses.asdict(manifest) | fields)


def test_the_schema_knows_every_field_and_explains_it():
    assert [field.name for field in dataclasses.fields(Manifest)] == [*FIELDS]
    assert all(field["description"].endswith(".") for field in FIELDS.values())


def test_the_schema_has_the_words_of_the_program():
    assert FIELDS["status"]["enum"] == [*Status]
    assert FIELDS["source"]["enum"] == [*Source]
    assert FIELDS["stages"]["propertyNames"]["enum"] == [*Stage]
    assert SCHEMA["definitions"]["mode"]["enum"] == [*Mode]
    assert {*FIELDS["method"]["enum"]} == {*Method, None}


def test_the_record_of_every_way_a_run_can_end_fits(tmp_path):
    shop = usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}", WARM_START="auto")
    shop.night()
    shop.night(DAY + timedelta(days=1))
    shop.night(DAY + timedelta(days=2), "--load")
    shop.does("rollback")
    shop.does("run", "--dry-run", "--as-of", str(DAY + timedelta(days=2)))
    shop.does("export", "--as-of", str(DAY + timedelta(days=3)))
    shop.does("train")
    shop.fails(ExitCode.REFUSED, "run", "--as-of", str(DAY - timedelta(days=3)))
    shop.execute("DROP TABLE sales")
    shop.fails(ExitCode.DATABASE, "run")
    found = [Manifest.of(run.path(MANIFEST).read_text(encoding="utf-8")) for run in shop.runs]
    assert [(m.status, m.source) for m in found] == [
        *[(Status.PUBLISHED, Source.RUN)] * 3,
        (Status.PUBLISHED, Source.ROLLBACK),
        *[(status, Source.RUN) for status in (Status.DRY_RUN, Status.WAITING, Status.REFUSED, Status.FAILED)],
    ]
    assert [m.model["mode"] for m in found[:3]] == [*Mode]
    assert len(found) == len([*(shop.folder / "var" / "runs").iterdir()])


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "new"},
        {"run_id": "../20260301T000000Z-0000"},
        {"as_of_day": "2026-02-30"},
        {"started_at": "2026-03-01 00:00:00"},
        {"published_at": "0001-01-01T00:00:00Z"},
        {"published_seq": None},
        {"published_seq": True},
        {"data_sha256": "0" * 64 + "\n"},
        {"files": {"../x": "0" * 64}},
        {"files": {"x": "0"}},
        {"stages": {"export": {"seconds": "1", "peak_mb": 1}}},
        {"stages": {"other": {"seconds": 1, "peak_mb": 1}}},
        {"counts": {"rows": 1}},
        {"keys": {}},
        {"model": {"mode": "cold"}},
        {"choice": {}},
        {"method": None},
        {"source": "rollback"},
        {"warnings": [1]},
        {"manifest_version": 3},
        {"manifest_version": True},
        {"error": "\ud800"},
    ],
    ids=str,
)
def test_what_no_record_can_hold_is_refused(fields):
    assert Manifest.of(text_of()).published_seq == 1
    with pytest.raises(ValueError, match=r"."):
        Manifest.of(text_of(**fields))


def test_fields_of_a_later_version_are_passed_over():
    assert Manifest.of(text_of(later={"x": 1})) == Manifest.of(text_of())


def test_numbers_that_are_none_and_deep_nesting_are_refused():
    for text in (text_of(quality={"ndcg": float("nan")}), "[" * 100_000, "", "null", "[]"):
        with pytest.raises(ValueError, match=r"."):
            Manifest.of(text)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from([*FIELDS]), ANYTHING, min_size=1, max_size=3))
def test_whatever_stands_in_a_record_it_is_whole_or_refused(fields):
    try:
        manifest = Manifest.of(text_of(**fields))
    except ValueError:
        return
    date.fromisoformat(manifest.as_of_day)
    assert is_run_id(manifest.run_id)
    assert isinstance(manifest.status, Status)
    assert all(stage["seconds"] >= 0 for stage in manifest.stages.values())
    if manifest.status is Status.PUBLISHED:
        assert isinstance(manifest.published_seq, int)
        assert all(date.fromisoformat(link["as_of_day"]) for link in manifest.model["chain"])


@pytest.mark.parametrize(
    "text", ["20269999T000000Z-0000", "20260301T000000Z-000G", "20260301T000000Z-0000\n"]
)
def test_what_is_no_run_id(text):
    assert not is_run_id(text)
