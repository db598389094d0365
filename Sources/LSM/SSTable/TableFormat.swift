// A table file: entries in key order, one a key, written once. Integers are little-endian.
//
//   file       := header │ data block* │ filter? │ index block+ │ top index │ properties │ footer
//   header     := "strata.t" │ version: u32 │ crc32c: u32 over the 12 bytes before
//   block      := payload │ compression: u8 │ crc32c: u32 over payload and compression
//   payload    := contents                                          compression 0
//               | contentByteCount: varint │ LZ4 block of contents   compression 1
//   handle     := offset: varint │ payloadByteCount: varint
//   properties := entryCount │ tombstoneCount │ mergeCount │ rawKeyByteCount │ rawValueByteCount
//               │ smallestSequence │ largestSequence │ creationMicroseconds, each u64
//               │ smallestKey │ largestKey, each length: varint │ bytes
//   footer     := properties, top index, filter: (offset: u64 │ payloadByteCount: u64) × 3, 0 0 for
//                 no filter │ fileByteCount: u64 │ version: u32 │ crc32c: u32 over the 60 bytes
//                 before │ "strata.t"                                             72 bytes
//
// Entries and indexes: BlockBuilder. Filter: BloomFilter. Written by TableBuilder, read by
// TableReader.

internal import Bytes

/// How table files are written.
package struct TableOptions: Sendable {
  /// Target bytes of a block before compression: one page, one random read.
  package var blockByteCount = 4 << 10
  /// Entries of a data block between two whole keys.
  package var restartInterval = 16
  /// Filter bits a key; 0 writes no filter.
  package var filterBitsPerKey = 10
  /// Compress blocks with LZ4 where that saves an eighth.
  package var compress = true
  package init() {}
}

/// What whoever writes a table file knows about it and the builder does not.
package struct TableAttributes: Sendable, Equatable {
  package var smallestSequence = SequenceNumber.zero
  package var largestSequence = SequenceNumber.zero
  /// Wall clock when the file was written, microseconds.
  package var creationMicroseconds: Int64 = 0
  package init() {}
}

/// What a table file says about itself.
package struct TableProperties: Sendable, Equatable {
  package var entryCount: UInt64 = 0
  package var tombstoneCount: UInt64 = 0
  package var mergeCount: UInt64 = 0
  /// Bytes of keys and values before prefix sharing and compression.
  package var rawKeyByteCount: UInt64 = 0
  package var rawValueByteCount: UInt64 = 0
  package var smallestKey: [UInt8] = []
  package var largestKey: [UInt8] = []
  package var attributes = TableAttributes()
  package init() {}
}

/// A finished table file.
package struct TableSummary: Sendable {
  package let byteCount: UInt64
  package let properties: TableProperties
}

/// Constants of the format, and what reader and writer share.
enum TableFormat {
  static let version: UInt32 = 1
  /// "strata.t" as a little-endian number.
  static let magic: UInt64 = 0x742e_6174_6172_7473
  static let headerByteCount = 16
  static let footerByteCount = 72
  static let trailerByteCount = 5
  static let uncompressed: UInt8 = 0
  static let lz4: UInt8 = 1
  /// Contents of a block: one largest entry, or a filter, and their framing.
  static let contentLimit = Limits.mergedValueByteCount + Limits.keyByteCount + (1 << 20)
}

/// What is wrong with bytes that passed their checksum, or that did not.
enum BlockDamage: Error {
  /// The bytes break the format; the text says where.
  case format(StaticString)
  case checksum(stored: UInt32, computed: UInt32)

  var reason: String {
    switch self {
    case .format(let text): "\(text)"
    case .checksum(let stored, let computed):
      "checksum is \(String(stored, radix: 16)), of the bytes it is \(String(computed, radix: 16))"
    }
  }
}

/// Where a block is.
struct BlockHandle: Equatable {
  var offset: UInt64
  /// Without the trailer.
  var payloadByteCount: UInt64

  static let none = BlockHandle(offset: 0, payloadByteCount: 0)

  var endOffset: UInt64 { offset + payloadByteCount + UInt64(TableFormat.trailerByteCount) }

  func append(to buffer: inout ByteBuffer) {
    buffer.append(varint: offset)
    buffer.append(varint: payloadByteCount)
  }

