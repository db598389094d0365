// What an entry says about its key. Persisted tags: never renumber, never reuse.

/// The kind of one stored entry.
package enum EntryKind: UInt8, Sendable {
  /// The value is the whole state of the key; older entries do not matter.
  case put = 1
  /// The key has no state; older entries do not matter.
  case delete = 2
  /// The value changes whatever is older; a `ValueMerger` knows how.
  case merge = 3

  /// True when entries older than this one need not be read.
  package var hidesOlder: Bool {
    switch self {
    case .put, .delete: true
    case .merge: false
    }
  }
}
