// All fuzz targets by name: what `make fuzz TARGET=…` takes.

/// The name of a target; its corpus is the folder of that name.
enum FuzzTargetName: String, CaseIterable, Sendable {
  case http, query, tokens, json, requests, lines, ingest, frames, messages, tls, words
  case regex, bigtable, calls
  case rows, producers, log, manifest, table

  func make() throws -> any FuzzTarget {
    switch self {
    case .http: HTTPTarget()
    case .query: QueryTarget()
    case .tokens: TokenTarget()
    case .json: JSONTarget()
    case .requests: RequestTarget()
    case .lines: LineTarget()
    case .ingest: IngestTarget()
    case .frames: FrameTarget()
    case .messages: MessageTarget()
    case .tls: try TLSTarget()
    case .words: WordTarget()
    case .regex: RegexTarget()
    case .bigtable: BigtableTarget()
    case .calls: try CallTarget()
    case .rows: RowTarget()
    case .producers: ProducerTarget()
    case .log: try LogTarget()
    case .manifest: try ManifestTarget()
    case .table: try TableTarget()
    }
  }
}
