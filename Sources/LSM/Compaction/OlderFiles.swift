// The files that may hold older entries of the keys a job merges, asked key by key in order.

internal import Bytes

/// Answers whether a key is the oldest of its line. Keys must ascend from call to call.
struct OlderFiles {
  /// Of level 0: in no order of keys.
  private var overlapping: [TableFile] = []
  private var levels: [(files: [TableFile], next: Int)] = []

  /// What is older than anything written to `outputLevel` from `inputs`.
  ///
  /// The version may be one of the past: entries only ever move down, so what is older than a job
  /// later was older when it started.
  init(_ version: Version, outputLevel: Int, excluding inputs: Set<FileNumber>) {
    if outputLevel == 0 {
      let oldestInput = version.levels[0].files.lastIndex { inputs.contains($0.number) }
      // A flush has no inputs: all of level 0 is older.
      let first = oldestInput.map { $0 + 1 } ?? 0
      overlapping = version.levels[0].files[first...].filter { !inputs.contains($0.number) }
    }
    for level in (outputLevel + 1)..<Swift.max(outputLevel + 1, version.levels.count) {
      let files = version.levels[level].files.filter { !inputs.contains($0.number) }
      if !files.isEmpty { levels.append((files, 0)) }
    }
  }

  mutating func mayHold(_ key: ByteView) -> Bool {
    for level in levels.indices {
      let files = levels[level].files
      var next = levels[level].next
      while next < files.count, files[next].metadata.compareLargest(to: key) < 0 { next += 1 }
      levels[level].next = next
      if next < files.count, files[next].metadata.compareSmallest(to: key) <= 0 { return true }
    }
    return overlapping.contains { $0.metadata.covers(key) }
  }
}
