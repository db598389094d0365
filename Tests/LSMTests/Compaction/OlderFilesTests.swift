// Which keys may have older entries below a job, key by key, against a look at every file.

import Bytes
import Testing
import TestSupport

@testable import LSM

@Suite struct OlderFilesTests {
  private func file(_ number: UInt64, _ keys: ClosedRange<Int>) -> TableMetadata {
    TableMetadata(
      number: FileNumber(number), byteCount: 1, smallestKey: [UInt8(keys.lowerBound)],
      largestKey: [UInt8(keys.upperBound)], smallestSequence: SequenceNumber(number),
      largestSequence: SequenceNumber(number), entryCount: 1)
  }

  @Test(arguments: seeds(60))
  func `a key is the oldest where no older file may hold it`(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var number: UInt64 = 0
    var levels: [[TableMetadata]] = [[]]
    for _ in 0..<random.below(4) {
      number += 1
      let first = random.below(200)
      levels[0].append(file(number, first...first + random.below(50)))
    }
    for _ in 0..<random.below(4) {
      var level: [TableMetadata] = []
      var next = random.below(20)
      while next < 200 {
        let last = next + random.below(20)
        number += 1
        level.append(file(number, next...last))
        next = last + 1 + random.below(30)
      }
      levels.append(level)
    }
    let inputs = Set(
      levels.joined().map(\.number).filter { _ in random.chance(0.2) })
    let version = Version(levels)
    for outputLevel in 0..<levels.count {
      let files = version.levels[0].files.map(\.metadata)
      let oldest = files.lastIndex { inputs.contains($0.number) }.map { $0 + 1 } ?? 0
      var older = outputLevel == 0 ? Array(files[oldest...]) : []
      for level in levels.dropFirst(outputLevel + 1) { older += level }
      older.removeAll { inputs.contains($0.number) }
      var asked = OlderFiles(version, outputLevel: outputLevel, excluding: inputs)
      for value in 0..<256 where random.chance(0.7) {
        ByteView.of([UInt8(value)]) { key in
          let mayHold = older.contains { $0.covers(key) }
          expectSame(asked.mayHold(key), mayHold, "key \(value) above level \(outputLevel)")
        }
      }
    }
  }
}
