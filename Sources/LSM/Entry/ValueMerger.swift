// How entries of one key become one, and which may vanish. The engine knows keys and kinds; what
// a value means is known to whoever implements this (rows, for tablets). One of the engine's two
// hooks that point upwards; the other is CommitObserver.

package import Bytes

/// What is left of a key after merging.
package enum MergeOutcome: Sendable, Equatable {
  /// The single operand stays as it is; nothing was written to the output.
  case unchanged
  /// The output holds the whole state of the key.
  case put
  /// The output holds a change to be applied to older entries.
  case merge
  /// The key is deleted, and older entries below must stay hidden.
  case delete
  /// Nothing is left and nothing older exists: the entry is dropped.
  case nothing
}

/// Combines the entries of a key: on flush, on compaction and when a memtable folds a long chain.
///
/// Called from background threads; must be pure but for the time it was made with. Must be
/// associative: merging in any grouping gives the same reads.
package protocol ValueMerger: AnyObject, Sendable {
  /// - Parameters:
  ///   - operands: Newest first, at least one; only the last may hide older ones.
  ///   - isOldest: No older entry of the key exists anywhere, so deletions may vanish.
  ///   - output: Empty on entry; receives the combined value.
  func merge(
    key: ByteView, operands: [Operand], isOldest: Bool, into output: inout ByteBuffer
  ) -> MergeOutcome
}
