// A request as bytes with holes: keys, values and the request's number are filled in place, request
// by request. Every protocol's requests are drafts, so that sending one is a copy and some stores.

import Bytes

/// A request being drafted.
struct Draft: Sendable {
  /// A value to fill in.
  struct ValueHole: Sendable {
    var offset: Int
    var byteCount: Int
    /// Position among the request's keys.
    var key: Int
    var column: Int
  }

  private(set) var bytes: [UInt8] = []
  private(set) var keys: [Int] = []
  private(set) var values: [ValueHole] = []

  init(_ text: String = "") { bytes = Array(text.utf8) }

  mutating func append(_ text: String) { bytes += Array(text.utf8) }
  mutating func append(_ more: [UInt8]) { bytes += more }

  mutating func append(_ other: Draft) {
    let shift = bytes.count
    let firstKey = keys.count
    keys += other.keys.map { $0 + shift }
    values += other.values.map { hole in
      var moved = hole
      moved.offset += shift
      if other.keys.isEmpty == false { moved.key += firstKey }
      return moved
    }
    bytes += other.bytes
  }

  mutating func appendKey() {
    keys.append(bytes.count)
    bytes += [UInt8](repeating: UInt8(ascii: "0"), count: RowContents.keyByteCount)
  }

  mutating func appendValue(_ byteCount: Int, column: Int, key: Int = 0) {
    values.append(ValueHole(offset: bytes.count, byteCount: byteCount, key: key, column: column))
    bytes += [UInt8](repeating: UInt8(ascii: "v"), count: byteCount)
  }

  /// A key alone.
  static var key: Draft {
    var draft = Draft()
    draft.appendKey()
    return draft
  }

  /// A value alone, of the key that stands `key`th in what it is appended to.
  static func value(_ byteCount: Int, column: Int, key: Int = 0) -> Draft {
    var draft = Draft()
    draft.appendValue(byteCount, column: column, key: key)
    return draft
  }
}

/// A finished draft: bytes that never move, and where its holes are.
struct Template: @unchecked Sendable {
  /// The request's number: eight bytes, where the protocol has one.
  var numberOffset: Int?
  /// A varint of five bytes: position in a stream.
  var sequenceOffset: Int?
  /// The request's number again: four bytes, big-endian, the number of a stream in each of its
  /// frames.
  private let streamOffsets: (Int, Int)?
  let keyCount: Int
  private let base: UnsafeMutableRawPointer
  let byteCount: Int
  private let keys: UnsafeMutablePointer<Int>
  private let values: UnsafeMutablePointer<Draft.ValueHole>
  private let valueCount: Int

  /// Lives as long as the program.
  init(
    _ draft: Draft, numberOffset: Int? = nil, sequenceOffset: Int? = nil,
    streamOffsets: (Int, Int)? = nil
  ) {
    self.streamOffsets = streamOffsets
    self.numberOffset = numberOffset
    self.sequenceOffset = sequenceOffset
    byteCount = draft.bytes.count
    base = .allocate(byteCount: max(byteCount, 1), alignment: 16)
    for (index, byte) in draft.bytes.enumerated() {
      base.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
    }
    keyCount = draft.keys.count
    keys = .allocate(capacity: max(keyCount, 1))
    keys.initialize(from: draft.keys, count: keyCount)
    valueCount = draft.values.count
    values = .allocate(capacity: max(valueCount, 1))
    values.initialize(from: draft.values, count: valueCount)
  }

  /// Appends one request; `number` gives the row number of each of its keys.
  @inline(__always)
  func append(
    to output: inout ByteBuffer, id: UInt64, sequence: UInt64 = 0, nonce: UInt64,
    _ contents: RowContents, _ space: KeySpace, _ number: (Int) -> UInt64
  ) {
    output.reserve(byteCount)
    _ = output.append(capacity: byteCount) { room in
      guard let target = room.baseAddress else { return 0 }
      target.copyMemory(from: base, byteCount: byteCount)
      if let numberOffset {
        target.storeBytes(of: id.littleEndian, toByteOffset: numberOffset, as: UInt64.self)
      }
      if let streamOffsets {
        let stream = UInt32(truncatingIfNeeded: id).bigEndian
        target.storeBytes(of: stream, toByteOffset: streamOffsets.0, as: UInt32.self)
        target.storeBytes(of: stream, toByteOffset: streamOffsets.1, as: UInt32.self)
      }
      if let sequenceOffset { Template.store(sequence, at: target + sequenceOffset) }
      for index in 0..<keyCount {
        contents.writeKey(number(index), space, to: target + keys[index])
      }
      for index in 0..<valueCount {
        let hole = values[index]
        contents.writeValue(
          hole.byteCount, key: target + keys[hole.key], column: hole.column, nonce: nonce,
          to: target + hole.offset)
      }
      return byteCount
    }
  }

  /// Five bytes whatever the number, so that nothing behind it moves.
  private static func store(_ sequence: UInt64, at target: UnsafeMutableRawPointer) {
    for index in 0..<5 {
      let more: UInt8 = index < 4 ? 0x80 : 0
      target.storeBytes(
        of: UInt8(truncatingIfNeeded: sequence >> UInt64(index * 7) & 0x7f) | more,
        toByteOffset: index, as: UInt8.self)
    }
  }
}
