// Sets typed cells: text as UTF-8, integers and floats as 8 bytes big-endian.

internal import Bytes
internal import DataModel

/// Writes typed values into a mutation list.
struct CellWriter {
  private var integer: [UInt8] = Array(repeating: 0, count: 8)

  static func begin(_ key: String, in list: inout MutationList) {
    let bytes = Array(key.utf8)
    bytes.withUnsafeBytes { list.beginRow(ByteView($0)) }
  }

  mutating func set(
    _ family: StaticString, _ qualifier: StaticString, _ at: Timestamp, _ value: Int64,
    in list: inout MutationList
  ) { setBits(family, qualifier, at, UInt64(bitPattern: value), in: &list) }

  mutating func set(
    _ family: StaticString, _ qualifier: StaticString, _ at: Timestamp, _ value: Double,
    in list: inout MutationList
  ) { setBits(family, qualifier, at, value.bitPattern, in: &list) }

  mutating func set(
    _ family: StaticString, _ qualifier: StaticString, _ at: Timestamp, _ value: String,
    in list: inout MutationList
  ) {
    let bytes = Array(value.utf8)
    bytes.withUnsafeBytes {
      list.setCell(
        family: Self.view(family), qualifier: Self.view(qualifier), timestamp: at,
        value: ByteView($0))
    }
  }

  private mutating func setBits(
    _ family: StaticString, _ qualifier: StaticString, _ at: Timestamp, _ bits: UInt64,
    in list: inout MutationList
  ) {
    for index in 0..<8 { integer[index] = UInt8(truncatingIfNeeded: bits >> (56 - 8 * index)) }
    integer.withUnsafeBytes {
      list.setCell(
        family: Self.view(family), qualifier: Self.view(qualifier), timestamp: at,
        value: ByteView($0))
    }
  }

  private static func view(_ text: StaticString) -> ByteView {
    ByteView(UnsafeRawPointer(text.utf8Start), count: text.utf8CodeUnitCount)
  }
}
