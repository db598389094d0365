// Damage that no checksum shows: a block is changed and its checksum computed anew. To a sweep this
// is what a reader would be that does not look at checksums.

import Bytes

@testable import LSM

enum ForgedBlock {
  /// The table file with a changed byte in the first value of its first plain data block; nil where
  /// that block is packed.
  static func flippingValue(in file: [UInt8]) -> [UInt8]? {
    let start = TableFormat.headerByteCount
    guard let end = blockEnd(in: file, from: start),
      file[end - TableFormat.trailerByteCount] == TableFormat.uncompressed
    else { return nil }
    let contents = Array(file[start..<end - TableFormat.trailerByteCount])
    let valueEnd: Int? = ByteView.of(contents) { view in
      guard let search = try? BlockSearch(view), let key = firstKey(view),
        let found = try? ByteView.of(key, { try search.lowerBound($0) }), let entry = found.entry
      else { return nil }
      return view.offset(of: search.value(entry))
    }
    guard let valueEnd else { return nil }
    var forged = file
    forged[start + valueEnd] ^= 1
    let sealed = Array(forged[start..<end - 4])
    let sum = ByteView.of(sealed) { CRC32C.checksum($0) }
    for index in 0..<4 {
      forged[end - 4 + index] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * index))
    }
    return forged
  }

  /// Where the block that begins at `start` ends: the first place where its checksum fits.
  private static func blockEnd(in file: [UInt8], from start: Int) -> Int? {
    (start + TableFormat.trailerByteCount + 1..<file.count).first { end in
      let sum = ByteView.of(Array(file[start..<end - 4])) { CRC32C.checksum($0) }
      let stored = (0..<4).reduce(UInt32(0)) { $0 | UInt32(file[end - 4 + $1]) << UInt32(8 * $1) }
      return sum == stored
    }
  }

  private static func firstKey(_ contents: ByteView) -> [UInt8]? {
    var reader = ByteReader(contents)
    guard let shared = try? reader.varint(), shared == 0, let count = try? reader.varint(),
      (try? reader.varint()) != nil, count <= UInt64(reader.rest.count)
    else { return nil }
    return reader.rest.prefix(Int(count)).array
  }
}

extension ByteView {
  /// Offset of a part of this view that is not empty; nil for an empty one.
  fileprivate func offset(of part: ByteView) -> Int? {
    guard !part.isEmpty, let base = buffer.baseAddress, let start = part.buffer.baseAddress else {
      return nil
    }
    return start - base
  }
}
