// Readers beside the writer: they see every published entry, in order, whole.

import Bytes
import Dispatch
import LSM
import Synchronization
import TestSupport
import Testing

@Suite struct MemtableRaceTests {
  private static let insertCount: UInt64 = 60_000

  /// Values that a reader can check: the key's bytes, then the sequence number.
  private static func write(_ table: Memtable, _ published: borrowing Atomic<UInt64>) {
    var random = SeededGenerator(seed: 3)
    for sequence in 1...insertCount {
      let key = withUnsafeBytes(of: UInt64.random(in: 0..<9_000, using: &random).bigEndian) {
        Array($0)
      }
      let value = withUnsafeBytes(of: sequence) { Array($0) }
      ByteView.of(key) { key in
        ByteView.of(value) { value in
          table.insert(
            kind: sequence % 3 == 0 ? .put : .merge, key: key, value: value,
            sequence: SequenceNumber(sequence))
        }
      }
      published.store(sequence, ordering: .releasing)
    }
  }

  /// One walk at a snapshot; returns what is wrong with it.
  private static func check(_ table: Memtable, at snapshot: UInt64) -> String? {
    let cursor = table.cursor(at: SequenceNumber(snapshot))
    var last: [UInt8] = []
    var newest: UInt64 = 0
    cursor.seekToFirst()
    while cursor.isValid {
      let key = cursor.key.array
      if key.lexicographicallyPrecedes(last) { return "keys go back" }
      last = key
      guard cursor.value.count >= 8, cursor.value.count % 8 == 0 else { return "a torn value" }
      // The last number of an appended list is the newest.
      newest = max(newest, cursor.value.littleEndian64(at: cursor.value.count - 8))
      cursor.next()
    }
    return newest == snapshot ? nil : "saw up to \(newest) at \(snapshot)"
  }

  /// One walk backwards at a snapshot, with a lookup and a search of each key.
  private static func checkBackwards(_ table: Memtable, at snapshot: UInt64) -> String? {
    let cursor = table.cursor(at: SequenceNumber(snapshot))
    let other = table.cursor(at: SequenceNumber(snapshot))
    var following: [UInt8]?
    var newest: UInt64 = 0
    cursor.seekToLast()
    while cursor.isValid {
      let key = cursor.key.array
      if let following, !key.lexicographicallyPrecedes(following) { return "keys go on" }
      newest = max(newest, cursor.value.littleEndian64(at: cursor.value.count - 8))
      let problem = ByteView.of(key) { key -> String? in
        var operands: [Operand] = []
        _ = table.collect(key: key, at: SequenceNumber(snapshot), into: &operands)
        guard operands.first?.value == cursor.value else { return "a lookup differs" }
        other.seek(to: key)
        guard other.isValid, other.key == key else { return "a search misses" }
        while other.isValid, other.key == key { other.next() }
        return (other.isValid ? other.key.array : nil) == following ? nil : "a key is left out"
      }
      if let problem { return problem }
      following = key
      cursor.previousKey()
    }
    return newest == snapshot ? nil : "saw up to \(newest) at \(snapshot)"
  }

  @Test func `readers walk and look up while the writer inserts`() {
    let table = Memtable(
      memory: MemoryBudget(byteCount: 1 << 30), merger: TextMerger())
    let published = Atomic<UInt64>(0)
    let problems = Mutex<[String]>([])
    DispatchQueue.concurrentPerform(iterations: 3) { index in
      if index == 0 { return Self.write(table, published) }
      var snapshot: UInt64 = 0
      var walks = 0
      repeat {
        snapshot = published.load(ordering: .acquiring)
        let problem =
          index == 1
          ? Self.check(table, at: snapshot) : Self.checkBackwards(table, at: snapshot)
        if let problem {
          problems.withLock { $0.append(problem) }
          return
        }
        walks += 1
      } while snapshot < Self.insertCount && walks < 10_000
    }
    #expect(problems.withLock { $0 } == [])
    #expect(table.entryCount == Int(Self.insertCount))
  }
}
