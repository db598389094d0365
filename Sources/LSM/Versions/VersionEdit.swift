// A change from one version to the next, as the manifest stores it. What a manifest starts with is
// an edit too: one that adds everything.

/// Table files that come and go together, and how far logs are no longer needed.
package struct VersionEdit: Sendable, Equatable {
  package struct Addition: Sendable, Equatable {
    package var level: Int
    package var table: TableMetadata
  }
  package struct Removal: Sendable, Equatable {
    package var level: Int
    package var number: FileNumber
  }

  package var additions: [Addition] = []
  /// A file that is removed from one level and added to another has moved; it is not rewritten.
  package var removals: [Removal] = []
  /// Logs with a lower number (of their incarnation) need no replay any more.
  package var oldestLogNumber: UInt64?
  /// The newest log that began: it must be there as long as it is not below the oldest.
  package var begunLogNumber: UInt64?
  /// No file has this number or a higher one.
  package var nextFileNumber: FileNumber?
  /// The highest number whose entry is in a table file.
  package var lastSequence: SequenceNumber?

  package init() {}

  package mutating func add(_ table: TableMetadata, toLevel level: Int) {
    additions.append(Addition(level: level, table: table))
  }

  package mutating func remove(_ number: FileNumber, fromLevel level: Int) {
    removals.append(Removal(level: level, number: number))
  }
}
