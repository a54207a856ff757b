"""Sales and items from files in the place of queries: the same lists; a file that is not whole is refused."""

import gzip
import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.errors import ExitCode
from recommender.export import filerows, sourcefiles
from recommender.runs.folder import ITEMS, SALES
from recommender.tables import LISTS
from tests.faults.injection import patched
from tests.nights import DAY, FORGET_KEY, Shop, csv_rows, make_shop, tastes, usual_shop

pytestmark = pytest.mark.sqlite_proves

ON_DAY = ("--as-of", str(DAY))
PARQUET = "parquet"
FORMS = [PARQUET, "csv", "csv.gz"]
GUEST_KEY = "g" * 32


def sales_of(shop: Shop) -> pa.Table:
    """What the query of a shop returns."""
    rows = shop.rows("SELECT customer_id, item_id, sold_at FROM sales ORDER BY 1, 2, 3")
    times = [datetime.fromisoformat(str(row[2])) for row in rows]
    keys = {name: [row[place] for row in rows] for place, name in enumerate(("customer_id", "item_id"))}
    return pa.table(keys | {"sold_at": pa.array(times, pa.timestamp("us"))})


def items_of(shop: Shop) -> pa.Table:
    """What the query of a shop returns."""
    rows = shop.rows("SELECT item_id, name, sellable FROM items ORDER BY 1")
    names = ("item_id", "name", "sellable")
    return pa.table({name: [row[place] for row in rows] for place, name in enumerate(names)})


def write(path: Path, table: pa.Table) -> Path:
    """Write a file of the form that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.name.endswith(PARQUET):
        pq.write_table(table, path)
        return path
    for place, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type):
            table = table.set_column(place, field.name, pc.cast(table[field.name], pa.string()))
    with pa.output_stream(str(path)) as stream:
        pcsv.write_csv(table, stream)
    return path


def of_files(folder: Path, shop: Shop, **settings: str | int | Path) -> Shop:
    """The same shop with files in the place of queries, its tables beside the other's."""
    folder.mkdir()
    found = Shop(folder, shop.url)
    found.set(**{name: value for name, value in shop.settings.items() if name != "DATA_DIR"})
    found.set(TABLE_PREFIX="f_", **{name: str(value) for name, value in settings.items()})
    found.does("init", "--yes")
    return found


def lists_of(shop: Shop) -> dict[str, str | None]:
    """The hash of each list of the last run."""
    return {each.name: shop.last_run.manifest.sha256_of(each.file_name) for each in LISTS}


@pytest.fixture
def shop(tmp_path):
    return usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")


@pytest.fixture
def files(tmp_path, shop):
    """A shop of one Parquet file of sales and one of items."""
    data = tmp_path / "data"
    sales, items = write(data / "s.parquet", sales_of(shop)), write(data / "i.parquet", items_of(shop))
    return of_files(tmp_path / "files", shop, SALES_URI=sales, ITEMS_URI=items)


@pytest.mark.each_database
@pytest.mark.parametrize("form", FORMS)
def test_files_give_the_lists_of_the_queries_to_the_byte(tmp_path, database_url, form):
    shop = usual_shop(tmp_path / "shop", database_url)
    shop.night()
    data, sales = tmp_path / "data", sales_of(shop)
    third = len(sales) // 3
    for part in range(4):
        write(data / "sales" / f"part-{part}.{form}", sales.slice(part * third, third))
    (data / "sales" / "_SUCCESS").touch()
    write(data / "sales" / "_temporary" / f"part-9.{form}", sales.slice(0, 1))
    items = write(data / f"items.{form}", items_of(shop))
    found = of_files(tmp_path / "files", shop, SALES_URI=data / "sales", ITEMS_URI=items)
    found.night()
    assert lists_of(found) == lists_of(shop)
    assert found.last_run.manifest.data_sha256 == shop.last_run.manifest.data_sha256
    assert found.last_run.manifest.warnings == shop.last_run.manifest.warnings == []
    counts = {name: found.last_run.manifest.counts[name] for name in ("sales", "read", "items")}
    assert counts == {name: shop.last_run.manifest.counts[name] for name in counts}


