"""The settings: precedence, secrets, and every problem told at once."""

import ast
import dataclasses
import inspect
import itertools
import re
import traceback
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender import settings as settings_module
from recommender.errors import SettingsError
from recommender.settings import NAMES, SECRETS, RepeatPurchases, Settings, load_settings

ROOT = Path(__file__).parent.parent
URL = "postgresql://shop:s3cret%24@db.example.org/shop"
GUEST_KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def env_file(tmp_path):
    path = tmp_path / ".env"
    path.write_text(f"DATABASE_URL={URL}\n", encoding="utf-8")
    return path


def append(path: Path, text: str) -> Path:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)
    return path


def test_defaults(env_file):
    found = load_settings({}, env_file)
    assert found.target_database_url == found.database_url
    assert found.sql_dir == env_file.parent / "sql"
    assert found.data_dir == env_file.parent / "var"
    assert (found.top_n, found.history_days, found.seed) == (10, 730, 42)
    assert found.shop_timezone == found.sales_timezone == ZoneInfo("UTC")
    assert found.sources["DATABASE_URL"] == str(env_file)
    assert found.sources["TOP_N"] == "default"
    assert found.warnings == ()
    assert found.env_file == env_file


def test_the_environment_wins_over_the_file(env_file):
    append(env_file, "TOP_N=5\nHISTORY_DAYS=30\n")
    found = load_settings({"TOP_N": "7"}, env_file)
    assert (found.top_n, found.sources["TOP_N"]) == (7, "environment")
    assert (found.history_days, found.sources["HISTORY_DAYS"]) == (30, str(env_file))


def test_no_more_places_for_new_items_than_there_are(env_file):
    append(env_file, "TOP_N=5\nNEW_ITEM_SLOTS=5\nMAX_PER_CATEGORY=2\n")
    found = load_settings({}, env_file)
    assert (found.new_item_slots, found.max_per_category) == (5, 2)
    with pytest.raises(SettingsError, match=r"^NEW_ITEM_SLOTS=5 \(.*\.env\): must be at most TOP_N.*4"):
        load_settings({"TOP_N": "4"}, env_file)


def test_a_secret_from_a_file_has_the_precedence_of_its_source(env_file, tmp_path):
    (tmp_path / "secret").write_text(" postgresql://shop:other@elsewhere/shop\n", encoding="utf-8")
    found = load_settings({"DATABASE_URL_FILE": "secret"}, env_file)
    assert found.database_url.host == "elsewhere"
    assert found.sources["DATABASE_URL"] == str(tmp_path / "secret")


@pytest.mark.parametrize("name", SECRETS)
def test_each_secret_may_come_from_a_file(name, tmp_path):
    is_url = name.endswith("_URL")
    value = URL if is_url else GUEST_KEY
    (tmp_path / "secret").write_bytes(b"\xef\xbb\xbf" + value.encode() + b"\r\n")
    loaded = load_settings({"DATABASE_URL": URL, name: "", f"{name}_FILE": str(tmp_path / "secret")})
    found = getattr(loaded, name.lower())
    text = found.render_as_string(hide_password=False) if is_url else found
    assert text.startswith(value[:10])


def test_an_empty_value_is_not_set(env_file):
    append(env_file, 'TOP_N=\nSHOP_TIMEZONE=""\nDATA_DIR=" "\n')
    found = load_settings({"HISTORY_DAYS": " ", "TABLE_PREFIX": ""}, env_file)
    assert (found.top_n, found.history_days) == (10, 730)
    assert found.data_dir == env_file.parent / "var"
    assert found.sources["DATA_DIR"] == "default"


def test_sales_are_in_the_shops_zone_unless_told(env_file):
    append(env_file, "SHOP_TIMEZONE=Europe/London\n")
    assert load_settings({}, env_file).sales_timezone == ZoneInfo("Europe/London")
    assert load_settings({"SALES_TIMEZONE": "UTC"}, env_file).sales_timezone == ZoneInfo("UTC")


def test_paths_are_relative_to_the_env_file(env_file):
    append(env_file, "SQL_DIR=queries\nNEVER_RECOMMEND=../never.txt\nDATA_DIR=/srv/data\n")
    found = load_settings({}, env_file)
    assert found.sql_dir == env_file.parent / "queries"
    assert found.never_recommend == env_file.parent / "../never.txt"
    assert found.data_dir == Path("/srv/data")


def test_without_env_file_that_of_the_current_folder_is_read(env_file, monkeypatch):
    monkeypatch.chdir(env_file.parent)
    assert load_settings({}).env_file == env_file
    env_file.unlink()
    found = load_settings({"DATABASE_URL": URL})
    assert found.env_file is None
    assert found.data_dir == env_file.parent / "var"


