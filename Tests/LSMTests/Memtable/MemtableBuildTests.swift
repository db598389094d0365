// Memtables made of batches at hand: what is in them, and what is refused.

import Bytes
import TestSupport
import Testing

@testable import LSM

@Suite struct MemtableBuildTests {
  private func build() -> MemtableBuild {
    MemtableBuild(
      Memtable(memory: MemoryBudget(byteCount: 64 << 20), merger: TextMerger()), byteCount: 64)
  }

  private func batch(_ keys: Range<Int>) -> [UInt8] {
    var batch = WriteBatch()
    for key in keys {
      ByteView.of("key-\(key)") { batch.append(.put, key: $0, value: $0) }
    }
    return batch.encoded.array
  }

  private func add(
    _ bytes: [UInt8], to build: MemtableBuild, at first: UInt64, count: Int, skipping: Int = 0
  ) {
    ByteView.of(bytes) {
      build.add(
        $0, firstSequence: SequenceNumber(first), entryCount: count, skipping: skipping)
    }
  }

  @Test(arguments: [false, true])
  func `all that is wanted is there, with its number`(isAside: Bool) {
    let build = build()
    add(batch(0..<3), to: build, at: 11, count: 3, skipping: 2)
    add(batch(3..<2_500), to: build, at: 14, count: 2_497)
    add(batch(2_500..<2_501), to: build, at: 3_000, count: 1)
    build.start(isAside: isAside)
    #expect(build.wait() == nil)
    #expect(build.wait() == nil)
    #expect(build.memtable.entryCount == 2_499)
    #expect(build.memtable.firstSequence == SequenceNumber(13))
    #expect(build.memtable.lastSequence == SequenceNumber(3_000))
    for key in [0, 1, 2, 3, 2_499, 2_500] {
      let isThere = ByteView.of("key-\(key)") { build.memtable.holds($0) }
      #expect(isThere == (key > 1), "key \(key)")
    }
  }

  @Test(arguments: [false, true])
  func `batches that are none, or hold another number of entries, are damage`(isAside: Bool) {
    for (bytes, count) in [([9, 9, 9], 1), (batch(0..<3), 4), (batch(0..<3), 2)] {
      let build = build()
      add(batch(0..<3), to: build, at: 1, count: 3)
      add(bytes, to: build, at: 4, count: count)
      build.start(isAside: isAside)
      #expect(build.wait()?.contains("the record of") == true)
    }
  }
}