@pytest.mark.parametrize("form", FORMS)
def test_keys_with_zeros_in_front_stay_as_they_are(tmp_path, form):
    url, items = f"sqlite:///{tmp_path / 'shop.db'}", [f"{number:05}" for number in range(100, 124)]
    shop = make_shop(
        tmp_path / "shop", url, tastes([f"{n:04}" for n in range(30)], items), dict.fromkeys(items, True)
    )
    shop.does("init", "--yes")
    shop.night()
    sales = write(tmp_path / f"s.{form}", sales_of(shop))
    found = of_files(
        tmp_path / "files", shop, SALES_URI=sales, ITEMS_URI=write(tmp_path / f"i.{form}", items_of(shop))
    )
    found.night()
    assert lists_of(found) == lists_of(shop)
    assert found.last_run.manifest.keys == {"customer": "text", "item": "text"}


def test_one_of_both_may_be_a_query(tmp_path, shop):
    shop.night()
    sales, items = write(tmp_path / "s.csv", sales_of(shop)), write(tmp_path / "i.csv", items_of(shop))
    for name, uris in (("sales", {"SALES_URI": sales}), ("items", {"ITEMS_URI": items})):
        mixed = of_files(tmp_path / name, shop, **uris, SQL_DIR=shop.folder / "sql")
        mixed.night(DAY, "--force")
        assert lists_of(mixed) == lists_of(shop)
        assert {*mixed.last_run.manifest.sources} == {f"{name}.sql"}


def test_the_record_has_each_file_as_it_was_read(files):
    files.night()
    for name, uri in (("sales.sql", "SALES_URI"), ("items.sql", "ITEMS_URI")):
        path = Path(files.settings[uri])
        (read,) = files.last_run.manifest.sources[name].files
        assert files.last_run.manifest.sources[name].uri == path.as_uri()
        assert (read.path, read.bytes) == (path.name, path.stat().st_size)
        assert read.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert read.modified == datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        )
        assert name not in files.last_run.manifest.files


def test_a_night_of_files_is_made_again_from_what_it_kept(files):
    files.night()
    Path(files.settings["SALES_URI"]).unlink()
    assert f"identical: {files.last_run.run_id}" in files.does("reproduce", "latest")


def test_folders_say_what_is_the_same_for_all_of_their_rows(tmp_path, shop):
    shop.night()
    sales = sales_of(shop)
    for customer in pc.unique(sales["customer_id"]).to_pylist():
        rows = sales.filter(pc.equal(sales["customer_id"], customer)).drop_columns(["customer_id"])
        write(tmp_path / "sales" / f"customer_id={quote(str(customer))}" / "part.csv", rows)
    items = write(tmp_path / "i.csv", items_of(shop))
    found = of_files(tmp_path / "files", shop, SALES_URI=tmp_path / "sales", ITEMS_URI=items)
    found.night()
    assert lists_of(found) == lists_of(shop)


TIMES = [
    "2026-02-01",
    "2026-02-01 10:00:00",
    "2026-02-01T10:00:00+05:00",
    "2019-01-01",
    "2027-01-01",
    "",
    "soon",
]
LINES = st.tuples(
    st.sampled_from([1, 2, 3, None]),
    st.sampled_from([100, 101, None]),
    st.sampled_from([*TIMES, "", "soon"]),
    st.sampled_from(["1", "-1", "0", "2.5", "many", ""]),
    st.sampled_from(["a@example.com", "", None]),
)


@pytest.fixture(scope="module")
def two_shops(tmp_path_factory):
    """A shop with a query of the table `odd`, and one of files."""
    folder = tmp_path_factory.mktemp("odd")
    shop = usual_shop(folder / "shop", f"sqlite:///{folder / 'shop.db'}", GUEST_KEY=GUEST_KEY)
    shop.execute(
        "CREATE TABLE odd (customer_id INTEGER, item_id INTEGER, sold_at TEXT, quantity TEXT, mail TEXT)"
    )
    text = "SELECT customer_id, item_id, sold_at, quantity, mail AS guest_email FROM odd"
    (shop.folder / "sql" / "sales.sql").write_text(text, encoding="utf-8")
    write(folder / "data" / "s.csv", sales_of(shop))
    items = write(folder / "data" / "i.csv", items_of(shop))
    return shop, of_files(folder / "files", shop, SALES_URI=folder / "data" / "s.csv", ITEMS_URI=items)


