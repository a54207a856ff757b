"""A new owner's first evening, as the README has it: from two odd shops to rows that the web shop reads.

Both shops sell tea (T1 to T3) and coffee (C1 to C3). Of customers 1 to 8 the odd ones drink tea, the even
ones coffee, and each bought two of three, so that the third leads the list. Beside these 16 lines:

    customer 1 also bought the third tea and gave it back      2 lines, which leave nothing
    a guest bought two teas                                    2 lines
    customer 1 ordered a coffee that was cancelled             not sold
    customer 2 ordered a tea and has not paid                  not sold
"""

import csv
import gzip
import io
import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from recommender.errors import ExitCode
from tests.nights import Shop, connection_to
from tests.test_docs import SELECTS

TEAS, COFFEES = ("T1", "T2", "T3"), ("C1", "C2", "C3")
NAMES = {"T1": "Assam", "T2": "Darjeeling", "T3": "Sencha", "C1": "Santos", "C2": "Sidamo", "C3": "Java"}
STOCK = dict.fromkeys(NAMES, 7) | {"T1": 0}
LEFT_OUT = {1: "T3", 2: "C3", 3: "T1", 4: "C1", 5: "T2", 6: "C2", 7: "T3", 8: "C3"}
"""What of the kind that they like each customer never bought; customer 1 gave it back."""
BOUGHT = {c: [i for i in (TEAS if c % 2 else COFFEES) if i != LEFT_OUT[c]] for c in LEFT_OUT}
LINES = 16 + 2 + 2
SMALL = {"FACTORS": 8, "ITERATIONS": 5, "THREADS": 1, "TOP_N": 3, "HISTORY_DAYS": 36500}


def first_call(shop, *options):
    """`init` in an empty folder, by options alone; the job may make no tables."""
    outcome = shop.recommend("init", "--url", shop.url, "--yes")
    assert outcome.code is ExitCode.DATABASE
    assert "printed above" in outcome.err
    lines = shop.env_file.read_text(encoding="utf-8")
    for name, value in (SMALL | dict(options)).items():
        lines, found = re.subn(rf"(?m)^#?{name}=.*$", f"{name}={value}", lines)
        assert found == 1
    shop.env_file.write_text(lines, encoding="utf-8")
    return outcome.out


def finish(shop, guess, word):
    """Put the owner's word in the place of a guess in sales.sql, which must be there once."""
    path = shop.folder / "sql" / "sales.sql"
    text, found = re.subn(guess, word, path.read_text(encoding="utf-8"))
    assert found == 1, text
    path.write_text(text, encoding="utf-8")


def night(shop):
    """`check`, `run` and `status`, all good; returns the exported sales."""
    checked = shop.recommend("check")
    assert checked.code is ExitCode.DONE, checked.out
    assert "ERROR" not in checked.out
    assert "guest" in checked.out
    # So few sales prove nothing: unless told otherwise the night shows what is popular. And for taste to show
    # in so few, each must count for more.
    with shop.env_file.open("a", encoding="utf-8") as file:
        file.write("NIGHTLY_PROOF=off\nALPHA=10\n")
    run = shop.night(None)
    assert "published" in shop.does("status")
    counts = run.manifest.counts
    assert (counts["sales"], counts["guest_sales"], counts["items"]) == (LINES, 2, 6)
    text = gzip.decompress(run.path("sales.csv.gz").read_bytes()).decode()
    return list(csv.DictReader(io.StringIO(text)))


def reads(url, place, names, customer):
    """What the web user gets from the documents' SELECT with the shop's own names put in."""
    select = SELECTS[place]
    for ours, theirs in names.items():
        assert ours in select
        select = select.replace(ours, theirs)
    with connection_to(url) as connection:
        found = connection.exec_driver_sql(select.replace(":customer_id", customer).replace("%", "%%"))
        return [row[0].strip() for row in found]


def may_not(url, *statements):
    """The user of the address may do none of these."""
    for statement in statements:
        with (
            connection_to(url) as connection,
            pytest.raises(sa.exc.DBAPIError, match=r"denied|must be owner"),
        ):
            connection.exec_driver_sql(statement)


# PostgreSQL: a schema of its own, German names, text keys, words as statuses, returns in a table of their own


