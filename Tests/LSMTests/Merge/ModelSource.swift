// A cursor over a list, as a memtable would be: several entries a key, views that stay valid. It
// can refuse steps at random, as cold files do on an event loop.

import Bytes
import LSM
import TestSupport
import VFS

/// Entries in memory: keys ascend, entries of one key newest first.
final class ModelSource: EntryCursor {
  private let entries: [TestEntry]
  private let keys: [OwnedBytes]
  private let values: [OwnedBytes]
  private var position: Int?
  private var refusals: SeededGenerator?
  var wait: ReadWait = .allowed

  /// - Parameter refusing: With a seed, a third of the steps that may not wait throw.
  init(_ entries: [TestEntry], refusing seed: UInt64? = nil) {
    self.entries = entries
    keys = entries.map { OwnedBytes($0.key) }
    values = entries.map { OwnedBytes($0.value) }
    refusals = seed.map { SeededGenerator(seed: $0) }
  }

  var isValid: Bool { position != nil }
  var key: ByteView { keys[position ?? 0].view }
  var kind: EntryKind { entries[position ?? 0].kind }
  var value: ByteView { values[position ?? 0].view }

  func seek(to key: ByteView) throws(EngineError) {
    try move(to: entries.partitionIndex(of: key.array))
  }
  func seekToFirst() throws(EngineError) { try move(to: 0) }
  func seek(before key: ByteView) throws(EngineError) {
    try moveToNewest(ofEntryAt: entries.partitionIndex(of: key.array) - 1)
  }
  func seekToLast() throws(EngineError) { try moveToNewest(ofEntryAt: entries.count - 1) }
  func next() throws(EngineError) { try move(to: (position ?? 0) + 1) }
  func previousKey() throws(EngineError) { try moveToNewest(ofEntryAt: (position ?? 0) - 1) }

  private func moveToNewest(ofEntryAt index: Int) throws(EngineError) {
    try move(to: index < 0 ? -1 : entries.partitionIndex(of: entries[index].key))
  }

  private func move(to index: Int) throws(EngineError) {
    position = nil
    if wait == .forbidden, refusals?.chance(0.3) ?? false { throw .wouldBlock }
    position = entries.indices.contains(index) ? index : nil
  }
}

/// Bytes at an address that does not change.
final class OwnedBytes {
  private let storage: UnsafeMutableRawBufferPointer
  var view: ByteView { ByteView(UnsafeRawBufferPointer(storage)) }

  init(_ bytes: [UInt8]) {
    storage = .allocate(byteCount: bytes.count, alignment: 1)
    storage.copyBytes(from: bytes)
  }

  deinit { storage.deallocate() }
}
