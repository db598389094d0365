// One engine: one directory of sorted bytes. Stub; owned by the engine work.

package import Bytes
package import VFS

/// What a point read found.
package enum Lookup: Sendable, Equatable {
  case found, absent
}

/// Statistics of one engine.
package struct EngineStatistics: Sendable {
  package struct Level: Sendable {
    package var fileCount = 0
    package var byteCount: UInt64 = 0
    package var entryCount: UInt64 = 0
  }
  package var levels: [Level] = []
  package var memtableByteCount = 0
  package var sealedMemtableCount = 0
  package var logByteCount: UInt64 = 0
  /// Bytes that compactions still have to rewrite before the levels are in shape.
  package var compactionDebtByteCount: UInt64 = 0
  /// Since open: bytes of batches committed; bytes written to logs, by flushes, by compactions.
  package var bytesCommitted: UInt64 = 0
  package var bytesLogged: UInt64 = 0
  package var bytesFlushed: UInt64 = 0
  package var bytesCompacted: UInt64 = 0
  package var commits: UInt64 = 0
  package var longestCommitNanoseconds: UInt64 = 0
  package var lastSequence = SequenceNumber.zero
  package init() {}
}

/// Sorted bytes in, sorted bytes out.
package final class Engine: Sendable {
  /// Opens or creates the engine in `directory`, recovering what the last process left.
  package static func open(
    _ directory: String, environment: EngineEnvironment, options: EngineOptions,
    merger: any ValueMerger, observer: (any CommitObserver)? = nil
  ) throws(EngineError) -> Engine { throw .closed }

  /// Queues a commit; answered through its completion, in the order of durability.
  package func commit(_ request: CommitRequest) { request.completion(.failure(.closed)) }

  /// Commits and waits; for tests and tools, never on an event loop.
  package func commitAndWait(
    _ batch: consuming WriteBatch, durability: Durability? = nil
  ) throws(EngineError) -> SequenceNumber { throw .closed }

  /// The newest published state, pinned: memtables and table files stay until it is released.
  /// Hold it for one request, not for a long scan (it keeps memory).
  package func snapshot() -> Snapshot { Snapshot() }

  /// Collects the operands of `key` into `operands` (cleared first), newest first, stopping at one
  /// that hides older ones. Views in it stay valid until `operands` is cleared or released.
  /// Throws `.wouldBlock` only when `wait` is `.forbidden`.
  package func get(
    _ key: ByteView, at snapshot: Snapshot, wait: ReadWait, into operands: OperandList
  ) throws(EngineError) -> Lookup { throw .closed }

  /// A cursor over the visible keys in [`lower`, `upper`) at the snapshot, which it retains.
  package func cursor(
    from lower: [UInt8]?, to upper: [UInt8]?, at snapshot: Snapshot
  ) -> KeyCursor {
    KeyCursor(sources: [], from: lower, to: upper, pin: snapshot)
  }

  /// Highest sequence number that may have touched a key in the range, from memtables' and table
  /// files' metadata only (no block is read): an upper bound.
  package func newestSequence(from lower: [UInt8]?, to upper: [UInt8]?) -> SequenceNumber { .zero }

  /// Writes memtables out and waits.
  package func flush() throws(EngineError) { throw .closed }
  /// Rewrites every table file through the merger and waits; tombstones and doomed values go.
  package func compactAll() throws(EngineError) { throw .closed }
  /// Asks for the same in the background, oldest files first, within the I/O budget.
  package func requestFullCompaction() {}
  package var statistics: EngineStatistics { EngineStatistics() }
  /// Finishes what is queued, flushes, closes. Later calls throw `.closed`.
  package func close() throws(EngineError) {}
  init() {}
}

/// A pinned state.
package final class Snapshot: Sendable {
  package var sequence: SequenceNumber { .zero }
}