def hofladen(server):
    """The addresses of the shop as its owner, as the job and as the web shop."""
    admin = server.create_database()
    database = str(sa.make_url(admin).database)
    for role in ("laden_chef", "empfehlung", "webshop"):
        server.execute(f"DROP ROLE IF EXISTS {role}", f"CREATE ROLE {role} LOGIN PASSWORD 'pw'")
    shop = Shop(Path(), admin)
    shop.execute(
        "CREATE SCHEMA laden AUTHORIZATION laden_chef",
        "ALTER ROLE webshop SET search_path = laden",
        "SET ROLE laden_chef",
        "SET search_path = laden",
        "CREATE TABLE kunden (kd_nr text PRIMARY KEY, nachname text, email text)",
        "CREATE TABLE artikel (art_nr text PRIMARY KEY, bezeichnung text, vk_preis numeric, bestand int,"
        " lieferbar boolean, warengruppe text)",
        "CREATE TABLE bestellungen (bestell_nr text PRIMARY KEY, kd_nr text REFERENCES kunden,"
        " gast_mail text, bestellt_am timestamptz NOT NULL, zustand text NOT NULL)",
        "CREATE TABLE bestellpositionen (bestell_nr text REFERENCES bestellungen, pos int, art_nr text"
        " REFERENCES artikel, menge int, einzelpreis numeric, PRIMARY KEY (bestell_nr, pos))",
        "CREATE TABLE retouren (retoure_nr int PRIMARY KEY, bestell_nr text, pos int, menge int,"
        " eingang_am timestamptz)",
        *(f"INSERT INTO kunden VALUES ('K-{c}', 'N', 'n@example.org')" for c in LEFT_OUT),
        *(
            f"INSERT INTO artikel VALUES ('{item}', '{name}', 2.5, {STOCK[item]}, true, '{item[0]}')"
            for item, name in NAMES.items()
        ),
    )

    def order(number, customer, status, items, mail="NULL"):
        shop.execute(
            f"INSERT INTO laden.bestellungen VALUES"
            f" ('B{number}', {customer}, {mail}, '2024-06-{10 + number} 12:00+02', '{status}')",
            *(
                f"INSERT INTO laden.bestellpositionen VALUES ('B{number}', {pos}, '{item}', 2, 2.5)"
                for pos, item in enumerate(items, 1)
            ),
        )

    for customer, items in BOUGHT.items():
        order(customer, f"'K-{customer}'", ("bezahlt", "versendet")[customer % 2], items)
    order(9, "'K-1'", "versendet", ["T3"])
    order(10, "NULL", "bezahlt", ["T1", "T2"], "'gast@example.org'")
    order(11, "'K-1'", "storniert", ["C1"])
    order(12, "'K-2'", "offen", ["T2"])
    shop.execute(
        "INSERT INTO laden.retouren VALUES (1, 'B9', 1, 2, '2024-06-25 09:00+02')",
        "GRANT USAGE ON SCHEMA laden TO empfehlung, webshop",
        "SET search_path = laden",
        "GRANT SELECT ON artikel, bestellungen, bestellpositionen, retouren TO empfehlung",
        "GRANT SELECT ON artikel TO webshop",
    )
    return [server.url(database, user, "pw") for user in ("laden_chef", "empfehlung", "webshop")]