@given(st.lists(LINES, min_size=1, max_size=30))
def test_odd_lines_are_counted_left_out_and_refused_alike(two_shops, lines):
    shop, files = two_shops
    names = ("customer_id", "item_id", "sold_at", "quantity", "mail")
    shop.execute("DELETE FROM odd")
    # In a CSV file nothing tells an empty text from none.
    rows = [
        dict(zip(names, (None if value == "" else value for value in line), strict=True)) for line in lines
    ]
    shop.execute(f"INSERT INTO odd VALUES ({', '.join(':' + name for name in names)})", rows=rows)
    keys = {name: [row[name] for row in rows] for name in names[:-1]}
    table = pa.table(keys | {"guest_email": [row["mail"] for row in rows]})
    types = [pa.int64(), pa.int64(), *[pa.string()] * 3]
    write(
        Path(files.settings["SALES_URI"]), table.cast(pa.schema(zip(table.column_names, types, strict=True)))
    )
    told = [each.recommend("export", *ON_DAY) for each in two_shops]
    assert told[0].code is told[1].code
    one, other = (each.last_run for each in two_shops)
    assert one.manifest.counts == other.manifest.counts
    if told[0].code is ExitCode.DONE:
        assert sorted(csv_rows(one.path(SALES))) == sorted(csv_rows(other.path(SALES)))
        assert one.path(ITEMS).read_bytes() == other.path(ITEMS).read_bytes()
        said = [[w for w in run.manifest.warnings if ":since" not in w] for run in (one, other)]
        assert said[0] == said[1]


def head(content: bytes) -> bytes:
    return b"customer_id,item_id,sold_at\n" + content


GOOD = b"1,100,2026-02-01\n"
BROKEN = {
    "empty": (b"", "it is empty, without even a header"),
    "fields": (head(GOOD + b"2,100\n"), "row 2 has 2 fields, and the header 3"),
    "quote": (head(GOOD + b'2,100,"2026-02-01\n3,100,2026-02-01\n'), "a quote is open at its end"),
    "latin": (head(GOOD + b"2,100,\xe4\n"), "row 2: sold_at is not a text in UTF-8"),
    "twice": (b"customer_id,item_id,sold_at,Sold_At\n" + b"1,2,3,4\n", "more than one column sold_at"),
    "zeros": (head(GOOD + b"2\x00,100,2026-02-01\n"), "customer_id"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_csv_file_is_refused_with_its_row_and_column(tmp_path, shop, name):
    shop.night()
    items = write(tmp_path / "i.csv", items_of(shop))
    path = write(tmp_path / "sales" / "s.csv", sales_of(shop))
    files = of_files(tmp_path / "files", shop, SALES_URI=tmp_path / "sales", ITEMS_URI=items)
    files.night()
    before = files.dump()
    content, said = BROKEN[name]
    (path.parent / "t.csv").write_bytes(content)
    error = files.fails(ExitCode.REFUSED, "run", *ON_DAY)
    assert said in error
    assert "t.csv" in error
    assert files.dump() == before
    told = files.recommend("check")
    assert told.code is ExitCode.REFUSED
    assert said in " ".join(told.out.split())


@pytest.mark.parametrize("cut", [0, 4, 100, -1])
def test_a_parquet_file_that_is_cut_off_is_refused(files, cut):
    path = Path(files.settings["SALES_URI"])
    content = path.read_bytes()
    path.write_bytes(content[:cut])
    assert "[files-damaged]" in files.fails(ExitCode.REFUSED, "run", *ON_DAY)


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("customer_id", pa.array([1.5]), "is of the type double, which cannot be a key"),
        ("sold_at", pa.array([["2026-02-01"]]), "sold_at is of the type list"),
        ("quantity", pa.array([{"n": 1}]), "quantity is of the type struct"),
    ],
)
def test_a_column_of_a_type_that_cannot_be_read_is_named(files, column, values, said):
    table = pa.table({"customer_id": [1], "item_id": [100], "sold_at": ["2026-02-01"]})
    columns = {name: table[name] for name in table.column_names} | {column: values}
    write(Path(files.settings["SALES_URI"]), pa.table(columns))
    assert said in files.fails(ExitCode.REFUSED, "run", *ON_DAY)


