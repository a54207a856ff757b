"""A model comes back from its file as it was; a file that is anything else is refused."""

import dataclasses
import io
import json
import stat
import zipfile

import numpy as np
import pytest

from recommender.errors import ModelError
from recommender.learning.als import AlsSettings, Model
from recommender.learning.modelfile import load_model, save_model
from recommender.runs.keys import Keys
from recommender.system.files import sha256_of

SETTINGS = AlsSettings(factors=3, regularization=0.5, iterations=2, alpha=1.25, seed=42)


def _model(users=None, items=None):
    users = users if users is not None else Keys.of([-5, 2**62], ["", "NA", "\0x", "é", "😀" * 30])
    items = items if items is not None else Keys.of([1, 2])
    rng = np.random.default_rng(1)
    return Model(
        users,
        items,
        rng.random((len(users), 3), np.float32),
        rng.random((len(items), 3), np.float32),
        rng.integers(0, 2**64 - 1, len(users), np.uint64),
        SETTINGS,
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.npz"


def _assert_same(first, second):
    assert (first.user_ids, first.item_ids, first.settings) == (
        second.user_ids,
        second.item_ids,
        second.settings,
    )
    for name in ("user_factors", "item_factors", "history"):
        one, other = getattr(first, name), getattr(second, name)
        assert (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


@pytest.mark.parametrize(
    "model",
    [_model(), _model(Keys.of([1]), Keys.of([], ["a"])), _model(Keys.of(), Keys.of())],
    ids=["mixed keys", "one of each", "empty"],
)
def test_a_model_comes_back_as_it_was(path, model):
    save_model(model, path)
    found = load_model(path, sha256=sha256_of(path))
    _assert_same(found, model)
    assert found.user_factors.flags.writeable  # what implicit needs to compute with it


def test_the_same_model_gives_the_same_bytes_in_a_private_file(path, tmp_path):
    save_model(_model(), path)
    save_model(_model(), tmp_path / "again.npz")
    assert path.read_bytes() == (tmp_path / "again.npz").read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_needs_no_pickle_to_be_read(path):
    save_model(_model(), path)
    with np.load(path, allow_pickle=False) as arrays:
        assert {name: arrays[name].dtype.kind for name in arrays}["user_texts"] == "u"
        assert json.loads(arrays["settings"].tobytes())["alpha"] == 1.25


def test_whole_numbers_may_stand_for_fractions_in_the_settings(path):
    model = _model()
    settings = AlsSettings(factors=3, regularization=10, iterations=2, alpha=1, seed=0)
    save_model(dataclasses.replace(model, settings=settings), path)
    assert load_model(path).settings == settings


def _rewritten(path, change):
    """The file with its arrays changed, in the form of our files."""
    save_model(_model(), path)
    with np.load(path) as found:
        arrays = dict(found)
    change(arrays)
    with path.open("wb") as file:
        np.savez(file, **arrays)


def _settings(**changes):
    def change(arrays):
        values = {**json.loads(arrays["settings"].tobytes()), **changes}
        arrays["settings"] = np.frombuffer(json.dumps(values).encode(), np.uint8)

    return change


def _put(name, value):
    return lambda arrays: arrays.update({name: value})


def _set(name, index, value):
    def change(arrays):
        arrays[name] = arrays[name].copy()
        arrays[name][index] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays: arrays.pop("history"), "does not hold the arrays"),
        (_put("extra", np.zeros(1)), "does not hold the arrays"),
        (_put("version", np.array([2])), "version"),
        (_put("user_factors", np.zeros((7, 3))), "user_factors is <f8"),
        (_put("user_factors", np.zeros(21, "f4")), "not <f4 with 2 dimensions"),
        (_put("user_factors", np.zeros((6, 3), "f4")), r"shape \(6, 3\), not \(7, 3\)"),
        (_put("item_factors", np.zeros((2, 4), "f4")), r"shape \(2, 4\), not \(2, 3\)"),
        (_put("item_factors", np.asfortranarray(np.zeros((2, 3), "f4"))), "item_factors is no array"),
        (_put("user_factors", np.array([[None]])), "user_factors is no array"),
        (_set("user_factors", (0, 0), np.nan), "not finite"),
        (_set("item_factors", (1, 2), np.inf), "not finite"),
        (_put("history", np.zeros(6, "u8")), "6 histories for 7 customers"),
        (_put("user_integers", np.array([2**62, -5])), "not distinct and in order"),
        (_put("item_integers", np.array([1, 1])), "not distinct and in order"),
        (_set("user_texts", 0, ord("~")), "not distinct and in order"),
        (_set("user_texts", -1, 0xFF), "codec can't decode"),
        (_set("user_offsets", -1, 0), "offsets of its user keys"),
        (_set("user_offsets", 0, 1), "offsets of its user keys"),
        (_set("user_offsets", 2, -1), "offsets of its user keys"),
        (_put("item_offsets", np.zeros(0, "i8")), "offsets of its item keys"),
        (_settings(factors="64"), "its setting factors is '64'"),
        (_settings(factors=3.0), "its setting factors is 3.0"),
        (_settings(seed=True), "its setting seed is True"),
        (_settings(alpha=float("nan")), "its setting alpha is nan"),
        (_settings(alpha=-1), "its setting alpha is -1"),
        (_settings(beta=1), "settings are not those"),
        (_put("settings", np.frombuffer(b"[" * 100_000, np.uint8)), "cannot be used"),
        (_put("settings", np.frombuffer(b"3", np.uint8)), "settings are not those"),
    ],
)
def test_arrays_that_are_no_model_are_refused(path, change, message):
    _rewritten(path, change)
    with pytest.raises(ModelError, match=message) as caught:
        load_model(path)
    assert str(path) in caught.value.reason
    assert "recommend run --train" in caught.value.what_to_do


