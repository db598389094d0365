// The table admin API over the wire.

import BigtableProto
import Foundation
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

  @Test func `splits are kept as samples`() throws {
    let world = try BigtableWorld()
    let _: Table = try world.admin(
      "CreateTable",
      Google_Bigtable_Admin_V2_CreateTableRequest.with {
        ($0.parent, $0.tableID) = (BigtableWorld.parent, "split")
        $0.initialSplits = ["m", "b", "m"].map { key in .with { $0.key = Data(key.utf8) } }
      })
    let answer = try world.data(
      "SampleRowKeys",
      Google_Bigtable_V2_SampleRowKeysRequest.with {
        $0.tableName = BigtableWorld.parent + "/tables/split"
      })
    let samples = try answer.messages.map {
      try Google_Bigtable_V2_SampleRowKeysResponse(serializedBytes: $0)
    }
    #expect(samples.map { String(decoding: $0.rowKey, as: UTF8.self) } == ["b", "m", ""])
    #expect(samples.map(\.offsetBytes).sorted() == samples.map(\.offsetBytes))
  }

  @Test func `rows are dropped by prefix and all together`() throws {
    let world = try BigtableWorld()
    for key in ["a1", "a2", "b1"] { _ = try world.set(key, "s", "q", 1_000, Data([1])) }
    func drop(_ prepare: (inout Google_Bigtable_Admin_V2_DropRowRangeRequest) -> Void) throws {
      var request = Google_Bigtable_Admin_V2_DropRowRangeRequest()
      request.name = BigtableWorld.table
      prepare(&request)
      let _: Google_Protobuf_Empty = try world.admin("DropRowRange", request)
    }
    try drop { $0.rowKeyPrefix = Data("a".utf8) }
    #expect(try world.read().rows.map(\.key) == ["b1"])
    for wrong in [{ $0.rowKeyPrefix = Data() }, { _ in }]
      as [(inout Google_Bigtable_Admin_V2_DropRowRangeRequest) -> Void]
    {
      #expect(throws: BigtableWorld.Refused.self) { try drop(wrong) }
    }
    try drop { $0.deleteAllDataFromTable = true }
    #expect(try world.read().rows == [])
  }

  @Test func `a protected table stays`() throws {
    let world = try BigtableWorld()
    func update(_ isProtected: Bool, _ paths: [String]) throws -> Google_Longrunning_Operation {
      try world.admin(
        "UpdateTable",
        Google_Bigtable_Admin_V2_UpdateTableRequest.with {
          $0.table.name = BigtableWorld.table
          $0.table.deletionProtection = isProtected
          $0.updateMask.paths = paths
        })
    }
    func status(_ body: () throws -> Void) -> Int? {
      #expect(throws: BigtableWorld.Refused.self) { try body() }?.status
    }
    let operation = try update(true, ["deletion_protection"])
    #expect(try Table(unpackingAny: operation.response).deletionProtection)
    let again = try world.client.call(
      "/google.longrunning.Operations/GetOperation",
      Google_Longrunning_GetOperationRequest.with { $0.name = operation.name }.serializedBytes())
    #expect(
      try Google_Longrunning_Operation(serializedBytes: #require(again.messages.first))
        == operation)
    func delete() throws {
      let _: Google_Protobuf_Empty = try world.admin(
        "DeleteTable",
        Google_Bigtable_Admin_V2_DeleteTableRequest.with { $0.name = BigtableWorld.table })
    }
    #expect(status(delete) == 9)
    #expect(status { _ = try update(false, []) } == 3)
    #expect(status { _ = try update(false, ["*"]) } == 3)
    #expect(status { _ = try update(false, ["column_families"]) } == 12)
    _ = try update(false, ["deletion_protection"])
    try delete()
  }

  @Test func `app profiles are kept`() throws {
    let world = try BigtableWorld()
    func ask(_ method: String, _ request: some Message) throws -> ClientAnswer {
      try world.client.call(
        "/google.bigtable.admin.v2.BigtableInstanceAdmin/\(method)", request.serializedBytes())
    }
    typealias Profile = Google_Bigtable_Admin_V2_AppProfile
    let create = Google_Bigtable_Admin_V2_CreateAppProfileRequest.with {
      ($0.parent, $0.appProfileID) = (BigtableWorld.parent, "batch")
      $0.appProfile.description_p = "nightly"
      $0.appProfile.singleClusterRouting.clusterID = "strata"
    }
    let made = try Profile(
      serializedBytes: #require(try ask("CreateAppProfile", create).messages.first))
    #expect(made.name == BigtableWorld.parent + "/appProfiles/batch")
    #expect(try ask("CreateAppProfile", create).status == 6)
    let update = Google_Bigtable_Admin_V2_UpdateAppProfileRequest.with {
      $0.appProfile.name = made.name
      $0.appProfile.description_p = "hourly"
      $0.updateMask.paths = ["description"]
    }
    #expect(try ask("UpdateAppProfile", update).status == 0)
    let list = try Google_Bigtable_Admin_V2_ListAppProfilesResponse(
      serializedBytes: #require(
        try ask(
          "ListAppProfiles",
          Google_Bigtable_Admin_V2_ListAppProfilesRequest.with { $0.parent = BigtableWorld.parent }
        ).messages.first))
    #expect(list.appProfiles.map(\.description_p).contains("hourly"))
    #expect(list.appProfiles.count == 2)
    let delete = Google_Bigtable_Admin_V2_DeleteAppProfileRequest.with { $0.name = made.name }
    #expect(try ask("DeleteAppProfile", delete).status == 0)
    #expect(try ask("DeleteAppProfile", delete).status == 5)
  }

  @Test func `what is not there yet says so`() throws {
    let world = try BigtableWorld()
    for path in ["google.bigtable.v2.Bigtable/ExecuteQuery", "nobody/Nothing"] {
      #expect(try world.client.call("/" + path, []).status == 12)
    }
    let stream = Google_Bigtable_V2_SampleRowKeysRequest.with {
      $0.tableName = BigtableWorld.table
    }
    for method in ["GenerateInitialChangeStreamPartitions", "ReadChangeStream"] {
      #expect(try world.data(method, stream).status == 9)
    }
    #expect(try world.client.call("/grpc.health.v1.Health/Check", []).messages == [[8, 1]])
    #expect(try world.client.call("/grpc.health.v1.Health/Check", [10, 1, 120]).status == 5)
    // Bytes that are no message.
    #expect(try world.client.call("/google.bigtable.v2.Bigtable/ReadRows", [0xff]).status == 3)
  }
}
