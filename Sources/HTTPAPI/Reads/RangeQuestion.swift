// What a range read asks: which table, rows, columns and page. Its fingerprints tell whether a page
// token or an entity tag belongs to it.

internal import Bytes
internal import DataModel
internal import Tablets

struct RangeQuestion: Sendable {
  let table: Table
  let query: ReadQuery
  /// The rows asked for, of all pages.
  let wholeRange: RowRange
  /// The rows of this page and those after it.
  let range: RowRange
  /// Rows of a page; 0 for all, in a stream.
  let limit: Int
  /// Of the question without its page: what page tokens carry.
  let fingerprint: UInt64

  static let defaultPageLimit = 100
  static let pageLimit = 10_000

  init(_ table: Table, _ query: ReadQuery, isStream: Bool) throws(Problem) {
    self.table = table
    self.query = query
    wholeRange = query.range
    fingerprint = query.fingerprint(table: table.schema.definition.name, range: wholeRange)
    limit = query.limit ?? (isStream ? 0 : Self.defaultPageLimit)
    guard isStream || limit <= Self.pageLimit else {
      throw Problem(
        400, "invalid_limit",
        "a page has at most \(Self.pageLimit) rows; follow nextPageToken, or ask for "
          + "application/x-ndjson")
    }
    var rest = wholeRange
    if let text = query.pageToken {
      guard let token = ByteView.of(text, { PageToken($0) }), token.fingerprint == fingerprint
      else {
        throw Problem(
          400, "invalid_page_token", "this page token is not one of this table, range and columns")
      }
      if query.reverse { rest.upper = token.key } else { rest.lower = token.key + [0] }
    }
    range = rest
  }

  func scanRequest(limit: Int) -> ScanRequest {
    ScanRequest(range: range, reversed: query.reverse, limit: limit, options: query.options)
  }

  /// Of the question with its page: what entity tags carry.
  var pageFingerprint: UInt64 {
    var text = ByteBuffer(capacity: 64)
    text.append(littleEndian: fingerprint)
    text.append(varint: limit)
    text.append(query.pageToken ?? [])
    return text.view.persistedHash
  }

  /// The tag of an answer read from now on.
  var tag: EntityTag {
    EntityTag(version: table.version(of: range), fingerprint: pageFingerprint)
  }
}
