// What traffic remembers between requests: which inserts are done, and the tags of polled ranges.

import Bytes

/// Inserts in flight: which of them are done without a gap, so that reads never ask for a row that
/// is still on its way.
struct InsertWindow {
  private var begun: UInt64 = 0
  private(set) var finished: UInt64 = 0
  private var isDone = [Bool](repeating: false, count: InsertWindow.size)
  private static let size = 1 << 17

  mutating func begin() -> UInt64 {
    begun += 1
    return begun - 1
  }

  mutating func end(_ insert: UInt64) {
    isDone[Int(insert % UInt64(InsertWindow.size))] = true
    while isDone[Int(finished % UInt64(InsertWindow.size))] {
      isDone[Int(finished % UInt64(InsertWindow.size))] = false
      finished += 1
    }
  }
}

/// What is known of polled ranges.
struct PollMemory {
  private struct Range {
    var tag: [UInt8] = []
    /// Since it was polled last.
    var isChanged = false
  }
  private var ranges: [Range]

  init(places: Int) { ranges = Array(repeating: Range(), count: places) }

  func isChanged(_ place: Int) -> Bool { ranges[place].isChanged }

  mutating func setChanged(_ place: Int) { ranges[place].isChanged = true }

  mutating func keep(_ tag: ByteView, for place: Int) {
    ranges[place].isChanged = false
    if !tag.isEmpty { ranges[place].tag = tag.array }
  }

  /// Ends the head of a poll.
  func appendTag(_ place: Int, to output: inout ByteBuffer) {
    if !ranges[place].tag.isEmpty {
      output.append("If-None-Match: ")
      output.append(ranges[place].tag)
      output.append("\r\n")
    }
    output.append("\r\n")
  }
}

/// Text found in answers.
enum AnswerText {
  /// What can be read of a body, for messages.
  static func of(_ body: ByteView, _ bytes: ByteView) -> String {
    let shown = body.isEmpty ? bytes : body
    let letters = shown.prefix(min(shown.count, 160)).array.map { byte in
      byte >= 32 && byte < 127 ? Character(UnicodeScalar(byte)) : "."
    }
    return String(letters)
  }

  /// Where the first run of so many digits begins.
  static func digits(_ count: Int, in text: ByteView) -> Int? {
    var run = 0
    for index in 0..<text.count {
      run = text[index] >= 48 && text[index] <= 57 ? run + 1 : 0
      if run == count { return index + 1 - count }
    }
    return nil
  }
}

extension RowShape {
  /// Whether `body` holds for all columns.
  func columns(_ body: (Int) -> Bool) -> Bool { (0..<columnCount).allSatisfy(body) }
}

/// Checks a hash that Redis answers: names and values in any order.
enum RedisHash {
  static func isRight(
    _ body: ByteView, _ shape: RowShape, key: UnsafeRawPointer, _ contents: RowContents
  ) -> Bool {
    let (count, _) = body.decimal(at: 1)
    guard count == 2 * shape.columnCount, var at = body.firstIndex(of: 10, from: 0) else {
      return false
    }
    at += 1
    for _ in 0..<shape.columnCount {
      guard let name = bulk(body, &at), let value = bulk(body, &at), name.count == 3,
        value.count == shape.valueByteCount, let base = value.buffer.baseAddress
      else { return false }
      let column = name.decimal(at: 1).value
      guard contents.isValue(base, value.count, key: key, column: column) else { return false }
    }
    return true
  }

  private static func bulk(_ body: ByteView, _ at: inout Int) -> ByteView? {
    guard at < body.count, let line = body.firstIndex(of: 10, from: at) else { return nil }
    let count = body.decimal(at: at + 1).value
    let start = line + 1
    guard count >= 0, start + count + 2 <= body.count else { return nil }
    at = start + count + 2
    return body[start..<(start + count)]
  }
}
