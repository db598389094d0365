// The keys of recent commits, in chunks. Only the last chunk grows; the others never change, so
// whoever holds the lock that guards the ring takes them along and looks through them without it.

internal import Bytes
internal import LSM

/// Keys in the order of their commits. `@unchecked`: appended to under the lock of its ring while
/// it is the last one, and read elsewhere only when it no longer is.
final class KeyChunk: @unchecked Sendable {
  /// What is looked through under the lock at most, so a few microseconds.
  static let keyCount = 512
  static let byteCount = 32 << 10

  private var keys: ByteBuffer
  private var entries: ContiguousArray<(sequence: SequenceNumber, start: UInt32, count: UInt32)>

  /// `byteCount` is what the keys will need, as far as is known.
  init(byteCount: Int) {
    keys = ByteBuffer(capacity: byteCount)
    entries = []
    entries.reserveCapacity(KeyChunk.keyCount)
  }

  var isFull: Bool {
    entries.count >= KeyChunk.keyCount || keys.count >= KeyChunk.byteCount
  }
  var keyByteCount: Int { keys.count }
  var lastSequence: SequenceNumber? { entries.last?.sequence }

  func append(_ key: ByteView, _ sequence: SequenceNumber) {
    entries.append(
      (sequence: sequence, start: UInt32(keys.count), count: UInt32(key.count)))
    keys.append(key)
  }

  /// Whether a key that matches was committed after `sequence`; looks at newer ones only, newest
  /// first.
  func hasKey(after sequence: SequenceNumber, where matches: (ByteView) -> Bool) -> Bool {
    let bytes = keys.view
    for entry in entries.reversed() {
      guard entry.sequence > sequence else { return false }
      let start = Int(entry.start)
      if matches(bytes[start..<start + Int(entry.count)]) { return true }
    }
    return false
  }
}

/// The last keys committed, of which the oldest are forgotten a chunk at a time. Its owner locks.
struct RecentKeys {
  /// 65,536 keys and 4 MiB a table: minutes of a busy stream, without weight in a budget.
  static let chunkCount = 128

  /// Oldest first; they do not change any more.
  private(set) var whole: ContiguousArray<KeyChunk> = []
  private(set) var last = KeyChunk(byteCount: 0)
  /// Commits up to here may be missing.
  private(set) var floor: SequenceNumber

  init(after floor: SequenceNumber) { self.floor = floor }

  /// `sequence` is above all earlier ones. Returns whether that began a chunk.
  mutating func append(_ key: ByteView, _ sequence: SequenceNumber) -> Bool {
    let isNext = last.isFull
    if isNext { beginChunk() }
    last.append(key, sequence)
    return isNext
  }

  private mutating func beginChunk() {
    whole.append(last)
    last = KeyChunk(byteCount: last.keyByteCount)
    guard whole.count >= RecentKeys.chunkCount else { return }
    floor = max(floor, whole.removeFirst().lastSequence ?? .zero)
  }

  /// Nothing up to `sequence` will be told: not kept, or before the first commit.
  mutating func pass(_ sequence: SequenceNumber) { floor = sequence }

  /// Lets go of all but the last chunk.
  mutating func forget() {
    floor = max(floor, whole.last?.lastSequence ?? .zero)
    whole = []
  }
}
