// A stored file in memory that an input's edits have damaged.
//
//   edits := edit*
//   edit  := operation: u8 │ place: u16 │ arguments          places wrap around at the file's end
//   operation & 7:  0 set: u8 │ 1 flip: u8 │ 2 set: u32 │ 3 zero count: u8 │ 4 fill with 0xff
//                   count: u8 │ 5 copy from: u16 count: u8 │ 6 cut │ 7 append count: u8 of: u8

import Bytes
import Glibc
import VFS

/// Bytes that can be read as a file. One thread.
final class EditedFile: ReadableFile, @unchecked Sendable {
  let path: String
  let original: [UInt8]
  private(set) var bytes: [UInt8]

  init(_ path: String, _ original: [UInt8]) {
    self.path = path
    self.original = original
    bytes = original
  }

  var byteCount: UInt64 { UInt64(bytes.count) }
  var isUntouched: Bool { bytes == original }

  func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, wait: ReadWait
  ) throws(FileError) -> Int? {
    guard let start = Int(exactly: offset), start < bytes.count else { return 0 }
    let count = min(buffer.count, bytes.count - start)
    bytes.withUnsafeBytes { buffer.copyMemory(from: .init(rebasing: $0[start..<start + count])) }
    return count
  }

  /// Makes the file what it was.
  func restore() {
    bytes.removeAll(keepingCapacity: true)
    bytes.append(contentsOf: original)
  }

  /// Carries out one edit.
  func edit(_ operation: UInt8, _ input: inout FuzzInput) {
    guard !bytes.isEmpty else { return }
    let place = input.number16() % bytes.count
    switch operation & 7 {
    case 0: bytes[place] = input.byte()
    case 1: bytes[place] ^= input.byte()
    case 2: set(input.number32(), at: place)
    case 3: fill(0, at: place, count: Int(input.byte()))
    case 4: fill(0xff, at: place, count: Int(input.byte()))
    case 5:
      let source = input.number16() % bytes.count
      let count = min(Int(input.byte()), bytes.count - max(place, source))
      let copied = Array(bytes[source..<source + count])
      for index in 0..<count { bytes[place + index] = copied[index] }
    case 6: bytes.removeLast(bytes.count - place)
    default:
      let count = Int(input.byte())
      bytes.append(contentsOf: repeatElement(input.byte(), count: count))
    }
  }

  func set(_ value: UInt32, at place: Int) {
    for index in 0..<min(4, max(0, bytes.count - place)) {
      bytes[place + index] = UInt8(truncatingIfNeeded: value >> UInt32(8 * index))
    }
  }

  private func fill(_ value: UInt8, at place: Int, count: Int) {
    for index in place..<min(place + count, bytes.count) { bytes[index] = value }
  }

  /// Whether the bytes of `range` are what they were.
  func isIntact(_ range: Range<Int>) -> Bool {
    range.upperBound <= bytes.count && range.upperBound <= original.count
      && bytes[range] == original[range]
  }

  /// The checksum of what stands in `range` now; nil where the file ends before.
  func checksum(_ range: Range<Int>, seed: UInt32 = 0) -> UInt32? {
    guard range.lowerBound >= 0, range.upperBound <= bytes.count else { return nil }
    return bytes.withUnsafeBytes { all in
      CRC32C.checksum(ByteView(UnsafeRawBufferPointer(rebasing: all[range])), seed: seed)
    }
  }

  /// The four bytes at `place`; nil where the file ends before.
  func word(at place: Int) -> UInt32? {
    guard place >= 0, place + 4 <= bytes.count else { return nil }
    return bytes.withUnsafeBytes {
      UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: UInt32.self))
    }
  }
}

/// A directory of edited files: reading is all it can do.
final class EditedDirectory: FileSystem, @unchecked Sendable {
  let file: EditedFile
  init(_ file: EditedFile) { self.file = file }

  private func refusal(_ path: String, _ operation: FileOperation) -> FileError {
    .io(path: path, operation: operation, errno: EROFS)
  }

  func openForReading(_ path: String) throws(FileError) -> any ReadableFile { file }
  func exists(_ path: String) throws(FileError) -> Bool { path == file.path }
  func list(_ directory: String) throws(FileError) -> [String] { [] }
  func availableByteCount(at path: String) throws(FileError) -> UInt64 { 0 }
  func syncDirectory(_ path: String) throws(FileError) {}
  func createDirectory(_ path: String) throws(FileError) { throw refusal(path, .createDirectory) }
  func remove(_ path: String) throws(FileError) { throw refusal(path, .remove) }
  func removeTree(_ path: String) throws(FileError) { throw refusal(path, .remove) }
  func create(_ path: String) throws(FileError) -> any WritableFile {
    throw refusal(path, .create)
  }
  func openForOverwriting(_ path: String) throws(FileError) -> any WritableFile {
    throw refusal(path, .open)
  }
  func lock(_ directory: String) throws(FileError) -> any DirectoryLock {
    throw refusal(directory, .lock)
  }
}
