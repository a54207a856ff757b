"""The record of a run: one published schema, which every record fits and nothing else does."""

import json
import runpy
from datetime import date, datetime, timedelta
from pathlib import Path

import fastjsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from recommender.errors import ExitCode
from recommender.runs.folder import MANIFEST, Run
from recommender.runs.manifest import (
    MANIFEST_VERSION,
    ChoiceRecord,
    Manifest,
    Mode,
    ModelOrigin,
    Source,
    Status,
    is_run_id,
)
from recommender.system.files import shipped_text
from tests.nights import DAY, usual_shop
from tests.records import fill

TEXT = shipped_text("docs/manifest.schema.json")
SCHEMA = json.loads(TEXT)
FIELDS = SCHEMA["properties"]
MAKER = Path(__file__).parent.parent / "scripts" / "manifest-schema"
PARTS = {
    name: [field.name for field in structs.fields(part) if field.required]
    for name, part in (("model", ModelOrigin), ("choice", ChoiceRecord))
}
"""What no part may lack: all but what earlier versions did not have."""


def published():
    manifest = Manifest(
        run_id="20260301T000000Z-0000",
        manifest_version=MANIFEST_VERSION,
        status=Status.RUNNING,
        as_of_day="",
        started_at="2026-03-01T00:00:00Z",
    )
    fill(manifest, Status.PUBLISHED, date(2026, 3, 1), seq=1)
    return manifest


def text_of(**fields):
    return json.dumps(published().as_json() | fields)


def guarded(check):
    def is_so(text):
        try:
            return check(text)
        except ValueError:
            return False

    return is_so


FORMATS = {
    "date": guarded(lambda text: date.fromisoformat(text) is not None),
    "date-time": guarded(lambda text: 1 < datetime.fromisoformat(text).year < 9999),
}
VALIDATE = fastjsonschema.compile(SCHEMA, formats=FORMATS)


def fits_the_schema(text):
    """Whether another program would take it for a record."""
    try:
        VALIDATE(json.loads(text))
    except fastjsonschema.JsonSchemaValueException:
        return False
    return True


def test_the_published_schema_is_that_of_the_program():
    # After a change of the record: .venv/bin/python scripts/manifest-schema > docs/manifest.schema.json
    assert runpy.run_path(str(MAKER))["text"]() == TEXT


def test_the_schema_explains_every_field():
    assert [*FIELDS] == [*Manifest.__struct_fields__]
    assert all(field["description"].endswith(".") for field in FIELDS.values())


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
    assert [m.origin.mode for m in found[:3]] == [*Mode]
    assert len(found) == len([*(shop.folder / "var" / "runs").iterdir()])


PLACES = {
    "source": "source_run_id is missing",
    "error": "surrogate|truncated",
    "manifest_version": "manifest_version|newer",
}
"""What the message says where that is not the name of the field."""


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
    assert fits_the_schema(text_of())
    (name,) = fields
    with pytest.raises(ValueError, match=PLACES.get(name, name)):
        Manifest.of(text_of(**fields))
    assert not fits_the_schema(text_of(**fields)) or name == "error"


@pytest.mark.parametrize("part", ["model", "link", "choice"])
def test_a_day_that_no_calendar_has_is_refused_in_every_part(part):
    record = json.loads(text_of())
    link = {"run_id": record["run_id"], "mode": "cold", "as_of_day": "2026-02-28", "sha256": None}
    record["model"]["chain"] = [link]
    Manifest.of(json.dumps(record))
    {"model": record["model"], "link": link, "choice": record["choice"]}[part]["as_of_day"] = "2026-02-30"
    text = json.dumps(record)
    assert not fits_the_schema(text)
    with pytest.raises(ValueError, match="as_of_day is 2026-02-30"):
        Manifest.of(text)


def test_fields_of_a_later_version_are_passed_over():
    assert Manifest.of(text_of(later={"x": 1})) == Manifest.of(text_of())


def test_numbers_that_are_none_and_deep_nesting_are_refused():
    endless = text_of(quality={"ndcg": 1.5}).replace("1.5", "1e999")
    nested = text_of(later="").replace('"later": ""', '"later": ' + 100_000 * "[")
    numbers = [text_of(quality={"ndcg": float(number)}) for number in ("nan", "inf", "-inf")]
    for text in (*numbers, endless, nested, "[" * 100_000, "", "null", "[]"):
        with pytest.raises(ValueError, match=r"."):
            Manifest.of(text)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_is_none_is_not_written(tmp_path, number):
    run = Run(tmp_path, published())
    run.save()
    before = run.path(MANIFEST).read_bytes()
    run.manifest.quality["ndcg"] = number
    with pytest.raises(ValueError, match="JSON"):
        run.save()
    assert run.path(MANIFEST).read_bytes() == before


def test_a_part_is_whole_or_an_empty_object():
    record = json.loads(text_of()) | {"status": "running", "keys": {}, "model": {}, "choice": {}}
    found = Manifest.of(json.dumps(record))
    assert (found.keys, found.model, found.choice) == ({}, None, None)
    assert found.as_json() == record
    null = [(name, {name: None}) for name in ("keys", *PARTS)]
    without = [
        (left_out, {name: {field: value for field, value in part.items() if field != left_out}})
        for name, fields in PARTS.items()
        for part in [json.loads(text_of())[name]]
        for left_out in fields
    ]
    for place, damage in null + without:
        text = json.dumps(record | damage)
        assert not fits_the_schema(text)
        with pytest.raises(ValueError, match=place):
            Manifest.of(text)


def test_a_record_that_is_written_again_is_the_same_to_the_byte_and_keeps_its_version(tmp_path):
    found = [*(Path(__file__).parent / "upgrade" / "0.1.0").rglob(MANIFEST)]
    for path in found:
        manifest = Manifest.of(path.read_text(encoding="utf-8"))
        assert manifest.manifest_version == 1
        Run(tmp_path, manifest).save()
        assert (tmp_path / MANIFEST).read_bytes() == path.read_bytes()
    assert found


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    # JSON schema takes 1.0 for an integer.
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda number: not number.is_integer())
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from([*FIELDS]), ANYTHING, min_size=1, max_size=3))
def test_whatever_stands_in_a_record_it_is_whole_or_refused(fields):
    text = text_of(**fields)
    try:
        manifest = Manifest.of(text)
    except ValueError:
        assert not fits_the_schema(text)
        return
    assert fits_the_schema(text)
    date.fromisoformat(manifest.as_of_day)
    assert is_run_id(manifest.run_id)
    assert isinstance(manifest.status, Status)
    assert all(stage.seconds >= 0 for stage in manifest.stages.values())
    if manifest.status is Status.PUBLISHED:
        assert isinstance(manifest.published_seq, int)
        assert all(date.fromisoformat(link.as_of_day) for link in manifest.origin.chain)


@pytest.mark.parametrize(
    "text", ["20269999T000000Z-0000", "20260301T000000Z-000G", "20260301T000000Z-0000\n"]
)
def test_what_is_no_run_id(text):
    assert not is_run_id(text)
