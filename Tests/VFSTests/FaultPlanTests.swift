// Faults happen where the plan says; power cuts leave every mixture a disk could.

import Glibc
import Synchronization
import TestSupport
import Testing
import VFS

@Suite struct FaultPlanTests {
  private func makeFiles(_ rules: [FaultPlan.Rule], seed: UInt64 = 1) throws
    -> SimulatedFileSystem
  {
    let files = SimulatedFileSystem()
    try files.createDirectory("/d")
    try files.syncDirectory("/")
    files.plan = FaultPlan(rules, seed: seed)
    return files
  }

  /// Positions of the operations that fail.
  private func failures(_ count: Int, _ operation: () throws -> Void) -> [Int] {
    (0..<count).filter { _ in
      do {
        try operation()
        return false
      } catch {
        return true
      }
    }
  }

  @Test func `a rule hits the operations it names, from the one it says, as often as it says`()
    throws
  {
    let files = try makeFiles([
      .init(.fail(errno: EIO), operations: [.list], path: "/d", skip: 2, count: 3)
    ])
    #expect(failures(10) { _ = try files.list("/d") } == [2, 3, 4])
    #expect(failures(3) { _ = try files.exists("/d") }.isEmpty)
    files.plan = FaultPlan([.init(.fail(errno: EIO), operations: [.list], count: nil)])
    #expect(failures(10) { _ = try files.list("/d") } == Array(0..<10))
    files.plan = nil
    #expect(failures(10) { _ = try files.list("/d") }.isEmpty)
  }

  @Test func `chance follows the plan's seed`() throws {
    func hits(_ seed: UInt64) throws -> [Int] {
      let files = try makeFiles(
        [.init(.fail(errno: EIO), count: nil, probability: 0.5)], seed: seed)
      return failures(40) { _ = try files.list("/d") }
    }
    let first = try hits(1)
    #expect(first.count > 5 && first.count < 35)
    #expect(try hits(1) == first)
    #expect(try hits(2) != first)
  }

  @Test func `errors are what was asked for`() throws {
    for errno in [EIO, ENOSPC, EINTR, EDQUOT] {
      let files = try makeFiles([.init(.fail(errno: errno))])
      #expect(throws: FileError.io(path: "/d/a", operation: .create, errno: errno)) {
        try files.create("/d/a")
      }
    }
  }

  @Test func `a short write leaves its share`() throws {
    let files = try makeFiles([
      .init(.partly(share: 0.7, errno: ENOSPC), operations: [.write])
    ])
    #expect(throws: FileError.io(path: "/d/a", operation: .write, errno: ENOSPC)) {
      try files.write("0123456789", to: "/d/a")
    }
    #expect(try files.read("/d/a") == "0123456")
  }

  @Test func `a sync that fails partly has made some changes durable`() throws {
    var survivors: Set<String> = []
    for skip in 0..<20 {
      let files = try makeFiles([.init(.partly(share: 0.5, errno: EIO), operations: [.sync])])
      for _ in 0..<skip { _ = try files.exists("/d") }
      let file = try files.create("/d/a")
      try files.syncDirectory("/d")
      for offset in 0..<4 {
        try Array("\(offset)".utf8).withUnsafeBytes { try file.write($0, at: UInt64(offset)) }
      }
      #expect(throws: FileError.self) { try file.sync() }
      try file.sync()
      survivors.insert(try files.crashClone().read("/d/a") ?? "")
    }
    #expect(survivors.count > 5)
  }

  @Test func `a slow operation takes its time and works`() throws {
    let files = try makeFiles([
      .init(.slow(nanoseconds: 5_000), operations: [.list], count: 2)
    ])
    let clock = ManualClock()
    files.onSlowOperation = { clock.advance(nanoseconds: $0) }
    for _ in 0..<3 { _ = try files.list("/d") }
    #expect(clock.monotonicNanoseconds == 10_000)
    #expect(files.failedOperationCount == 0)
  }

  @Test func `the same operations have the same trace, others another`() throws {
    func trace(_ text: String, at offset: UInt64 = 0, failing: Bool = false) throws -> UInt64 {
      let files = try makeFiles(failing ? [.init(.fail(errno: EIO), operations: [.sync])] : [])
      let file = try files.create("/d/a")
      try Array(text.utf8).withUnsafeBytes { try file.write($0, at: offset) }
      try? file.sync()
      return files.traceHash
    }
    let first = try trace("abc")
    #expect(try trace("xyz") == first, "bytes are not part of it")
    #expect(try trace("abcd") != first)
    #expect(try trace("abc", at: 1) != first)
    #expect(try trace("abc", failing: true) != first)
  }

  @Test func `the trace can be read`() throws {
    let files = try makeFiles([])
    files.keepsTraceText = true
    try files.write("abc", to: "/d/a")
    #expect(files.traceLines.contains { $0.contains("write /d/a @0+3") })
  }

  @Test func `plans from seeds differ and repeat`() {
    let plans = (1...20 as ClosedRange<UInt64>).map { seed in
      var random = SeededGenerator(seed: seed)
      return FaultPlan.random(&random)
    }
    #expect(Set(plans.map(\.description)).count == 20)
    var random = SeededGenerator(seed: 7)
    #expect(FaultPlan.random(&random) == plans[6])
  }
}

