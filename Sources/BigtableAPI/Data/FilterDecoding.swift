// google.bigtable.v2.RowFilter as the filter that tablets apply.

internal import BinaryProtocol
internal import Bytes
internal import DataModel
internal import GRPC

extension RowFilter {
  /// Bytes of a filter as sent (data.proto).
  static let encodedByteLimit = 20_480

  init(bigtable message: ByteView) throws(GRPCStatus) {
    guard message.count <= RowFilter.encodedByteLimit else {
      throw .invalid(
        "a filter of \(message.count) bytes; the limit is \(RowFilter.encodedByteLimit)")
    }
    do {
      let filter = try RowFilter.read(message, depth: 1)
      try filter.validate()
      self = filter
    } catch let error as GRPCStatus {
      throw error
    } catch let error as WireError {
      throw GRPCStatus(error)
    } catch {
      throw .invalid((error as? DataModelError)?.message ?? "\(error)")
    }
  }

  private static func read(_ message: ByteView, depth: Int) throws -> RowFilter {
    guard depth <= DataModelLimits.filterDepth else {
      throw GRPCStatus.invalid("a filter nests more than \(DataModelLimits.filterDepth) deep")
    }
    var reader = ProtobufReader(message)
    var found: RowFilter?
    while let number = try reader.next() {
      switch number {
      case 1: found = .chain(try list(try reader.bytes(), depth))
      case 2: found = .interleave(try list(try reader.bytes(), depth))
      case 3: found = try condition(try reader.bytes(), depth)
      case 4: found = try regex(.rowKey, &reader, "row_key_regex_filter")
      case 5: found = try regex(.family, &reader, "family_name_regex_filter")
      case 6: found = try regex(.qualifier, &reader, "column_qualifier_regex_filter")
      case 7: found = try columnRange(try reader.bytes())
      case 8:
        let range = try WireTimestampRange(try reader.bytes())
        found = .timestampRange(from: range.start, to: range.end)
      case 9: found = try regex(.value, &reader, "value_regex_filter")
      case 10: found = .cellsPerRowOffset(try count(&reader))
      case 11: found = .cellsPerRowLimit(try count(&reader))
      case 12: found = .cellsPerColumnLimit(try count(&reader))
      case 13: found = try flag(&reader, .stripValue, "strip_value_transformer")
      case 15:
        let bounds = try WireBounds(
          try reader.bytes(), startClosed: 1, startOpen: 2, endClosed: 3, endOpen: 4)
        found = .valueRange(from: bounds.from, to: bounds.to)
      case 17: found = try flag(&reader, .passAll, "pass_all_filter")
      case 18: found = try flag(&reader, .blockAll, "block_all_filter")
      case 14: found = .rowSample(Double(bitPattern: UInt64(bitPattern: try reader.sfixed64())))
      case 16: found = try flag(&reader, .sink, "sink")
      case 19: found = .label(try reader.string())
      case 20: throw GRPCStatus(.unimplemented, "value_bitmask_filter is not served")
      default: try reader.skip()
      }
    }
    guard let found else { throw GRPCStatus.invalid("a filter of no kind") }
    return found
  }

  private static func list(_ message: ByteView, _ depth: Int) throws -> [RowFilter] {
    var filters: [RowFilter] = []
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      if number == 1 {
        filters.append(try read(try reader.bytes(), depth: depth + 1))
      } else {
        try reader.skip()
      }
    }
    return filters
  }

  private static func condition(_ message: ByteView, _ depth: Int) throws -> RowFilter {
    var branches: [UInt64: RowFilter] = [:]
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      if (1...3).contains(number) {
        branches[number] = try read(try reader.bytes(), depth: depth + 1)
      } else {
        try reader.skip()
      }
    }
    guard let predicate = branches[1] else {
      throw GRPCStatus.invalid("a condition has no predicate_filter")
    }
    return .condition(predicate: predicate, then: branches[2], otherwise: branches[3])
  }

  private static func regex(
    _ subject: RegexSubject, _ reader: inout ProtobufReader, _ field: String
  ) throws -> RowFilter {
    try .regex(subject, pattern: try reader.bytes().array, field: "Error in field '\(field)' ")
  }

  private static func columnRange(_ message: ByteView) throws -> RowFilter {
    let bounds = try WireBounds(
      message, startClosed: 2, startOpen: 3, endClosed: 4, endOpen: 5, name: 1)
    guard !bounds.name.isEmpty else {
      throw GRPCStatus.invalid(
        "Error in field 'column_range_filter' : Invalid id for collection columnFamilies")
    }
    return .columnRange(family: bounds.name, from: bounds.from, to: bounds.to)
  }

  private static func count(_ reader: inout ProtobufReader) throws -> Int {
    Int(Int32(truncatingIfNeeded: try reader.int64()))
  }

  private static func flag(
    _ reader: inout ProtobufReader, _ filter: RowFilter, _ field: String
  ) throws -> RowFilter {
    guard try reader.bool() else { throw GRPCStatus.invalid("\(field) must be true") }
    return filter
  }
}

/// A range of bytes whose ends are open or closed, brought to [from, to): what comes next after k
/// is k and a zero byte.
struct WireBounds {
  private(set) var name = ""
  var from: [UInt8]?
  var to: [UInt8]?
  /// As they were given, before open ends were closed and closed ones opened; empty for none.
  private var start = ByteView()
  private var end = ByteView()

  /// The range was given with its end before its start.
  var isInverted: Bool { from != nil && to != nil && end < start }

  /// The numbers are those of the message's fields; an end that is not there is open.
  ///
  /// - Parameter emptyIsOpen: So is an empty one, as in ranges of rows.
  init(
    _ message: ByteView, startClosed: UInt64, startOpen: UInt64, endClosed: UInt64,
    endOpen: UInt64, name nameNumber: UInt64 = 0, emptyIsOpen: Bool = false
  ) throws(WireError) {
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      switch number {
      case nameNumber: name = try reader.string()
      case startClosed, startOpen:
        let bytes = try reader.bytes()
        let isOpen = bytes.isEmpty && emptyIsOpen
        start = bytes
        from = isOpen ? nil : bytes.array + (number == startOpen ? [0] : [])
      case endClosed, endOpen:
        let bytes = try reader.bytes()
        let isOpen = bytes.isEmpty && emptyIsOpen
        end = bytes
        to = isOpen ? nil : bytes.array + (number == endClosed ? [0] : [])
      default: try reader.skip()
      }
    }
  }
}
