// Paths to routes, byte by byte, without allocation.
//
//   /v1/tables[/{t}[/rows[:batchGet│:ingest│/{key}[:verb]] │ /producers[/{p}] │ /stats │ /changes]]
//   /v1/stats  /healthz  /readyz  /metrics  /openapi.json  /console/…
//
// A verb (`:mutate`, `:checkAndMutate`, `:readModifyWrite`) is cut from the key for POST only; a
// slash within a key is sent as %2F.

internal import Bytes
internal import HTTP1

/// A matched path; its parts are still percent-encoded.
struct RouteMatch {
  var route: Route
  var table = ByteView()
  var key = ByteView()
}

enum Router {
  static func match(_ method: HTTPMethod, _ path: ByteView) -> RouteMatch {
    if path.hasPrefix("/v1/tables") { return matchTables(method, path.dropFirst(10)) }
    if path == "/healthz" { return RouteMatch(route: .health) }
    if path == "/readyz" { return RouteMatch(route: .readiness) }
    if path == "/metrics" { return RouteMatch(route: .metrics) }
    if path == "/v1/stats" { return RouteMatch(route: .allStatistics) }
    if path == "/openapi.json" { return RouteMatch(route: .openAPI) }
    if path == "/console" || path.hasPrefix("/console/") { return RouteMatch(route: .console) }
    return RouteMatch(route: .unknown)
  }

  /// What follows `/v1/tables`.
  private static func matchTables(_ method: HTTPMethod, _ rest: ByteView) -> RouteMatch {
    if rest.isEmpty { return RouteMatch(route: .tables) }
    guard rest[0] == 0x2f else { return RouteMatch(route: .unknown) }
    let afterSlash = rest.dropFirst(1)
    guard let slash = afterSlash.firstIndex(of: 0x2f) else {
      return afterSlash.isEmpty
        ? RouteMatch(route: .unknown) : RouteMatch(route: .table, table: afterSlash)
    }
    let table = afterSlash.prefix(slash)
    let tail = afterSlash.dropFirst(slash + 1)
    if tail.hasPrefix("rows/") {
      let key = tail.dropFirst(5)
      guard key.firstIndex(of: 0x2f) == nil else { return RouteMatch(route: .unknown) }
      return method == .post
        ? matchVerb(table, key) : RouteMatch(route: .row, table: table, key: key)
    }
    if tail == "rows" { return RouteMatch(route: .rows, table: table) }
    if tail == "rows:batchGet" { return RouteMatch(route: .batchGet, table: table) }
    if tail == "rows:ingest" { return RouteMatch(route: .ingest, table: table) }
    if tail == "producers" { return RouteMatch(route: .producers, table: table) }
    if tail.hasPrefix("producers/") {
      let name = tail.dropFirst(10)
      guard name.firstIndex(of: 0x2f) == nil else { return RouteMatch(route: .unknown) }
      return RouteMatch(route: .producer, table: table, key: name)
    }
    if tail == "stats" { return RouteMatch(route: .tableStatistics, table: table) }
    if tail == "changes" { return RouteMatch(route: .changes, table: table) }
    return RouteMatch(route: .unknown)
  }

  private static func matchVerb(_ table: ByteView, _ segment: ByteView) -> RouteMatch {
    guard let colon = segment.lastIndex(of: 0x3a) else {
      return RouteMatch(route: .row, table: table, key: segment)
    }
    let verb = segment.dropFirst(colon + 1)
    let route: Route
    if verb == "mutate" {
      route = .mutate
    } else if verb == "checkAndMutate" {
      route = .checkAndMutate
    } else if verb == "readModifyWrite" {
      route = .readModifyWrite
    } else {
      return RouteMatch(route: .row, table: table, key: segment)
    }
    return RouteMatch(route: route, table: table, key: segment.prefix(colon))
  }
}
