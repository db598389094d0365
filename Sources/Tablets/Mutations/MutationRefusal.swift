// Why a mutation is refused, in words that name family and qualifier; and the checks that need
// more than a line.

internal import Bytes
internal import DataModel

/// Refusals of single mutations.
enum MutationRefusal {
  static func timestamp(
    _ timestamp: Timestamp, _ family: FamilyRules, _ qualifier: ByteView
  ) -> TableServiceError {
    .invalid(
      code: "invalid_timestamp",
      message: "column \(column(family, qualifier)): timestamp \(timestamp.microseconds) must be "
        + "whole milliseconds in microseconds, not negative, or -1 for the server's time")
  }

  static func notPlain(_ family: FamilyRules, _ qualifier: ByteView) -> TableServiceError {
    .invalid(
      code: "aggregate_family",
      message: "column \(column(family, qualifier)): the family is an aggregate; it takes "
        + "addToCell and mergeToCell, not setCell")
  }

  static func notAggregate(_ family: FamilyRules, _ qualifier: ByteView) -> TableServiceError {
    .invalid(
      code: "not_aggregate_family",
      message: "column \(column(family, qualifier)): the family is no aggregate; it takes setCell, "
        + "not addToCell or mergeToCell")
  }

  static func wrongType(
    _ family: FamilyRules, _ qualifier: ByteView, expected: ValueType, found byteCount: Int
  ) -> TableServiceError {
    let what =
      expected == .utf8
      ? "valid UTF-8; \(byteCount) bytes were given that are not"
      : "8 bytes; \(byteCount) were given"
    return .invalid(
      code: "wrong_value_type",
      message: "column \(column(family, qualifier)) is declared \(expected.rawValue): "
        + "a value must be \(what)")
  }

  /// Limits and declared type of a value.
  @inline(__always)
  static func checkType(
    _ value: ByteView, _ family: FamilyRules, _ qualifier: ByteView
  ) throws(TableServiceError) {
    guard value.count <= DataModelLimits.valueByteCount else {
      throw .invalid(
        code: "value_too_large",
        message: "column \(column(family, qualifier)): a value has \(value.count) bytes; the "
          + "limit is \(DataModelLimits.valueByteCount)")
    }
    guard let type = family.type(of: qualifier) else { return }
    switch type {
    case .int64, .float64:
      guard value.count == 8 else {
        throw wrongType(family, qualifier, expected: type, found: value.count)
      }
    case .utf8:
      guard isUTF8(value) else {
        throw wrongType(family, qualifier, expected: type, found: value.count)
      }
    case .json, .bytes: break
    }
  }

  /// A deletion's range in milliseconds.
  static func range(
    from start: Timestamp, to end: Timestamp, _ family: FamilyRules, _ qualifier: ByteView
  ) throws(TableServiceError) -> TombstoneRange {
    let isOpen = end.microseconds == .max
    for bound in [start, end] where !(isOpen && bound == end) {
      guard bound.microseconds >= 0, bound.microseconds % 1_000 == 0 else {
        throw timestamp(bound, family, qualifier)
      }
    }
    guard start < end else {
      throw .invalid(
        code: "invalid_time_range",
        message: "column \(column(family, qualifier)): the time range from "
          + "\(start.microseconds) to \(end.microseconds) is empty")
    }
    return TombstoneRange(
      start: start.microseconds / 1_000,
      end: isOpen ? PackedRow.openEnd : end.microseconds / 1_000)
  }

  private static func column(_ family: FamilyRules, _ qualifier: ByteView) -> String {
    "\"\(family.definition.name):\(qualifier)\""
  }

  private static func isUTF8(_ value: ByteView) -> Bool {
    if value.buffer.allSatisfy({ $0 < 0x80 }) { return true }
    return String(validating: value.buffer, as: UTF8.self) != nil
  }
}
