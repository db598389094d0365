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

  @Test func `every instance is there, ready, and allows everything`() throws {
    let world = try BigtableWorld()
    func ask<Answer: Message>(_ method: String, _ request: some Message) throws -> Answer {
      let answer = try world.client.call(
        "/google.bigtable.admin.v2.BigtableInstanceAdmin/\(method)", request.serializedBytes())
      return try Answer(serializedBytes: try #require(answer.messages.first))
    }
    let instance: Google_Bigtable_Admin_V2_Instance = try ask(
      "GetInstance",
      Google_Bigtable_Admin_V2_GetInstanceRequest.with { $0.name = BigtableWorld.parent })
    #expect(instance.name == BigtableWorld.parent && instance.state == .ready)
    let operation: Google_Longrunning_Operation = try ask(
      "CreateInstance",
      Google_Bigtable_Admin_V2_CreateInstanceRequest.with {
        ($0.parent, $0.instanceID) = ("projects/p", "new")
      })
    #expect(operation.done)
    #expect(
      try Google_Bigtable_Admin_V2_Instance(unpackingAny: operation.response).name
        == "projects/p/instances/new")
    let clusters: Google_Bigtable_Admin_V2_ListClustersResponse = try ask(
      "ListClusters",
      Google_Bigtable_Admin_V2_ListClustersRequest.with { $0.parent = BigtableWorld.parent })
    #expect(clusters.clusters.map(\.state) == [.ready])
    let cluster: Google_Bigtable_Admin_V2_Cluster = try ask(
      "GetCluster",
      Google_Bigtable_Admin_V2_GetClusterRequest.with { $0.name = clusters.clusters[0].name })
    #expect(cluster == clusters.clusters[0])
    let allowed: Google_Iam_V1_TestIamPermissionsResponse = try ask(
      "TestIamPermissions",
      Google_Iam_V1_TestIamPermissionsRequest.with { $0.permissions = ["a", "b"] })
    #expect(allowed.permissions == ["a", "b"])
  }

  @Test func `a consistency token is its table's`() throws {
    let world = try BigtableWorld()
    typealias Check = Google_Bigtable_Admin_V2_CheckConsistencyRequest
    let token: Google_Bigtable_Admin_V2_GenerateConsistencyTokenResponse = try world.admin(
      "GenerateConsistencyToken",
      Google_Bigtable_Admin_V2_GenerateConsistencyTokenRequest.with {
        $0.name = BigtableWorld.table
      })
    let answer: Google_Bigtable_Admin_V2_CheckConsistencyResponse = try world.admin(
      "CheckConsistency",
      Check.with {
        ($0.name, $0.consistencyToken) = (BigtableWorld.table, token.consistencyToken)
      })
    #expect(answer.consistent)
    let foreign = Check.with { ($0.name, $0.consistencyToken) = (BigtableWorld.table, "x") }
    #expect(throws: BigtableWorld.Refused.self) {
      let _: Google_Bigtable_Admin_V2_CheckConsistencyResponse = try world.admin(
        "CheckConsistency", foreign)
    }
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