@pytest.mark.parametrize("keep", [0, 10, 500, 0.5, 0.999])
def test_a_truncated_file_is_refused(path, keep):
    save_model(_model(), path)
    content = path.read_bytes()
    path.write_bytes(content[: keep if isinstance(keep, int) else int(keep * len(content))])
    with pytest.raises(ModelError, match="cannot be used"):
        load_model(path)


def test_every_changed_byte_of_an_array_is_noticed(path):
    save_model(_model(), path)
    content = bytearray(path.read_bytes())
    content[content.index(b"\x93NUMPY") + 130] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="cannot be used"):
        load_model(path)


def test_another_hash_is_refused(path):
    save_model(_model(), path)
    with pytest.raises(ModelError, match="its hash differs"):
        load_model(path, sha256="0" * 64)


def test_an_absent_file_and_a_folder_are_refused(path, tmp_path):
    with pytest.raises(ModelError, match="No such file"):
        load_model(path)
    with pytest.raises(ModelError, match="cannot be used"):
        load_model(tmp_path)


def test_a_compressed_file_is_refused_before_it_is_unpacked(path):
    save_model(_model(), path)
    with np.load(path) as found:
        arrays = dict(found)
    arrays["user_factors"] = np.zeros((10**6, 3), "f4")  # 12 MB in a few KB
    np.savez_compressed(path, **arrays)
    with pytest.raises(ModelError, match="it is compressed"):
        load_model(path)


def _members(path):
    with zipfile.ZipFile(path) as archive:
        return {member.filename: archive.read(member) for member in archive.infolist()}


def _write_members(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def test_a_claim_of_more_than_there_is_takes_no_memory(path):
    save_model(_model(), path)
    members = _members(path)
    members["user_factors.npy"] = members["user_factors.npy"].replace(b"(7, 3)", b"(999999999999, 3)")
    _write_members(path, members)
    with pytest.raises(ModelError, match="user_factors has not the size"):
        load_model(path)


def test_a_directory_that_claims_more_than_the_file_is_refused(path):
    save_model(_model(), path)
    content = path.read_bytes()
    entry = content.rindex(b"PK\x01\x02")
    size = entry + 24  # the uncompressed size in the central directory
    path.write_bytes(content[:size] + (2**31).to_bytes(4, "little") + content[size + 4 :])
    with pytest.raises(ModelError, match="claims to hold more"):
        load_model(path)


def test_an_encrypted_member_is_refused(path):
    save_model(_model(), path)
    content = bytearray(path.read_bytes())
    for signature, at in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        place = content.find(signature)
        while place >= 0:
            content[place + at] |= 1
            place = content.find(signature, place + 1)
    path.write_bytes(content)
    with pytest.raises(ModelError, match="encrypted"):
        load_model(path)


def test_a_pickle_in_the_file_is_never_run(path):
    save_model(_model(), path)
    members = _members(path)
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], object), allow_pickle=True)
    _write_members(path, {**members, "user_texts.npy": buffer.getvalue()})
    with pytest.raises(ModelError, match="user_texts is no array"):
        load_model(path)