def test_an_evening_on_postgresql(tmp_path, postgresql):
    owner, job, web = hofladen(postgresql)
    shop = Shop(tmp_path, job)
    said = first_call(shop, ("TARGET_SCHEMA", "laden"), ("SHOP_TIMEZONE", "Europe/Berlin"))
    assert "Left out, since this user cannot read them: laden.kunden." in said
    assert "which values of bestellungen.zustand mean that it was really sold" in said
    assert "whether retouren holds what came back" in said
    # Without TARGET_SCHEMA they would have gone where the web shop does not look.
    assert "Our tables belong in the schema public, the shop's are in laden" in said
    assert "CREATE TABLE public.recommendations" in said
    text = (shop.folder / "sql" / "sales.sql").read_text(encoding="utf-8")
    assert "the next line takes 'bezahlt', 'versendet'." in text.replace(
        "'versendet', 'bezahlt'", "'bezahlt', 'versendet'"
    )
    assert "SELECT …, r.eingang_am, -r.menge, …\n--   FROM laden.retouren AS r" in text
    # The owner agrees on which orders were sold, adds what came back, and says so.
    finish(
        shop,
        r"\Z",
        "UNION ALL SELECT o.kd_nr, l.art_nr, r.eingang_am, -r.menge, NULL, r.bestell_nr, o.gast_mail"
        " FROM laden.retouren AS r JOIN laden.bestellungen AS o ON o.bestell_nr = r.bestell_nr"
        " JOIN laden.bestellpositionen AS l ON l.bestell_nr = r.bestell_nr AND l.pos = r.pos"
        " WHERE r.eingang_am >= :since\n",
    )
    assert "To be decided first" in shop.recommend("check").out
    assert len(shop.decides()) == 2
    said = shop.does("init", "--yes", "--owner-url", owner)
    assert "Gave the rights on them to empfehlung" in said
    assert "\nNext: `recommend check`.\n" in said
    rights = re.findall(r"(?m)^GRANT .* TO web_user;$", said)
    Shop(tmp_path, owner).execute(*(right.replace("web_user", "webshop") for right in rights))

    sales = night(shop)
    returned = [line for line in sales if line["quantity"].startswith("-")]
    assert [(line["customer_id"], line["item_id"], line["sold_at"]) for line in returned] == [
        ("K-1", "T3", "2024-06-25 07:00:00.000000Z")
    ]
    assert not {("K-1", "C1"), ("K-2", "T2")} & {(line["customer_id"], line["item_id"]) for line in sales}
    shown = shop.does("show", "K-1")
    assert "Assam" in shown.partition("Is shown")[0]
    assert "Sencha" not in shown.partition("Is shown")[0]

    names = {
        "products AS p": "artikel AS p",
        "p.product_id": "p.art_nr",
        "p.name": "p.bezeichnung",
        "p.price": "p.vk_preis",
        "p.active": "p.lieferbar",
        "p.stock": "p.bestand",
    }
    for customer, item in LEFT_OUT.items():
        if STOCK[item]:
            assert reads(web, "customer", names, f"'K-{customer}'")[0] == item
            assert reads(web, "everybody", names, f"'K-{customer}'")[0] == item
    assert "T1" not in reads(web, "customer", names, "'K-3'")
    assert set(reads(web, "everybody", names, "NULL")) == {"T2", "T3", "C1", "C2", "C3"}
    may_not(web, "DELETE FROM recommendations", "SELECT * FROM bestellungen")
    may_not(
        job, "SELECT * FROM laden.kunden", "DELETE FROM laden.artikel", "DROP TABLE laden.recommendations"
    )


# MariaDB: a prefix, latin1, padded numbers and CHAR keys, guests as 0, local times, refunds as orders


