"""Disks that are full, folders that may not be used, models that must not be."""

import os
from functools import partial

from recommender.night.target import target_of
from recommender.settings import load_settings
from tests.bad_input import faults
from tests.bad_input.support import ANY, MARIADB, NIGHT, POSTGRESQL, SQLITE, BadShop, Case, cases_of, nothing

CASES: list[Case] = []
case = cases_of(CASES)
_SO = "libgomp.so.1"

# A full disk, by the file that is written

for _file in (
    "manifest.json",
    "sales.csv",
    "items.csv",
    "model.npz",
    "recommendations.csv",
    "popular_items.csv",
):
    case(
        "the disk of our folder is full",
        on=ANY,
        fault=partial(faults.full_disk_at, _file),
        name=f"full_disk_at_{_file}",
    )(nothing)

case("a disk that is broken", on=ANY, fault=partial(faults.broken_disk_at, "sales.csv"), name="broken_disk")(
    nothing
)

for _file in ("staging", ".tmp-shop-copy.db"):
    case(
        "the disk of our folder is full",
        on=(SQLITE,),
        fault=partial(faults.full_sqlite, _file),
        name=f"full_disk_at_{_file.strip('.')}",
    )(nothing)


@case("root is called for a folder of another user", on=ANY, fault=faults.as_root)
def settings_of_another_user(shop: BadShop) -> None:
    if os.geteuid() == 0:  # else it is another user's than root's already
        os.chown(shop.env_file, faults.NOBODY, faults.NOBODY)


for _kind in ("pipe", "socket", "folder"):
    case(
        "a pipe, a socket or a folder in the place of a lock file",
        on=ANY,
        name=f"{_kind}_for_the_lock",
    )(partial(faults.put, _kind, "var/lock"))

case("a pipe in the place of a file of ours", on=ANY, name="pipe_for_the_forgotten")(
    partial(faults.put, "pipe", "var/forgotten.txt")
)
case("a file system without locks", on=ANY, fault=faults.no_locks, name="no_locks")(nothing)
case(
    "a limit of addresses in which nothing can be loaded",
    on=ANY,
    fault=partial(faults.limit_of_addresses, 300_000),
    name="ulimit_v",
)(nothing)
case("no more threads", on=ANY, fault=faults.no_threads, name="no_threads")(nothing)


for _name, _row, _error in (
    ("no_memory", "too little memory", MemoryError()),
    (
        "no_memory_for_a_library",
        "too little memory to load a library",
        ImportError(f"{_SO}: failed to map segment"),
    ),
    (
        "no_library",
        "a library of the system is missing",
        ImportError(f"{_SO}: cannot open shared object file"),
    ),
    ("unexpected", "a fault of this program", ZeroDivisionError("division by zero")),
):
    case(_row, on=ANY, fault=partial(faults.failing, _error), name=_name)(nothing)


@case("a lock file that is a link", on=ANY)
def linked_lock(shop: BadShop) -> None:
    (shop.folder / "var" / "lock").unlink()
    (shop.folder / "var" / "lock").symlink_to(shop.folder / "precious")


@case("a lock file that is a link", on=(SQLITE,))
def linked_lock_beside_the_database(shop: BadShop) -> None:
    target = target_of(load_settings({}, shop.env_file))
    digest = target.lock_name.rpartition(":")[2][:8]
    lock = shop.folder / f"shop.db.recommend-{digest}.lock"
    lock.unlink(missing_ok=True)
    lock.symlink_to(shop.folder / "precious")


@case(
    "the disk of the database is full",
    on=(SQLITE,),
    fault=partial(faults.full_sqlite, "shop.db"),
)
def full_database_file(shop: BadShop) -> None:
    shop.set(TOP_N=20)


@case("the disk of the database is full", on=(POSTGRESQL,))
def full_postgresql(shop: BadShop) -> None:
    shop.own_tables()
    words = 'could not extend file "base/1/2": No space left on device'
    shop.trigger(f"RAISE EXCEPTION '{words}' USING ERRCODE = 'disk_full'")


@case("the disk of the database is full", on=(MARIADB,))
def full_mariadb(shop: BadShop) -> None:
    shop.own_tables()
    shop.execute(
        "CREATE TRIGGER bad_full BEFORE INSERT ON bad_recommendations FOR EACH ROW SIGNAL SQLSTATE 'HY000'"
        " SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table ''recommendations'' is full'",
    )


# Models


def damage(shop: BadShop, content: bytes) -> None:
    """Put another model in the place of the published one, also in the manifest."""
    shop.last_run.path("model.npz").write_bytes(content)
    run = shop.last_run
    run.manifest.files["model.npz"] = faults.sha256(content)
    run.save()


LOAD = (*NIGHT, "--load")
EARLIER = ("run", "--load", "--as-of", "2026-02-01")


case("`--load` without a model", on=ANY, call=EARLIER, name="no_model")(nothing)


case("a training that fails", on=ANY, fault=faults.failing_fit, name="failing_fit")(nothing)


@case("a model that was changed", on=ANY, call=LOAD)
def another_model(shop: BadShop) -> None:
    path = shop.last_run.path("model.npz")
    path.write_bytes(path.read_bytes() + b"x")


@case("a model that cannot be used", on=ANY, call=LOAD)
def truncated_model(shop: BadShop) -> None:
    damage(shop, shop.last_run.path("model.npz").read_bytes()[:500])


@case("a model that cannot be used", on=ANY, call=LOAD)
def hostile_model(shop: BadShop) -> None:
    damage(shop, faults.hostile_model(shop.last_run.path("model.npz")))


@case("a model that cannot be used", on=ANY, call=LOAD, fault=faults.as_nobody)
def unreadable_model(shop: BadShop) -> None:
    shop.give_modes(0o777, 0o666)
    shop.last_run.path("model.npz").chmod(0)


# The stages one by one


@case("a file of the export was changed before the next stages", on=ANY, call=("train",))
def another_export(shop: BadShop) -> None:
    shop.does("export", *NIGHT[1:])
    with shop.last_run.path("sales.csv").open("a") as file:
        file.write("7,100,2026-01-01T10:00:00Z\n")


@case("a list was changed before the publish", on=ANY, call=("publish",))
def another_list(shop: BadShop) -> None:
    shop.does("export", *NIGHT[1:])
    shop.does("train")
    shop.does("rank")
    shop.last_run.path("popular_items.csv").unlink()


# Folders


@case("a folder that may not be written", on=ANY, fault=faults.as_nobody)
def folder_of_root(shop: BadShop) -> None:
    shop.give_modes(0o555, 0o444)


@case("a folder that is a file", on=ANY)
def folder_is_a_file(shop: BadShop) -> None:
    (shop.folder / "file").touch()
    shop.set(DATA_DIR="file/var")


@case("a SQLite file in a folder that may not be written", on=(SQLITE,), fault=faults.as_nobody)
def sqlite_folder_of_root(shop: BadShop) -> None:
    shop.give_modes(0o777, 0o666)
    shop.folder.chmod(0o555)


@case("a database that can only be read", on=(SQLITE,), fault=faults.as_nobody)
def sqlite_of_root(shop: BadShop) -> None:
    shop.give_modes(0o777, 0o666)
    (shop.folder / "shop.db").chmod(0o444)
