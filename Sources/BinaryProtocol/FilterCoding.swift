// What a read wants, on the wire: ReadOptions, ColumnSelector, RowFilter, RowRange.

package import Bytes
package import DataModel
internal import RegularExpressions

extension ReadOptions {
  package init(wire message: ByteView) throws(WireError) {
    self.init()
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      switch number {
      case 1:
        guard columns.count < 1_000 else { throw .tooLarge("more than 1,000 column selectors") }
        columns.append(try ColumnSelector(wire: try reader.bytes()))
      case 2:
        guard let count = Int32(exactly: try reader.varint()) else {
          throw .tooLarge("versions above 2,147,483,647")
        }
        versions = Int(count)
      case 3:
        var nodes = 0
        filter = try RowFilter(wire: try reader.bytes(), depth: 1, nodes: &nodes)
      default: try reader.skip()
      }
    }
  }

  package func encode(into buffer: inout ByteBuffer) {
    for column in columns { buffer.appendMessage(1) { column.encode(into: &$0) } }
    if versions != 1 { buffer.appendField(2, present: UInt64(clamping: versions)) }
    if let filter { buffer.appendMessage(3) { filter.encode(into: &$0) } }
  }
}

extension ColumnSelector {
  init(wire message: ByteView) throws(WireError) {
    var reader = ProtobufReader(message)
    self.init(family: "")
    while let number = try reader.next() {
      switch number {
      case 1: family = try reader.string()
      case 2: qualifier = try reader.bytes().array
      default: try reader.skip()
      }
    }
  }

  func encode(into buffer: inout ByteBuffer) {
    buffer.appendField(1, string: family)
    if let qualifier { buffer.appendField(2, present: qualifier) }
  }
}

extension RowRange {
  package init(wire message: ByteView) throws(WireError) {
    self.init()
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      switch number {
      case 1: lower = try reader.bytes().array
      case 2: upper = try reader.bytes().array
      default: try reader.skip()
      }
    }
  }

  package func encode(into buffer: inout ByteBuffer) {
    if let lower { buffer.appendField(1, present: lower) }
    if let upper { buffer.appendField(2, present: upper) }
  }
}

extension RowFilter {
  package init(wire message: ByteView) throws(WireError) {
    var nodes = 0
    try self.init(wire: message, depth: 1, nodes: &nodes)
  }