def test_the_types_that_others_write_are_read(tmp_path, shop):
    """Categories, 32 bits, decimals, days, zones, nanoseconds, bytes that are texts."""
    shop.night()
    sales, items = sales_of(shop), items_of(shop)
    times = pc.cast(sales["sold_at"], pa.timestamp("ns"))
    kinds = [
        {"customer_id": pc.cast(sales["customer_id"], pa.int32()), "sold_at": times},
        {"customer_id": pc.cast(sales["customer_id"], pa.decimal128(20, 0))},
        {"item_id": pc.cast(sales["item_id"], pa.uint64()), "sold_at": pc.cast(times, pa.date32())},
        {"sold_at": pc.assume_timezone(pc.cast(sales["sold_at"], pa.timestamp("ms")), "UTC")},
        {"customer_id": sales["customer_id"].dictionary_encode()},
        {"sold_at": pc.cast(pc.cast(sales["sold_at"], pa.string()), pa.binary())},
        {"sold_at": pc.cast(pc.cast(sales["sold_at"], pa.string()), pa.large_string())},
    ]
    items = items.set_column(2, "sellable", pc.cast(items["sellable"], pa.bool_()))
    for number, columns in enumerate(kinds):
        table = pa.table({name: columns.get(name, sales[name]) for name in sales.column_names})
        found = of_files(
            tmp_path / f"files-{number}",
            shop,
            SALES_URI=write(tmp_path / f"{number}.parquet", table),
            ITEMS_URI=write(tmp_path / "i.parquet", items),
            DATA_DIR=f"var-{number}",
        )
        found.does("run", *ON_DAY, "--force")
        runs = sorted((found.folder / f"var-{number}" / "runs").iterdir())
        assert (runs[-1] / "recommendations.csv").read_bytes() == shop.last_run.path(
            "recommendations.csv"
        ).read_bytes()


def test_a_file_that_changes_while_it_is_read_is_refused(files):
    files.night()
    before = files.dump()
    path = Path(files.settings["SALES_URI"])
    read = filerows._parquet_batches

    def meanwhile(*arguments):
        yield from read(*arguments)
        path.touch()

    with patched(filerows, "_parquet_batches", meanwhile):
        error = files.fails(ExitCode.REFUSED, "run", *ON_DAY)
    assert "changed while they were read: s.parquet" in error
    assert files.dump() == before


def test_a_file_that_comes_or_goes_meanwhile_is_refused(tmp_path, shop):
    sales = sales_of(shop)
    for part in range(2):
        write(tmp_path / "sales" / f"{part}.parquet", sales)
    items = write(tmp_path / "i.parquet", items_of(shop))
    files = of_files(tmp_path / "files", shop, SALES_URI=tmp_path / "sales", ITEMS_URI=items)
    read, path = filerows._parquet_batches, tmp_path / "sales" / "1.parquet"

    def come(*arguments):
        write(tmp_path / "sales" / "2.parquet", sales)
        yield from read(*arguments)

    def go(*arguments):
        path.unlink(missing_ok=True)
        yield from read(*arguments)

    for change in (come, go):
        with patched(filerows, "_parquet_batches", change):
            error = files.fails(ExitCode.REFUSED, "run", *ON_DAY)
        assert "[files-changed]" in error


def test_what_is_not_there_is_said(tmp_path, files):
    (tmp_path / "nothing").mkdir()
    (tmp_path / "nothing" / "readme.txt").touch()
    os.mkfifo(tmp_path / "nothing" / "pipe.csv")
    files.set(SALES_URI=tmp_path / "nothing")
    assert "has no file that ends with .parquet, .csv, .csv.gz" in files.fails(ExitCode.SETTINGS, "run")
    files.set(SALES_URI=tmp_path / "nowhere")
    assert "there is no file://" in files.fails(ExitCode.SETTINGS, "run")
    write(tmp_path / "nothing" / "a.csv", sales_of(files))
    write(tmp_path / "nothing" / "b.parquet", sales_of(files))
    files.set(SALES_URI=tmp_path / "nothing")
    assert "several formats" in files.fails(ExitCode.SETTINGS, "run")
    write(tmp_path / "c.csv", pa.table({"customer_id": [1], "sold_at": ["2026-02-01"]}))
    files.set(SALES_URI=tmp_path / "c.csv")
    assert "c.csv has no column item_id; it has customer_id, sold_at" in files.fails(ExitCode.SETTINGS, "run")


@pytest.mark.parametrize("uri", ["ftp://host/x", "sales", "file://host/x", "s3:///x", "s3://[x"])
def test_an_address_of_files_that_is_none_is_said(files, uri):
    files.set(SALES_URI=uri)
    assert "SALES_URI" in files.fails(ExitCode.SETTINGS, "run")


def test_a_part_without_rows_and_a_link_to_a_file_are_read(tmp_path, shop):
    shop.night()
    sales = sales_of(shop)
    for form in ("csv", PARQUET):
        folder = tmp_path / form
        write(folder / f"a.{form}", sales.slice(0, 0))
        (folder / f"b.{form}").symlink_to(write(tmp_path / f"elsewhere.{form}", sales))
        write(folder / f"c.{form}", sales.slice(0, 0))
        items = write(tmp_path / "i.csv", items_of(shop))
        files = of_files(tmp_path / f"files-{form}", shop, SALES_URI=folder, ITEMS_URI=items)
        files.night(DAY, "--force")
        assert lists_of(files) == lists_of(shop)


