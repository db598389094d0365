// The files that may hold older entries of the keys a job merges, asked key by key in order. Most
// answers are those of the key before, and cost one comparison.

internal import Bytes

/// Answers whether a key is the oldest of its line. Keys must ascend from call to call.
struct OlderFiles {
  /// Of level 0: in no order of keys.
  private var overlapping: [TableFile] = []
  private var levels: [(files: [TableFile], next: Int)] = []
  /// The last answer and how far it reaches: to the last key of a file that may hold the keys, or
  /// to before the first key of the next one that may; nil for all keys to come.
  private var answer = false
  private var bound: ByteView?
  private var isAsked = false

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
    let stands =
      isAsked && (bound.map { answer ? key.compare($0) <= 0 : key.compare($0) < 0 } ?? true)
    if !stands { look(for: key) }
    return answer
  }

  private mutating func look(for key: ByteView) {
    isAsked = true
    answer = false
    bound = nil
    for file in overlapping { meet(file.handle, key) }
    for level in levels.indices {
      let files = levels[level].files
      var next = levels[level].next
      while next < files.count, files[next].handle.largestKey < key { next += 1 }
      levels[level].next = next
      if next < files.count { meet(files[next].handle, key) }
    }
  }

  /// The views of a handle stay: `self` holds its file.
  private mutating func meet(_ file: TableHandle, _ key: ByteView) {
    if file.largestKey < key { return }
    if file.smallestKey <= key {
      bound = answer ? bound.map { max($0, file.largestKey) } : file.largestKey
      answer = true
    } else if !answer {
      bound = bound.map { min($0, file.smallestKey) } ?? file.smallestKey
    }
  }
}
