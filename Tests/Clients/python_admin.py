"""Tables, families, views, profiles and instances, by the admin clients of google-cloud-bigtable.

Where the classic client has no call of its own, the generated one below it is asked.
"""

import datetime

import checks
from checks import TABLE, finish, holds, need_server, refused, same, section

try:
    from google.api_core import exceptions
    from google.cloud import bigtable
    from google.cloud.bigtable import column_family, enums
    from google.cloud.bigtable.data import (
        BigtableDataClient, ReadRowsQuery, RowRange, SetCell,
    )
    from google.cloud.bigtable.data.read_modify_write_rules import IncrementRule
    from google.cloud.bigtable_admin_v2 import types
except ImportError:
    checks.skip("google-cloud-bigtable")

OPERATION_TIMEOUT = 20


def put(value, qualifier=b"q", family="f", milliseconds=1):
    return SetCell(family, qualifier, value, timestamp_micros=milliseconds * 1000)


class Admin:
    def __init__(self, client, data):
        self.client, self.data = client, data
        self.instance = client.instance("i")
        self.tables = client.table_admin_client
        self.instances = client.instance_admin_client

    def table(self, name):
        return self.instance.table(f"{TABLE}-{name}")

    def made(self, name, *families, splits=()):
        """A new table."""
        table = self.table(name)
        table.create(initial_split_keys=list(splits), column_families=dict.fromkeys(families))
        return table

    def rows(self, table):
        return self.data.get_table("i", table.table_id)

    def read(self, table):
        """The keys of a table."""
        return [row.row_key for row in self.rows(table).read_rows(ReadRowsQuery())]

    def modify(self, table, *modifications):
        return self.tables.modify_column_families(
            request={"name": table.name, "modifications": list(modifications)})

    def update(self, table, paths, **fields):
        """UpdateTable, and what its operation ends with."""
        return self.tables.update_table(request={
            "table": {"name": table.name, **fields}, "update_mask": {"paths": paths},
        }).result(timeout=OPERATION_TIMEOUT)


def tables(admin):
    table = admin.made("tables", "f")
    holds("a table is made", table.exists)
    same("another is not there", admin.table("nobody").exists, False)
    holds("it is listed", lambda: table.table_id in [
        one.table_id for one in admin.instance.list_tables()])
    refused("a second one of its name is refused", exceptions.AlreadyExists, table.create)
    refused("a bad name is refused", exceptions.InvalidArgument,
            lambda: admin.instance.table("a/b").create())
    other = admin.table("more")
    same("a table is made with its families", lambda: sorted(admin.tables.create_table(request={
        "parent": admin.instance.name, "table_id": other.table_id,
        "table": {"column_families": {"f": {}, "g": {"gc_rule": {"max_num_versions": 2}}}},
    }).column_families), ["f", "g"])

    def pages():
        return [page for page in admin.tables.list_tables(request={
            "parent": admin.instance.name, "page_size": 1}).pages]
    holds("tables come in pages, each once", lambda: (lambda found: (
        all(len(page.tables) == 1 for page in found)
        and {table.name, other.name} <= {page.tables[0].name for page in found}
        and len({page.tables[0].name for page in found}) == len(found)))(pages()))

    def view(kind):
        return admin.tables.get_table(request={"name": table.name, "view": kind})
    same("by name alone", lambda: (view("NAME_ONLY").name, len(view("NAME_ONLY").column_families)),
         (table.name, 0))
    same("with its schema", lambda: (
        list(view("SCHEMA_VIEW").column_families), view("SCHEMA_VIEW").granularity.name),
        (["f"], "MILLIS"))
    for kind in ("REPLICATION_VIEW", "FULL"):
        same(f"ready in every cluster: {kind}", lambda: {
            state.replication_state.name for state in view(kind).cluster_states.values()},
            {"READY"})
    holds("the classic client's states", lambda: all(
        state.replication_state == enums.Table.ReplicationState.READY
        for state in table.get_cluster_states().values()))
    refused("a missing table is not found", exceptions.NotFound,
            lambda: admin.table("nobody").list_column_families())
    other.delete()
    same("a table is deleted", other.exists, False)
    refused("not twice", exceptions.NotFound, other.delete)
    other.create()
    same("its name is free at once", lambda: list(other.list_column_families()), [])
    other.delete()
    table.delete()