  /// - Parameter nodes: Filters read so far in the whole tree.
  init(wire message: ByteView, depth: Int, nodes: inout Int) throws(WireError) {
    guard depth <= DataModelLimits.filterDepth else {
      throw .tooLarge("filters nested deeper than \(DataModelLimits.filterDepth)")
    }
    nodes += 1
    guard nodes <= ProtocolLimits.nodeCount else {
      throw .tooLarge("more than \(ProtocolLimits.nodeCount) filters in one request")
    }
    var found: RowFilter?
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      switch number {
      case 1: found = try RowFilter.flag(&reader, .passAll)
      case 2: found = try RowFilter.flag(&reader, .blockAll)
      case 3: found = .chain(try RowFilter.list(try reader.bytes(), depth, &nodes))
      case 4: found = .interleave(try RowFilter.list(try reader.bytes(), depth, &nodes))
      case 5: found = try RowFilter.condition(try reader.bytes(), depth, &nodes)
      case 6: found = .rowKeyPrefix(try reader.bytes().array)
      case 7: found = .family(try reader.string())
      case 8: found = .qualifier(try reader.bytes().array)
      case 9: found = .qualifierPrefix(try reader.bytes().array)
      case 10:
        let range = try Bounds(try reader.bytes(), family: 1, from: 2, to: 3)
        found = .columnRange(family: range.family, from: range.from, to: range.to)
      case 11: found = try RowFilter.timestampRange(try reader.bytes())
      case 12: found = .value(try reader.bytes().array)
      case 13:
        let range = try Bounds(try reader.bytes(), family: nil, from: 1, to: 2)
        found = .valueRange(from: range.from, to: range.to)
      case 14: found = .cellsPerRowOffset(try RowFilter.count(&reader))
      case 15: found = .cellsPerRowLimit(try RowFilter.count(&reader))
      case 16: found = .cellsPerColumnLimit(try RowFilter.count(&reader))
      case 17: found = try RowFilter.flag(&reader, .stripValue)
      case 18: found = try RowFilter.regex(.rowKey, try reader.bytes())
      case 19: found = try RowFilter.regex(.family, try reader.bytes())
      case 20: found = try RowFilter.regex(.qualifier, try reader.bytes())
      case 21: found = try RowFilter.regex(.value, try reader.bytes())
      case 22: found = .rowSample(Double(bitPattern: UInt64(bitPattern: try reader.sfixed64())))
      case 23: found = .label(try reader.string())
      case 24: found = try RowFilter.flag(&reader, .sink)
      default: try reader.skip()
      }
    }
    guard let found else { throw .malformed("a filter of a kind this server does not know") }
    self = found
  }

  private static func regex(
    _ subject: RegexSubject, _ pattern: ByteView
  ) throws(WireError) -> RowFilter {
    do throws(DataModelError) {
      return try .regex(subject, pattern: pattern.array, field: "regex of the \(subject.rawValue)")
    } catch {
      throw .malformed(error.message)
    }
  }

  private static func flag(
    _ reader: inout ProtobufReader, _ filter: RowFilter
  ) throws(WireError) -> RowFilter {
    guard try reader.bool() else { throw .malformed("a filter that is set to false") }
    return filter
  }

  private static func count(_ reader: inout ProtobufReader) throws(WireError) -> Int {
    guard let count = Int32(exactly: try reader.varint()) else {
      throw .tooLarge("a count of cells above 2,147,483,647")
    }
    return Int(count)
  }

  private static func list(
    _ message: ByteView, _ depth: Int, _ nodes: inout Int
  ) throws(WireError) -> [RowFilter] {
    var filters: [RowFilter] = []
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      if number == 1 {
        filters.append(
          try RowFilter(wire: try reader.bytes(), depth: depth + 1, nodes: &nodes))
      } else {
        try reader.skip()
      }
    }
    return filters
  }

  private static func condition(
    _ message: ByteView, _ depth: Int, _ nodes: inout Int
  ) throws(WireError) -> RowFilter {
    var parts: [RowFilter?] = [nil, nil, nil]
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      if (1...3).contains(number) {
        parts[Int(number) - 1] = try RowFilter(
          wire: try reader.bytes(), depth: depth + 1, nodes: &nodes)
      } else {
        try reader.skip()
      }
    }
    guard let predicate = parts[0] else { throw .malformed("a condition without predicate") }
    return .condition(predicate: predicate, then: parts[1], otherwise: parts[2])
  }

  private static func timestampRange(_ message: ByteView) throws(WireError) -> RowFilter {
    var from: Int64 = 0
    var to: Int64?
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      switch number {
      case 1: from = try reader.sfixed64()
      case 2: to = try reader.sfixed64()
      default: try reader.skip()
      }
    }
    return .timestampRange(from: from, to: to)
  }

  /// A range of bytes, perhaps within a family, with the numbers of its fields.
  private struct Bounds {
    var family = ""
    var from: [UInt8]?
    var to: [UInt8]?

    init(
      _ message: ByteView, family familyNumber: UInt64?, from fromNumber: UInt64,
      to toNumber: UInt64
    ) throws(WireError) {
      var reader = ProtobufReader(message)
      while let number = try reader.next() {
        switch number {
        case familyNumber: family = try reader.string()
        case fromNumber: from = try reader.bytes().array
        case toNumber: to = try reader.bytes().array
        default: try reader.skip()
        }
      }
    }
  }

  package func encode(into buffer: inout ByteBuffer) {
    switch self {
    case .passAll: buffer.appendField(1, present: 1 as UInt64)
    case .blockAll: buffer.appendField(2, present: 1 as UInt64)
    case .chain(let filters): buffer.appendMessage(3) { RowFilter.encode(filters, into: &$0) }
    case .interleave(let filters): buffer.appendMessage(4) { RowFilter.encode(filters, into: &$0) }
    case .condition(let predicate, let then, let otherwise):
      buffer.appendMessage(5) { nested in
        nested.appendMessage(1) { predicate.encode(into: &$0) }
        if let then { nested.appendMessage(2) { then.encode(into: &$0) } }
        if let otherwise { nested.appendMessage(3) { otherwise.encode(into: &$0) } }
      }
    case .rowKeyPrefix(let prefix): buffer.appendField(6, present: prefix)
    case .regex(let subject, let regex):
      let number: UInt64 =
        switch subject {
        case .rowKey: 18
        case .family: 19
        case .qualifier: 20
        case .value: 21
        }
      buffer.appendField(number, present: regex.pattern)
    case .family(let name): buffer.appendField(7, present: name)
    case .qualifier(let name): buffer.appendField(8, present: name)
    case .qualifierPrefix(let prefix): buffer.appendField(9, present: prefix)
    case .columnRange(let family, let from, let to):
      buffer.appendMessage(10) { nested in
        nested.appendField(1, string: family)
        if let from { nested.appendField(2, present: from) }
        if let to { nested.appendField(3, present: to) }
      }
    case .timestampRange(let from, let to):
      buffer.appendMessage(11) { nested in
        nested.appendField(1, fixed: from)
        if let to { nested.appendField(2, presentFixed: to) }
      }
    case .value(let value): buffer.appendField(12, present: value)
    case .valueRange(let from, let to):
      buffer.appendMessage(13) { nested in
        if let from { nested.appendField(1, present: from) }
        if let to { nested.appendField(2, present: to) }
      }
    case .cellsPerRowOffset(let count): buffer.appendField(14, present: UInt64(clamping: count))
    case .cellsPerRowLimit(let count): buffer.appendField(15, present: UInt64(clamping: count))
    case .cellsPerColumnLimit(let count): buffer.appendField(16, present: UInt64(clamping: count))
    case .stripValue: buffer.appendField(17, present: 1 as UInt64)
    case .rowSample(let probability):
      buffer.appendField(22, presentFixed: Int64(bitPattern: probability.bitPattern))
    case .label(let text): buffer.appendField(23, present: text)
    case .sink: buffer.appendField(24, present: 1 as UInt64)
    }
  }

  private static func encode(_ filters: [RowFilter], into buffer: inout ByteBuffer) {
    for filter in filters { buffer.appendMessage(1) { filter.encode(into: &$0) } }
  }
}
