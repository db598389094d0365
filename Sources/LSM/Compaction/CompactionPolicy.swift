// What a compaction policy is asked and what it answers. Pure: version in, choice out; the job
// does the work.

/// A wish to have everything that is old written anew, so that what the merger would drop goes.
package struct RewriteRequest: Sendable, Equatable {
  /// Files of the last level with lower numbers are rewritten in place.
  package var filesBefore: FileNumber
  /// Files above it that may hold entries up to this one are merged down to it.
  package var entriesUpTo: SequenceNumber

  package init(filesBefore: FileNumber, entriesUpTo: SequenceNumber) {
    self.filesBefore = filesBefore
    self.entriesUpTo = entriesUpTo
  }

  /// Is the file still to be rewritten?
  func isPending(_ table: TableMetadata, level: Int) -> Bool {
    level == Limits.levelCount - 1
      ? table.number < filesBefore : table.smallestSequence <= entriesUpTo
  }

  /// Has everything been rewritten?
  package func isSatisfied(by version: Version) -> Bool {
    var isSatisfied = true
    version.forEachFile { level, file in
      if isPending(file.metadata, level: level) { isSatisfied = false }
    }
    return isSatisfied
  }
}

/// All that a policy may look at.
package struct CompactionSituation: Sendable {
  package var version: Version
  package var options: EngineOptions
  /// Nobody has written for a while: there is time to tidy up.
  package var isIdle = false
  package var rewrite: RewriteRequest?
  /// Files written before this time, microseconds since 1970, are due for the merger's garbage
  /// collection; nil for none.
  package var rewriteWrittenBefore: Int64?

  package init(version: Version, options: EngineOptions) {
    self.version = version
    self.options = options
  }
}

/// Why a compaction is done.
package enum CompactionReason: Sendable, Equatable {
  /// Level 0 has too many files.
  case levelZero
  /// Level 0 has too many files, and they are small.
  case withinLevelZero
  /// A level is above its target.
  case levelSize
  /// A file is mostly tombstones.
  case tombstones
  /// Somebody asked for everything to be rewritten.
  case rewrite
  /// The file has not been rewritten for long.
  case age
  /// The engine is idle and not in its smallest shape.
  case settle
}

/// Files to merge and where the result goes.
package struct CompactionChoice: Sendable {
  package struct Input: Sendable {
    package let level: Int
    package let files: [TableFile]
  }

  /// Higher levels first; entries of an earlier input are newer. In level 0, newest file first.
  package let inputs: [Input]
  package let outputLevel: Int
  package let reason: CompactionReason
  /// The files can change their level as they are: nothing to merge them with, nothing to drop.
  package let isTrivialMove: Bool

  package init(
    inputs: [Input], outputLevel: Int, reason: CompactionReason, isTrivialMove: Bool = false
  ) {
    self.inputs = inputs.filter { !$0.files.isEmpty }
    self.outputLevel = outputLevel
    self.reason = reason
    self.isTrivialMove = isTrivialMove
  }

  package var files: [TableFile] { inputs.flatMap(\.files) }
  package var fileNumbers: [FileNumber] { files.map(\.number) }
  package var byteCount: UInt64 { files.reduce(0) { $0 &+ $1.metadata.byteCount } }
  package var firstLevel: Int { inputs.first?.level ?? outputLevel }

  /// A trivial move as an edit.
  package var moveEdit: VersionEdit {
    precondition(isTrivialMove, "only whole files move")
    var edit = VersionEdit()
    for input in inputs {
      for file in input.files {
        edit.remove(file.number, fromLevel: input.level)
        edit.add(file.metadata, toLevel: outputLevel)
      }
    }
    return edit
  }
}

/// Chooses what to compact next.
package protocol CompactionPolicy: Sendable {
  /// nil when nothing needs doing.
  func choose(_ situation: CompactionSituation) -> CompactionChoice?
  /// Bytes that compactions have to write before the levels are in shape; an estimate.
  func debtByteCount(_ version: Version, _ options: EngineOptions) -> UInt64
}