def splits(admin):
    keys = [b"b", b"m", b"t\xff"]
    table = admin.made("splits", "f", splits=keys)
    same("initial splits are the samples, then the end", lambda: [
        key for key, _ in admin.rows(table).sample_row_keys()], keys + [b""])
    same("for the classic client too", lambda: [
        sample.row_key for sample in table.sample_row_keys()], keys + [b""])
    rows = [b"a", b"b", b"c", b"m", b"t\xff", b"t\xff\0", b"z"]
    for key in rows:
        admin.rows(table).mutate_row(key, put(b"v"))
    whole = ReadRowsQuery()
    holds("a query is cut by them", lambda: len(
        whole.shard(admin.rows(table).sample_row_keys())) > 1)
    same("and its parts give every row", lambda: [row.row_key for row in admin.rows(
        table).read_rows_sharded(whole.shard(admin.rows(table).sample_row_keys()))], rows)
    table.delete()


def families(admin):
    table = admin.table("families")
    versions = column_family.MaxVersionsGCRule(2)
    age = column_family.MaxAgeGCRule(datetime.timedelta(days=7, microseconds=3000))
    rules = {
        "versions": versions, "age": age,
        "both": column_family.GCRuleIntersection([versions, age]),
        "either": column_family.GCRuleUnion([age, column_family.GCRuleIntersection(
            [column_family.MaxVersionsGCRule(9), age])]),
        "none": None,
    }
    table.create(column_families=rules)
    same("every rule comes back", lambda: {
        name: family.gc_rule for name, family in table.list_column_families().items()}, rules)
    table.column_family("new", gc_rule=versions).create()
    table.column_family("new", gc_rule=column_family.MaxVersionsGCRule(5)).update()
    same("a family is added, and its rule changed",
         lambda: table.list_column_families()["new"].gc_rule,
         column_family.MaxVersionsGCRule(5))
    refused("not added twice", exceptions.AlreadyExists, table.column_family("new").create)
    refused("a missing one is not changed", exceptions.NotFound,
            table.column_family("nobody", gc_rule=versions).update)
    refused("nor dropped", exceptions.NotFound, table.column_family("nobody").delete)
    refused("of several changes one is wrong", exceptions.NotFound, lambda: admin.modify(
        table, {"id": "first", "create": {}}, {"id": "nobody", "drop": True}))
    holds("and none is made", lambda: "first" not in table.list_column_families())
    same("a change of what the mask names leaves the rule", lambda: (admin.modify(table, {
        "id": "new", "update": {"value_type": {"string_type": {"encoding": {"utf8_bytes": {}}}}},
        "update_mask": {"paths": ["value_type"]}}),
        table.list_column_families()["new"].gc_rule)[1], column_family.MaxVersionsGCRule(5))
    same("a mask of the rule", lambda: (admin.modify(table, {
        "id": "new", "update": {"gc_rule": {"max_num_versions": 6}},
        "update_mask": {"paths": ["gc_rule"]}}),
        table.list_column_families()["new"].gc_rule)[1], column_family.MaxVersionsGCRule(6))
    same("several in order", lambda: (admin.modify(
        table, {"id": "y", "create": {}}, {"id": "y", "update": {
            "gc_rule": {"max_num_versions": 4}}}, {"id": "none", "drop": True}),
        "none" in table.list_column_families(),
        table.list_column_families()["y"].gc_rule)[1:],
        (False, column_family.MaxVersionsGCRule(4)))
    same("one dropped and made again", lambda: admin.modify(
        table, {"id": "age", "drop": True}, {"id": "age", "create": {
            "gc_rule": {"max_num_versions": 3}}}).column_families["age"].gc_rule.max_num_versions,
        3)
    table.column_family("x").create()
    admin.rows(table).mutate_row(b"k", [put(b"v", family="new"), put(b"v", family="x")])
    table.column_family("new").delete()
    table.column_family("new").create()
    same("a dropped family's cells do not come back with its name", lambda: [
        cell.family for cell in admin.rows(table).read_row(b"k").cells], ["x"])
    integer = {"int64_type": {"encoding": {"big_endian_bytes": {}}}}
    admin.modify(table, *[
        {"id": name, "create": {"value_type": {"aggregate_type": {"input_type": integer, **kind}}}}
        for name, kind in {"sum": {"sum": {}}, "low": {"min_": {}}, "high": {"max_": {}}}.items()])

    def kinds():
        answer = admin.tables.get_table(request={"name": table.name}).column_families
        return [types.Type.Aggregate.pb(answer[name].value_type.aggregate_type).WhichOneof(
            "aggregator").rstrip("_") for name in ("sum", "low", "high")]
    same("families of sums, minima and maxima", kinds, ["sum", "min", "max"])
    for name in ("x", "low"):
        refused(f"{name} does not become a sum later", exceptions.InvalidArgument,
                lambda: admin.modify(table, {
                    "id": name, "update": {"value_type": {
                        "aggregate_type": {"input_type": integer, "sum": {}}}},
                    "update_mask": {"paths": ["value_type"]}}))
    table.delete()


