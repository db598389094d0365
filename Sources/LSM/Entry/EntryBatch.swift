// Entries that a source hands over together, for jobs, which take everything once and in order: a
// call a block instead of several an entry.

internal import Bytes

/// What readers made of a block, as far as the cache knows.
package enum BlockUse: Sendable {
  /// Not in the cache.
  case absent
  /// In the cache, and read once at most.
  case kept
  /// Read again and again.
  case asked
}

/// Gives its entries in order, once. A source that has several entries a key keeps their bytes as
/// long as it lives (memtables); one with one entry a key, at least as long as the batch is kept.
protocol EntrySource: AnyObject {
  func seekToFirst() throws(EngineError)
  /// Fills an empty batch with the next entries; leaves it empty at the end.
  func take(into batch: inout EntryBatch) throws(EngineError)
}

/// Entries in order and what keeps their bytes. Reused from batch to batch.
struct EntryBatch: ~Copyable {
  struct Entry {
    let key: ByteView
    let kind: EntryKind
    let value: ByteView
  }

  /// Twice what a block of the default size has of small rows.
  private static let capacity = 64
  /// Keys that lie nowhere whole: a largest key, or as many as `capacity` of usual ones.
  private static let keyByteCount = 2 * Limits.keyByteCount

  /// `count` of them are there.
  let entries = UnsafeMutablePointer<Entry>.allocate(capacity: capacity)
  private(set) var count = 0
  /// Of the block that the entries come from. Memory is worth keeping.
  private(set) var use = BlockUse.kept
  private var pin: AnyObject?
  /// Never grows: views into it are handed out.
  private var keys = ByteBuffer(capacity: keyByteCount)

  init() {}

  deinit { entries.deallocate() }

  /// Room for another entry whose key and value lie elsewhere.
  var hasRoom: Bool { count < EntryBatch.capacity }
  /// Of the entry added last; empty in an empty batch.
  var lastKey: ByteView { count > 0 ? entries[count &- 1].key : ByteView() }

  mutating func clear() {
    count = 0
    use = .kept
    pin = nil
    keys.clear()
  }

  /// Keeps what the values are in; says what readers made of it.
  mutating func hold(_ block: AnyObject, _ use: BlockUse) {
    pin = block
    self.use = use
  }

  /// Adds an entry whose bytes stay as long as the batch is kept.
  ///
  /// - Precondition: `hasRoom`.
  mutating func append(_ key: ByteView, _ kind: EntryKind, _ value: ByteView) {
    precondition(hasRoom, "a batch has room")
    (entries + count).initialize(to: Entry(key: key, kind: kind, value: value))
    count &+= 1
  }

  /// Adds an entry whose key is some first bytes of another and a rest; the batch copies it.
  ///
  /// - Returns: False when there is no room; there is in an empty batch.
  mutating func append(
    key prefix: ByteView, _ rest: ByteView, _ kind: EntryKind, _ value: ByteView
  ) -> Bool {
    let start = keys.count
    let end = start &+ prefix.count &+ rest.count
    guard hasRoom, end <= EntryBatch.keyByteCount else { return false }
    keys.append(prefix)
    keys.append(rest)
    append(keys.view[start..<end], kind, value)
    return true
  }
}
