// The table files of one moment, by level. Immutable: an edit makes the next version, and whoever
// holds an old one keeps its files.
//
// Invariants, checked when a version is made:
//   1. Level 0 is ordered newest first (by largest sequence); its files may overlap in keys, never
//      in sequence numbers.
//   2. In each further level files ascend and no key is in the range of two of them.
//   3. For one key, a lower level holds newer entries than a higher one.

package import Bytes

/// Table files by level.
package final class Version: Sendable {
  /// Files of one level.
  package struct Level: Sendable {
    package let files: [TableFile]
    /// The same files as cursors and lookups want them, in the same order.
    package let handles: [TableHandle]
    package let byteCount: UInt64
    package let entryCount: UInt64

    init(_ files: [TableFile]) {
      self.files = files
      handles = files.map(\.handle)
      byteCount = files.reduce(0) { $0 &+ $1.metadata.byteCount }
      entryCount = files.reduce(0) { $0 &+ $1.metadata.entryCount }
    }
  }

  /// `Limits.levelCount` of them.
  package let levels: [Level]

  package static let empty = Version(sorted: [])

  /// A version without files on disk, for pure code such as policies and their tests.
  package convenience init(_ levels: [[TableMetadata]]) {
    self.init(files: levels.map { $0.map { TableFile($0) } })
  }

  /// Sorts the files of each level as the invariants say.
  package convenience init(files levels: [[TableFile]]) {
    self.init(sorted: levels.enumerated().map { Version.sorted($1, level: $0) })
  }

  private init(sorted levels: [[TableFile]]) {
    precondition(levels.count <= Limits.levelCount, "levels within limit")
    var padded = levels.map { Level($0) }
    while padded.count < Limits.levelCount { padded.append(Level([])) }
    self.levels = padded
  }

  package var byteCount: UInt64 { levels.reduce(0) { $0 &+ $1.byteCount } }
  package var fileCount: Int { levels.reduce(0) { $0 + $1.files.count } }
  /// When the file that is longest there was written; nil without files.
  package var oldestFileMicroseconds: Int64? {
    levels.lazy.flatMap(\.files).map(\.metadata.creationMicroseconds).min()
  }
  /// The highest level with files; nil when there is none.
  package var deepestLevel: Int? { levels.lastIndex { !$0.files.isEmpty } }

  /// Files of `level` that may hold a key in [`smallest`, `largest`], both within, in the level's
  /// order.
  package func files(
    inLevel level: Int, overlapping smallest: ByteView, _ largest: ByteView
  ) -> [TableFile] {
    let files = levels[level].files
    guard level > 0 else {
      return files.filter { $0.metadata.overlaps(smallest: smallest, largest: largest) }
    }
    let first = firstIndex(inLevel: level, notBefore: smallest)
    var end = first
    while end < files.count, files[end].metadata.compareSmallest(to: largest) <= 0 { end += 1 }
    return Array(files[first..<end])
  }

  /// The one file of a sorted `level` (1 or more) that may hold `key`.
  package func file(inLevel level: Int, covering key: ByteView) -> TableFile? {
    let files = levels[level].files
    let index = firstIndex(inLevel: level, notBefore: key)
    guard index < files.count, files[index].metadata.compareSmallest(to: key) <= 0 else {
      return nil
    }
    return files[index]
  }

  /// Index of the first file of a sorted level whose largest key is not before `key`.
  package func firstIndex(inLevel level: Int, notBefore key: ByteView) -> Int {
    precondition(level > 0, "level 0 is not sorted by key")
    let files = levels[level].files
    var low = 0
    var high = files.count
    while low < high {
      let middle = (low + high) / 2
      if files[middle].metadata.compareLargest(to: key) < 0 {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }

  /// May a level deeper than `level` hold `key`? If not, a tombstone written to `level` may go.
  package func overlaps(keyBelow level: Int, _ key: ByteView) -> Bool {
    guard level + 1 < levels.count else { return false }
    for deeper in (level + 1)..<levels.count where !levels[deeper].files.isEmpty {
      if deeper == 0 {
        if levels[0].files.contains(where: { $0.metadata.covers(key) }) { return true }
      } else if file(inLevel: deeper, covering: key) != nil {
        return true
      }
    }
    return false
  }

  /// Calls `body` with each file.
  package func forEachFile(_ body: (_ level: Int, TableFile) -> Void) {
    for (level, files) in levels.enumerated() {
      for file in files.files { body(level, file) }
    }
  }

  private static func sorted(_ files: [TableFile], level: Int) -> [TableFile] {
    if level == 0 {
      return files.sorted { $0.metadata.largestSequence > $1.metadata.largestSequence }
    }
    return files.sorted { left, right in
      ByteView.of(left.metadata.smallestKey) { right.metadata.compareSmallest(to: $0) > 0 }
    }
  }

  /// What breaks the invariants, in words; nil when nothing does.
  package var brokenInvariant: String? {
    for (index, pair) in zip(levels[0].files, levels[0].files.dropFirst()).enumerated()
    where pair.1.metadata.largestSequence >= pair.0.metadata.smallestSequence {
      return "level 0 files \(index) and \(index + 1) overlap in sequence numbers"
    }
    for (level, files) in levels.enumerated().dropFirst() {
      for (left, right) in zip(files.files, files.files.dropFirst()) {
        let apart = ByteView.of(right.metadata.smallestKey) {
          left.metadata.compareLargest(to: $0) < 0
        }
        if !apart {
          return "level \(level) files \(left.number.rawValue) and \(right.number.rawValue) overlap"
        }
      }
    }
    return nil
  }
}