def updates(admin):
    table = admin.made("updates", "f")
    same("a table is protected", lambda: admin.update(
        table, ["deletion_protection"], deletion_protection=True).deletion_protection, True)
    same("which it tells", lambda: admin.tables.get_table(
        request={"name": table.name}).deletion_protection, True)
    refused("and is not deleted", exceptions.FailedPrecondition, table.delete)
    holds("so it is there", table.exists)
    same("it is let go", lambda: admin.update(
        table, ["deletion_protection"], deletion_protection=False).deletion_protection, False)
    made = admin.tables.create_table(request={
        "parent": admin.instance.name, "table_id": table.table_id + "-made",
        "table": {"deletion_protection": True}})
    same("a table is made protected", lambda: made.deletion_protection, True)
    refused("and is not deleted either", exceptions.FailedPrecondition,
            admin.instance.table(table.table_id + "-made").delete)
    same("until it is let go", lambda: (
        admin.update(made, ["deletion_protection"]),
        admin.instance.table(table.table_id + "-made").delete())[1], None)
    refused("no mask", exceptions.InvalidArgument, lambda: admin.update(table, []))
    refused("a mask of all", exceptions.InvalidArgument, lambda: admin.update(table, ["*"]))
    refused("a missing table is not updated", exceptions.NotFound, lambda: admin.update(
        admin.table("nobody"), ["deletion_protection"]))
    operation = admin.tables.update_table(request={
        "table": {"name": table.name}, "update_mask": {"paths": ["deletion_protection"]}})
    holds("an operation is done", operation.done)
    same("its metadata names the table", lambda: operation.metadata.name, table.name)
    same("it is asked for again", lambda: admin.tables.transport.operations_client.get_operation(
        operation.operation.name).done, True)
    refused("another is not there", exceptions.NotFound, lambda: admin.tables.transport.
            operations_client.get_operation("operations/nobody"))
    table.delete()
    same("the table is deleted", table.exists, False)


def drops(admin):
    table = admin.made("drops", "f")
    rows = admin.rows(table)
    keys = [b"a#1", b"a#2", b"a$", b"b#1", b"\xff\xff", b"\xff\xff\x01"]
    for key in keys:
        rows.mutate_row(key, put(b"old", milliseconds=5))
    table.drop_by_prefix(b"a#")
    same("rows of a prefix are dropped", lambda: admin.read(table), keys[2:])
    table.drop_by_prefix(b"\xff\xff")
    same("of one without a successor", lambda: admin.read(table), keys[2:4])
    rows.mutate_row(b"a#1", put(b"new", milliseconds=4))
    same("a row is written again, with an older time", lambda: [
        cell.value for cell in rows.read_row(b"a#1").cells], [b"new"])
    table.drop_by_prefix(b"nobody")
    same("a prefix that nothing has", lambda: admin.read(table), [b"a#1", b"a$", b"b#1"])
    table.truncate()
    same("all rows", lambda: admin.read(table), [])
    holds("the families stay", lambda: "f" in table.list_column_families())
    rows.mutate_row(b"a#1", put(b"v"))
    same("and rows are written again", lambda: admin.read(table), [b"a#1"])
    refused("an empty prefix is refused", exceptions.InvalidArgument, lambda: table.drop_by_prefix(
        b""))
    refused("a missing table has nothing to drop", exceptions.NotFound,
            admin.table("nobody").truncate)
    table.delete()


