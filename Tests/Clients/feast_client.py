"""A Feast repository with the Bigtable online store and a parquet file as its source.

Feast makes a table PROJECT.ENTITY, writes with MutateRows, and reads by row keys and a pattern
of columns. Provider local: nothing but the server is asked.
"""

import contextlib
import datetime
import os
import pathlib
import tempfile

import checks
from checks import finish, holds, need_server, same, section

# Feast says who uses it, to its makers, unless told not to.
os.environ["FEAST_USAGE"] = "False"
try:
    import pandas
    from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
    from feast.infra.online_stores.bigtable import BigtableOnlineStoreConfig
    from feast.types import Array, Bool, Float64, Int64, String, UnixTimestamp
    from google.cloud import bigtable
except ImportError as error:
    checks.skip(f"feast[gcp] ({error})")

DRIVERS = 1000
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
PROJECT = f"clients_{os.getpid()}"


def values(driver):
    """The newest features of a driver."""
    return {
        "trips": driver * 10, "rating": driver / 7, "city": f"city of {driver}: Zürich",
        "active": driver % 2 == 0, "recent": [driver, -driver, 2 ** 40],
        "since": NOW - datetime.timedelta(days=driver)}


def write_source(path):
    """Two events for each driver, the older one last."""
    frame = [{"driver": driver, "event": NOW - datetime.timedelta(hours=1), **values(driver)}
             for driver in range(DRIVERS)]
    frame += [{**row, "event": NOW - datetime.timedelta(hours=5), "trips": -1, "city": "old"}
              for row in frame]
    pandas.DataFrame(frame).to_parquet(path)


def definitions(path):
    driver = Entity(name="driver", join_keys=["driver"], value_type=ValueType.INT64)
    source = FileSource(path=str(path), timestamp_field="event")
    one = FeatureView(
        name="driver_stats", entities=[driver], ttl=datetime.timedelta(days=2), source=source,
        schema=[Field(name="driver", dtype=Int64), Field(name="trips", dtype=Int64),
                Field(name="rating", dtype=Float64), Field(name="city", dtype=String),
                Field(name="active", dtype=Bool), Field(name="recent", dtype=Array(Int64)),
                Field(name="since", dtype=UnixTimestamp)])
    # Of the same entity: it shares the table, in rows of its own.
    two = FeatureView(
        name="driver_city", entities=[driver], ttl=datetime.timedelta(days=2), source=source,
        schema=[Field(name="driver", dtype=Int64), Field(name="city", dtype=String)])
    return driver, one, two


def served(store, features, drivers):
    return store.get_online_features(
        features=features, entity_rows=[{"driver": driver} for driver in drivers]).to_dict()


def read(store, source):
    instance = bigtable.Client(project="p", admin=True).instance("i")
    table = instance.table(f"{PROJECT}.driver")
    holds("the table is made, of a name with a dot", table.exists)
    same("with its family", lambda: list(table.list_column_families()), ["features"])
    same("nothing is served before", lambda: served(store, ["driver_stats:trips"], [1])["trips"],
         [None])
    with contextlib.redirect_stdout(None):  # it shows its progress
        store.materialize(NOW - datetime.timedelta(days=1), NOW + datetime.timedelta(minutes=1))
    same("a row for each driver and view", lambda: sum(1 for _ in table.read_rows()), 2 * DRIVERS)
    drivers = [3, 999, 0, 4242, 17]
    names = list(values(0))
    same("every kind of feature, in the order asked for, none for the one missing", lambda: served(
        store, [f"driver_stats:{name}" for name in names], drivers), {
            "driver": drivers,
            **{name: [values(driver)[name] if driver < DRIVERS else None for driver in drivers]
               for name in names}})
    same("all drivers at once", lambda: served(
        store, ["driver_stats:trips"], range(DRIVERS))["trips"],
        [10 * driver for driver in range(DRIVERS)])
    same("two views in one answer", lambda: served(
        store, ["driver_stats:trips", "driver_city:city"], [7]),
        {"driver": [7], "trips": [70], "city": [values(7)["city"]]})
    store.write_to_online_store("driver_stats", pandas.DataFrame([{
        "driver": 7, "event": NOW, **values(7), "trips": 71}]))
    same("a feature pushed since", lambda: served(
        store, ["driver_stats:trips"], [6, 7])["trips"], [60, 71])
    driver, one, two = definitions(source)
    store.apply([driver, one], objects_to_delete=[two], partial=False)
    same("a view less: the table that it shared stays", lambda: served(
        store, ["driver_stats:trips"], [7])["trips"], [71])
    store.teardown()
    same("the table goes with the repository", table.exists, False)


def main():
    need_server()
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "drivers.parquet")
        write_source(source)
        store = FeatureStore(config=RepoConfig(
            project=PROJECT, provider="local", registry=f"{folder}/registry.db",
            online_store=BigtableOnlineStoreConfig(project_id="p", instance="i"),
            offline_store={"type": "file"}, entity_key_serialization_version=3))
        store.apply([*definitions(source)])
        section("feast", read, store, source)
    finish()


main()
