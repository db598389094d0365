// Carries out a policy's choice: merges the chosen files into new ones at the output level.

internal import Bytes

/// Merges table files.
package struct CompactionJob {
  private let choice: CompactionChoice
  private let version: Version
  private let newer: NewerEntries
  private let environment: JobEnvironment
  private let hole: KeyRange?

  /// Bytes of the level below the output that one output file may overlap, in files.
  private static let grandparentFiles: UInt64 = 10

  /// - Parameters:
  ///   - version: The one the choice was made for.
  ///   - newer: What is newer than the choice's files.
  ///   - hole: Keys that the new files shall not have.
  package init(
    _ choice: CompactionChoice, version: Version, newer: NewerEntries,
    environment: JobEnvironment, hole: KeyRange? = nil
  ) {
    precondition(!choice.inputs.isEmpty, "a compaction has inputs")
    self.choice = choice
    self.version = version
    self.newer = newer
    self.environment = environment
    self.hole = hole
  }

  /// The edit removes the inputs and adds the outputs.
  ///
  /// - Throws: `.closed` when told to stop, or what a file operation or a damaged input said; no
  ///   output file is left then.
  package func run() throws(EngineError) -> JobResult {
    if choice.isTrivialMove {
      return JobResult(edit: choice.moveEdit, bytesRead: 0, bytesWritten: 0)
    }
    let output = TableOutput(
      environment, sequences: sequences,
      // Files of level 0 are told apart by sequence numbers: one output there.
      fileByteCount: choice.outputLevel == 0
        ? nil : UInt64(environment.options.tableFileByteCount),
      grandparents: grandparents)
    let older = OlderFiles(
      version, outputLevel: choice.outputLevel, excluding: Set(choice.fileNumbers))
    var result = try KeyMerge(environment, older: older, newer: newer, hole: hole).run(
      ForwardMerge(sources, sharedByteCount: sharedByteCount), into: output,
      level: choice.outputLevel, upTo: sequences.upperBound, bytesRead: choice.byteCount)
    for input in choice.inputs {
      for file in input.files { result.edit.remove(file.number, fromLevel: input.level) }
    }
    return result
  }

  /// Newest first: level 0 file by file, then each level.
  private var sources: [any EntrySource] {
    var sources: [any EntrySource] = []
    for input in choice.inputs {
      if input.level == 0 {
        for file in input.files {
          sources.append(LevelCursor([file.handle], purpose: .compaction))
        }
      } else {
        sources.append(LevelCursor(input.files.map(\.handle), purpose: .compaction))
      }
    }
    return sources
  }

  /// Bytes that all keys of the inputs begin with.
  private var sharedByteCount: Int {
    guard let span = KeySpan(choice.files.map(\.metadata)) else { return 0 }
    return ByteView.of(span.smallest) { smallest in
      ByteView.of(span.largest) { smallest.sharedPrefixCount(with: $0) }
    }
  }

  private var sequences: ClosedRange<SequenceNumber> {
    let tables = choice.files.map(\.metadata)
    let smallest = tables.map(\.smallestSequence).min() ?? .zero
    let largest = tables.map(\.largestSequence).max() ?? .zero
    return smallest...Swift.max(smallest, largest)
  }

  private var grandparents: Grandparents {
    let below = choice.outputLevel + 1
    let limit = CompactionJob.grandparentFiles &* UInt64(environment.options.tableFileByteCount)
    guard choice.outputLevel > 0, below < version.levels.count else {
      return Grandparents([], limit: limit)
    }
    return Grandparents(version.levels[below].files, limit: limit)
  }
}
