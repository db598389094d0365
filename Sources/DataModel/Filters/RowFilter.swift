// The filter tree (google.bigtable.v2.RowFilter without regular expressions, which need a
// linear-time matcher of their own).

/// Turns a row's cells into fewer, or other, cells.
package indirect enum RowFilter: Sendable, Hashable {
  case passAll
  case blockAll
  case chain([RowFilter])
  case interleave([RowFilter])
  /// `predicate` leaves a cell: `then` on the input, else `otherwise`; absent lets nothing pass.
  case condition(predicate: RowFilter, then: RowFilter?, otherwise: RowFilter?)
  case rowKeyPrefix([UInt8])
  case family(String)
  case qualifier([UInt8])
  case qualifierPrefix([UInt8])
  /// [from, to) in one family; nil is open.
  case columnRange(family: String, from: [UInt8]?, to: [UInt8]?)
  /// [from, to) in microseconds; nil is open.
  case timestampRange(from: Int64, to: Int64?)
  case value([UInt8])
  /// [from, to); nil is open.
  case valueRange(from: [UInt8]?, to: [UInt8]?)
  case cellsPerRowOffset(Int)
  case cellsPerRowLimit(Int)
  case cellsPerColumnLimit(Int)
  case stripValue
}

/// One rule of a read-modify-write.
package struct ReadModifyWriteRule: Sendable, Hashable {
  package enum Change: Sendable, Hashable {
    /// Appends to the newest value; nothing there counts as no bytes.
    case append([UInt8])
    /// Adds to the newest value, 8 bytes big-endian, wrapping; nothing there counts as 0.
    case increment(Int64)
  }
  package var family: String
  package var qualifier: [UInt8]
  package var change: Change
  package init(family: String, qualifier: [UInt8], change: Change) {
    self.family = family
    self.qualifier = qualifier
    self.change = change
  }
}
