"""Whatever a shop's own tables tell `init`: its files hold the statements that they hold for a harmless shop.

Whoever can write a platform's tables, as any plugin can, is not to write SQL that the owner, or the root of
the database, will run. The walk tries hostile values in the place of everything that a preset reads, one at a
time, so a parameter that a preset gains is tried too.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from string import Template
from zoneinfo import available_timezones

import pytest

from recommender.database import open_database
from recommender.database.query import _pieces, prepare_query
from recommender.database.urls import normalise_url
from recommender.errors import RecommenderError, SettingsError
from recommender.setup.grants import rights_to_read
from recommender.setup.platforms import detect, parameters, queries
from recommender.setup.platforms.preset import NAMES, ParameterKind, load_preset
from recommender.setup.shopfolder import _write_missing, append_setting
from recommender.system.text import cells, printable

DATABASES = {
    "mysql": open_database(normalise_url("mysql://u:p@h/d")),
    "postgresql": open_database(normalise_url("postgresql://u:p@h/d")),
    "sqlite": open_database(normalise_url("sqlite:///shop.db")),
}
SINCE = datetime(2024, 3, 1)  # noqa: DTZ001 - naive by contract
READERS = {"mysql": "'shop'@'127.0.0.1'", "postgresql": "shop", "sqlite": ""}
HARMLESS = {
    ParameterKind.INTEGER: "1",
    ParameterKind.INTEGERS: "1",
    ParameterKind.TEXTS: "cancelled",
    ParameterKind.HEX: "ab" * 16,
    ParameterKind.NAME: "auth_user",
    ParameterKind.ADDRESS: "https://example.com/shop",
    ParameterKind.YES_NO: "yes",
    ParameterKind.ZONE: "Europe/Paris",
}
GRANT = "GRANT ALL PRIVILEGES ON *.* TO 'plugin'@'%' IDENTIFIED BY 'pw' WITH GRANT OPTION; --"
HOSTILE = [
    f"9.4.2\n{GRANT}",
    f"cancelled\r{GRANT}",
    f"cancelled\x85{GRANT}",
    f"cancelled\u2028{GRANT}",
    f"cancelled\u2029{GRANT}",
    f"cancelled; {GRANT}",
    "9.4.2\nSELECT 1 AS item_id, 'x' AS name, 1 AS sellable UNION ALL --",
    "9.4.2\nTARGET_DATABASE_URL=mysql://plugin:pw@192.0.2.1/x",
    "it's",
    "'; DROP TABLE orders; -- ",
    "\\",
    "cancelled\\",
    '"',
    "`",
    "a`.`b",
    "a--b",
    "mysql.user",
    "a.b.c",
    ".",
    "$",
    "$$",
    "${reader}",
    "${nowhere}",
    "/*",
    "*/",
    "/*!50000 DROP TABLE orders */",
    "#",
    "--",
    "-- [end]",
    "cancelled\n-- [end]\n-- [if not posts]",
    ":since",
    "cancelled :since",
    "100% %s %(x)s",
    "1) OR (1=1",
    "1, 2",
    "cancelled,Complete",
    "all",
    "ALL",
    "\0",
    "9\0",
    "\t",
    " 1 ",
    "1\n",
    "auth_user\n",
    "Europe/Paris\n",
    "../../../etc/passwd",
    "-1",
    "+1",
    "1_0",
    "1e3",
    "0x31",
    "\u0661\u0662",
    "9" * 5000,
    "[1",
    "[" * 100_000,
    '["1", "2); DROP TABLE orders; --"]',
    '[[1], {"a": 2}]',
    "\u202egnihtemos",
    "\x1b[2J",
    "cancelled \u00a0\u200c\u3000é",
    "x" * 1_000_000,
    "1" + "0" * 1_000_000,
    b"\xff'\\",
    b"\xab" * 16,
    -1,
    1.5,
    True,
    datetime(2024, 3, 1),  # noqa: DTZ001 - as drivers give one
]
ANSWERS = [
    *([(value, value)] for value in HOSTILE),
    [(f"cancelled {n}", n) for n in range(5000)],
    [(n, "x" * 100_000) for n in range(5)],
    [("cancelled", 1), ("cancelled '", "\x1b[2J"), ("cancelled\n", 1)],
    [(None, None), ("", "")],
]


@dataclass(frozen=True)
class FakeShop(detect.Shop):
    """Answers each text of a preset with rows that were laid down for it."""

    answers: dict[str, list[tuple[object, ...]]] = field(default_factory=dict)

    def rows(self, text, names):
        Template(text).substitute(names)  # a query asks for nothing but what is known
        assert all(re.fullmatch(r"[A-Za-z0-9_$-]*", name) for name in names.values())
        return self.answers.get(text, [])

    def links(self, table):
        told = self.answers.get(f"links of {table}", [])
        return [link("user_id", None, str(row[0])) for row in told if row[0] is not None]


def link(column, schema, table):
    return {"constrained_columns": [column], "referred_schema": schema, "referred_table": table}


def reads_of(preset):
    """Everything that a preset asks of a shop, by the text of the question, with harmless rows."""
    reads = {text: [("1.2.3",)] for text in preset.version}
    reads |= {text: [("Europe/Paris",)] for text in preset.shop_timezone}
    reads |= {text: [(1,)] for texts in preset.switches.values() for text in texts}
    for parameter in preset.parameters:
        harmless = HARMLESS[parameter.kind]
        for text in parameter.find:
            if found := detect._LINK.fullmatch(text):
                reads[f"links of {found[1]}"] = [(harmless,)]
            else:
                reads[text] = [(harmless,)]
        reads |= {text: [(harmless, "words")] for text in parameter.values}
    return reads


def said_of(preset):
    """What an owner has to say of any shop."""
    return {
        parameter.name: HARMLESS[parameter.kind]
        for parameter in preset.parameters
        if parameter.default is None and not parameter.find
    }


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """The zones are looked up on the disk each time."""
    zones = available_timezones()
    for module in (parameters, queries):
        monkeypatch.setattr(module, "available_timezones", lambda: zones)
    monkeypatch.setattr(queries, "reader_of", lambda database: (READERS[database.backend], "shop"))


def made(monkeypatch, preset, database, answers, said, *, ask=None):
    """What `init` would make of a shop that answers so."""
    prefix = "wp_" if preset.has_prefix else ""
    monkeypatch.setattr(queries, "detect", lambda *_, **__: detect.Platform(preset, prefix, prefix))
    monkeypatch.setattr(queries, "Shop", lambda _database: FakeShop(database, answers))
    return queries.platform_queries(database, asked=None, parameters=said, ask=ask)


def shape(text, backend):
    """The text without comments, with `?` for each literal, number, name that is told, and list of these."""
    pieces = [(kind, piece) for kind, piece in _pieces(text, backend) if kind != "comment"]
    plain = "".join("?" if kind == "literal" else piece for kind, piece in pieces)
    plain = re.sub(
        r"\bUNHEX\(\?\)|\bNULL\b|\b(?:auth_user|cancelled)\b|(?<![\w.])[\w$]*\d[\w$]*\b|\?", "?", plain
    )
    return " ".join(re.sub(r"\?(?:, \?)*", "?", plain).split())


def shapes(texts, backend):
    return {name: shape(text, backend) for name, text in texts.items()}


def comments(text):
    return [line.strip() for line in text.split("\n") if line.strip().startswith("--")]


@pytest.mark.parametrize(
    ("name", "backend"), [(name, kind) for name in NAMES for kind in load_preset(name).databases]
)
def test_whatever_a_shop_tells_its_files_hold_the_same_statements(monkeypatch, name, backend):
    preset, database = load_preset(name), DATABASES[backend]
    reads, said = reads_of(preset), said_of(preset)
    harmless = made(monkeypatch, preset, database, reads, said)
    assert {"sales.sql", "items.sql"} < harmless.texts.keys()
    written, refusals, good = 0, {}, set()
    for asked, others in questions(preset, reads):
        allowed = [shapes(harmless.texts, backend)]
        for fewer in ([], [(0,)]):  # a switch that is off, a parameter that falls to its default
            try:
                other = made(monkeypatch, preset, database, {**others, asked: fewer}, said)
            except SettingsError:
                continue
            allowed.append(shapes(other.texts, backend))
        for rows in ANSWERS:
            where = (asked, str(rows)[:100])
            try:
                found = made(monkeypatch, preset, database, {**others, asked: rows}, said)
            except SettingsError as error:
                refusals[str(error)] = where
                continue
            written += 1
            offered = tuple(value.others for value in found.values.values())
            outcome = (found.title, found.shop_timezone, found.sales_timezone, offered, *found.texts.items())
            if outcome in good:  # what an answer before gave too
                continue
            assert shapes(found.texts, backend) in allowed, where
            require_plain(found, backend)
            good.add(outcome)
    assert written > len(reads)
    assert all("--param" in text and len(text) < 2500 for text in refusals), refusals


def questions(preset, reads):
    """Each question, with what the shop else tells; values to choose from also where nothing else does."""
    for asked in reads:
        yield asked, reads
    for parameter in preset.parameters:
        for asked in parameter.values:
            yield asked, {text: rows for text, rows in reads.items() if text not in parameter.find}


def require_plain(found, backend):
    """Nothing in the files and words but what is meant to be there."""
    assert len(found.title) < 80
    assert found.title.isprintable()
    assert found.shop_timezone in (None, "Europe/Paris")
    assert found.sales_timezone in ("UTC", "Europe/Paris")
    for value in found.values.values():
        assert all(cells(words) <= 80 for words in value.others)
    for name, text in found.texts.items():
        assert text.startswith(f"-- {found.title}: written by")
        assert set(comments(text)[2:]) <= set(comments(found.platform.preset.text(name)))
        # Read line by line, as an editor, psql or a person does, nothing begins where no line of ours does.
        assert len(text.splitlines()) == text.count("\n")
        assert all(line == printable(line) for line in comments(text))
        assert max(map(len, text.split("\n"))) < 60_000
        text.encode()
        if name == "grants.sql":
            for statement in rights_to_read(text, backend, name):
                assert statement.startswith("GRANT SELECT")
                assert statement.endswith(f" TO {READERS[backend]};")
                assert statement.count(" TO ") == 1
        else:
            prepare_query(text, Path(name), backend, SINCE)


def test_values_in_sql_are_of_these_kinds_alone():
    """A kind that comes new needs a form, or words of its own, before it may stand in SQL."""
    assert set(ParameterKind) == {*HARMLESS}
    assert set(parameters._FORMS) | {ParameterKind.INTEGERS, ParameterKind.YES_NO, ParameterKind.ZONE} == set(
        ParameterKind
    )


def test_a_version_that_is_none_is_left_out_and_that_is_said(monkeypatch):
    preset = load_preset("woocommerce")
    found = made(monkeypatch, preset, DATABASES["mysql"], {preset.version[0]: [(HOSTILE[0],)]}, {})
    assert found.title == "WooCommerce"
    assert found.left_out == ("The version that the shop tells is no version; it is left out.",)
    for version in ("9.4.2", "1.7.8.9", "2, module Sales 2.0.14", "6.5.8.14-dev", "4.1.0+build 7"):
        found = made(monkeypatch, preset, DATABASES["mysql"], {preset.version[0]: [(version,)]}, {})
        assert found.title == f"WooCommerce {version}"
        assert found.left_out == ()


def test_all_is_the_owners_to_say(monkeypatch):
    """With it the shops of everybody in the database count as one."""
    preset = load_preset("prestashop")
    reads = reads_of(preset) | {preset.parameters[0].find[0]: [("all",)]}
    with pytest.raises(SettingsError, match=r"In the shop's own tables, id_shop=all is not of its form"):
        made(monkeypatch, preset, DATABASES["mysql"], reads, {})
    found = made(monkeypatch, preset, DATABASES["mysql"], reads, {"id_shop": "all"})
    assert not found.values["id_shop"].is_set


def test_a_text_with_a_comma_is_not_two(monkeypatch):
    preset, database = load_preset("oscar"), DATABASES["postgresql"]
    lines = next(p for p in preset.parameters if p.name == "cancelled_line_statuses")
    reads = reads_of(preset) | {lines.find[0]: [("cancelled,Complete",)]}
    with pytest.raises(SettingsError, match=r"cancelled_line_statuses=cancelled,Complete is not of its form"):
        made(monkeypatch, preset, database, reads, {"statuses": "Complete"})


@pytest.mark.parametrize("backend", DATABASES)
@pytest.mark.parametrize(
    ("told", "quoted"),
    [("a--b", "{0}a--b{0}"), ("$a", "{0}$a{0}"), ("Users", "{0}Users{0}"), ("auth_user", "auth_user")],
)
def test_a_tables_name_has_the_quotes_that_it_needs(monkeypatch, backend, told, quoted):
    preset, database = load_preset("oscar"), DATABASES[backend]
    reads = reads_of(preset) | {"links of order_order": [(told,)]}
    found = made(monkeypatch, preset, database, reads, {"statuses": "Complete"})
    name = quoted.format("`" if backend == "mysql" else '"')
    assert f"FROM {name} AS u\n" in found.texts["sales.sql"]
    assert backend == "sqlite" or f" ON {name} TO " in found.texts["grants.sql"]


@pytest.mark.parametrize("schema", [None, "other", "o'`\"ther"])
def test_a_table_in_another_schema_is_named_with_it(schema):
    class Linked(FakeShop):
        def links(self, _table):
            return [link("user_id", schema, "people")]

    shop = Linked(DATABASES["postgresql"])
    expected = {None: "people", "other": "other.people"}.get(schema, '"o\'`""ther".people')
    assert shop.first(["foreign key order_order.user_id"], {}) == [expected]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("grants.sql", "GRANT SELECT ON shop.t TO 'u'@'h';\nGRANT ALL ON *.* TO 'p'@'%';\n"),
        ("grants.sql", "GRANT SELECT ON shop.t TO 'u'@'h' WITH GRANT OPTION;\n"),
        ("grants.sql", "GRANT SELECT ON *.* TO 'u'@'h';\n"),
        ("grants.sql", "GRANT SELECT ON shop.* TO 'u'@'h';\n"),
        ("grants.sql", "GRANT SELECT ON shop.t TO 'u'@'h', 'p'@'%';\n"),
        ("grants.sql", "GRANT SELECT, UPDATE ON shop.t TO 'u'@'h';\n"),
        ("grants.sql", "GRANT SELECT (a) ON shop.t TO 'u\\'@'h'; DROP TABLE t; -- ';\n"),
        ("grants.sql", "/*! GRANT ALL ON *.* TO 'p'@'%' */;\n"),
        ("grants.sql", "--GRANT SELECT ON shop.t TO 'u'@'h';\n"),  # no comment for MariaDB and MySQL
        ("grants.sql", "-- a\rGRANT ALL ON *.* TO 'p'@'%';\n"),
        ("grants.sql", "\\! id\n"),
        ("grants.sql", "source x\n"),
        ("statuses.sql", "SELECT 1; DROP TABLE t\n"),
        ("items.sql", "SELECT 1) AS q; DROP TABLE t; --\n"),
    ],
)
def test_no_file_is_written_where_one_is_not_what_it_must_be(tmp_path, name, text):
    texts = {"sales.sql": "SELECT 1\n", "items.sql": "SELECT 1\n", "statuses.sql": "SELECT 1\n", name: text}
    with pytest.raises(RecommenderError, match="no file was written"):
        _write_missing(tmp_path / "sql", texts, "mysql")
    assert not (tmp_path / "sql").exists()
    texts[name] = "GRANT SELECT ON shop.t TO 'u'@'h';\n" if name == "grants.sql" else "SELECT 1\n"
    assert len(_write_missing(tmp_path / "sql", texts, "mysql")) == len(texts)


def test_rights_are_told_statement_by_statement():
    text = (
        "-- Of a\u2028GRANT ALL ON *.* TO p;\u0085GRANT ALL ON *.* TO q;\r\n\n--\n"
        "GRANT SELECT (id, `two  names`)\n  ON shop.t\n  TO 'u'@'h'; -- as we said\n"
        "grant select on `a;b`.c to u@localhost;"
    )
    assert rights_to_read(text, "mysql", "x") == [
        "GRANT SELECT (id, `two  names`) ON shop.t TO 'u'@'h';",
        "grant select on `a;b`.c to u@localhost;",
    ]
    with pytest.raises(SettingsError, match=r"^x, line 4, holds more than rights to read\."):
        rights_to_read("-- a\n\n\nDROP TABLE t;", "mysql", "x")


def test_what_is_no_value_is_no_answer_to_offer(monkeypatch):
    preset, offered = load_preset("opencart"), {}

    def ask(_title, parameter, default, _shown, check):
        offered[parameter.name] = default
        return check(HARMLESS[parameter.kind])

    zone = next(p for p in preset.parameters if p.name == "timezone")
    reads = reads_of(preset) | {zone.find[0]: [("Mars/Phobos",)]}
    found = made(monkeypatch, preset, DATABASES["mysql"], reads, {}, ask=ask)
    assert offered == {"timezone": None}
    assert found.sales_timezone == "Europe/Paris"


def test_a_comment_in_the_file_of_settings_stays_one(tmp_path):
    path = tmp_path / ".env"
    path.write_text("HISTORY_DAYS=900\n", encoding="utf-8")
    append_setting(path, "As Shop 1\nTARGET_DATABASE_URL=x has it", "SALES_TIMEZONE", "UTC")
    text = "HISTORY_DAYS=900\n# As Shop 1?TARGET_DATABASE_URL=x has it\nSALES_TIMEZONE=UTC\n"
    assert path.read_text(encoding="utf-8") == text
