// Lines that a load could not take: into a file where one is given, else the first of them to
// standard error.
//
//   {"line":17,"column":42,"code":"wrong_value_type","message":"…","text":"the line itself"}
//
// `column` is there where the place is known; `text` is cut to its first 64 KiB.

import Bytes
import JSON
import RowText

/// Collects refused lines.
struct RejectLog: ~Copyable {
  static let shownCount = 10
  private static let textByteLimit = 64 << 10

  private(set) var count = 0
  private var file: OutputStream?

  init(path: String?) throws {
    if let path {
      file = try OutputStream(path: path)
    } else {
      file = nil
    }
  }

  /// Whether texts are wanted.
  var keepsText: Bool { file != nil }

  mutating func add(
    line: Int, column: Int?, code: String, message: String, text: ByteView?
  ) throws {
    count += 1
    guard file != nil else {
      if count <= RejectLog.shownCount {
        let place = column.map { "line \(line), column \($0)" } ?? "line \(line)"
        StandardError.write("\(DisplayText.visible("\(place): \(message) (\(code))"))\n")
      } else if count == RejectLog.shownCount + 1 {
        StandardError.write("more lines were refused; --rejects FILE collects all of them\n")
      }
      return
    }
    var members: [JSONValue.Member] = [.init("line", .integer(Int64(line)))]
    if let column { members.append(.init("column", .integer(Int64(column)))) }
    members.append(.init("code", .string(code)))
    members.append(.init("message", .string(message)))
    if let text {
      let shown = text.prefix(min(text.count, RejectLog.textByteLimit))
      members.append(.init("text", .string(String(decoding: shown.buffer, as: UTF8.self))))
    }
    try file?.line(JSONValue.object(members).text)
  }

  mutating func finish() throws { try file?.flush() }
}
