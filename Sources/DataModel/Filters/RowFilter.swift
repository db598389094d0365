// The filter tree (google.bigtable.v2.RowFilter).

package import RegularExpressions

/// What of a cell a regular expression is matched with.
package enum RegexSubject: String, Sendable, Hashable, CaseIterable {
  case rowKey, family, qualifier, value
}

/// Turns a row's cells into fewer, or other, cells.
package indirect enum RowFilter: Sendable, Hashable {
  case passAll
  case blockAll
  case chain([RowFilter])
  case interleave([RowFilter])
  /// `predicate` leaves a cell: `then` on the input, else `otherwise`; absent lets nothing pass.
  case condition(predicate: RowFilter, then: RowFilter?, otherwise: RowFilter?)
  case rowKeyPrefix([UInt8])
  /// Cells of which the pattern matches all of that part.
  case regex(RegexSubject, ByteRegex)
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
  /// The row as a whole with this probability, else nothing of it.
  case rowSample(Double)
  /// Marks each cell.
  case label(String)
  /// The cells go straight to the read's result, past all that follows, which gets none.
  case sink

  /// - Parameter field: What the pattern is called where it comes from.
  /// - Throws: What is wrong with the pattern.
  package static func regex(
    _ subject: RegexSubject, pattern: [UInt8], field: String
  ) throws(DataModelError) -> RowFilter {
    do throws(RegexError) {
      return .regex(subject, try ByteRegex(pattern))
    } catch {
      throw DataModelError(code: "invalid_filter", message: "\(field): \(error)")
    }
  }
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
