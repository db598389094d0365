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

/// What a merge writes. Reused from key to key.
package struct MergeOutput: ~Copyable {
  /// The combined value.
  package var bytes: ByteBuffer
  /// A value that a read of the operands could have shown is gone: not hidden by a newer entry, but
  /// dropped by a rule. Reads that are kept elsewhere are then out of date.
  package var hasCollected = false
  /// The merger's own: what it wants to find again at the next key.
  package var scratch: AnyObject?

  package init(capacity: Int = 0) { bytes = ByteBuffer(capacity: capacity) }

  package mutating func clear(keepingAtMost byteCount: Int = .max) {
    bytes.clear(keepingAtMost: byteCount)
    hasCollected = false
  }
}

/// Combines the entries of a key: on flush, on compaction and when a memtable folds a long chain.
///
/// Called from background threads; must be pure but for the time it was made with. Must be
/// associative: merging in any grouping gives the same reads.
package protocol ValueMerger: AnyObject, Sendable {
  /// - Parameters:
  ///   - operands: Newest first, at least one; only the last may hide older ones.
  ///   - isOldest: No older entry of the key exists anywhere, so deletions may vanish.
  ///   - newer: What is known of newer entries of the key.
  ///   - output: Empty on entry; receives the combined value and whether a rule took something.
  func merge(
    key: ByteView, operands: [Operand], isOldest: Bool, newer: NewerEntries,
    into output: inout MergeOutput
  ) -> MergeOutcome
}

/// Where newer entries may be found. Safe for concurrent use.
package protocol NewerEntrySource: AnyObject, Sendable {
  /// No newer entry of any key has a lower number.
  var lowerBound: SequenceNumber { get }
  /// No newer entry of `key` has a lower number; nil when there is none that was committed before
  /// the call.
  func lowerBound(of key: ByteView) -> SequenceNumber?
}

/// Entries of the key being merged that are newer than its operands. A merger that drops a value
/// because of others of the key must ask: an entry it does not see may delete those others.
package enum NewerEntries: Sendable {
  /// There is none.
  case none
  /// There may be some, none of them below this number; when they were written is not known.
  case from(SequenceNumber)
  /// Whatever the engine holds at the moment of asking.
  case held(any NewerEntrySource)

  /// No newer entry of any key of the job has a lower number. Cheap.
  package var lowerBound: SequenceNumber {
    switch self {
    case .none: SequenceNumber(.max)
    case .from(let sequence): sequence
    case .held(let sources): sources.lowerBound
    }
  }

  /// No newer entry of `key` has a lower number; nil when there is none that was committed before
  /// the call. Looks at every memtable and level.
  package func lowerBound(of key: ByteView) -> SequenceNumber? {
    switch self {
    case .none: nil
    case .from(let sequence): sequence
    case .held(let sources): sources.lowerBound(of: key)
    }
  }
}
