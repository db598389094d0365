// The methods there are, by path.

internal import Bytes

/// A method about rows, or of the health service.
enum BigtableMethod: Int, CaseIterable {
  case readRows, mutateRow, mutateRows, checkAndMutateRow, readModifyWriteRow, sampleRowKeys
  case pingAndWarm, generateInitialChangeStreamPartitions, readChangeStream
  case healthCheck, healthWatch

  var path: StaticString {
    switch self {
    case .readRows: "/google.bigtable.v2.Bigtable/ReadRows"
    case .mutateRow: "/google.bigtable.v2.Bigtable/MutateRow"
    case .mutateRows: "/google.bigtable.v2.Bigtable/MutateRows"
    case .checkAndMutateRow: "/google.bigtable.v2.Bigtable/CheckAndMutateRow"
    case .readModifyWriteRow: "/google.bigtable.v2.Bigtable/ReadModifyWriteRow"
    case .sampleRowKeys: "/google.bigtable.v2.Bigtable/SampleRowKeys"
    case .pingAndWarm: "/google.bigtable.v2.Bigtable/PingAndWarm"
    case .generateInitialChangeStreamPartitions:
      "/google.bigtable.v2.Bigtable/GenerateInitialChangeStreamPartitions"
    case .readChangeStream: "/google.bigtable.v2.Bigtable/ReadChangeStream"
    case .healthCheck: "/grpc.health.v1.Health/Check"
    case .healthWatch: "/grpc.health.v1.Health/Watch"
    }
  }
}

/// Numbers for paths: those of `BigtableMethod` first, then the admin methods in their order.
enum MethodNumbers {
  private static let admin = AdminMethod.allCases
  private static let adminByPath = Dictionary(
    uniqueKeysWithValues: admin.enumerated().map { (Array($1.rawValue.utf8), $0) })

  static func number(of path: ByteView) -> Int? {
    // The frequent ones come first, and their lengths differ.
    for method in BigtableMethod.allCases {
      let known = method.path
      if path == ByteView(known.utf8Start, count: known.utf8CodeUnitCount) {
        return method.rawValue
      }
    }
    return adminByPath[path.array].map { BigtableMethod.allCases.count + $0 }
  }

  static func admin(_ number: Int) -> AdminMethod? {
    let index = number - BigtableMethod.allCases.count
    return admin.indices.contains(index) ? admin[index] : nil
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
