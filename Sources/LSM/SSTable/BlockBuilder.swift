// A block: sorted entries with shared prefixes, searched by restart points. Data blocks hold the
// entries themselves; index blocks hold, for each block below, a key at or after its last and
// before the next block's first, with its handle (TableFormat) as the value of a `put`.
//
//   entry    := shared: varint │ unshared: varint │ tag: varint │ key suffix │ value
//   tag      := valueByteCount × 4 + kind (EntryKind)
//   contents := entry+ │ restart: u32 × restartCount │ restartCount: u32          little-endian
//
// `shared` is the longest prefix in common with the entry before; every `restartInterval`-th entry
// is a restart point: it stores its whole key (shared = 0) and its offset is listed.
// Read by BlockSearch and BlockCursor.

internal import Bytes

/// Builds the contents of one block after another.
struct BlockBuilder: ~Copyable {
  private var buffer = ByteBuffer(capacity: 8 << 10)
  private var restarts: [UInt32] = []
  private var entriesSinceRestart = 0
  private let restartInterval: Int
  /// The key added last, in this block or an earlier one.
  private var last = ByteBuffer(capacity: 64)
  /// No key was ever added: even the empty one may come.
  private var isFirst = true

  init(restartInterval: Int) {
    precondition(restartInterval >= 1, "a restart point every so many entries")
    self.restartInterval = restartInterval
  }

  var isEmpty: Bool { restarts.isEmpty }
  /// Bytes of the contents if finished now.
  var byteCount: Int { buffer.count + restarts.count * 4 + 4 }
  /// The key added last; valid until the next change.
  var lastKey: ByteView { last.view }

  /// - Precondition: `key` is after the last key, in whichever block that went.
  mutating func add(key: ByteView, kind: EntryKind, value: ByteView) {
    let common = last.view.sharedPrefixCount(with: key)
    precondition(
      isFirst || common < key.count && (common == last.count || last.view[common] < key[common]),
      "keys ascend")
    isFirst = false
    var shared = common
    if restarts.isEmpty || entriesSinceRestart == restartInterval {
      precondition(buffer.count <= Int(UInt32.max), "restart offsets fit four bytes")
      restarts.append(UInt32(buffer.count))
      entriesSinceRestart = 0
      shared = 0
    }
    buffer.append(varint: shared)
    buffer.append(varint: key.count - shared)
    buffer.append(varint: value.count << 2 | Int(kind.rawValue))
    buffer.append(key.dropFirst(shared))
    buffer.append(value)
    entriesSinceRestart += 1
    last.truncate(to: common)
    last.append(key.dropFirst(common))
  }

  /// The contents; valid until `clear`.
  mutating func finish() -> ByteView {
    precondition(!isEmpty, "a block has an entry")
    for restart in restarts { buffer.append(littleEndian: restart) }
    buffer.append(littleEndian: UInt32(restarts.count))
    return buffer.view
  }

  /// Starts the next block.
  mutating func clear() {
    buffer.clear(keepingAtMost: 1 << 20)
    restarts.removeAll(keepingCapacity: true)
    entriesSinceRestart = 0
  }
}
