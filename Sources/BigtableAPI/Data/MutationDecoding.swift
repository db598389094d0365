// google.bigtable.v2.Mutation, read by hand into the list that tablets apply.

internal import BinaryProtocol
internal import Bytes
internal import DataModel
internal import GRPC

/// One mutation of a request.
enum WireMutation {
  /// Adds the mutation to the list's last row.
  static func read(
    _ message: ByteView, into list: inout MutationList
  ) throws(GRPCStatus) {
    do throws(WireError) {
      var reader = ProtobufReader(message)
      var kind: (number: UInt64, body: ByteView)?
      while let number = try reader.next() {
        if (1...6).contains(number) {
          kind = (number, try reader.bytes())
        } else {
          try reader.skip()
        }
      }
      guard let kind else { throw .malformed("a mutation of no kind") }
      switch kind.number {
      case 1: try setCell(kind.body, &list)
      case 2: try deleteFromColumn(kind.body, &list)
      case 3: list.deleteFromFamily(try Cell(kind.body).family)
      case 4: list.deleteFromRow()
      case 5: try addToCell(kind.body, &list)
      default: try mergeToCell(kind.body, &list)
      }
    } catch {
      throw GRPCStatus(error)
    }
  }

  /// Is what the mutation changes in the view that the request goes through?
  static func check(
    _ message: ByteView, of key: ByteView, within subset: TableSubset
  ) throws(GRPCStatus) {
    do throws(WireError) {
      var reader = ProtobufReader(message)
      while let number = try reader.next() {
        switch number {
        case 1, 2, 5, 6:
          let cell = try Cell(try reader.bytes())
          let family = try wireString(cell.family)
          let qualifier = number > 2 ? try WireValue.raw(cell.qualifier) : cell.qualifier
          guard subset.admits(key, family, qualifier) else { throw .malformed("") }
        case 3:
          let family = try wireString(try Cell(try reader.bytes()).family)
          guard subset.contains(key: key), subset.families[family]?.isWhole ?? false else {
            throw .malformed("")
          }
        case 4: throw .malformed("")
        default: try reader.skip()
        }
      }
    } catch {
      if case .malformed("") = error { throw TableSubset.outside }
      throw GRPCStatus(error)
    }
  }

  /// The fields that mutations share: 1 family, 2 qualifier, and 3 and 4 as bytes.
  private struct Cell {
    var family = ByteView()
    var qualifier = ByteView()
    var third = ByteView()
    var fourth = ByteView()
    var timestamp: Int64 = 0

    init(_ message: ByteView) throws(WireError) {
      var reader = ProtobufReader(message)
      while let number = try reader.next() {
        switch number {
        case 1: family = try reader.bytes()
        case 2: qualifier = try reader.bytes()
        case 3 where reader.isVarint: timestamp = try reader.int64()
        case 3: third = try reader.bytes()
        case 4: fourth = try reader.bytes()
        default: try reader.skip()
        }
      }
    }
  }

  private static func setCell(
    _ message: ByteView, _ list: inout MutationList
  ) throws(WireError) {
    let cell = try Cell(message)
    guard cell.timestamp >= -1 else { throw .malformed("a timestamp of \(cell.timestamp)") }
    list.setCell(
      family: cell.family, qualifier: cell.qualifier,
      timestamp: Timestamp(microseconds: cell.timestamp), value: cell.fourth)
  }

  private static func deleteFromColumn(
    _ message: ByteView, _ list: inout MutationList
  ) throws(WireError) {
    let cell = try Cell(message)
    let range = try WireTimestampRange(cell.third)
    list.deleteFromColumn(
      family: cell.family, qualifier: cell.qualifier,
      from: Timestamp(microseconds: range.start),
      to: range.end.map { Timestamp(microseconds: $0) })
  }

  private static func addToCell(
    _ message: ByteView, _ list: inout MutationList
  ) throws(WireError) {
    let cell = try Cell(message)
    guard case .integer(let input) = try WireValue(cell.fourth) else {
      throw .malformed("add_to_cell takes an int_value as its input")
    }
    list.addToCell(
      family: cell.family, qualifier: try WireValue.raw(cell.qualifier),
      timestamp: try WireValue.instant(cell.third), input: input)
  }

  private static func mergeToCell(
    _ message: ByteView, _ list: inout MutationList
  ) throws(WireError) {
    let cell = try Cell(message)
    let qualifier = try WireValue.raw(cell.qualifier)
    let timestamp = try WireValue.instant(cell.third)
    switch try WireValue(cell.fourth) {
    case .bytes(let state):
      list.mergeToCell(
        family: cell.family, qualifier: qualifier, timestamp: timestamp, state: state)
    case .integer(let state):
      withUnsafeBytes(of: state.bigEndian) { bytes in
        list.mergeToCell(
          family: cell.family, qualifier: qualifier, timestamp: timestamp, state: ByteView(bytes))
      }
    // No effect, but on a column that might be.
    case .null:
      list.mergeToCell(
        family: cell.family, qualifier: qualifier, timestamp: timestamp, state: ByteView())
    case .timestamp, .other: throw .malformed("merge_to_cell takes a state as its input")
    }
  }
}

/// google.bigtable.v2.TimestampRange: [start, end) in microseconds, 0 as end is open.
struct WireTimestampRange {
  var start: Int64 = 0
  var end: Int64?

  init(_ message: ByteView) throws(WireError) {
    var reader = ProtobufReader(message)
    var last: Int64 = 0
    while let number = try reader.next() {
      switch number {
      case 1: start = try reader.int64()
      case 2: last = try reader.int64()
      default: try reader.skip()
      }
    }
    guard start >= 0, last >= 0, start % 1_000 == 0, last % 1_000 == 0 else {
      throw .malformed("a time range's bounds must be whole milliseconds, not negative")
    }
    guard last == 0 || start < last else { throw .malformed("a time range ends before it starts") }
    end = last == 0 ? nil : last
  }
}

/// google.bigtable.v2.Value, as far as aggregates take it.
enum WireValue {
  case null
  case bytes(ByteView)
  case integer(Int64)
  case timestamp(Int64)
  /// Of a kind that no mutation takes.
  case other

  init(_ message: ByteView) throws(WireError) {
    self = .null
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      switch number {
      case 2, 8: self = .bytes(try reader.bytes())
      case 6: self = .integer(try reader.int64())
      case 9: self = .timestamp(try reader.int64())
      case 3, 4, 10, 11, 12, 13:
        self = .other
        try reader.skip()
      default: try reader.skip()
      }
    }
  }

  static func raw(_ message: ByteView) throws(WireError) -> ByteView {
    guard case .bytes(let bytes) = try WireValue(message) else {
      throw .malformed("a column qualifier is given as a raw_value")
    }
    return bytes
  }

  static func instant(_ message: ByteView) throws(WireError) -> Timestamp {
    guard case .timestamp(let microseconds) = try WireValue(message), microseconds >= -1 else {
      throw .malformed("a timestamp is given as raw_timestamp_micros")
    }
    return Timestamp(microseconds: microseconds)
  }
}
