// Rows as lines: NDJSON, CSV and single fields; the first byte chooses. Lines are the same however
// the stream is cut; a refused row leaves the list as it was; a plain value that was read is
// written and read back the same.

import Bytes
import DataModel
import JSON
import RowText
import TestSupport

final class LineTarget: FuzzTarget {
  private var json = RowJSONReader(TextWorld.schema)
  private var values = PlainValueReader()
  private var list = MutationList()
  private var whole = ByteBuffer()
  private var cut = ByteBuffer()

  func run(_ input: ByteView) throws(Finding) {
    var parts = FuzzInput(input)
    let kind = parts.byte()
    let text = parts.rest
    list.clear()
    switch kind {
    case UInt8(ascii: "j"):
      try checkCuts(text, .lines)
      try readRows(text)
    case UInt8(ascii: "c"):
      try checkCuts(text, .records)
      try readRecords(text)
    case UInt8(ascii: "0")...UInt8(ascii: "5"):
      let types: [ValueType?] = [nil, .utf8, .int64, .float64, .json, .bytes]
      try readValue(text, types[Int(kind - UInt8(ascii: "0"))])
    default: break
    }
  }

  // MARK: - Lines

  private func checkCuts(
    _ text: ByteView, _ separation: LineBuffer.Separation
  ) throws(Finding) {
    var choices = text.choices
    let limit = choices.chance(0.5) ? 24 : 4_096
    whole.clear()
    var buffer = LineBuffer(separation, lineByteLimit: limit)
    buffer.append(text)
    buffer.finish()
    LineTarget.drain(&buffer, into: &whole)
    cut.clear()
    var pieces = LineBuffer(separation, lineByteLimit: limit)
    var at = 0
    while at < text.count {
      let end = min(text.count, at + 1 + Int(truncatingIfNeeded: choices.next() & 31))
      pieces.append(text[at..<end])
      at = end
      LineTarget.drain(&pieces, into: &cut)
    }
    pieces.finish()
    LineTarget.drain(&pieces, into: &cut)
    // After the end a line over the limit is told only when asked once more.
    LineTarget.drain(&pieces, into: &cut)
    try require(whole.view == cut.view, "whole and cut: \(whole.view.difference(from: cut.view))")
  }

  /// Writes down the lines there are.
  private static func drain(_ buffer: inout LineBuffer, into seen: inout ByteBuffer) {
    while true {
      do throws(RowTextError) {
        guard let line = try buffer.next() else { return }
        seen.append("\nline ")
        seen.append(varint: line.number)
        seen.append(lengthPrefixed: line.text)
      } catch {
        seen.append("\ntoo long ")
        seen.append(varint: error.line ?? 0)
      }
    }
  }

  // MARK: - Rows

  private func readRows(_ text: ByteView) throws(Finding) {
    var lines = LineBuffer(.lines)
    lines.append(text)
    lines.finish()
    while let line = try? lines.next() {
      let before = (list.byteCount, list.rowCount, list.mutationCount)
      do throws(RowTextError) {
        try json.read(line.text, line: line.number, into: &list)
      } catch {
        try checkUntouched(before, error)
      }
    }
  }

  private func readRecords(_ text: ByteView) throws(Finding) {
    var lines = LineBuffer(.records)
    lines.append(text)
    lines.finish()
    guard let header = try? lines.next(),
      var csv = try? CSVRowReader(TextWorld.schema, header: header.text)
    else { return }
    while let line = try? lines.next() {
      let before = (list.byteCount, list.rowCount, list.mutationCount)
      do throws(RowTextError) {
        try csv.read(line.text, line: line.number, into: &list)
      } catch {
        try checkUntouched(before, error)
      }
    }
  }

  private func checkUntouched(
    _ before: (Int, Int, Int), _ error: RowTextError
  ) throws(Finding) {
    try require(
      before == (list.byteCount, list.rowCount, list.mutationCount),
      "a refused row left something: \(error)")
    try require((error.line ?? 1) >= 1 && (error.column ?? 1) >= 1, "a place before the start")
  }

  // MARK: - Values

  private func readValue(_ text: ByteView, _ type: ValueType?) throws(Finding) {
    guard let value = values.value(text, as: type)?.array else { return }
    try ByteView.of(value) { (value) throws(Finding) in
      cut.clear()
      PlainValueWriter.append(value, as: type, into: &cut)
      guard let again = values.value(cut.view, as: type) else {
        throw Finding("written and not read: \(cut.view)")
      }
      // Of a JSON value the compact form is read back.
      whole.clear()
      if type != .json || !whole.append(compactJSON: value) { whole.append(value) }
      let isSame = again == whole.view || LineTarget.areNotNumbers(again, whole.view, type)
      try require(isSame, "\(value) is written \(cut.view) and read \(again)")
    }
  }

  /// NaN has many bit patterns and one text.
  private static func areNotNumbers(
    _ left: ByteView, _ right: ByteView, _ type: ValueType?
  ) -> Bool {
    guard type == .float64, left.count == 8, right.count == 8 else { return false }
    return Double(bitPattern: left.bigEndian64(at: 0)).isNaN
      && Double(bitPattern: right.bigEndian64(at: 0)).isNaN
  }
}
