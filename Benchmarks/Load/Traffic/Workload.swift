// The workloads: which requests in which shares on which table. YCSB's are those of its core
// package (Cooper et al., "Benchmarking Cloud Serving Systems with YCSB", SoCC 2010).

/// What one kind of request does.
enum Action: Equatable, Sendable {
  case read
  /// Replaces one column; which one is drawn.
  case updateOne
  case updateAll
  /// A row that is not there yet.
  case insert
  case batchGet(Int)
  /// So many rows from a key whose neighbours are known; open: the request does not say where
  /// they end.
  case range(Int, isOpen: Bool = false)
  /// Up to so many rows from a key on.
  case shortScan(Int)
  /// A read, and when it is answered a write of one column.
  case readModifyWrite
  /// A range that is asked for again and again, of which a share has changed in between.
  case poll(Int)
  case fullScan
  /// So many rows in one frame of a mutate stream.
  case stream(Int)
  /// Neighbouring numbers, once each.
  case fill(Int)
}

/// A share of a workload's requests.
struct Portion: Sendable {
  var name: String
  var action: Action
  var share: Double
}

/// A mix of requests on one table.
struct Workload: Sendable {
  var name: String
  var summary: String
  var shape: RowShape
  var keys: KeyChoice
  var portions: [Portion]

  private init(
    _ name: String, _ summary: String, _ shape: RowShape, _ keys: KeyChoice,
    _ portions: [Portion]
  ) {
    self.name = name
    self.summary = summary
    self.shape = shape
    self.keys = keys
    self.portions = portions
  }

  private init(_ name: String, _ summary: String, _ shape: RowShape, _ action: Action) {
    self.init(name, summary, shape, .uniform, [Portion(name: name, action: action, share: 1)])
  }

  static let all: [Workload] = [
    Workload(
      "ycsb-a", "50 % reads, 50 % updates of one of ten columns", .ycsb, .zipfian,
      [read(0.5), update(0.5)]),
    Workload("ycsb-b", "95 % reads, 5 % updates", .ycsb, .zipfian, [read(0.95), update(0.05)]),
    Workload("ycsb-c", "reads of ten columns, 1 KB", .ycsb, .zipfian, [read(1)]),
    Workload(
      "ycsb-d", "95 % reads of the latest rows, 5 % inserts", .ycsb, .latest,
      [read(0.95), Portion(name: "insert", action: .insert, share: 0.05)]),
    Workload(
      "ycsb-e", "95 % scans of 1 to 100 rows, 5 % inserts", .ycsb, .zipfian,
      [
        Portion(name: "scan", action: .shortScan(100), share: 0.95),
        Portion(name: "insert", action: .insert, share: 0.05),
      ]),
    Workload(
      "ycsb-f", "50 % reads, 50 % read-modify-writes", .ycsb, .zipfian,
      [read(0.5), Portion(name: "read-modify-write", action: .readModifyWrite, share: 0.5)]),
    Workload("get", "one column of 100 bytes", .value, .read),
    Workload("upsert", "the same, written", .value, .updateAll),
    Workload("score-read", "eight columns, 1 KB", .score, .read),
    Workload("score-stream", "the same, written whole", .score, .updateAll),
    Workload("batch-get", "100 keys a request", .value, .batchGet(100)),
    Workload("range-poll", "ranges of 100 rows, polled", .ordered, .poll(100)),
    Workload("wide-row", "50 columns of 100 bytes, read", .wide, .read),
    Workload(
      "mixed", "80 % reads, 20 % writes of 100 bytes", .value, .uniform,
      [read(0.8), Portion(name: "upsert", action: .updateAll, share: 0.2)]),
    Workload("scan", "the whole table", .value, .fullScan),
    Workload("stream-load", "mutate stream or rows:ingest, 100 rows a frame", .value, .stream(100)),
  ]

  private static func read(_ share: Double) -> Portion {
    Portion(name: "read", action: .read, share: share)
  }
  private static func update(_ share: Double) -> Portion {
    Portion(name: "update", action: .updateOne, share: share)
  }

  static func named(_ name: String) -> Workload? { all.first { $0.name == name } }

  /// Each row of a table once.
  static func fill(_ shape: RowShape, rowsPerRequest: Int) -> Workload {
    Workload("fill", "each row once", shape, .fill(rowsPerRequest))
  }

  /// One kind of request alone.
  static func simple(_ name: String, _ shape: RowShape, _ action: Action) -> Workload {
    Workload(name, name, shape, action)
  }
}