@pytest.mark.parametrize(
    "line",
    [
        "DATABASE_URL=mysql://u:pa$HOME${HOME}@h/db",
        'DATABASE_URL="mysql://u:pa$HOME${HOME}@h/db"',
        "export DATABASE_URL='mysql://u:pa$HOME${HOME}@h/db'  # the shop",
    ],
)
def test_a_dollar_is_a_dollar(line, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/root")
    (tmp_path / ".env").write_text(line + "\n", encoding="utf-8")
    assert load_settings({}, tmp_path / ".env").database_url.password == "pa$HOME${HOME}"


def test_a_byte_order_mark_and_crlf_are_no_part_of_a_name(tmp_path):
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbf" + f"DATABASE_URL={URL}\r\nTOP_N=3\r\n".encode())
    assert load_settings({}, tmp_path / ".env").top_n == 3


WRONG = {
    "TARGET_DATABASE_URL": ("oracle://shop:s3cret@h/db", "oracle://"),
    "TABLE_PREFIX": ("shop-1", "a letter, then at most 30"),
    "TARGET_SCHEMA": ("x" * 64, "at most 63 bytes"),
    "SHOP_TIMEZONE": ("Mars/Olympus", "Europe/London"),
    "SALES_TIMEZONE": ("../../etc/passwd", "Europe/London"),
    "HISTORY_DAYS": ("0", "1 to 36500"),
    "LISTS": ("recommendations,similar", "out of recommendations, buy_again, similar_items, bought_together"),
    "TOP_N": ("ten", "1 to 1000"),
    "POPULAR_ITEMS": ("1.5", "1 to 100000"),
    "REPEAT_PURCHASES": ("maybe", "exclude or include"),
    "PUBLISH_GUESTS": ("true", "yes or no"),
    "GUEST_KEY": ("shortsecret", "32 characters"),
    "FACTORS": ("-1", "1 to 1024"),
    "REGULARIZATION": ("nan", "1e-06 to 1e+06"),
    "ITERATIONS": ("9" * 30, "1 to 1000"),
    "ALPHA": ("inf", "0.001 to 1e+06"),
    "HALF_LIFE_DAYS": ("1,5", "0.1 to 36500"),
    "SEED": ("4294967296", "0 to 4294967295"),
    "THREADS": ("2e1", "0 to 1024"),
    "TRAIN_EVERY_DAYS": ("366", "1 to 365"),
    "MIN_CUSTOMERS_SHARE": ("50%", "0 to 1"),
    "MIN_SALES_SHARE": ("1.01", "0 to 1"),
    "QUERY_TIMEOUT_SECONDS": ("0", "1 to 86400"),
    "KEEP_RUNS": ("٣", "1 to 10000"),
    "KEEP_EXPORT_DAYS": ("", "0 to 36500"),
}


def test_every_problem_is_told_at_once_with_name_value_source_and_what_is_allowed(tmp_path):
    path = tmp_path / ".env"
    given_values = {name: value or "x" for name, (value, _) in WRONG.items()}
    lines = [f"{name}={value}\n" for name, value in given_values.items() if name != "TOP_N"]
    path.write_text("this line is s3cret\n" + "".join(lines), encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings({"TOP_N": "ten"}, path)
    numbered = re.split(r"\(\d+\) ", caught.value.reason)[1:]
    told = {match[0]: problem for problem in numbered if (match := re.match(r"[A-Z_]+(?=[= ])", problem))}
    assert told.keys() == {*WRONG, "DATABASE_URL"}
    for name, (_, allowed) in WRONG.items():
        assert allowed in told[name]
        assert ("environment" if name == "TOP_N" else str(path)) in told[name]
        assert name in SECRETS or f"{name}={given_values[name]}" in told[name]
    assert "not set; looked in the environment and" in told["DATABASE_URL"]
    assert [problem for problem in numbered if f"{path}, line 1, is not of the form" in problem]
    assert "s3cret" not in str(caught.value)
    assert "shortsecret" not in "".join(traceback.format_exception(caught.value))


def test_the_numbers_at_the_ends_are_allowed(env_file):
    ends = {
        name: [low, high]
        for name, (_, allowed) in WRONG.items()
        for low, high in re.findall(r"^(\S+) to (\S+)$", allowed)
    }
    assert len(ends) == 16
    for number in (0, 1):
        environ = {name: values[number] for name, values in ends.items()}
        found = load_settings(environ, env_file)
        assert [getattr(found, name.lower()) for name in ends] == [float(environ[name]) for name in ends]


def test_a_setting_and_its_file_at_once(env_file, tmp_path):
    with pytest.raises(SettingsError, match="DATABASE_URL and DATABASE_URL_FILE are both set"):
        load_settings({}, append(env_file, "DATABASE_URL_FILE=secret\n"))
    with pytest.raises(SettingsError, match=rf"GUEST_KEY_FILE \(environment\) names {tmp_path / 'none'}"):
        load_settings({"GUEST_KEY_FILE": "none", "DATABASE_URL": URL}, env_file)


def test_a_missing_env_file_that_was_asked_for(tmp_path):
    with pytest.raises(SettingsError, match="no settings file"):
        load_settings({"DATABASE_URL": URL}, tmp_path / "none")


def test_an_env_file_that_is_no_text(tmp_path):
    (tmp_path / ".env").write_bytes(b"DATABASE_URL=\xff\xfe")
    with pytest.raises(SettingsError, match="UTF-8"):
        load_settings({}, tmp_path / ".env")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TOPN", "TOP_N"),
        ("top_n", "TOP_N"),
        ("DATABSE_URL", "DATABASE_URL"),
        ("HISTORY_DAY", "HISTORY_DAYS"),
        ("GUEST_KEY_FIL", "GUEST_KEY_FILE"),
        ("SHOP_TIME_ZONE", "SHOP_TIMEZONE"),
    ],
)
def test_a_misspelt_name_is_a_warning(name, meant, env_file):
    found = load_settings({}, append(env_file, f"{name}=1\n"))
    assert [warning for warning in found.warnings if f"did you mean {meant}?" in warning and name in warning]


