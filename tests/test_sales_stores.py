"""Sales from a real store that speaks S3: the same lists, and a night when it refuses or is gone."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from recommender.errors import ExitCode
from recommender.export import filestores
from tests.conftest import leave_out, own_name
from tests.faults.injection import patched
from tests.nights import DAY, Shop, usual_shop
from tests.servers import MissingServerError, Seaweedfs
from tests.test_sales_files import items_of, lists_of, of_files, sales_of, write

ON_DAY = ("--as-of", str(DAY))


@pytest.fixture(scope="module")
def store() -> Iterator[Seaweedfs]:
    try:
        server = Seaweedfs()
    except MissingServerError as error:
        leave_out(str(error))
    with server:
        yield server


@pytest.fixture
def bucket(store, monkeypatch):
    """A bucket of its own; the login is in the environment, as an owner has it."""
    name = own_name("sales").replace("_", "-")
    store.system().create_dir(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", store.ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", store.SECRET_KEY)
    return name


def put(store: Seaweedfs, place: str, path: Path) -> None:
    with store.system().open_output_stream(place) as stream:
        stream.write(path.read_bytes())


def uri(store: Seaweedfs, place: str) -> str:
    return f"s3://{place}?endpoint_override=127.0.0.1:{store.port}&scheme=http&region=us-east-1"


@pytest.fixture
def shops(tmp_path, store, bucket):
    """A shop of queries, and the same with its files in the store."""
    shop = usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")
    sales = sales_of(shop)
    half = len(sales) // 2
    for part, name in enumerate(("day=1/a.parquet", "day=2/b.parquet")):
        rows = sales.slice(part * half, half if part == 0 else None)
        put(store, f"{bucket}/sales/{name}", write(tmp_path / "data" / f"{part}.parquet", rows))
    put(store, f"{bucket}/items.csv", write(tmp_path / "data" / "items.csv", items_of(shop)))
    uris = {"SALES_URI": uri(store, f"{bucket}/sales"), "ITEMS_URI": uri(store, f"{bucket}/items.csv")}
    found = of_files(tmp_path / "files", shop, **uris)
    return shop, found


def test_a_night_from_a_store_gives_the_lists_of_the_queries_to_the_byte(shops):
    shop, files = shops
    shop.night()
    files.night()
    assert lists_of(files) == lists_of(shop)
    read = files.last_run.manifest.sources["sales.sql"].files
    assert [each.path for each in read] == ["day=1/a.parquet", "day=2/b.parquet"]
    assert all(each.modified and datetime.fromisoformat(each.modified) for each in read)
    assert files.recommend("check").code is ExitCode.DONE


def test_what_a_store_refuses_is_one_line_and_keeps_the_secret(shops, store, bucket, monkeypatch):
    _, files = shops
    files.night()
    before = files.dump()
    for name, place in (("no_key", f"{bucket}/nowhere"), ("no_bucket", "no-such-bucket/sales")):
        files.set(SALES_URI=uri(store, place))
        assert "SALES_URI" in files.recommend("run", *ON_DAY).err, name
    files.set(SALES_URI=uri(store, f"{bucket}/sales"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"{store.SECRET_KEY}x")
    assert "[files-unreachable]" in files.fails(ExitCode.DATABASE, "run", *ON_DAY)
    assert files.dump() == before


def test_an_object_that_is_written_anew_while_it_is_read_is_refused(tmp_path, shops, store, bucket):
    shop, files = shops
    read = filestores.ArrowStore.blocks
    longer = write(tmp_path / "longer.parquet", sales_of(shop))

    def meanwhile(self, place):
        yield from read(self, place)
        put(store, f"{bucket}/sales/day=1/a.parquet", longer)

    with patched(filestores.ArrowStore, "blocks", meanwhile):
        assert "[files-changed]" in files.fails(ExitCode.REFUSED, "run", *ON_DAY)


def test_a_store_that_ends_in_the_middle_of_a_night_publishes_nothing(shops):
    _, files = shops
    files.night()
    before = files.dump()

    def gone(*_arguments):
        yield b"PAR1"
        raise OSError("the store has gone")

    with patched(filestores.ArrowStore, "blocks", gone):
        assert "[files-unreachable]" in files.fails(ExitCode.DATABASE, "run", *ON_DAY)
    assert files.dump() == before


def test_a_store_that_is_gone_is_told(tmp_path, monkeypatch):
    shop = usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-s3cret")
    files: Shop = shop.set(
        SALES_URI="s3://bucket/sales?endpoint_override=127.0.0.1:1&scheme=http&region=us-east-1"
    )
    assert "[files-unreachable]" in files.fails(ExitCode.DATABASE, "run", *ON_DAY)


@pytest.mark.parametrize("more", ["access_key=s3cret-x", "proxy=me:s3cret-x@host", "#s3cret-x"])
def test_what_else_stands_in_an_address_is_refused_unseen(tmp_path, more):
    shop = usual_shop(tmp_path / "shop", f"sqlite:///{tmp_path / 'shop.db'}")
    mark = "" if more.startswith("#") else "?"
    shop.set(SALES_URI=f"s3://bucket/sales{mark}{more}")
    assert "The address of files" in shop.fails(ExitCode.SETTINGS, "run")
