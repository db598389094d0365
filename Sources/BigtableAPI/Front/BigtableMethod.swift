// The methods there are, by path.

internal import Bytes

/// A method of one of the services.
enum BigtableMethod {
  case readRows, sampleRowKeys, mutateRow, mutateRows, checkAndMutateRow, readModifyWriteRow
  case pingAndWarm, generateInitialChangeStreamPartitions, readChangeStream
  case healthCheck, healthWatch
  /// Of tables, instances and operations: on a thread that may wait.
  case admin(AdminMethod)

  private static let data: [(String, BigtableMethod)] = [
    ("ReadRows", .readRows), ("SampleRowKeys", .sampleRowKeys), ("MutateRow", .mutateRow),
    ("MutateRows", .mutateRows), ("CheckAndMutateRow", .checkAndMutateRow),
    ("ReadModifyWriteRow", .readModifyWriteRow), ("PingAndWarm", .pingAndWarm),
    ("GenerateInitialChangeStreamPartitions", .generateInitialChangeStreamPartitions),
    ("ReadChangeStream", .readChangeStream),
  ]

  private static let byPath: [[UInt8]: BigtableMethod] = {
    var methods: [String: BigtableMethod] = [
      "/grpc.health.v1.Health/Check": .healthCheck, "/grpc.health.v1.Health/Watch": .healthWatch,
    ]
    for (name, method) in data { methods["/google.bigtable.v2.Bigtable/" + name] = method }
    for method in AdminMethod.allCases { methods[method.rawValue] = .admin(method) }
    return Dictionary(
      methods.map { (Array($0.key.utf8), $0.value) }, uniquingKeysWith: { first, _ in first })
  }()

  init?(path: ByteView) {
    guard let method = BigtableMethod.byPath[path.array] else { return nil }
    self = method
  }
}

/// What is not about rows.
enum AdminMethod: String, CaseIterable {
  case createTable = "/google.bigtable.admin.v2.BigtableTableAdmin/CreateTable"
  case listTables = "/google.bigtable.admin.v2.BigtableTableAdmin/ListTables"
  case getTable = "/google.bigtable.admin.v2.BigtableTableAdmin/GetTable"
  case updateTable = "/google.bigtable.admin.v2.BigtableTableAdmin/UpdateTable"
  case deleteTable = "/google.bigtable.admin.v2.BigtableTableAdmin/DeleteTable"
  case modifyColumnFamilies =
    "/google.bigtable.admin.v2.BigtableTableAdmin/ModifyColumnFamilies"
  case dropRowRange = "/google.bigtable.admin.v2.BigtableTableAdmin/DropRowRange"
  case generateConsistencyToken =
    "/google.bigtable.admin.v2.BigtableTableAdmin/GenerateConsistencyToken"
  case checkConsistency = "/google.bigtable.admin.v2.BigtableTableAdmin/CheckConsistency"
  case testTablePermissions = "/google.bigtable.admin.v2.BigtableTableAdmin/TestIamPermissions"
  case createAuthorizedView =
    "/google.bigtable.admin.v2.BigtableTableAdmin/CreateAuthorizedView"
  case listAuthorizedViews = "/google.bigtable.admin.v2.BigtableTableAdmin/ListAuthorizedViews"
  case getAuthorizedView = "/google.bigtable.admin.v2.BigtableTableAdmin/GetAuthorizedView"
  case updateAuthorizedView =
    "/google.bigtable.admin.v2.BigtableTableAdmin/UpdateAuthorizedView"
  case deleteAuthorizedView =
    "/google.bigtable.admin.v2.BigtableTableAdmin/DeleteAuthorizedView"
  case getInstance = "/google.bigtable.admin.v2.BigtableInstanceAdmin/GetInstance"
  case createInstance = "/google.bigtable.admin.v2.BigtableInstanceAdmin/CreateInstance"
  case listInstances = "/google.bigtable.admin.v2.BigtableInstanceAdmin/ListInstances"
  case deleteInstance = "/google.bigtable.admin.v2.BigtableInstanceAdmin/DeleteInstance"
  case getCluster = "/google.bigtable.admin.v2.BigtableInstanceAdmin/GetCluster"
  case listClusters = "/google.bigtable.admin.v2.BigtableInstanceAdmin/ListClusters"
  case createAppProfile = "/google.bigtable.admin.v2.BigtableInstanceAdmin/CreateAppProfile"
  case getAppProfile = "/google.bigtable.admin.v2.BigtableInstanceAdmin/GetAppProfile"
  case listAppProfiles = "/google.bigtable.admin.v2.BigtableInstanceAdmin/ListAppProfiles"
  case updateAppProfile = "/google.bigtable.admin.v2.BigtableInstanceAdmin/UpdateAppProfile"
  case deleteAppProfile = "/google.bigtable.admin.v2.BigtableInstanceAdmin/DeleteAppProfile"
  case testInstancePermissions =
    "/google.bigtable.admin.v2.BigtableInstanceAdmin/TestIamPermissions"
  case getOperation = "/google.longrunning.Operations/GetOperation"
}
