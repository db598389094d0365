// A disk that does not answer is reported while it does not, and counted.

import Synchronization
import TestSupport
import Testing
import VFS

@Suite struct StallWatchTests {
  private static let second: UInt64 = 1_000_000_000

  /// Calls of `watched` in which the clock runs on, as if the disk took that long.
  private func world(
    _ delay: @escaping @Sendable (FileCall, ManualClock, StallWatch) -> Void
  ) throws -> (files: WatchedFileSystem, watch: StallWatch) {
    let clock = ManualClock()
    let watch = StallWatch(now: { clock.monotonicNanoseconds })
    let disk = InterceptedFileSystem(SimulatedFileSystem()) { call in
      delay(call, clock, watch)
      return .proceed
    }
    return (WatchedFileSystem(disk, watch: watch), watch)
  }

  @Test func `a stall of half a minute is reported within five seconds, with file and operation`()
    throws
  {
    let reports = Mutex<[(seconds: Int, StallWatch.Stall)]>([])
    let counts = Mutex<[Int]>([])
    let (files, watch) = try world { call, clock, watch in
      guard call.operation == .sync else { return }
      for step in 1...120 {
        clock.advance(nanoseconds: Self.second / 4)
        for stall in watch.look().stalled { reports.withLock { $0.append((step, stall)) } }
        counts.withLock { $0.append(watch.figures.stalledCount) }
      }
    }
    let file = try files.create("/000001.log")
    #expect(watch.look().isEmpty)
    try file.sync()
    let found = reports.withLock { $0 }
    #expect(found.count == 1, "each stall is reported once")
    #expect(found.first?.1.path == "/000001.log" && found.first?.1.operation == .sync)
    let quarters = found.first?.seconds ?? .max
    #expect(quarters <= 5 * 4, "reported after \(quarters)/4 s")
    #expect(counts.withLock { $0 }.last == 1)
    let ended = watch.look()
    #expect(ended.stalled == [] && ended.ended.map(\.nanoseconds) == [30 * Self.second])
    #expect(watch.look().isEmpty)
    #expect(watch.figures.stalledCount == 0 && watch.figures.totalCount == 1)
  }

  @Test func `every operation that may wait is watched`() throws {
    let seen = Mutex<Set<FileOperation>>([])
    let (files, watch) = try world { call, clock, watch in
      clock.advance(nanoseconds: 5 * Self.second)
      for stall in watch.look().stalled { seen.withLock { _ = $0.insert(stall.operation) } }
    }
    try files.createDirectory("/d")
    let file = try files.create("/d/f")
    try file.preallocate(16)
    try [UInt8](repeating: 1, count: 8).withUnsafeBytes { try file.write($0, at: 0) }
    try file.truncate(to: 8)
    try file.sync()
    try file.close()
    try files.openForOverwriting("/d/f").close()
    var byte: UInt8 = 0
    let reader = try files.openForReading("/d/f")
    _ = try withUnsafeMutableBytes(of: &byte) { try reader.read(into: $0, at: 0, wait: .allowed) }
    _ = try files.list("/d")
    _ = try files.exists("/d/f")
    _ = try files.lock("/d")
    try files.remove("/d/f")
    try files.syncDirectory("/d")
    #expect(seen.withLock { $0 } == Set(FileOperation.allCases))
    // What must not wait is not watched: an event loop pays nothing for it.
    let before = watch.figures.totalCount
    _ = try withUnsafeMutableBytes(of: &byte) { try reader.read(into: $0, at: 0, wait: .forbidden) }
    #expect(watch.figures.totalCount == before)
  }

  @Test func `what is slow and not stalled is not reported`() throws {
    let found = Mutex(0)
    let (files, watch) = try world { _, clock, watch in
      clock.advance(nanoseconds: 3 * Self.second)
      found.withLock { $0 += watch.look().stalled.count }
    }
    let file = try files.create("/f")
    for _ in 0..<10 { try file.sync() }
    #expect(found.withLock { $0 } == 0 && watch.figures.totalCount == 0)
  }
}

extension StallWatch.Findings {
  fileprivate var isEmpty: Bool { stalled.isEmpty && ended.isEmpty }
}