def views(admin):
    table = admin.made("views", "f", "g")
    rows = admin.rows(table)
    for key in (b"in#1", b"in#2", b"out#1"):
        rows.mutate_row(key, [put(b"1"), put(b"2", b"q2"), put(b"3", b"r"),
                              put(b"4", family="g")])
    name = f"{table.name}/authorizedViews/v"
    subset = {"row_prefixes": [b"in#"], "family_subsets": {
        "f": {"qualifiers": [b"r"], "qualifier_prefixes": [b"q2"]}}}

    def create(**more):
        return admin.tables.create_authorized_view(request={
            "parent": table.name, "authorized_view_id": "v",
            "authorized_view": {"subset_view": subset, **more}}).result(timeout=OPERATION_TIMEOUT)

    def change(paths, **fields):
        return admin.tables.update_authorized_view(request={
            "authorized_view": {"name": name, **fields},
            "update_mask": {"paths": paths}}).result(timeout=OPERATION_TIMEOUT)

    def get(view="FULL"):
        return admin.tables.get_authorized_view(request={"name": name, "view": view})
    same("a view is made", lambda: create().name, name)
    refused("not twice", exceptions.AlreadyExists, create)
    same("it comes back", lambda: list(get().subset_view.row_prefixes), [b"in#"])
    same("by name alone", lambda: len(get("NAME_ONLY").subset_view.row_prefixes), 0)
    same("it is listed", lambda: [view.name for view in admin.tables.list_authorized_views(
        request={"parent": table.name})], [name])
    view = admin.data.get_authorized_view("i", table.table_id, "v")

    def read(*ranges):
        return {row.row_key: [(c.family, c.qualifier) for c in row.cells] for row in
                view.read_rows(ReadRowsQuery(row_ranges=list(ranges)))}
    cells = [("f", b"q2"), ("f", b"r")]
    same("its rows and columns are read", lambda: read(RowRange(b"in#", b"in$")),
         {b"in#1": cells, b"in#2": cells})
    same("and no others", read, {b"in#1": cells, b"in#2": cells})
    same("nor a row outside of it", lambda: view.read_row(b"out#1"), None)

    def view_write(key, mutation):
        view.mutate_row(key, mutation)
    same("it is written", lambda: (view_write(b"in#3", put(b"5", b"r")),
                                   rows.read_row(b"in#3").cells[0].value)[1], b"5")
    outside = "outside the Authorized View"
    refused("a row outside of it is not", exceptions.PermissionDenied,
            lambda: view_write(b"out#1", put(b"5", b"r")), outside)
    refused("nor a column", exceptions.PermissionDenied,
            lambda: view_write(b"in#1", put(b"5", b"q1")), outside)
    refused("nor a family", exceptions.PermissionDenied,
            lambda: view_write(b"in#1", put(b"5", b"r", "g")), outside)
    same("it is counted in", lambda: int(view.read_modify_write_row(
        b"in#4", IncrementRule("f", b"r", 2)).cells[0]), 2)
    refused("not outside of it", exceptions.PermissionDenied, lambda: view.read_modify_write_row(
        b"out#4", IncrementRule("f", b"r", 2)), outside)
    same("a condition sees what it has", lambda: [view.check_and_mutate_row(
        key, None, true_case_mutations=put(b"6", b"r")) for key in (b"in#1", b"in#9")],
        [True, False])
    holds("it is sampled", lambda: view.sample_row_keys()[-1][0] == b"")
    same("it is protected", lambda: change(
        ["deletion_protection"], deletion_protection=True).deletion_protection, True)

    def delete(**more):
        admin.tables.delete_authorized_view(request={"name": name, **more})
    refused("and is not deleted", exceptions.FailedPrecondition, delete)
    same("its rows are changed", lambda: (
        change(["deletion_protection", "subset_view"], deletion_protection=False, subset_view={
            "row_prefixes": [b""], "family_subsets": {"g": {"qualifier_prefixes": [b""]}}}),
        sorted(read()))[1], [b"in#1", b"in#2", b"out#1"])
    refused("another etag is refused", exceptions.Aborted, lambda: delete(etag="other"))
    same("its own is right", lambda: delete(etag=get().etag), None)
    refused("then it is gone", exceptions.NotFound, get)
    refused("for reads too", exceptions.NotFound, read)
    table.delete()