def kontor(server):
    """The addresses of the shop as its owner, as the job and as the web shop."""
    admin = server.create_database("CHARACTER SET latin1 COLLATE latin1_german1_ci")
    database = str(sa.make_url(admin).database)
    users = {user: f"{user}@'127.0.0.1'" for user in ("kontor_owner", "kontor_job", "kontor_web")}
    server.execute(
        *(f"CREATE OR REPLACE USER {account} IDENTIFIED BY 'p@ss/w#rd'" for account in users.values())
    )
    shop = Shop(Path(), admin)
    shop.execute(
        "CREATE TABLE ks_customer (uid INT(6) UNSIGNED ZEROFILL PRIMARY KEY, mail VARCHAR(120))",
        "CREATE TABLE ks_article (sku CHAR(8) PRIMARY KEY, title VARCHAR(80), vk DECIMAL(10, 2),"
        " online CHAR(1), stock INT)",
        "CREATE TABLE ks_order (oid INT UNSIGNED PRIMARY KEY, uid INT(6) UNSIGNED ZEROFILL NOT NULL,"
        " mail VARCHAR(120), dt DATETIME NOT NULL, st TINYINT UNSIGNED NOT NULL, parent_oid INT UNSIGNED)",
        "CREATE TABLE ks_order_pos (pid INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, oid INT UNSIGNED NOT NULL,"
        " sku CHAR(8) NOT NULL, n SMALLINT UNSIGNED NOT NULL, price DECIMAL(10, 2))",
        *(
            f"INSERT INTO ks_article VALUES ('{item}', '{name} für alle', 2.5, 'Y', {STOCK[item]})"
            for item, name in NAMES.items()
        ),
        "INSERT INTO ks_article VALUES ('X1', 'Withdrawn', 2.5, 'N', 7)",
    )

    def order(number, customer, status, items, parent="NULL"):
        mail = "" if customer else "gast@example.org"
        shop.execute(
            f"INSERT INTO ks_order VALUES ({number}, {customer}, '{mail}', '2024-07-{number:02} 00:30:00',"
            f" {status}, {parent})",
            *(
                f"INSERT INTO ks_order_pos (oid, sku, n, price) VALUES ({number}, '{item}', 2, 2.5)"
                for item in items
            ),
        )

    for customer, items in BOUGHT.items():
        order(customer, customer, 2 + customer % 2, items)
    order(9, 1, 3, ["T3"])
    order(10, 0, 3, ["T1", "T2"])
    order(11, 1, 8, ["C1"])
    order(12, 2, 0, ["T2"])
    order(13, 1, 9, ["T3"], 9)
    server.execute(
        f"GRANT ALL ON {database}.* TO {users['kontor_owner']} WITH GRANT OPTION",
        *(
            f"GRANT SELECT ON {database}.{table} TO {users['kontor_job']}"
            for table in ("ks_article", "ks_order", "ks_order_pos")
        ),
        f"GRANT SELECT ON {database}.ks_article TO {users['kontor_web']}",
    )
    return [server.url(database, user, "p@ss/w#rd") for user in users]


def test_an_evening_on_mariadb(tmp_path, mariadb):
    owner, job, web = kontor(mariadb)
    shop = Shop(tmp_path, job)
    said = first_call(shop, ("SHOP_TIMEZONE", "Europe/Berlin"))
    assert "whether one of o.st tells what was cancelled, never paid, or came back" in said
    assert "the quantity, where a column of ks_order_pos has it" in said
    finish(shop, r"  -- AND o\.st IN \(.*\)", "  AND o.st IN (2, 3, 9)")
    signed = "    IF(o.st = 9, -1, 1) * CAST(l.n AS SIGNED) AS quantity,\n    l.price AS price"
    finish(shop, r"    l\.price AS price", signed)
    assert len(shop.decides()) == 1
    said = shop.does("init", "--yes", "--owner-url", owner)
    assert "Gave the rights on them to 'kontor_job'@'127.0.0.1'" in said
    rights = re.findall(r"(?m)^GRANT .* TO 'web_user'@'127.0.0.1';$", said)
    Shop(tmp_path, owner).execute(*(right.replace("web_user", "kontor_web") for right in rights))

    sales = night(shop)
    returned = [line for line in sales if line["quantity"].startswith("-")]
    # Half past midnight in Berlin's summer is the evening before in UTC.
    assert [(line["customer_id"], line["item_id"], line["sold_at"]) for line in returned] == [
        ("1", "T3", "2024-07-12 22:30:00.000000Z")
    ]
    assert not {("1", "C1"), ("2", "T2")} & {(line["customer_id"], line["item_id"]) for line in sales}
    shown = shop.does("show", "000001")
    assert "Assam für alle" in shown.partition("Is shown")[0]
    assert "Sencha" not in shown.partition("Is shown")[0]

    names = {
        "products AS p": "ks_article AS p",
        "p.product_id": "p.sku",
        "p.name": "p.title",
        "p.price": "p.vk",
        "p.active": "p.online = 'Y'",
        "p.stock": "p.stock",
    }
    for customer, item in LEFT_OUT.items():
        if STOCK[item]:
            assert reads(web, "customer", names, str(customer))[0] == item
            assert reads(web, "everybody", names, str(customer))[0] == item
    assert set(reads(web, "everybody", names, "NULL")) == {"T2", "T3", "C1", "C2", "C3"}
    may_not(web, "DELETE FROM recommendations", "SELECT * FROM ks_order")
    may_not(job, "SELECT * FROM ks_customer", "DELETE FROM ks_article", "DROP TABLE recommendations")