  /// Reads the value of an index entry.
  static func decode(_ bytes: ByteView) throws(BlockDamage) -> BlockHandle {
    var reader = ByteReader(bytes)
    do throws(ByteReadError) {
      let handle = BlockHandle(
        offset: try reader.varint(), payloadByteCount: try reader.varint())
      guard reader.isAtEnd else { throw .lengthOutOfRange }
      return handle
    } catch {
      throw .format("an index entry is no block handle")
    }
  }

  /// Throws unless the block lies between header and footer of a file of `fileByteCount` bytes.
  func check(fileByteCount: UInt64) throws(BlockDamage) {
    let overhead = UInt64(TableFormat.trailerByteCount + TableFormat.footerByteCount)
    guard fileByteCount >= overhead,
      offset >= UInt64(TableFormat.headerByteCount),
      offset <= fileByteCount - overhead,
      payloadByteCount >= 1,
      payloadByteCount <= fileByteCount - overhead - offset,
      payloadByteCount <= UInt64(TableFormat.contentLimit)
    else { throw .format("a block handle points outside the file") }
  }
}

/// The end of the file: where everything else is.
struct TableFooter: Equatable {
  var properties: BlockHandle
  var topIndex: BlockHandle
  /// `.none` in a file without a filter.
  var filter: BlockHandle
  var fileByteCount: UInt64

  func append(to buffer: inout ByteBuffer) {
    let start = buffer.count
    for handle in [properties, topIndex, filter] {
      buffer.append(littleEndian: handle.offset)
      buffer.append(littleEndian: handle.payloadByteCount)
    }
    buffer.append(littleEndian: fileByteCount)
    buffer.append(littleEndian: TableFormat.version)
    buffer.append(littleEndian: CRC32C.checksum(buffer.view.dropFirst(start)))
    buffer.append(littleEndian: TableFormat.magic)
  }

  /// - Parameter bytes: The last `footerByteCount` bytes of a file whose version was checked.
  static func decode(_ bytes: ByteView) throws(BlockDamage) -> TableFooter {
    guard bytes.count == TableFormat.footerByteCount,
      bytes.littleEndian64(at: 64) == TableFormat.magic
    else { throw .format("the file does not end in a footer") }
    let stored = bytes.littleEndian32(at: 60)
    let computed = CRC32C.checksum(bytes.prefix(60))
    guard stored == computed else { throw .checksum(stored: stored, computed: computed) }
    func handle(_ at: Int) -> BlockHandle {
      BlockHandle(
        offset: bytes.littleEndian64(at: at), payloadByteCount: bytes.littleEndian64(at: at + 8))
    }
    return TableFooter(
      properties: handle(0), topIndex: handle(16), filter: handle(32),
      fileByteCount: bytes.littleEndian64(at: 48))
  }
}

// MARK: - Properties

extension TableProperties {
  func append(to buffer: inout ByteBuffer) {
    for number in [
      entryCount, tombstoneCount, mergeCount, rawKeyByteCount, rawValueByteCount,
      attributes.smallestSequence.rawValue, attributes.largestSequence.rawValue,
      UInt64(bitPattern: attributes.creationMicroseconds),
    ] {
      buffer.append(littleEndian: number)
    }
    for bytes in [smallestKey, largestKey] {
      buffer.append(varint: bytes.count)
      buffer.append(bytes)
    }
  }

  static func decode(_ bytes: ByteView) throws(BlockDamage) -> TableProperties {
    var reader = ByteReader(bytes)
    do throws(ByteReadError) {
      var properties = TableProperties()
      properties.entryCount = try reader.littleEndian64()
      properties.tombstoneCount = try reader.littleEndian64()
      properties.mergeCount = try reader.littleEndian64()
      properties.rawKeyByteCount = try reader.littleEndian64()
      properties.rawValueByteCount = try reader.littleEndian64()
      properties.attributes.smallestSequence = SequenceNumber(try reader.littleEndian64())
      properties.attributes.largestSequence = SequenceNumber(try reader.littleEndian64())
      properties.attributes.creationMicroseconds = Int64(bitPattern: try reader.littleEndian64())
      properties.smallestKey = try reader.lengthPrefixed().array
      properties.largestKey = try reader.lengthPrefixed().array
      guard reader.isAtEnd, properties.smallestKey.count <= Limits.keyByteCount,
        properties.largestKey.count <= Limits.keyByteCount
      else { throw .lengthOutOfRange }
      return properties
    } catch {
      throw .format("the properties cannot be read")
    }
  }
}
