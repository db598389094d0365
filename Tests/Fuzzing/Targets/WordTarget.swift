// Words of kvctl's command line and addresses of servers; the first byte chooses. What is read is
// written and read back the same.

import Bytes
import DataModel
import Net
import RowText

final class WordTarget: FuzzTarget {
  func run(_ input: ByteView) throws(Finding) {
    var parts = FuzzInput(input)
    let kind = parts.byte()
    let text = String(decoding: parts.rest.buffer, as: UTF8.self)
    switch kind {
    case UInt8(ascii: "f"): try checkFamily(text)
    case UInt8(ascii: "c"): try checkColumns(text)
    case UInt8(ascii: "a"): try checkAssignment(text)
    case UInt8(ascii: "t"): try checkTimestamp(text)
    case UInt8(ascii: "h"): try checkAddress(text)
    default: break
    }
  }

  /// Nil for what is refused, with words for it.
  private func read<Value>(_ body: () throws(WrongWord) -> Value) throws(Finding) -> Value? {
    do throws(WrongWord) { return try body() } catch {
      try require(!error.message.isEmpty, "no reason")
      return nil
    }
  }

  private func checkFamily(_ text: String) throws(Finding) {
    guard let family = try read({ () throws(WrongWord) in try FamilySpecification.parse(text) })
    else { return }
    try require(!family.name.isEmpty && text.hasPrefix(family.name), "a name of its own: \(text)")
    let definition = TableDefinition(name: "t", families: [family])
    guard (try? definition.validate()) != nil else { return }
    var written = ByteBuffer()
    TableDefinitionJSON.write(definition, into: &written)
    let again = try? TableDefinitionJSON.read(written.view)
    try require(again?.families == [family], "\(text): \(written.view)")
  }

  private func checkColumns(_ text: String) throws(Finding) {
    guard let selectors = try read({ () throws(WrongWord) in try ColumnArgument.selectors(text) })
    else { return }
    for selector in selectors {
      try require(!selector.family.contains(":"), "a family \(selector.family)")
    }
    _ = try read { () throws(WrongWord) in try ColumnArgument.key(text) }
  }

  private func checkAssignment(_ text: String) throws(Finding) {
    guard
      let (column, value) = try read({ () throws(WrongWord) in try ColumnArgument.assignment(text) }
      )
    else { return }
    try require(text.hasSuffix("=" + value), "the value \(value) of \(text)")
    let family = column.family
    try require(text.hasPrefix(family + ":"), "the family \(family) of \(text)")
  }

  private func checkTimestamp(_ text: String) throws(Finding) {
    guard let timestamp = TimestampText.parse(text) else { return }
    try require(
      (0...Timestamp.max.microseconds).contains(timestamp.microseconds)
        && timestamp.microseconds % 1_000 == 0, "\(text) is \(timestamp)")
    let written = TimestampText.format(timestamp)
    let isDay = text.utf8.count == 10 && Int64(text) == nil
    try require(!isDay || written.hasPrefix(text), "the day \(text) is \(written)")
    try require(TimestampText.parse(written) == timestamp, "\(text) is written \(written)")
  }

  private func checkAddress(_ text: String) throws(Finding) {
    guard let address = try? ListenAddress(parsing: text) else { return }
    let again = try? ListenAddress(parsing: address.description)
    try require(again == address, "\(text) is \(address)")
  }
}
