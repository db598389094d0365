// The table admin API over the wire.

import BigtableProto
import SwiftProtobuf
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct TableAdminTests {
  private typealias Table = Google_Bigtable_Admin_V2_Table

  @Test func `tables are made, listed, changed and dropped`() throws {
    let world = try BigtableWorld()
    var create = Google_Bigtable_Admin_V2_CreateTableRequest()
    create.parent = BigtableWorld.parent
    create.tableID = "new"
    create.table.columnFamilies["a"] = .with { $0.gcRule.maxNumVersions = 2 }
    create.table.columnFamilies["b"] = .with {
      $0.gcRule.intersection.rules = [
        .with { $0.maxNumVersions = 1 }, .with { $0.maxAge = .init(seconds: 90, nanos: 5_000_000) },
      ]
    }
    create.table.columnFamilies["sum"] = .with {
      $0.valueType.aggregateType.inputType.int64Type = .init()
      $0.valueType.aggregateType.sum = .init()
    }
    let made: Table = try world.admin("CreateTable", create)
    #expect(made.name == BigtableWorld.parent + "/tables/new")
    #expect(made.granularity == .millis)
    #expect(made.columnFamilies["a"] == create.table.columnFamilies["a"])
    #expect(made.columnFamilies["b"] == create.table.columnFamilies["b"])
    #expect(
      made.columnFamilies["sum"]?.valueType.aggregateType.stateType.int64Type.encoding
        .bigEndianBytes == .init())
    #expect(throws: BigtableWorld.Refused.self) {
      let _: Table = try world.admin("CreateTable", create)
    }
    let list: Google_Bigtable_Admin_V2_ListTablesResponse = try world.admin(
      "ListTables",
      Google_Bigtable_Admin_V2_ListTablesRequest.with {
        ($0.parent, $0.pageSize) = (BigtableWorld.parent, 1)
      })
    #expect(list.tables.map(\.name) == [made.name])
    #expect(list.tables[0].columnFamilies.isEmpty)
    #expect(list.nextPageToken == "new")
    let changed: Table = try world.admin(
      "ModifyColumnFamilies",
      Google_Bigtable_Admin_V2_ModifyColumnFamiliesRequest.with {
        $0.name = made.name
        $0.modifications = [
          .with { ($0.id, $0.mod) = ("a", .update(.with { $0.gcRule.maxNumVersions = 7 })) },
          .with { ($0.id, $0.mod) = ("b", .drop(true)) },
          .with { ($0.id, $0.mod) = ("c", .create(.init())) },
        ]
      })
    #expect(changed.columnFamilies.keys.sorted() == ["a", "c", "sum"])
    #expect(changed.columnFamilies["a"]?.gcRule.maxNumVersions == 7)
    let _: Google_Protobuf_Empty = try world.admin(
      "DeleteTable",
      Google_Bigtable_Admin_V2_DeleteTableRequest.with { $0.name = made.name })
    #expect(throws: BigtableWorld.Refused.self) {
      let _: Table = try world.admin(
        "GetTable", Google_Bigtable_Admin_V2_GetTableRequest.with { $0.name = made.name })
    }
  }

  @Test(arguments: [
    ("", 3), ("x y", 3), (String(repeating: "t", count: 51), 3), ("t", 6),
  ])
  func `names are checked`(name: String, status: Int) throws {
    let world = try BigtableWorld()
    let answer = try world.client.call(
      "/google.bigtable.admin.v2.BigtableTableAdmin/CreateTable",
      Google_Bigtable_Admin_V2_CreateTableRequest.with {
        ($0.parent, $0.tableID) = (BigtableWorld.parent, name)
      }.serializedBytes())
    #expect(answer.status == status)
  }

  @Test func `what is not there yet says so`() throws {
    let world = try BigtableWorld()
    for path in ["google.bigtable.v2.Bigtable/ExecuteQuery", "nobody/Nothing"] {
      #expect(try world.client.call("/" + path, []).status == 12)
    }
    #expect(try world.client.call("/grpc.health.v1.Health/Check", []).messages == [[8, 1]])
    // Bytes that are no message.
    #expect(try world.client.call("/google.bigtable.v2.Bigtable/ReadRows", [0xff]).status == 3)
  }
}