def test_names_of_others_are_no_concern_of_ours(env_file):
    append(env_file, "WORDPRESS_DB_HOST=x\nLISTEN_PORT=80\nAPP_KEY=y\n")
    environ = {
        "PATH": "/bin",
        "LANG": "C",
        "HOME": "/root",
        "PGDATABASE": "x",
        "DATABASE": "y",
    }
    assert load_settings(environ, env_file).warnings == ()


def test_nothing_public_holds_a_secret():
    found = load_settings({"DATABASE_URL": f"{URL}?sslpassword=s3cret-too", "GUEST_KEY": GUEST_KEY})
    shown = found.public()
    assert shown.keys() == set(NAMES)
    assert all(isinstance(value, str | int | float | None) for value in shown.values())
    assert shown["GUEST_KEY"] == "***"
    for told in (str(shown), repr(found)):
        assert "s3cret" not in told
        assert GUEST_KEY not in told
    assert "db.example.org" in shown["DATABASE_URL"]
    assert load_settings({"DATABASE_URL": URL}).public()["GUEST_KEY"] is None


@given(st.sampled_from(sorted(WRONG)), st.text(max_size=20).filter(lambda text: "\0" not in text))
def test_no_value_whatever_breaks_the_reading(name, value):
    try:
        load_settings({"DATABASE_URL": "mysql://u:p@h/db", name: value})
    except SettingsError as error:
        assert name in error.reason  # noqa: PT017 - either outcome is right


def env_example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    found = [(match[1], match[2]) for line in lines if (match := re.fullmatch(r"#?([A-Z_]+)=(.*)", line))]
    assert len(found) == len(dict(found))
    return dict(found)


def test_env_example_has_every_setting_and_no_other():
    assert env_example().keys() == set(NAMES)


def test_env_example_has_the_defaults():
    """As in the class; an empty value stands for none, or for one that follows another setting."""
    example = env_example()
    found = load_settings(example | {"DATABASE_URL": URL, "TARGET_DATABASE_URL": "", "SALES_TIMEZONE": ""})
    following = {"database_url", "target_database_url", "sql_dir", "data_dir"}
    for field in dataclasses.fields(Settings):
        if field.name.upper() in NAMES and field.name not in following:
            assert getattr(found, field.name) == field.default, field.name
            assert (example[field.name.upper()] == "") == (
                field.default in (None, "") or field.name == "sales_timezone"
            )
    assert (example["SQL_DIR"], example["DATA_DIR"]) == ("sql", "var")
    assert [Path(example[name]) for name in ("SQL_DIR", "DATA_DIR")] == [Settings.sql_dir, Settings.data_dir]


def test_env_example_can_be_used_as_it_is():
    found = load_settings({}, ROOT / ".env.example")
    assert found.warnings == ()
    assert found.database_url.database == str(ROOT / "shop.db")


def test_every_setting_has_a_docstring():
    tree = ast.parse(inspect.getsource(settings_module))
    (body,) = [node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings"]
    for node, following in itertools.pairwise(body):
        if isinstance(node, ast.AnnAssign):
            assert isinstance(following, ast.Expr), ast.unparse(node)
            assert isinstance(following.value, ast.Constant), ast.unparse(node)
            assert len(str(following.value.value)) > 10


def test_settings_are_frozen(env_file):
    found = load_settings({"REPEAT_PURCHASES": "Include", "PUBLISH_GUESTS": "YES"}, env_file)
    assert (found.repeat_purchases, found.publish_guests) == (RepeatPurchases.INCLUDE, True)
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.top_n = 3  # type: ignore[misc]
