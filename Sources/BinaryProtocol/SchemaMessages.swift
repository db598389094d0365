// Requests and answers about tables as a whole: definitions and statistics; and ping.

package import Bytes
package import DataModel

/// Reads and writes the messages around table definitions.
package enum SchemaMessages {
  /// A message that holds one table's name: describe, drop.
  package static func readName(_ body: ByteView) throws(WireError) -> String {
    var name = ""
    var reader = ProtobufReader(body)
    while let number = try reader.next() {
      if number == 1 { name = try reader.string() } else { try reader.skip() }
    }
    return name
  }

  package static func writeName(_ name: String, into buffer: inout ByteBuffer) {
    buffer.appendField(1, string: name)
  }

  /// A message that holds one definition: create, and the answer to describe, create and alter.
  package static func readDefinition(_ body: ByteView) throws(WireError) -> TableDefinition {
    var definition: TableDefinition?
    var reader = ProtobufReader(body)
    while let number = try reader.next() {
      if number == 1 {
        definition = try TableDefinition(wire: try reader.bytes())
      } else {
        try reader.skip()
      }
    }
    guard let definition else { throw .malformed("no table definition") }
    return definition
  }

  package static func write(_ definition: TableDefinition, into buffer: inout ByteBuffer) {
    buffer.appendMessage(1) { definition.encode(into: &$0) }
  }

  package static func readList(_ body: ByteView) throws(WireError) -> [TableDefinition] {
    var definitions: [TableDefinition] = []
    var reader = ProtobufReader(body)
    while let number = try reader.next() {
      if number == 1 {
        definitions.append(try TableDefinition(wire: try reader.bytes()))
      } else {
        try reader.skip()
      }
    }
    return definitions
  }

  package static func write(_ definitions: [TableDefinition], into buffer: inout ByteBuffer) {
    for definition in definitions { write(definition, into: &buffer) }
  }

  package static func readAlter(
    _ body: ByteView
  ) throws(WireError) -> (table: String, changes: [TableChange]) {
    var table = ""
    var changes: [TableChange] = []
    var reader = ProtobufReader(body)
    while let number = try reader.next() {
      switch number {
      case 1: table = try reader.string()
      case 2:
        guard changes.count < 10 * DataModelLimits.familyCount else {
          throw .tooLarge("more than \(10 * DataModelLimits.familyCount) changes")
        }
        changes.append(try TableChange(wire: try reader.bytes()))
      default: try reader.skip()
      }
    }
    return (table, changes)
  }

  package static func writeAlter(
    _ table: String, _ changes: [TableChange], into buffer: inout ByteBuffer
  ) {
    buffer.appendField(1, string: table)
    for change in changes { buffer.appendMessage(2) { change.encode(into: &$0) } }
  }

  /// A message of one flag: the answer to a conditional mutation.
  package static func readFlag(_ body: ByteView) throws(WireError) -> Bool {
    var flag = false
    var reader = ProtobufReader(body)
    while let number = try reader.next() {
      if number == 1 { flag = try reader.bool() } else { try reader.skip() }
    }
    return flag
  }

  package static func write(flag: Bool, into buffer: inout ByteBuffer) {
    buffer.appendField(1, bool: flag)
  }

  /// A message of one run of bytes: ping both ways, and the reason of a goaway.
  package static func readBytes(_ body: ByteView) throws(WireError) -> ByteView {
    var bytes = ByteView()
    var reader = ProtobufReader(body)
    while let number = try reader.next() {
      if number == 1 { bytes = try reader.bytes() } else { try reader.skip() }
    }
    return bytes
  }

  package static func write(bytes: ByteView, into buffer: inout ByteBuffer) {
    buffer.appendField(1, bytes: bytes)
  }

  package static func readReports(_ body: ByteView) throws(WireError) -> [TableReport] {
    var reports: [TableReport] = []
    var reader = ProtobufReader(body)
    while let number = try reader.next() {
      if number == 1 {
        reports.append(try TableReport(wire: try reader.bytes()))
      } else {
        try reader.skip()
      }
    }
    return reports
  }

  package static func write(_ reports: [TableReport], into buffer: inout ByteBuffer) {
    for report in reports { buffer.appendMessage(1) { report.encode(into: &$0) } }
  }
}
