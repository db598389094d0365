// What a read asks for, from its query string:
//
//   columns=s,f:limit  versions=3  timestamps=true                               one row and ranges
//   prefix= │ start= & end=  limit=  pageToken=  reverse=true  keysOnly=true     ranges
//
// Each at most once but `columns`, which adds up. Unknown names are refused: a misspelt `limit`
// must not read a whole table.

internal import Bytes
internal import DataModel
internal import HTTP1
internal import RowText

/// A parsed query.
struct ReadQuery: Sendable {
  var columns: [ColumnSelector] = []
  var versions: Int?
  var timestamps = false
  var prefix: [UInt8]?
  var start: [UInt8]?
  var end: [UInt8]?
  var limit: Int?
  var pageToken: [UInt8]?
  var reverse = false
  var keysOnly = false
  private var seen: Seen = []

  private struct Seen: OptionSet {
    let rawValue: UInt16
    static let versions = Seen(rawValue: 1)
    static let timestamps = Seen(rawValue: 2)
    static let prefix = Seen(rawValue: 4)
    static let start = Seen(rawValue: 8)
    static let end = Seen(rawValue: 16)
    static let limit = Seen(rawValue: 32)
    static let pageToken = Seen(rawValue: 64)
    static let reverse = Seen(rawValue: 128)
    static let keysOnly = Seen(rawValue: 256)
  }

  init() {}

  /// - Parameter isRange: Whether the parameters of ranges are taken too.
  init(
    _ query: ByteView, isRange: Bool, decoded: inout ByteBuffer
  ) throws(Problem) {
    for (name, value) in QueryPairs(query) {
      let value = try Self.decode(value, &decoded)
      if name == "columns" {
        try addColumns(value)
      } else if name == "versions" {
        try note(.versions, name)
        versions = try Self.number(
          value, in: 0...1_000_000, "invalid_versions",
          "versions is a number from 1 to 1000000, or 0 for all")
      } else if name == "timestamps" {
        try note(.timestamps, name)
        timestamps = try Self.flag(value, "timestamps")
      } else if isRange {
        try takeRangeParameter(name, value)
      } else {
        throw Self.unknown(name)
      }
    }
    guard prefix == nil || (start == nil && end == nil) else {
      throw Problem(400, "invalid_range", "prefix does not go with start or end")
    }
  }

  private mutating func takeRangeParameter(
    _ name: ByteView, _ value: ByteView
  ) throws(Problem) {
    if name == "prefix" {
      try note(.prefix, name)
      prefix = try Self.key(value)
    } else if name == "start" {
      try note(.start, name)
      start = value.isEmpty ? nil : try Self.key(value)
    } else if name == "end" {
      try note(.end, name)
      end = value.isEmpty ? nil : try Self.key(value)
    } else if name == "limit" {
      try note(.limit, name)
      limit = try Self.number(
        value, in: 1...(1 << 53), "invalid_limit", "limit is a number from 1")
    } else if name == "pageToken" {
      try note(.pageToken, name)
      pageToken = value.isEmpty ? nil : value.array
    } else if name == "reverse" {
      try note(.reverse, name)
      reverse = try Self.flag(value, "reverse")
    } else if name == "keysOnly" {
      try note(.keysOnly, name)
      keysOnly = try Self.flag(value, "keysOnly")
    } else {
      throw Self.unknown(name)
    }
  }

  /// Lists of versions with timestamps, or the newest values alone.
  var shape: RowShape {
    timestamps || (versions ?? 1) != 1 ? .versions : .latest
  }

  var options: ReadOptions {
    let filter: RowFilter? =
      keysOnly ? .chain([.cellsPerRowLimit(1), .stripValue]) : nil
    return ReadOptions(columns: columns, versions: keysOnly ? 1 : versions ?? 1, filter: filter)
  }

  var range: RowRange {
    if let prefix { return RowRange(prefix: prefix) }
    return RowRange(from: start, to: end)
  }

  /// Stands for everything that shapes the rows of the answer but the page: equal for equal
  /// questions of one table.
  func fingerprint(table: String, range: RowRange) -> UInt64 {
    var text = ByteBuffer(capacity: 128)
    text.append(varint: table.utf8.count)
    text.append(utf8: table)
    for bound in [range.lower, range.upper] {
      text.append(bound == nil ? 0 : 1 as UInt8)
      ByteView.of(bound ?? []) { text.append(lengthPrefixed: $0) }
    }
    for column in columns {
      text.append(column.qualifier == nil ? 1 : 2 as UInt8)
      ByteView.of(column.family) { text.append(lengthPrefixed: $0) }
      ByteView.of(column.qualifier ?? []) { text.append(lengthPrefixed: $0) }
    }
    text.append(0 as UInt8)
    text.append(varint: versions ?? 1)
    text.append((timestamps ? 1 : 0) | (reverse ? 2 : 0) | (keysOnly ? 4 : 0) as UInt8)
    return text.view.persistedHash
  }

  // MARK: - Values

  private mutating func note(_ parameter: Seen, _ name: ByteView) throws(Problem) {
    guard seen.insert(parameter).inserted else {
      throw Problem(400, "repeated_parameter", "\(name) is given more than once")
    }
  }

  private mutating func addColumns(_ list: ByteView) throws(Problem) {
    var start = 0
    while start <= list.count {
      let end = list.firstIndex(of: 0x2c, from: start) ?? list.count
      columns.append(try Self.column(list[start..<end]))
      start = end + 1
    }
    guard columns.count <= 1_000 else {
      throw Problem(400, "invalid_columns", "at most 1000 columns can be selected")
    }
  }

  /// `family` or `family:qualifier`.
  static func column(_ text: ByteView) throws(Problem) -> ColumnSelector {
    let colon = text.firstIndex(of: 0x3a)
    let family = text.prefix(colon ?? text.count)
    guard !family.isEmpty, family.count <= DataModelLimits.familyNameByteCount else {
      throw Problem(
        400, "invalid_columns", "columns is a list as s,f:limit; '\(text)' names no family")
    }
    return ColumnSelector(
      family: String(decoding: family.buffer, as: UTF8.self),
      qualifier: colon.map { text.dropFirst($0 + 1).array })
  }

  static func decode(
    _ value: ByteView, _ decoded: inout ByteBuffer
  ) throws(Problem) -> ByteView {
    do throws(BrokenPercentEncoding) {
      return try PercentCoding.decode(value, plusIsSpace: true, into: &decoded)
    } catch {
      throw Problem(error)
    }
  }

  private static func key(_ value: ByteView) throws(Problem) -> [UInt8] {
    guard value.count <= DataModelLimits.rowKeyByteCount else {
      throw Problem(
        400, "invalid_row_key",
        "a row key has at most \(DataModelLimits.rowKeyByteCount) bytes, this one \(value.count)")
    }
    return value.array
  }

  private static func number(
    _ value: ByteView, in range: ClosedRange<Int>, _ code: String, _ detail: String
  ) throws(Problem) -> Int {
    guard let number = value.decimal(), range.contains(number) else {
      throw Problem(400, code, "\(detail); this is '\(value)'")
    }
    return number
  }

  private static func flag(_ value: ByteView, _ name: String) throws(Problem) -> Bool {
    if value == "true" { return true }
    if value == "false" { return false }
    throw Problem(400, "invalid_parameter", "\(name) is true or false; this is '\(value)'")
  }

  private static func unknown(_ name: ByteView) -> Problem {
    Problem(400, "unknown_parameter", "this route has no parameter '\(name)'")
  }
}
