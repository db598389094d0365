// The bytes of a VersionEdit: tagged fields in any order, until the record ends.
//
//   edit     := field*
//   field    := 1: u8 │ oldestLogNumber: varint
//             | 2: u8 │ nextFileNumber: varint
//             | 3: u8 │ lastSequence: varint
//             | 4: u8 │ level: varint │ number: varint                                  removal
//             | 5: u8 │ level: varint │ table                                           addition
//             | 6: u8 │ begunLogNumber: varint
//   table    := number │ byteCount │ smallestSequence │ largestSequence │ entryCount
//               │ tombstoneCount │ mergeCount │ rawByteCount │ creationMicroseconds     varints
//               │ smallestKey │ largestKey                             each: varint length, bytes
//
// An unknown tag is damage: a newer format has a newer version in the manifest's header.

internal import Bytes

/// Tags of fields. Persisted: never renumber.
private enum EditTag: UInt8 {
  case oldestLogNumber = 1
  case nextFileNumber = 2
  case lastSequence = 3
  case removal = 4
  case addition = 5
  case begunLogNumber = 6
}

extension VersionEdit {
  func encode(into output: inout ByteBuffer) {
    if let oldestLogNumber {
      output.append(EditTag.oldestLogNumber.rawValue)
      output.append(varint: oldestLogNumber)
    }
    if let begunLogNumber {
      output.append(EditTag.begunLogNumber.rawValue)
      output.append(varint: begunLogNumber)
    }
    if let nextFileNumber {
      output.append(EditTag.nextFileNumber.rawValue)
      output.append(varint: nextFileNumber.rawValue)
    }
    if let lastSequence {
      output.append(EditTag.lastSequence.rawValue)
      output.append(varint: lastSequence.rawValue)
    }
    for removal in removals {
      output.append(EditTag.removal.rawValue)
      output.append(varint: removal.level)
      output.append(varint: removal.number.rawValue)
    }
    for addition in additions {
      output.append(EditTag.addition.rawValue)
      output.append(varint: addition.level)
      addition.table.encode(into: &output)
    }
  }

  init(decoding bytes: ByteView) throws(ByteReadError) {
    self.init()
    var reader = ByteReader(bytes)
    while !reader.isAtEnd {
      guard let tag = EditTag(rawValue: try reader.byte()) else { throw .lengthOutOfRange }
      switch tag {
      case .oldestLogNumber: oldestLogNumber = try reader.varint()
      case .begunLogNumber: begunLogNumber = try reader.varint()
      case .nextFileNumber: nextFileNumber = FileNumber(try reader.varint())
      case .lastSequence: lastSequence = SequenceNumber(try reader.varint())
      case .removal:
        let level = try reader.length(limit: Limits.levelCount - 1)
        remove(FileNumber(try reader.varint()), fromLevel: level)
      case .addition:
        let level = try reader.length(limit: Limits.levelCount - 1)
        add(try TableMetadata(decoding: &reader), toLevel: level)
      }
    }
  }
}

extension TableMetadata {
  fileprivate func encode(into output: inout ByteBuffer) {
    output.append(varint: number.rawValue)
    output.append(varint: byteCount)
    output.append(varint: smallestSequence.rawValue)
    output.append(varint: largestSequence.rawValue)
    output.append(varint: entryCount)
    output.append(varint: tombstoneCount)
    output.append(varint: mergeCount)
    output.append(varint: rawByteCount)
    output.append(varint: UInt64(bitPattern: creationMicroseconds))
    for bytes in [smallestKey, largestKey] {
      output.append(varint: bytes.count)
      output.append(bytes)
    }
  }

  fileprivate init(decoding reader: inout ByteReader) throws(ByteReadError) {
    self.init(
      number: FileNumber(try reader.varint()), byteCount: try reader.varint(), smallestKey: [],
      largestKey: [], smallestSequence: .zero, largestSequence: .zero, entryCount: 0)
    smallestSequence = SequenceNumber(try reader.varint())
    largestSequence = SequenceNumber(try reader.varint())
    entryCount = try reader.varint()
    tombstoneCount = try reader.varint()
    mergeCount = try reader.varint()
    rawByteCount = try reader.varint()
    creationMicroseconds = Int64(bitPattern: try reader.varint())
    smallestKey = try reader.lengthPrefixed().array
    largestKey = try reader.lengthPrefixed().array
    let inOrder = ByteView.of(largestKey) { compareSmallest(to: $0) <= 0 }
    guard inOrder, smallestSequence <= largestSequence else { throw .lengthOutOfRange }
  }
}