def profiles(admin):
    profile = admin.instance.app_profile(
        f"{TABLE}-profile", routing_policy_type=enums.RoutingPolicyType.ANY, description="ours")
    same("a profile is made", lambda: profile.create(ignore_warnings=True).description, "ours")
    refused("not twice", exceptions.AlreadyExists, lambda: profile.create(ignore_warnings=True))
    holds("it is there", profile.exists)
    holds("it is listed", lambda: profile.name in [
        one.name for one in admin.instance.list_app_profiles()])
    profile.description = "changed"
    same("it is changed", lambda: (
        profile.update(ignore_warnings=True).result(timeout=OPERATION_TIMEOUT), profile.reload(),
        profile.description)[2], "changed")
    single = admin.instance.app_profile(
        f"{TABLE}-single", routing_policy_type=enums.RoutingPolicyType.SINGLE, cluster_id="strata",
        allow_transactional_writes=True)
    same("one for a cluster", lambda: single.create(ignore_warnings=True).cluster_id, "strata")
    table = admin.made("profiles", "f")
    for name in (profile.app_profile_id, "default"):
        rows = admin.data.get_table("i", table.table_id, app_profile_id=name)
        same(f"reads and writes by {'a profile' if name != 'default' else name}", lambda: (
            rows.mutate_row(b"k", put(b"v")), rows.read_row(b"k").cells[0].value)[1], b"v")
    table.delete()
    same("they are deleted", lambda: [
        (one.delete(ignore_warnings=True), one.exists())[1] for one in (profile, single)],
        [False, False])
    refused("and not twice", exceptions.NotFound, lambda: profile.delete(ignore_warnings=True))


def instances(admin):
    holds("the instance is there", admin.instance.exists)
    same("and ready", lambda: (
        admin.instance.reload(), admin.instance.state)[1], enums.Instance.State.READY)
    holds("instances are listed", lambda: admin.client.list_instances()[0])
    same("it has a cluster", lambda: [
        cluster.cluster_id for cluster in admin.instance.list_clusters()[0]], ["strata"])
    holds("which is there", admin.instance.cluster("strata").exists)
    made = admin.client.instance("made", display_name="Made")
    same("an instance is made", lambda: made.create(clusters=[made.cluster(
        "c", location_id="here", serve_nodes=1)]).result(timeout=OPERATION_TIMEOUT).name, made.name)
    same("permissions", lambda: list(admin.instance.test_iam_permissions(
        ["bigtable.tables.readRows"])), ["bigtable.tables.readRows"])


def consistency(admin):
    table = admin.made("consistency", "f")
    token = admin.tables.generate_consistency_token(name=table.name).consistency_token
    same("a table is consistent", lambda: admin.tables.check_consistency(
        name=table.name, consistency_token=token).consistent, True)
    other = admin.made("consistency2", "f")
    refused("another table's token is refused", exceptions.InvalidArgument,
            lambda: admin.tables.check_consistency(name=other.name, consistency_token=token))
    refused("a missing table has none", exceptions.NotFound, lambda: admin.tables.
            generate_consistency_token(name=admin.table("nobody").name))
    same("permissions of a table", lambda: list(table.test_iam_permissions(
        ["bigtable.tables.mutateRows"])), ["bigtable.tables.mutateRows"])
    # What is not served is told, and the connection goes on.
    refused("backups are not served", exceptions.MethodNotImplemented, lambda: admin.tables.
            get_backup(name=f"{admin.instance.name}/clusters/strata/backups/b"))
    holds("the table is still there", table.exists)
    other.delete()
    table.delete()


def main():
    need_server()
    with BigtableDataClient(project="p") as data:
        admin = Admin(bigtable.Client(project="p", admin=True), data)
        for group in (tables, splits, families, updates, drops, views, profiles, instances,
                      consistency):
            section(group.__name__, group, admin)
    finish()


main()
