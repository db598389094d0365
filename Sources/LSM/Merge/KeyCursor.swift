// Visible keys of several sources with the operands that make up their state. Stub.

package import Bytes
package import VFS

/// Walks visible keys with their operands, either way. Not safe for concurrent use; may change
/// hands between threads, one at a time.
package final class KeyCursor: @unchecked Sendable {
  /// - Parameters:
  ///   - sources: Newest first.
  ///   - lower: First key that may be seen; nil for no bound.
  ///   - upper: First key that may not be seen; nil for no bound.
  ///   - pin: Kept as long as the cursor: what the sources borrow from (a snapshot).
  package init(
    sources: [any EntryCursor], from lower: [UInt8]?, to upper: [UInt8]?, pin: AnyObject?
  ) {}
  package var isValid: Bool { false }
  package var key: ByteView { ByteView() }
  /// Newest first; never only a `delete` (such keys are skipped). Valid until the next move.
  package var operands: [Operand] { [] }
  package var wait: ReadWait = .allowed
  package func seek(to key: ByteView) throws(EngineError) {}
  package func seekToFirst() throws(EngineError) {}
  package func seek(before key: ByteView) throws(EngineError) {}
  package func seekToLast() throws(EngineError) {}
  /// After `.wouldBlock`: set `wait` to `.allowed` and call the same step again; it resumes.
  package func next() throws(EngineError) {}
  package func previous() throws(EngineError) {}
  /// Appends what keeps the bytes of the current operands alive past the next move.
  package func pinCurrent(into pins: inout [AnyObject]) {}
}
