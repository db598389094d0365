// Polls: a version holds as long as nothing in its range changes, and whoever waits is called.

import Bytes
import DataModel
import LSM
import Synchronization
import TestSupport
import Testing

@testable import Tablets

@Suite struct RangeChangesTests {
  private static let families = [FamilyDefinition(name: "a", gc: .maxVersions(1))]
  private let left = RowRange(prefix: Array("l".utf8))
  private let right = RowRange(prefix: Array("r".utf8))

  private func set(_ world: ServiceWorld, _ table: Table, _ key: String, _ time: Int64 = 0) throws {
    try world.apply(table, key, [.set("a", "q", time * 1_000, [1])])
  }

  @Test func `a version holds until its range changes`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    try set(world, table, "l1")
    let version = table.version(of: left)
    #expect(table.isUnchanged(left, since: version))
    try set(world, table, "r1")
    #expect(table.isUnchanged(left, since: version))
    #expect(!table.isUnchanged(right, since: version))
    #expect(!table.isUnchanged(.all, since: version))
    try set(world, table, "l2")
    #expect(!table.isUnchanged(left, since: version))
    let later = table.version(of: left)
    #expect(table.isUnchanged(left, since: later))
    try world.apply(table, "l2", [.deleteRow])
    #expect(!table.isUnchanged(left, since: later))
  }

  @Test func `what the recent commits do not reach is asked of the files`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    try set(world, table, "l1")
    try table.flush()
    try set(world, table, "r1")
    try table.flush()
    // Never asked before: nothing was kept.
    let old = RangeVersion(epoch: table.version(of: left).epoch, sequence: 1)
    #expect(table.isUnchanged(left, since: old))
    #expect(!table.isUnchanged(right, since: old))
  }

  @Test func `a row that left no trace in the files is a change`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    try set(world, table, "l1")
    try set(world, table, "r1")
    try world.apply(table, "l1", [.deleteRow])
    try table.compact()
    let epoch = table.version(of: left).epoch
    #expect(!table.isUnchanged(left, since: RangeVersion(epoch: epoch, sequence: 2)))
    #expect(table.isUnchanged(left, since: RangeVersion(epoch: epoch, sequence: 3)))
  }

  @Test func `a version has only what was told, whatever is visible`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    let sequence = SequenceNumber(table.version(of: left).sequence)
    // Visible, and the observer's turn has not come.
    var batch = WriteBatch()
    ByteView.of("l1") { batch.append(.delete, key: $0, value: ByteView()) }
    let next = SequenceNumber(sequence.rawValue + 1)
    #expect(table.version(of: left).sequence == sequence.rawValue)
    table.changes.committed(batch, first: next)
    #expect(table.version(of: left).sequence == next.rawValue)
    #expect(table.changes.hasChange(in: left, after: sequence) == true)
  }

  private func commit(_ key: String, _ sequence: UInt64, to changes: RangeChanges) {
    var batch = WriteBatch()
    ByteView.of(key) { batch.append(.delete, key: $0, value: ByteView()) }
    changes.committed(batch, first: SequenceNumber(sequence))
  }

  @Test func `thousands of commits later a version still tells`() throws {
    let changes = RangeChanges()
    changes.keep()
    var sequence: UInt64 = 1
    func commit(_ key: String) {
      self.commit(key, sequence, to: changes)
      sequence += 1
    }
    func hasChange(_ range: RowRange, _ sequence: UInt64) -> Bool? {
      changes.hasChange(in: range, after: SequenceNumber(sequence))
    }
    commit("l")
    for index in 0..<40_000 { commit("r\(index)") }
    #expect(hasChange(left, 0) == true)
    #expect(hasChange(left, 1) == false)
    #expect(hasChange(right, 40_000) == true)
    for index in 0..<60_000 {
      commit("r\(index)")
      // Somebody goes on asking, or nothing would be kept.
      if index % 10_000 == 0 { #expect(hasChange(right, 1) == true) }
    }
    #expect(hasChange(left, 1) == nil)
    #expect(hasChange(left, sequence - 10) == false)
    #expect(hasChange(left, sequence - 60_000) == false)
    #expect(hasChange(left, sequence - 70_000) == nil)
  }

  @Test func `what nobody asks for any more is not kept`() throws {
    let changes = RangeChanges()
    changes.keep()
    var sequence: UInt64 = 0
    for _ in 0..<140_000 {
      sequence += 1
      commit("r", sequence, to: changes)
    }
    #expect(changes.hasChange(in: left, after: SequenceNumber(sequence - 1)) == nil)
    sequence += 1
    commit("r", sequence, to: changes)
    #expect(changes.hasChange(in: left, after: SequenceNumber(sequence - 1)) == false)
    #expect(changes.hasChange(in: right, after: SequenceNumber(sequence - 1)) == true)
  }

  @Test func `a commit does not wait for a poll that has much to look through`() throws {
    let changes = RangeChanges()
    changes.keep()
    let before = UInt64(KeyChunk.keyCount * 20)
    for sequence in 1...before { commit("r", sequence, to: changes) }
    // Under the lock a commit from within would never return, so the first chunk is only counted.
    var lookedAt = 0
    var next = before
    let isFound = changes.hasKey(after: .zero) { _ in
      lookedAt += 1
      if lookedAt > KeyChunk.keyCount {
        next += 1
        commit("l", next, to: changes)
      }
      return false
    }
    #expect(isFound == false)
    #expect(lookedAt == Int(before))
    #expect(changes.lastSequence == SequenceNumber(next))
    #expect(changes.hasChange(in: left, after: SequenceNumber(before)) == true)
  }

  @Test func `schema changes, collections and restarts end a version`() throws {
    let world = ServiceWorld()
    let service = try world.open()
    try service.createTable(TableDefinition(name: "t", families: Self.families))
    let table = try service.find("t")
    try set(world, table, "l1", 1)
    try table.compact()
    var version = table.version(of: left)
    _ = try service.alterTable("t", [.createFamily(FamilyDefinition(name: "b"))])
    #expect(!table.isUnchanged(left, since: version))
    version = table.version(of: left)
    try table.compact()
    #expect(table.isUnchanged(left, since: version), "nothing was collected")
    try set(world, table, "r1", 1)
    try set(world, table, "r1", 2)
    version = table.version(of: left)
    try table.compact()
    #expect(!table.isUnchanged(left, since: version), "a version of r1 was collected")
    version = table.version(of: left)
    service.close()
    world.clock.advance(nanoseconds: 1_000_000)
    #expect(try !world.open().find("t").isUnchanged(left, since: version))
  }

  @Test func `a table that collects on read by age holds a version for a second at most`() throws {
    let world = ServiceWorld()
    let table = try world.open(
      [FamilyDefinition(name: "a", gc: .maxAge(microseconds: 1_000_000))], gcOnRead: true)
    let version = table.version(of: left)
    #expect(table.isUnchanged(left, since: version))
    world.clock.advance(nanoseconds: 1_000_000_000)
    #expect(!table.isUnchanged(left, since: version))
  }

  @Test func `whoever waits is called once, by a change in the range only`() throws {
    let world = ServiceWorld()
    let table = try world.open(Self.families)
    let calls = Atomic<Int>(0)
    let version = table.version(of: left)
    let wait = table.onChange(of: left, since: version) { calls.add(1, ordering: .relaxed) }
    #expect(wait != nil)
    try set(world, table, "r1")
    #expect(calls.load(ordering: .relaxed) == 0)
    try set(world, table, "l1")
    try set(world, table, "l2")
    #expect(calls.load(ordering: .relaxed) == 1)
    // Too late to wait: called at once.
    _ = table.onChange(of: left, since: version) { calls.add(1, ordering: .relaxed) }
    #expect(calls.load(ordering: .relaxed) == 2)
    let cancelled = table.onChange(of: left, since: table.version(of: left)) {
      calls.add(1, ordering: .relaxed)
    }
    cancelled?.cancel()
    try set(world, table, "l3")
    #expect(calls.load(ordering: .relaxed) == 2)
  }

  @Test func `a dropped table and a closed service call all who wait`() throws {
    let world = ServiceWorld()
    let service = try world.open()
    let calls = Atomic<Int>(0)
    for name in ["t", "u"] {
      try service.createTable(TableDefinition(name: name, families: Self.families))
      let table = try service.find(name)
      _ = table.onChange(of: left, since: table.version(of: left)) {
        calls.add(1, ordering: .relaxed)
      }
    }
    try service.dropTable("t")
    #expect(calls.load(ordering: .relaxed) == 1)
    service.close()
    #expect(calls.load(ordering: .relaxed) == 2)
  }

  @Test func `ten thousand may wait and no more`() throws {
    let changes = RangeChanges()
    for _ in 0..<RangeChanges.waitLimit { _ = changes.wait(for: left) {} }
    #expect(changes.wait(for: left) {} == nil)
  }
}
