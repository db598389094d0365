// Every small table file: all sets of up to five keys out of a few awkward ones, restart points
// at every distance, one entry a block or all in one; every seek, both ways.

import Bytes
import LSM
import Testing

@Suite struct TableLayoutTests {
  /// Prefixes of each other, neighbours, and bytes at the ends of their range.
  private static let keys: [[UInt8]] = [
    [0], [0, 0], [1], [1, 0xff], [1, 0xff, 0xff], [2], [0xff], [0xff, 0xff],
  ]

  private static let probes: [[UInt8]] =
    keys + keys.map { $0 + [0] } + [[], [0, 1], [1, 0x80], [1, 0xfe, 7], [3], [0xfe, 0xff]]

  @Test(arguments: [1, 2, 3], [1, 40, 4_096])
  func `every layout of up to five entries is found and walked`(
    restartInterval: Int, blockByteCount: Int
  ) throws {
    var options = TableOptions()
    options.restartInterval = restartInterval
    options.blockByteCount = blockByteCount
    let kinds: [EntryKind] = [.put, .merge, .delete]
    for subset in 1..<(1 << Self.keys.count) where subset.nonzeroBitCount <= 5 {
      let chosen = Self.keys.indices.filter { subset >> $0 & 1 == 1 }
      let entries = chosen.map { index in
        TestEntry(
          Self.keys[index], kinds[index % 3],
          index % 3 == 2 ? [] : [UInt8](repeating: UInt8(index), count: index * 3))
      }
      let fixture = TableFixture()
      let summary = try fixture.write(entries, options: options)
      #expect(summary.properties.entryCount == UInt64(entries.count))
      #expect(summary.properties.smallestKey == entries.first?.key)
      #expect(summary.properties.largestKey == entries.last?.key)
      let reader = try fixture.open()
      #expect(reader.properties == summary.properties)
      for probe in Self.probes {
        expectSame(try reader.entry(probe), entries.first { $0.key == probe }, "\(probe)")
      }
      try expectCursor(reader.cursor(.serving), walks: entries, probes: Self.probes)
      try expectCursor(reader.cursor(.compaction), walks: entries, probes: Self.probes)
    }
  }
}
