// What a caller hands to the commit queue: a finished batch, or a decision to be made when its
// turn comes, on the state that all earlier commits have left.

package import Bytes

/// The newest state of the engine as a deciding commit sees it: all earlier commits, durable or in
/// the same group, and nothing later.
package protocol CommitReader {
  /// Operands of `key`, newest first; empty when it has none. Views are valid until the decision
  /// returns.
  func operands(of key: ByteView) throws(EngineError) -> [Operand]
}

/// One commit: waits in the queue, joins a group, is answered once.
package final class CommitRequest: @unchecked Sendable {
  // Handed over from thread to thread by the queue's lock; never used by two at once.
  package var batch: WriteBatch
  let decide: (@Sendable (any CommitReader, inout WriteBatch) throws -> Void)?
  let durability: Durability?
  /// Bytes of its batch as far as they are known before its turn: what the queue counts.
  let expectedByteCount: Int
  /// Waits however long the queue is; others are refused when it stands (`shedNanoseconds`).
  let isPatient: Bool
  let completion: @Sendable (Result<SequenceNumber, EngineError>) -> Void
  /// When the queue took it; for the longest commit.
  var enqueuedNanoseconds: UInt64 = 0

  /// A finished batch.
  ///
  /// - Parameters:
  ///   - durability: nil for the engine's own.
  ///   - completion: Called once, on the commit lane or on the caller's thread, with the number of
  ///     the batch's last entry. On success the batch is as durable as asked, and visible.
  package init(
    _ batch: consuming WriteBatch, durability: Durability? = nil, isPatient: Bool = true,
    completion: @escaping @Sendable (Result<SequenceNumber, EngineError>) -> Void
  ) {
    expectedByteCount = batch.byteCount
    self.batch = batch
    self.decide = nil
    self.durability = durability
    self.isPatient = isPatient
    self.completion = completion
  }

  /// A batch decided at its turn: atomic with respect to every other commit. `decide` fills the
  /// batch, leaves it empty (nothing is written, success), or throws (`.rejected`). It runs on the
  /// commit lane and may wait for the disk.
  ///
  /// - Parameter expectedByteCount: About what it will write, where that is much.
  package init(
    durability: Durability? = nil, isPatient: Bool = true, expectedByteCount: Int = 0,
    deciding decide: @escaping @Sendable (any CommitReader, inout WriteBatch) throws -> Void,
    completion: @escaping @Sendable (Result<SequenceNumber, EngineError>) -> Void
  ) {
    self.batch = WriteBatch()
    self.expectedByteCount = expectedByteCount
    self.decide = decide
    self.durability = durability
    self.isPatient = isPatient
    self.completion = completion
  }
}
