// Counts the rows of an answer of Bigtable's API while its bytes pass by, in pieces cut anywhere.
// Both answers that have rows look alike from here: field 1, again and again.
//
//   ReadRowsResponse   := 1: chunk { 1 key, 2 family, 3 qualifier, …, 6 value, 9 commit_row } …
//   MutateRowsResponse := 1: entry { 1 index, 2 status } …

import Bytes

/// Of one call.
struct RowCounter {
  /// Chunks that end a row.
  private(set) var rowCount = 0
  /// Elements whose field 2 is not empty: of a MutateRowsResponse, rows that were refused.
  private(set) var refusedCount = 0

  private enum Stage {
    case tag, number, length
  }
  private var stage = Stage.tag
  private var field: UInt64 = 0
  /// The varint that is under way.
  private var value: UInt64 = 0
  private var shift: UInt64 = 0
  /// Bytes to pass over.
  private var skip = 0
  /// What is left of the element that is under way; 0 between elements.
  private var elementByteCount = 0

  /// Between fields, as at a message's end.
  var isAtRest: Bool { elementByteCount == 0 && isBetweenFields }

  private var isBetweenFields: Bool { skip == 0 && shift == 0 && stage == .tag }

  @inline(__always)
  mutating func take(_ bytes: ByteView) throws(AnswerError) {
    var at = 0
    while at < bytes.count {
      if isAtRest, let end = try takeElement(bytes, at) {
        at = end
        continue
      }
      let isInElement = elementByteCount > 0
      var count = 1
      if skip > 0 {
        count = min(skip, bytes.count &- at)
        skip &-= count
        if isInElement { elementByteCount &-= count }
      } else {
        if isInElement { elementByteCount &-= 1 }
        try take(bytes[at], isInElement)
      }
      at &+= count
      if isInElement, elementByteCount == 0, !isBetweenFields { throw RowCounter.malformed }
    }
  }

  /// Takes an element that lies whole at `start`, as nearly all do; where it ends.
  @inline(__always)
  private mutating func takeElement(_ bytes: ByteView, _ start: Int) throws(AnswerError) -> Int? {
    var at = start &+ 1
    guard bytes[start] == 0x0a, let length = RowCounter.varint(bytes, &at),
      length <= UInt64(bytes.count &- at)
    else { return nil }
    let end = at &+ Int(length)
    while at < end {
      guard let tag = RowCounter.varint(bytes, &at) else { throw RowCounter.malformed }
      var passed: UInt64 = 0
      switch tag & 7 {
      case 0:
        guard let number = RowCounter.varint(bytes, &at) else { throw RowCounter.malformed }
        if tag == 9 << 3, number != 0 { rowCount &+= 1 }
      case 1: passed = 8
      case 2:
        guard let length = RowCounter.varint(bytes, &at) else { throw RowCounter.malformed }
        passed = length
        if tag == 2 << 3 | 2, length > 0 { refusedCount &+= 1 }
      case 5: passed = 4
      default: throw RowCounter.malformed
      }
      guard at <= end, passed <= UInt64(end &- at) else { throw RowCounter.malformed }
      at &+= Int(passed)
    }
    return end
  }

  /// Nil for one that does not end.
  @inline(__always)
  private static func varint(_ bytes: ByteView, _ at: inout Int) -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while at < bytes.count, shift <= 63 {
      let byte = bytes[at]
      at &+= 1
      value |= UInt64(byte & 0x7f) &<< shift
      if byte < 0x80 { return value }
      shift &+= 7
    }
    return nil
  }

  /// A byte of a varint.
  @inline(__always)
  private mutating func take(_ byte: UInt8, _ isInElement: Bool) throws(AnswerError) {
    value |= UInt64(byte & 0x7f) &<< shift
    if byte >= 0x80 {
      shift &+= 7
      guard shift <= 63 else { throw RowCounter.malformed }
      return
    }
    let number = value
    value = 0
    shift = 0
    switch stage {
    case .tag: try begin(number)
    case .number:
      stage = .tag
      if isInElement, field == 9, number != 0 { rowCount &+= 1 }
    case .length:
      stage = .tag
      guard number <= 0x7fff_ffff else { throw RowCounter.malformed }
      if !isInElement, field == 1 {
        elementByteCount = Int(number)
        return
      }
      skip = Int(number)
      if isInElement, field == 2, skip > 0 { refusedCount &+= 1 }
    }
    guard !isInElement || skip <= elementByteCount else { throw RowCounter.malformed }
  }

  @inline(__always)
  private mutating func begin(_ tag: UInt64) throws(AnswerError) {
    field = tag >> 3
    switch tag & 7 {
    case 0: stage = .number
    case 1: skip = 8
    case 2: stage = .length
    case 5: skip = 4
    default: throw RowCounter.malformed
    }
  }

  private static let malformed = AnswerError(reason: "a message that is none")
}
