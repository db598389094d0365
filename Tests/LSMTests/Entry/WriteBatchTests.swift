// Batches read back from bytes that may be wrong.

import Bytes
import LSM
import Testing

@Suite struct WriteBatchTests {
  /// What a batch holds, as `kind key value`, or nil where it is refused.
  private func entries(_ encoded: [UInt8]) -> [String]? {
    ByteView.of(encoded) { view in
      var reader = WriteBatchReader(view)
      var seen: [String] = []
      do throws(ByteReadError) {
        while let entry = try reader.next() {
          seen.append("\(entry.kind) \(entry.key) \(entry.value)")
        }
        return seen
      } catch {
        return nil
      }
    }
  }

  @Test func `what was appended is read back`() {
    var batch = WriteBatch()
    ByteView.of("k") { key in
      ByteView.of("v") { value in
        batch.append(.put, key: key, value: value)
        batch.append(.delete, key: key, value: ByteView())
        batch.append(.merge, key: key, value: value)
      }
    }
    #expect(batch.count == 3)
    #expect(entries(batch.encoded.array) == ["put k v", "delete k ", "merge k v"])
  }

  @Test(
    "what no writer appends is refused",
    arguments: [
      [4, 1, 0x6b, 0], [0, 1, 0x6b, 0], [1, 0], [1, 1, 0x6b], [1, 1, 0x6b, 2, 0x76],
      [1, 0x81, 0x20] + [UInt8](repeating: 1, count: 4_097) + [0],
    ] as [[UInt8]])
  func refused(encoded: [UInt8]) { #expect(entries(encoded) == nil) }

  @Test func `a delete that carries a value is refused`() {
    #expect(entries([2, 1, 0x6b, 0]) == ["delete k "])
    #expect(entries([2, 1, 0x6b, 1, 0x76]) == nil)
  }
}