/// What is left of changes that were not synced, over many cuts.
@Suite struct PowerCutStatesTests {
  /// The states of `/d` that cuts of half of the unsynced leave.
  private func states(
    _ prepare: (SimulatedFileSystem) throws -> Void
  ) throws -> [SimulatedFileSystem] {
    let files = SimulatedFileSystem()
    try files.createDirectory("/d")
    try files.syncDirectory("/")
    try prepare(files)
    return (0..<300 as Range<UInt64>).map { files.crashClone(keeping: 0.5, seed: $0) }
  }

  @Test func `a longer file may be there without its bytes`() throws {
    let states = try states { files in
      try files.write("x", to: "/d/a")
      let file = try files.openForOverwriting("/d/a")
      try file.sync()
      try files.syncDirectory("/d")
      try Array(repeating: 7 as UInt8, count: 2_000).withUnsafeBytes { try file.write($0, at: 1) }
    }
    let contents = states.map { $0.contents(of: "/d/a") ?? [] }
    #expect(contents.contains { $0.count == 1 })
    #expect(contents.contains { $0.count == 2_001 && $0[1...].allSatisfy { $0 == 7 } })
    #expect(contents.contains { $0.count == 2_001 && $0[1...].allSatisfy { $0 == 0 } })
    #expect(contents.contains { $0.count > 1 && $0.contains(7) && $0.contains(0) })
  }

  @Test func `a later write may be there without an earlier one`() throws {
    let states = try states { files in
      let file = try files.create("/d/a")
      try file.preallocate(20)
      try file.sync()
      try files.syncDirectory("/d")
      for (offset, byte) in [(0, 1), (10, 2)] as [(UInt64, UInt8)] {
        try [byte].withUnsafeBytes { try file.write($0, at: offset) }
      }
    }
    let found = Set(
      states.map { state in
        let bytes = state.contents(of: "/d/a") ?? []
        return [bytes[0], bytes[10]]
      })
    #expect(found == [[0, 0], [1, 0], [0, 2], [1, 2]])
  }

  @Test func `a reservation may be there or not, with and without what is written in it`() throws {
    let states = try states { files in
      let file = try files.create("/d/a")
      try files.syncDirectory("/d")
      try file.preallocate(1_000)
      try [9 as UInt8].withUnsafeBytes { try file.write($0, at: 4) }
    }
    let contents = Set(states.map { $0.contents(of: "/d/a") ?? [] })
    #expect(contents.contains([]))
    #expect(contents.contains([0, 0, 0, 0, 9]))
    #expect(contents.contains(Array(repeating: 0, count: 1_000)))
    #expect(contents.contains { $0.count == 1_000 && $0[4] == 9 })
  }

  @Test func `an overwritten file may hold old and new sectors`() throws {
    let states = try states { files in
      let file = try files.create("/d/a")
      try Array(repeating: 1 as UInt8, count: 2_048).withUnsafeBytes { try file.write($0, at: 0) }
      try file.sync()
      try files.syncDirectory("/d")
      try Array(repeating: 2 as UInt8, count: 2_048).withUnsafeBytes { try file.write($0, at: 0) }
    }
    let mixtures = Set(
      states.map { state in
        (state.contents(of: "/d/a") ?? []).enumerated()
          .filter { $0.offset % 512 == 0 }.map(\.element)
      })
    #expect(mixtures.count > 10)
  }

  @Test func `names come and go each by itself`() throws {
    let states = try states { files in
      try files.write("", to: "/d/old")
      try files.syncDirectory("/d")
      try files.remove("/d/old")
      try files.write("", to: "/d/new")
    }
    let found = Set(states.map { ((try? $0.list("/d")) ?? []).joined(separator: " ") })
    #expect(found == ["", "old", "new", "new old"])
  }

  @Test func `a removed tree may be back in part`() throws {
    let states = try states { files in
      try files.createDirectory("/d/t")
      for name in ["a", "b", "c"] { try files.write("", to: "/d/t/\(name)") }
      try files.syncDirectory("/d/t")
      try files.syncDirectory("/d")
      try files.removeTree("/d/t")
    }
    let found = Set(states.map { (try? $0.list("/d/t"))?.count ?? -1 })
    #expect(found == [-1, 0, 1, 2, 3])
  }
}