def test_a_time_that_is_far_too_late_for_microseconds_is_refused(files):
    late = pa.array([2**61], pa.timestamp("ms"))
    write(
        Path(files.settings["SALES_URI"]), pa.table({"customer_id": [1], "item_id": [100], "sold_at": late})
    )
    assert "[files-damaged]" in files.fails(ExitCode.REFUSED, "run", *ON_DAY)


def test_a_line_that_is_longer_than_a_block_is_refused(tmp_path, files):
    text = f'customer_id,item_id,sold_at,note\n1,100,2026-02-01,"{"x" * 5000}"\n'
    (tmp_path / "long.csv").write_text(text, encoding="utf-8")
    files.set(SALES_URI=tmp_path / "long.csv")
    with patched(filerows, "_BLOCK_BYTES", 1000):
        assert "[files-damaged]" in files.fails(ExitCode.REFUSED, "run", *ON_DAY)


def test_a_password_in_an_address_of_files_is_kept_back(files):
    files.set(SALES_URI="s3://me:s3cret-Pa@bucket/x")
    assert "AWS_ACCESS_KEY_ID" in files.fails(ExitCode.SETTINGS, "run")


def test_guests_and_the_forgotten_are_as_with_a_query(tmp_path, shop):
    shop.set(GUEST_KEY=GUEST_KEY)
    sales = sales_of(shop)
    mails = [f"g{n % 7}@example.com" if n % 3 == 0 else None for n in range(len(sales))]
    customers = pc.if_else(pc.is_valid(pa.array(mails)), pa.scalar(None, pa.int64()), sales["customer_id"])
    table = sales.set_column(0, "customer_id", customers).append_column("guest_email", pa.array(mails))
    files = of_files(
        tmp_path / "files",
        shop,
        SALES_URI=write(tmp_path / "s.parquet", table),
        ITEMS_URI=write(tmp_path / "i.parquet", items_of(shop)),
        FORGET_KEY=FORGET_KEY,
    )
    files.night()
    assert files.last_run.manifest.counts["guest_sales"] == sum(mail is not None for mail in mails)
    known = str(files.rows("SELECT min(customer_id) FROM f_recommendations")[0][0])
    files.does("forget", known, "--yes")
    files.night()
    assert (files.last_run.manifest.counts["forgotten"] or 0) > 0
    assert files.rows(f"SELECT count(*) FROM f_recommendations WHERE customer_id = {known}") == [(0,)]
    path = files.last_run.sales_path()
    assert path is not None
    kept = gzip.decompress(path.read_bytes()).decode()
    assert "guest:" in kept
    assert "example.com" not in kept


def test_old_sales_are_told_with_the_days_that_would_read_them(tmp_path, shop):
    old = sales_of(shop)
    first = datetime.fromisoformat("2019-01-01")
    times = pa.array([first + timedelta(hours=n) for n in range(len(old))], pa.timestamp("us"))
    path = write(tmp_path / "s.parquet", old.set_column(2, "sold_at", times))
    items = write(tmp_path / "i.csv", items_of(shop))
    files = of_files(tmp_path / "files", shop, SALES_URI=path, ITEMS_URI=items)
    newest = times[-1].as_py().date()
    files.set(HISTORY_DAYS=100)
    error = files.fails(ExitCode.REFUSED, "run", *ON_DAY)
    assert f"The newest sale there is of {newest}; HISTORY_DAYS={(DAY - newest).days} would read it." in error


def test_init_and_check_know_files(tmp_path, shop):
    data = tmp_path / "data"
    sales = write(data / "s.csv", sales_of(shop))
    items = write(data / "i.csv", items_of(shop))
    url = f"sqlite:///{tmp_path / 'ours.db'}"
    (tmp_path / "ours.db").touch()
    new = Shop(tmp_path / "new", url)
    new.folder.mkdir()
    said = new.does("init", "--url", url, "--sales-uri", str(sales), "--items-uri", items.as_uri(), "--yes")
    assert "Customer keys: INTEGER; item keys: INTEGER." in said
    assert not (new.folder / "sql").exists()
    told = new.recommend("check").out
    assert f"{sales.as_uri()}: 1 csv file of" in " ".join(told.split())
    assert "customer 1 bought item" in told or "bought item" in told
    assert new.does("init", "--yes").startswith("Customer keys: INTEGER")
    assert "names other files" in new.fails(ExitCode.SETTINGS, "init", "--sales-uri", "/nowhere", "--yes")
    assert "--sales-uri must be a path" in new.fails(ExitCode.SETTINGS, "init", "--sales-uri", "x", "--yes")


