// A manifest: which table files are the store, as a first edit that adds all of them and one edit
// for each change since.
//
//   manifest := header │ record* │ zeros
//   header   := magic "StrataMf" │ formatVersion: u32 │ number: u64 │ crc32c: u32 over all before
//   record   := marker: u32 │ byteCount: u32 │ crc32c: u32 │ edit: byteCount bytes
//
// Little-endian; the marker is 0xed175a4d. A record's checksum covers the manifest's number: u64,
// byteCount: u64 and the edit: bytes of another manifest are no record. The file is preallocated
// ahead of the records, so it ends in zeros.
//
// The reader's algorithm: each record is synced before the next is written, so only the last one
// can be torn. At the first bytes that are no valid record, look for a valid record anywhere
// behind: if there is one, the damage is in the middle and the manifest is refused, otherwise the
// manifest ends there. The commit point is told in ManifestLog.

internal import Bytes

/// Constants and codecs that writer and reader of manifests share.
enum ManifestFormat {
  static let magic: StaticString = "StrataMf"
  static let headerByteCount = 24
  static let marker: UInt32 = 0xed17_5a4d
  static let recordHeaderByteCount = 12

  static func appendHeader(number: FileNumber, to output: inout ByteBuffer) {
    let start = output.count
    output.append(magic)
    output.append(littleEndian: FormatVersion.newest.rawValue)
    output.append(littleEndian: number.rawValue)
    output.append(littleEndian: CRC32C.checksum(output.view.dropFirst(start)))
  }

  static func appendRecord(
    _ edit: VersionEdit, number: FileNumber, to output: inout ByteBuffer
  ) {
    var payload = ByteBuffer(capacity: 512)
    edit.encode(into: &payload)
    precondition(payload.count <= Int(UInt32.max), "an edit fits its length field")
    output.append(littleEndian: marker)
    output.append(littleEndian: UInt32(payload.count))
    output.append(littleEndian: checksum(payload.view, number: number))
    output.append(payload.view)
  }

  static func checksum(_ payload: ByteView, number: FileNumber) -> UInt32 {
    var prefix = ByteBuffer(capacity: 16)
    prefix.append(littleEndian: number.rawValue)
    prefix.append(littleEndian: UInt64(payload.count))
    return CRC32C.checksum(payload, seed: CRC32C.checksum(prefix.view))
  }

  /// The edit's bytes of a valid record at `offset`; nil when there is none.
  static func payload(at offset: Int, of bytes: ByteView, number: FileNumber) -> ByteView? {
    let start = offset + recordHeaderByteCount
    guard offset >= 0, start <= bytes.count, bytes.littleEndian32(at: offset) == marker else {
      return nil
    }
    let count = Int(bytes.littleEndian32(at: offset + 4))
    guard count <= bytes.count - start else { return nil }
    let payload = bytes[start..<start + count]
    guard checksum(payload, number: number) == bytes.littleEndian32(at: offset + 8) else {
      return nil
    }
    return payload
  }
}
