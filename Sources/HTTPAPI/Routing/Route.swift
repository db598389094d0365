// The routes, what methods each takes, how large a body, and which answers may be on their way at
// once on one connection.

internal import HTTP1

/// A route; the raw value is its place in the metrics.
enum Route: Int, CaseIterable, Sendable {
  case tables, table, tableStatistics, allStatistics
  case row, rows, batchGet, mutate, checkAndMutate, readModifyWrite
  case ingest, producers, producer, changes
  case health, readiness, metrics, openAPI, console, unknown

  /// The path template, for metrics.
  var template: StaticString {
    switch self {
    case .tables: "/v1/tables"
    case .table: "/v1/tables/{t}"
    case .tableStatistics: "/v1/tables/{t}/stats"
    case .allStatistics: "/v1/stats"
    case .row: "/v1/tables/{t}/rows/{key}"
    case .rows: "/v1/tables/{t}/rows"
    case .batchGet: "/v1/tables/{t}/rows:batchGet"
    case .mutate: "/v1/tables/{t}/rows/{key}:mutate"
    case .checkAndMutate: "/v1/tables/{t}/rows/{key}:checkAndMutate"
    case .readModifyWrite: "/v1/tables/{t}/rows/{key}:readModifyWrite"
    case .ingest: "/v1/tables/{t}/rows:ingest"
    case .producers: "/v1/tables/{t}/producers"
    case .producer: "/v1/tables/{t}/producers/{p}"
    case .changes: "/v1/tables/{t}/changes"
    case .health: "/healthz"
    case .readiness: "/readyz"
    case .metrics: "/metrics"
    case .openAPI: "/openapi.json"
    case .console: "/console/"
    case .unknown: "other"
    }
  }

  /// The methods for `Allow`.
  var allow: StaticString {
    switch self {
    case .tables: "GET, HEAD, OPTIONS, POST"
    case .table: "DELETE, GET, HEAD, OPTIONS, PATCH"
    case .row: "DELETE, GET, HEAD, OPTIONS, PATCH, PUT"
    case .batchGet, .mutate, .checkAndMutate, .readModifyWrite, .ingest: "OPTIONS, POST"
    case .producer: "DELETE, GET, HEAD, OPTIONS"
    case .tableStatistics, .allStatistics, .rows, .producers, .changes, .health, .readiness,
      .metrics, .openAPI, .console:
      "GET, HEAD, OPTIONS"
    case .unknown: "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
    }
  }

  func takes(_ method: HTTPMethod) -> Bool {
    switch method {
    case .options: return true
    case .get, .head:
      switch self {
      case .batchGet, .mutate, .checkAndMutate, .readModifyWrite, .ingest: return false
      case .tables, .table, .tableStatistics, .allStatistics, .row, .rows, .producers, .producer,
        .changes, .health, .readiness, .metrics, .openAPI, .console, .unknown:
        return true
      }
    case .post:
      switch self {
      case .tables, .batchGet, .mutate, .checkAndMutate, .readModifyWrite, .ingest, .unknown:
        return true
      case .table, .tableStatistics, .allStatistics, .row, .rows, .producers, .producer, .changes,
        .health, .readiness, .metrics, .openAPI, .console:
        return false
      }
    case .put: return self == .row || self == .unknown
    case .patch: return self == .row || self == .table || self == .unknown
    case .delete: return [.row, .table, .producer, .unknown].contains(self)
    }
  }

  /// May be refused when there is too much to do; who watches the server may always look.
  var isSheddable: Bool {
    switch self {
    case .row, .rows, .batchGet, .mutate, .checkAndMutate, .readModifyWrite: true
    case .tables, .table, .tableStatistics, .allStatistics, .ingest, .producers, .producer,
      .changes, .health, .readiness, .metrics, .openAPI, .console, .unknown:
      false
    }
  }

  /// Bytes of body this route takes.
  func bodyLimit(_ options: HTTPOptions) -> Int {
    switch self {
    case .row, .mutate, .checkAndMutate, .readModifyWrite: options.bodyByteCount
    // 1,000 keys of 4,096 bytes as base64 with room for the rest.
    case .batchGet: Swift.min(options.bodyByteCount, 8 << 20)
    case .tables, .table: Swift.min(options.bodyByteCount, 1 << 20)
    // A stream: never held as a whole.
    case .ingest: .max
    // Read and dropped, so that the connection can go on.
    case .tableStatistics, .allStatistics, .rows, .producers, .producer, .changes, .health,
      .readiness, .metrics,
      .openAPI, .console, .unknown:
      Swift.min(options.bodyByteCount, 64 << 10)
    }
  }

  func ordering(_ method: HTTPMethod) -> Ordering {
    // Their answers are large: one at a time bounds what a pipeline can make the server hold.
    if self == .rows || self == .batchGet || self == .producers { return .alone }
    if method.isSafe { return .reads }
    switch self {
    case .row, .mutate, .checkAndMutate, .readModifyWrite: return .rowWrites
    case .tables, .table, .tableStatistics, .allStatistics, .rows, .batchGet, .ingest, .producers,
      .producer, .changes, .health, .readiness, .metrics, .openAPI, .console, .unknown:
      return .alone
    }
  }
}

/// Which requests of one connection may be under way together. Reads never overtake writes nor the
/// other way round; writes enter the commit queue in the order they came, so they may be together.
enum Ordering: Sendable {
  case reads, rowWrites, alone
}
