// All fuzz targets by name: what `make fuzz TARGET=…` takes.

/// The name of a target; its corpus is the folder of that name.
enum FuzzTargetName: String, CaseIterable, Sendable {
  case http, query, tokens, json, requests, lines, frames, messages, rows, log, manifest, table

  func make() throws -> any FuzzTarget {
    switch self {
    case .http: HTTPTarget()
    case .query: QueryTarget()
    case .tokens: TokenTarget()
    case .json: JSONTarget()
    case .requests: RequestTarget()
    case .lines: LineTarget()
    case .frames: FrameTarget()
    case .messages: MessageTarget()
    case .rows: RowTarget()
    case .log: try LogTarget()
    case .manifest: try ManifestTarget()
    case .table: try TableTarget()
    }
  }
}
