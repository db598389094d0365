// A memtable made of batches that are all at hand, on a thread of its own if there is one: recovery
// has many to make of its logs, one after the other in the order of their numbers, and none of them
// needs to know of the others.

internal import Bytes
internal import Runtime

/// Batches with their numbers, and the memtable that they become. `@unchecked`: used by one thread
/// until `start`, by the one that builds until `wait` returns, and by the first one again.
final class MemtableBuild: @unchecked Sendable {
  private struct Batches {
    /// In `bytes`.
    var range: Range<Int>
    var firstSequence: SequenceNumber
    var entryCount: Int
    /// Of the first entries, which are not wanted.
    var skippedCount: Int
  }

  /// Entries inserted together: their searches wait for memory side by side.
  private static let entriesAtOnce = 1_024

  let memtable: Memtable
  /// Of the batches added.
  private(set) var byteCount = 0
  private var bytes: ByteBuffer
  private var batches: [Batches] = []
  private var thread: WorkerThread?
  private var damage: String?

  /// - Parameter byteCount: About what will be added.
  init(_ memtable: Memtable, byteCount: Int) {
    self.memtable = memtable
    bytes = ByteBuffer(capacity: byteCount)
  }

  /// Adds encoded batches, copied, with numbers above all before.
  func add(
    _ encoded: ByteView, firstSequence: SequenceNumber, entryCount: Int, skipping skippedCount: Int
  ) {
    let start = bytes.count
    bytes.append(encoded)
    byteCount = bytes.count
    batches.append(
      Batches(
        range: start..<byteCount, firstSequence: firstSequence, entryCount: entryCount,
        skippedCount: skippedCount))
  }

  /// Begins to make the memtable, once.
  ///
  /// - Parameter isAside: On a thread of its own, where the system has one left.
  func start(isAside: Bool) {
    if isAside { thread = WorkerThread(name: "replay") { self.build() } }
    if thread == nil { build() }
  }

  /// Returns when the memtable is there.
  ///
  /// - Returns: What was wrong with the batches; nil when all of them are in the memtable.
  func wait() -> String? {
    thread?.join()
    thread = nil
    return damage
  }

  private func build() {
    var entries: ContiguousArray<MemtableEntry> = []
    entries.reserveCapacity(MemtableBuild.entriesAtOnce)
    for index in batches.indices where damage == nil { insert(batches[index], &entries) }
    memtable.insert(entries)
    bytes.clear(keepingAtMost: 0)
    batches = []
  }

  private func insert(_ batch: Batches, _ entries: inout ContiguousArray<MemtableEntry>) {
    var reader = WriteBatchReader(bytes.view[batch.range])
    var count = 0
    do throws(ByteReadError) {
      while let entry = try reader.next() {
        let sequence = SequenceNumber(batch.firstSequence.rawValue + UInt64(count))
        count += 1
        if count <= batch.skippedCount { continue }
        entries.append(
          MemtableEntry(
            kind: entry.kind, key: entry.key, value: entry.value, sequence: sequence))
        guard entries.count == MemtableBuild.entriesAtOnce else { continue }
        memtable.insert(entries)
        entries.removeAll(keepingCapacity: true)
      }
    } catch {
      damage = "entry \(count) of the record of \(batch.firstSequence) is no entry: \(error)"
    }
    guard damage == nil, count != batch.entryCount else { return }
    damage = "the record of \(batch.firstSequence) has \(count) entries, not \(batch.entryCount)"
  }
}
