// google.bigtable.v2.RowSet as ranges that do not overlap, in key order.

internal import BinaryProtocol
internal import Bytes
internal import DataModel
internal import GRPC

/// The rows that a read asks for.
struct WireRowSet {
  private var ranges: [RowRange] = []
  private var hasAny = false
  /// The one row that is asked for, if it is one.
  private(set) var onlyKey: ByteView?

  init() {}

  init(_ message: ByteView) throws(GRPCStatus) {
    do throws(WireError) {
      var reader = ProtobufReader(message)
      var index = 0
      while let number = try reader.next() {
        switch number {
        case 1:
          let key = try reader.bytes()
          guard !key.isEmpty else { throw .malformed("Row keys must be non-empty") }
          if !hasAny, reader.isAtEnd {
            onlyKey = key
            hasAny = true
            return
          }
          ranges.append(RowRange(only: key.array))
        case 2:
          if let range = try WireRowSet.range(try reader.bytes(), index) { ranges.append(range) }
          index += 1
        default:
          try reader.skip()
          continue
        }
        hasAny = true
      }
    } catch {
      if case .malformed(let reason) = error { throw .invalid(reason) }
      throw GRPCStatus(error)
    }
  }

  /// - Returns: nil for a range that holds nothing.
  private static func range(_ message: ByteView, _ index: Int) throws(WireError) -> RowRange? {
    let bounds = try WireBounds(
      message, startClosed: 1, startOpen: 2, endClosed: 4, endOpen: 3, emptyIsOpen: true)
    guard !bounds.isInverted else {
      throw .malformed("Error in element #\(index): start_key must be less than end_key")
    }
    let range = RowRange(from: bounds.from, to: bounds.to)
    // Equal ends, one of them open, are an empty range and no mistake.
    return range.isEmpty ? nil : range
  }

  /// What to read, in key order; one range of everything where nothing was said.
  var merged: [RowRange] {
    if let onlyKey { return [RowRange(only: onlyKey.array)] }
    guard hasAny else { return [.all] }
    if ranges.count == 1 { return ranges }
    let sorted = ranges.sorted { left, right in
      (left.lower ?? []).lexicographicallyPrecedes(right.lower ?? [])
    }
    var merged: [RowRange] = []
    for range in sorted {
      guard let last = merged.last, let end = last.upper else {
        if merged.isEmpty { merged.append(range) }
        continue
      }
      if end.lexicographicallyPrecedes(range.lower ?? []) {
        merged.append(range)
      } else if range.upper.map({ end.lexicographicallyPrecedes($0) }) ?? true {
        merged[merged.count - 1].upper = range.upper
      }
    }
    return merged
  }
}
