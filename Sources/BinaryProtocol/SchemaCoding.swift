// Tables, families and rules on the wire.

package import Bytes
package import DataModel

extension GCRule {
  init(wire message: ByteView, depth: Int = 1, nodes: inout Int) throws(WireError) {
    guard depth <= DataModelLimits.filterDepth else {
      throw .tooLarge("rules nested deeper than \(DataModelLimits.filterDepth)")
    }
    nodes += 1
    guard nodes <= ProtocolLimits.nodeCount else {
      throw .tooLarge("more than \(ProtocolLimits.nodeCount) rules in one request")
    }
    var found: GCRule?
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      switch number {
      case 1: found = .maxVersions(Int(try reader.int64()))
      case 2: found = .maxAge(microseconds: try reader.int64())
      case 3: found = .union(try GCRule.list(try reader.bytes(), depth, &nodes))
      case 4: found = .intersection(try GCRule.list(try reader.bytes(), depth, &nodes))
      default: try reader.skip()
      }
    }
    guard let found else { throw .malformed("a garbage-collection rule of an unknown kind") }
    self = found
  }

  private static func list(
    _ message: ByteView, _ depth: Int, _ nodes: inout Int
  ) throws(WireError) -> [GCRule] {
    var rules: [GCRule] = []
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      if number == 1 {
        rules.append(try GCRule(wire: try reader.bytes(), depth: depth + 1, nodes: &nodes))
      } else {
        try reader.skip()
      }
    }
    return rules
  }

  func encode(into buffer: inout ByteBuffer) {
    switch self {
    case .maxVersions(let count):
      buffer.appendField(1, present: UInt64(bitPattern: Int64(count)))
    case .maxAge(let age): buffer.appendField(2, present: UInt64(bitPattern: age))
    case .union(let rules): buffer.appendMessage(3) { GCRule.encode(rules, into: &$0) }
    case .intersection(let rules): buffer.appendMessage(4) { GCRule.encode(rules, into: &$0) }
    }
  }

  private static func encode(_ rules: [GCRule], into buffer: inout ByteBuffer) {
    for rule in rules { buffer.appendMessage(1) { rule.encode(into: &$0) } }
  }
}

extension ValueType {
  /// Persisted in every client: never renumber. 0 is undeclared.
  private static let numbers: [ValueType] = [.utf8, .int64, .float64, .json, .bytes]

  static func of(wire number: UInt64) throws(WireError) -> ValueType? {
    if number == 0 { return nil }
    guard number <= UInt64(numbers.count) else { throw .malformed("an unknown value type") }
    return numbers[Int(number) - 1]
  }

  static func wire(_ type: ValueType?) -> UInt64 {
    guard let type, let index = numbers.firstIndex(of: type) else { return 0 }
    return UInt64(index + 1)
  }
}

extension AggregateKind {
  /// Persisted in every client: never renumber. 0 is none.
  private static let numbers: [AggregateKind] = [.sum, .min, .max]

  static func of(wire number: UInt64) throws(WireError) -> AggregateKind? {
    if number == 0 { return nil }
    guard number <= UInt64(numbers.count) else { throw .malformed("an unknown aggregate kind") }
    return numbers[Int(number) - 1]
  }

  static func wire(_ kind: AggregateKind?) -> UInt64 {
    guard let kind, let index = numbers.firstIndex(of: kind) else { return 0 }
    return UInt64(index + 1)
  }
}

extension FamilyDefinition {
  init(wire message: ByteView) throws(WireError) {
    self.init(name: "")
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      switch number {
      case 1: name = try reader.string()
      case 2:
        var nodes = 0
        gc = try GCRule(wire: try reader.bytes(), nodes: &nodes)
      case 3: type = try ValueType.of(wire: try reader.varint())
      case 4: try readColumn(try reader.bytes())
      case 5: aggregate = try AggregateKind.of(wire: try reader.varint())
      default: try reader.skip()
      }
    }
  }

  private mutating func readColumn(_ message: ByteView) throws(WireError) {
    guard columns.count < ProtocolLimits.nodeCount else {
      throw .tooLarge("more than \(ProtocolLimits.nodeCount) declared columns in one family")
    }
    var qualifier: [UInt8] = []
    var type: ValueType?
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      switch number {
      case 1: qualifier = try reader.bytes().array
      case 2: type = try ValueType.of(wire: try reader.varint())
      default: try reader.skip()
      }
    }
    guard let type else { throw .malformed("a declared column without a type") }
    columns[qualifier] = type
  }

  func encode(into buffer: inout ByteBuffer) {
    buffer.appendField(1, string: name)
    if let gc { buffer.appendMessage(2) { gc.encode(into: &$0) } }
    buffer.appendField(3, varint: ValueType.wire(type))
    let ordered = columns.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    for (qualifier, type) in ordered {
      buffer.appendMessage(4) { nested in
        nested.appendField(1, bytes: qualifier)
        nested.appendField(2, varint: ValueType.wire(type))
      }
    }
    buffer.appendField(5, varint: AggregateKind.wire(aggregate))
  }
}

extension TableDefinition {
  package init(wire message: ByteView) throws(WireError) {
    var name = ""
    var families: [FamilyDefinition] = []
    var gcOnRead = false
    var settings = TableSettings()
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      switch number {
      case 1: name = try reader.string()
      case 2:
        guard families.count < 10 * DataModelLimits.familyCount else {
          throw .tooLarge("more than \(10 * DataModelLimits.familyCount) families")
        }
        families.append(try FamilyDefinition(wire: try reader.bytes()))
      case 3: gcOnRead = try reader.bool()
      case 4: settings.isProtected = try reader.bool()
      default: try reader.skip()
      }
    }
    self.init(name: name, families: families, gcOnRead: gcOnRead, settings: settings)
  }

  package func encode(into buffer: inout ByteBuffer) {
    buffer.appendField(1, string: name)
    for family in families { buffer.appendMessage(2) { family.encode(into: &$0) } }
    buffer.appendField(3, bool: gcOnRead)
    buffer.appendField(4, bool: settings.isProtected)
  }
}

extension TableChange {
  init(wire message: ByteView) throws(WireError) {
    var found: TableChange?
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      switch number {
      case 1: found = .createFamily(try FamilyDefinition(wire: try reader.bytes()))
      case 2: found = .updateFamily(try FamilyDefinition(wire: try reader.bytes()))
      case 3: found = .dropFamily(try reader.string())
      case 4: found = .setGCOnRead(try reader.bool())
      case 5: found = .setProtection(try reader.bool())
      default: try reader.skip()
      }
    }
    guard let found else { throw .malformed("a table change of an unknown kind") }
    self = found
  }

  func encode(into buffer: inout ByteBuffer) {
    switch self {
    case .createFamily(let family): buffer.appendMessage(1) { family.encode(into: &$0) }
    case .updateFamily(let family): buffer.appendMessage(2) { family.encode(into: &$0) }
    case .dropFamily(let name): buffer.appendField(3, present: name)
    case .setGCOnRead(let isOn): buffer.appendField(4, present: isOn ? 1 : 0 as UInt64)
    case .setProtection(let isOn): buffer.appendField(5, present: isOn ? 1 : 0 as UInt64)
    }
  }
}