SHOPIFY = """Name,Email,Financial Status,Cancelled at,Created at\
,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku
#1,Ann@Example.com,paid,,2026-02-01 09:50:26 +0100,2,Tea - Green,5.00,T-1
#1,Ann@Example.com,,,2026-02-01 09:50:26 +0100,1,"Cup, blue",7.50,
#2,bob@example.com,refunded,,2026-02-02 09:50:26 +0100,1,Tea - Green,5.00,T-1
#3,bob@example.com,partially_refunded,,2026-02-03 09:50:26 +0100,1,Tea - Green,5.00,'T-1
#4,cy@example.com,paid,2026-02-05 10:00:00 +0100,2026-02-04 09:50:26 +0100,1,Tea - Green,5.00,T-1
#5,,paid,,2026-02-05 09:50:26 +0100,1,Tea - Green,5.00,T-1
"""
PRODUCTS = """Handle,Title,Vendor,Type,Published,Option1 Value,Variant SKU,Variant Price,Image Src,Status
tea,Tea,Hill,Drinks,true,Green,T-1,5.00,https://x.example/t.png,active
tea,,,,,Black,T-2,5.50,,
tea,,,,,,,,https://x.example/t2.png,
cup,"Cup, blue",Clay,Cups,true,Default Title,,7.50,,active
old,Old,Clay,Cups,true,Default Title,O-1,1.00,,archived
"""


def test_shopify_s_exports_are_read(tmp_path):
    (tmp_path / "orders.csv").write_text(SHOPIFY, encoding="utf-8")
    (tmp_path / "products.csv").write_text(PRODUCTS, encoding="utf-8")
    (tmp_path / "ours.db").touch()
    url = f"sqlite:///{tmp_path / 'ours.db'}"
    shop = Shop(tmp_path / "shop", url)
    shop.folder.mkdir()
    uris = ("--sales-uri", str(tmp_path / "orders.csv"), "--items-uri", str(tmp_path / "products.csv"))
    assert "Customer keys: TEXT; item keys: TEXT." in shop.does("init", "--url", url, *uris, "--yes")
    shop.does("export", *ON_DAY)
    assert csv_rows(shop.last_run.path(SALES))[1:] == [
        ["ann@example.com", "T-1", "2026-02-01 08:50:26.000000Z", "2", "5", "#1"],
        ["ann@example.com", "Cup, blue", "2026-02-01 08:50:26.000000Z", "1", "7.5", "#1"],
        ["bob@example.com", "T-1", "2026-02-03 08:50:26.000000Z", "1", "5", "#3"],
    ]
    named = {row[0]: row[1:4] for row in csv_rows(shop.last_run.path(ITEMS))[1:]}
    assert named == {
        "T-1": ["Tea - Green", "true", "Drinks"],
        "T-2": ["Tea - Black", "true", "Drinks"],
        "Cup, blue": ["Cup, blue", "true", "Cups"],
        "O-1": ["Old", "false", "Cups"],
    }


def test_a_csv_file_may_have_semicolons_and_a_mark_of_its_encoding(tmp_path, shop):
    shop.night()
    rows = sales_of(shop).to_pylist()
    text = "".join(f"{row['customer_id']};{row['item_id']};{row['sold_at']}\r\n" for row in rows)
    (tmp_path / "s.csv").write_bytes(b"\xef\xbb\xbf" + f"Customer_ID;Item_ID;Sold_At\r\n{text}".encode())
    items = write(tmp_path / "i.csv", items_of(shop))
    files = of_files(tmp_path / "files", shop, SALES_URI=tmp_path / "s.csv", ITEMS_URI=items)
    files.night()
    assert lists_of(files) == lists_of(shop)


def test_no_files_are_listed_twice(files):
    """One look at the begin, and one at the end."""
    looks = []
    listed = sourcefiles._list

    def noted(setting, *place):
        looks.append(setting)
        return listed(setting, *place)

    with patched(sourcefiles, "_list", noted):
        files.night()
    assert sorted(looks) == ["ITEMS_URI", "ITEMS_URI", "SALES_URI", "SALES_URI"]
