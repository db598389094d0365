// swift-tools-version: 6.2
// Strata: targets in the order of the architecture, lowest first. A target may import only targets
// above it in this list.

import PackageDescription

/// Every target: Swift 6, no hidden existentials, no leaking imports, warnings are errors.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

/// Hot targets also drop the dynamic exclusivity checks in release builds: 2 to 4 times on class
/// fields. Debug builds, and so the tests, keep them.
let hot =
  strict + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

/// What the fuzz targets feed bytes to, and build their files with.
let fuzzed: [Target.Dependency] = [
  "Bytes", "Runtime", "VFS", "LSM", "DataModel", "Tablets", "JSON", "RowText", "TLS", "Net",
  "HTTP1", "HTTPAPI", "BinaryProtocol", "BinaryAPI", "RegularExpressions", "GRPC", "BigtableAPI",
  "TestSupport",
]

let package = Package(
  name: "strata",
  products: [
    .executable(name: "kvserver", targets: ["kvserver"]),
    .executable(name: "kvctl", targets: ["kvctl"]),
    .executable(name: "kvbench", targets: ["kvbench"]),
    .executable(name: "kvenginebench", targets: ["kvenginebench"]),
    .library(name: "StrataClient", targets: ["Client"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
  ],
  targets: [
    // System libraries and the C that Swift cannot say.
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
    .systemLibrary(
      name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .target(name: "CLinux", cSettings: [.define("_GNU_SOURCE")]),
    .target(name: "CChecksum"),

    // Byte views, buffers, varints, checksums, hashes.
    .target(name: "Bytes", dependencies: ["CChecksum"], swiftSettings: hot),
    // Time, randomness and threads, injected everywhere.
    .target(name: "Runtime", dependencies: ["CLinux"], swiftSettings: hot),
    // The file system, and the only target that opens files.
    .target(name: "VFS", dependencies: ["CLinux"], swiftSettings: hot),
    // The engine: sorted bytes in, sorted bytes out; knows no rows.
    .target(
      name: "LSM", dependencies: ["Bytes", "Runtime", "VFS", "CLinux", "CLZ4"], swiftSettings: hot),
    // RE2's syntax over bytes, matched in linear time.
    .target(name: "RegularExpressions", dependencies: ["Bytes"], swiftSettings: hot),
    // Tables, families, cells, mutations, filters, GC rules: values and rules, no I/O.
    .target(name: "DataModel", dependencies: ["Bytes", "RegularExpressions"], swiftSettings: hot),
    // Tables over engines: the one door every front goes through.
    .target(
      name: "Tablets", dependencies: ["Bytes", "Runtime", "VFS", "LSM", "DataModel", "CSQLite"],
      swiftSettings: hot),
    // JSON text: pull reader and writer.
    .target(name: "JSON", dependencies: ["Bytes"], swiftSettings: hot),
    // Rows and table definitions as JSON, NDJSON and CSV.
    .target(
      name: "RowText", dependencies: ["Bytes", "JSON", "RegularExpressions", "DataModel"],
      swiftSettings: hot),
    // TLS by the system's OpenSSL as a state machine, no sockets; shared by server and client.
    .target(name: "TLS", dependencies: ["Bytes", "COpenSSL"], swiftSettings: hot),
    // Event loops, listeners, connections, timers: the only target that opens sockets.
    .target(name: "Net", dependencies: ["Bytes", "Runtime", "TLS", "CLinux"], swiftSettings: hot),
    // Calls over HTTP/2, whose frames are nghttp2's.
    .target(
      name: "GRPC", dependencies: ["Bytes", "Runtime", "Net", "CNGHTTP2", "CZlib"],
      swiftSettings: hot),
    // What the fronts do alike on a loop: the writes of one wake-up are one commit.
    .target(name: "Fronts", dependencies: ["DataModel", "Tablets", "Net"], swiftSettings: hot),
    // HTTP/1.1 as a pure state machine.
    .target(name: "HTTP1", dependencies: ["Bytes"], swiftSettings: hot),
    // The routes.
    .target(
      name: "HTTPAPI",
      dependencies: [
        "Bytes", "Runtime", "DataModel", "Tablets", "JSON", "RowText", "Net", "Fronts", "HTTP1",
      ],
      swiftSettings: hot),
    // Frames and messages of the binary front, no sockets; shared by server and client.
    .target(
      name: "BinaryProtocol", dependencies: ["Bytes", "RegularExpressions", "DataModel"],
      swiftSettings: hot),
    // What protoc makes of proto/strata.proto; tests prove the hand-written codec equal to it, no
    // program links it.
    .target(
      name: "StrataProto",
      dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
      swiftSettings: [.swiftLanguageMode(.v6)]),
    // What protoc makes of proto/google and proto/grpc.
    .target(
      name: "BigtableProto",
      dependencies: [.product(name: "SwiftProtobuf", package: "swift-protobuf")],
      swiftSettings: [.swiftLanguageMode(.v6)]),
    // The Bigtable front.
    .target(
      name: "BigtableAPI",
      dependencies: [
        "Bytes", "Runtime", "VFS", "DataModel", "Tablets", "Net", "Fronts", "BinaryProtocol",
        "GRPC", "BigtableProto", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ], swiftSettings: hot),
    // The binary front.
    .target(
      name: "BinaryAPI",
      dependencies: [
        "Bytes", "Runtime", "VFS", "DataModel", "Tablets", "Net", "Fronts", "BinaryProtocol",
      ],
      swiftSettings: hot),
    // What kvctl and the load test speak.
    .target(
      name: "Client", dependencies: ["Bytes", "DataModel", "BinaryProtocol", "TLS", "CLinux"],
      swiftSettings: hot),
    // The options that say how to connect to a server, for every program that does.
    .target(
      name: "ConnectionArguments",
      dependencies: [
        "TLS", "VFS", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),
    // The demo tables: synthetic companies, scores and instalments from a seed.
    .target(name: "DemoData", dependencies: ["Bytes", "Runtime", "DataModel"], swiftSettings: hot),
    .executableTarget(
      name: "kvserver",
      dependencies: [
        "Bytes", "Runtime", "VFS", "DataModel", "Tablets", "TLS", "Net", "HTTPAPI", "BigtableAPI",
        "BinaryAPI",
        "DemoData",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ], swiftSettings: hot),
    .executableTarget(
      name: "kvctl",
      dependencies: [
        "Bytes", "DataModel", "JSON", "RowText", "BinaryProtocol", "TLS", "Client",
        "ConnectionArguments", "DemoData",
        "LSM", "VFS", "Runtime", "Tablets",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: hot),

    // The load test.
    .executableTarget(
      name: "kvbench",
      dependencies: [
        "Bytes", "Runtime", "TLS", "DataModel", "BinaryProtocol", "Client",
        "ConnectionArguments", "CLinux", "CNGHTTP2",
        .product(name: "Histogram", package: "hdrhistogram-swift"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Benchmarks/Load", swiftSettings: hot),
    // The C interfaces of other engines, found at run time.
    .target(
      name: "CPeerLibraries", path: "Benchmarks/PeerLibraries",
      cSettings: [.define("_GNU_SOURCE")]),
    // The engine beside RocksDB, LevelDB and LMDB.
    .executableTarget(
      name: "kvenginebench",
      dependencies: [
        "Bytes", "Runtime", "VFS", "LSM", "DataModel", "Tablets", "CLinux", "CPeerLibraries",
        .product(name: "Histogram", package: "hdrhistogram-swift"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Benchmarks/Engine", swiftSettings: hot),
    // Rows as sorted cells against rows as packed values; see docs/decisions/0003.
    .executableTarget(
      name: "kvrowshapes",
      dependencies: ["Bytes", "Runtime", "VFS", "LSM", "DataModel", "Tablets"],
      path: "Benchmarks/RowShapes", swiftSettings: hot),
    // What flushes and compactions cost, as JSON lines.
    .executableTarget(
      name: "kvmergebench",
      dependencies: ["Bytes", "Runtime", "VFS", "LSM", "DataModel", "Tablets"],
      path: "Benchmarks/MergeBenchmark", swiftSettings: hot),

    // Allocations of single operations against their budgets; counts.sh adds instructions.
    .target(name: "CAllocationCount", path: "Benchmarks/AllocationCount"),
    .executableTarget(
      name: "kvcounts",
      dependencies: ["Bytes", "Runtime", "VFS", "LSM", "CAllocationCount"],
      path: "Benchmarks/Counts", exclude: ["counts.sh"], swiftSettings: hot),

    // Tests: a folder a target, and what they share.
    .target(
      name: "TestSupport",
      dependencies: [
        "Bytes", "Runtime", "VFS", "LSM", "RegularExpressions", "DataModel", "Tablets", "TLS",
        "BinaryProtocol",
        "CSQLite",
        "COpenSSL", "CNGHTTP2",
      ],
      path: "Tests/TestSupport", swiftSettings: strict),
    .testTarget(
      name: "BytesTests", dependencies: ["Bytes"], swiftSettings: strict),
    .testTarget(
      name: "RuntimeTests", dependencies: ["Runtime"], swiftSettings: strict),
    .testTarget(
      name: "VFSTests", dependencies: ["VFS", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "LSMTests", dependencies: ["Bytes", "Runtime", "VFS", "LSM", "TestSupport"],
      exclude: ["Golden"], swiftSettings: strict),
    .testTarget(
      name: "RegularExpressionsTests", dependencies: ["Bytes", "RegularExpressions"],
      exclude: ["Golden"], swiftSettings: strict),
    .testTarget(
      name: "DataModelTests", dependencies: ["Bytes", "DataModel"], swiftSettings: strict),
    .testTarget(
      name: "TabletsTests",
      dependencies: ["Bytes", "Runtime", "VFS", "LSM", "DataModel", "Tablets", "TestSupport"],
      exclude: ["Golden"], swiftSettings: strict),
    .testTarget(
      name: "JSONTests", dependencies: ["Bytes", "Runtime", "JSON"], swiftSettings: strict),
    .testTarget(
      name: "RowTextTests", dependencies: ["Bytes", "JSON", "DataModel", "RowText", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "NetTests", dependencies: ["Bytes", "Net", "Runtime", "TLS", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "GRPCTests",
      dependencies: ["Bytes", "Runtime", "Net", "GRPC", "CZlib", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "BigtableAPITests",
      dependencies: [
        "Bytes", "Runtime", "VFS", "LSM", "DataModel", "Tablets", "Net", "GRPC", "BigtableAPI",
        "BigtableProto", "TestSupport",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ], swiftSettings: strict),
    .testTarget(
      name: "HTTP1Tests", dependencies: ["Bytes", "HTTP1"], swiftSettings: strict),
    .testTarget(
      name: "HTTPAPITests",
      dependencies: [
        "Bytes", "Runtime", "VFS", "LSM", "DataModel", "Tablets", "JSON", "Net", "HTTP1", "HTTPAPI",
        "TestSupport",
      ], swiftSettings: strict),
    .testTarget(
      name: "BinaryProtocolTests",
      dependencies: [
        "Bytes", "RegularExpressions", "DataModel", "BinaryProtocol", "StrataProto", "TestSupport",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ], swiftSettings: strict),
    .testTarget(
      name: "BinaryAPITests",
      dependencies: [
        "Bytes", "Runtime", "VFS", "LSM", "DataModel", "Tablets", "Net", "BinaryProtocol",
        "BinaryAPI", "Client", "TestSupport",
      ], swiftSettings: strict),
    .testTarget(
      name: "DemoDataTests", dependencies: ["Bytes", "DataModel", "DemoData"], swiftSettings: strict
    ),
    .testTarget(
      name: "SimulationTests",
      dependencies: ["Bytes", "Runtime", "VFS", "LSM", "DataModel", "Tablets", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "KVCtlTests", dependencies: ["Bytes", "DataModel", "RowText", "kvctl"],
      swiftSettings: strict),
    .testTarget(
      name: "LoadTests",
      dependencies: [
        "Bytes", "Runtime", "BigtableProto", "CNGHTTP2", "kvbench", "kvenginebench",
        .product(name: "Histogram", package: "hdrhistogram-swift"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ], swiftSettings: strict),
    // The fuzz targets on their committed corpora; `kvfuzz` below runs the same bodies.
    .testTarget(
      name: "FuzzTests", dependencies: fuzzed, path: "Tests/Fuzzing",
      exclude: ["Program", "Corpora", "Dictionary.txt", "run.sh"], sources: ["Targets", "Tests"],
      swiftSettings: strict),
    .testTarget(
      name: "TidyTests", dependencies: [], swiftSettings: strict),
    // The built programs over real sockets and directories.
    .testTarget(
      name: "EndToEndTests",
      dependencies: [
        "CLinux", "Bytes", "DataModel", "JSON", "BinaryProtocol", "Client", "TestSupport",
        "kvserver", "kvctl", "kvbench", "kvenginebench",
      ],
      swiftSettings: strict),
  ]
)

// The fuzzer is linked with libFuzzer, which brings a `main` of its own: only for `make fuzz`.
if Context.environment["STRATA_FUZZ"] == "1" {
  package.targets.removeAll { $0.name == "FuzzTests" }
  package.targets.append(
    .executableTarget(
      name: "kvfuzz", dependencies: fuzzed, path: "Tests/Fuzzing",
      exclude: ["Tests", "Corpora", "Dictionary.txt", "run.sh"], sources: ["Targets", "Program"],
      swiftSettings: strict))
}
