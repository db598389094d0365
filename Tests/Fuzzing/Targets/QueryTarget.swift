// Targets of requests: path to route, percent-encoding, the query of a read, durations.

import Bytes
import HTTP1
import RowText

@testable import HTTPAPI

final class QueryTarget: FuzzTarget {
  private var decoded = ByteBuffer()
  private var encoded = ByteBuffer()

  func run(_ input: ByteView) throws(Finding) {
    let question = input.firstIndex(of: 0x3f) ?? input.count
    let path = input.prefix(question)
    let query = input.dropFirst(min(question + 1, input.count))
    for method in [HTTPMethod.get, .post] {
      let match = Router.match(method, path)
      _ = match.route.takes(method)
      try checkCoding(match.table)
      try checkCoding(match.key)
    }
    for isRange in [false, true] {
      guard let read = read(query, isRange) else { continue }
      try require(read.prefix == nil || (read.start == nil && read.end == nil), "two ranges")
      try require(read.columns.count <= 1_000, "\(read.columns.count) columns")
      try require((read.limit ?? 1) >= 1, "limit \(read.limit ?? 0)")
      let again = self.read(query, isRange)
      let mark = read.fingerprint(table: "t", range: read.range)
      try require(
        again?.fingerprint(table: "t", range: read.range) == mark, "two readings of one query")
      _ = read.options
      _ = read.shape
    }
    _ = HeldRead.waitSeconds(query)
    try checkDuration(query)
  }

  private func read(_ query: ByteView, _ isRange: Bool) -> ReadQuery? {
    decoded.clear()
    decoded.reserve(query.count)
    return try? ReadQuery(query, isRange: isRange, decoded: &decoded)
  }

  /// What was decoded, encoded byte by byte, is decoded to the same.
  private func checkCoding(_ part: ByteView) throws(Finding) {
    decoded.clear()
    decoded.reserve(part.count * 2)
    guard let text = try? PercentCoding.decode(part, into: &decoded) else { return }
    try require(text.count <= part.count, "decoding made text longer")
    encoded.clear()
    let digits: StaticString = "0123456789abcdefABCDEF"
    let digit = ByteView(UnsafeRawPointer(digits.utf8Start), count: digits.utf8CodeUnitCount)
    for index in 0..<text.count {
      encoded.append(0x25 as UInt8)
      encoded.append(digit[Int(text[index] >> 4)])
      encoded.append(digit[Int(text[index] & 15)])
    }
    var scratch = ByteBuffer()
    scratch.reserve(encoded.count)
    let again = try? PercentCoding.decode(encoded.view, into: &scratch)
    try require(again.map { $0 == text } ?? false, "percent-encoding of \(text)")
  }

  private func checkDuration(_ text: ByteView) throws(Finding) {
    guard text.count < 40, let first = text.isEmpty ? nil : text[0], first &- 0x30 <= 9 else {
      return
    }
    let spelled = String(decoding: text.buffer, as: UTF8.self)
    guard let duration = DurationText.parse(spelled) else { return }
    let again = DurationText.parse(DurationText.format(microseconds: duration))
    try require(again == duration, "\(spelled) is \(duration), then \(again ?? -1)")
  }
}
