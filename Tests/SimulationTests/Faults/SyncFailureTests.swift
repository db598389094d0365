// A sync that fails: from then on nothing is acknowledged on the strength of that file, and no
// second sync of it is ever taken for success. The simulated disk lets go of what a failed sync
// should have written, as Linux does, so an engine that tried again would lose it.

import Glibc
import LSM
import Synchronization
import TestSupport
import Testing
import VFS

/// Fails the first sync that is asked for, and counts later ones of the same file.
final class FailingSync: Sendable {
  private struct State {
    var failedPath: String?
    var laterCount = 0
  }

  private let state = Mutex(State())
  private let isMeant: @Sendable (FileCall) -> Bool

  init(_ isMeant: @escaping @Sendable (FileCall) -> Bool) { self.isMeant = isMeant }

  var failedPath: String? { state.withLock { $0.failedPath } }
  var laterCount: Int { state.withLock { $0.laterCount } }

  func verdict(_ call: FileCall) -> Verdict {
    // Asked of every call: names of steps follow from those before.
    let isMeant = isMeant(call)
    guard call.operation == .sync || call.operation == .syncDirectory else { return .proceed }
    return state.withLock { state in
      if let failed = state.failedPath {
        if failed == call.path { state.laterCount += 1 }
        return .proceed
      }
      guard isMeant else { return .proceed }
      state.failedPath = call.path
      return .fail(EIO)
    }
  }
}

@Suite struct SyncFailureTests {
  /// Logs and manifests: after them nothing may be written any more.
  enum Fatal: String, CaseIterable {
    case append, header, reservation, manifestEdit, nextManifest
  }

  private func world(_ sync: FailingSync) throws -> EngineWorld {
    let world = try EngineWorld()
    world.options.logFileByteCount = 4 << 10
    world.options.manifestByteCount = 512
    world.disk = InterceptedFileSystem(world.files) { sync.verdict($0) }
    return world
  }

  private func sync(of fatal: Fatal) -> FailingSync {
    let names = DurabilityStepNames()
    let wanted =
      switch fatal {
      case .append: "log: sync"
      case .header: "log: sync of the header"
      case .reservation: "log: sync of the reservation"
      case .manifestEdit: "manifest: sync"
      case .nextManifest: "manifest: sync of the first edit"
      }
    // The first of each belongs to the opening, which would only refuse.
    let seen = Atomic<Int>(0)
    let passed = [Fatal.header, .reservation, .manifestEdit, .nextManifest].contains(fatal) ? 1 : 0
    return FailingSync { call in
      guard names.name(call) == wanted else { return false }
      return seen.add(1, ordering: .relaxed).oldValue == passed
    }
  }

  @Test(arguments: Fatal.allCases)
  func `a failed sync of a log or manifest ends writing at once`(fatal: Fatal) throws {
    let failing = sync(of: fatal)
    let world = try world(failing)
    let engine = try world.open()
    var acknowledged: [String] = []
    for index in 0..<120 where failing.failedPath == nil {
      let pair = ("key\(10 + index)", String(repeating: "v", count: 300))
      if (try? engine.write(.put, pair.0, pair.1)) != nil { acknowledged.append(pair.0) }
      if index % 4 == 3 { try? engine.flush() }
    }
    let path = try #require(failing.failedPath, "\(fatal) never came to its sync")
    #expect(engine.statistics.isReadOnly, "\(fatal)")
    do throws(EngineError) {
      try engine.write(.put, "later", "1")
      Issue.record("\(fatal): a write was acknowledged after a failed sync")
    } catch {
      guard case .readOnly(let cause) = error else { throw error }
      #expect(cause.contains(path), "\(fatal): \(cause)")
    }
    #expect(throws: EngineError.self) { try engine.flush() }
    #expect(try engine.pairs().count == acknowledged.count)
    world.scheduler.run(forNanoseconds: 60_000_000_000)
    try engine.close()
    #expect(failing.laterCount == 0, "\(fatal): \(path) was synced again")
    for share in [0, 0.5, 1] {
      let after = try EngineWorld()
      after.files = world.files.crashClone(keeping: share, seed: 3)
      let again = try after.open()
      for key in acknowledged { #expect(try again.text(of: key) != nil, "\(fatal): lost \(key)") }
      try again.close()
    }
  }

  @Test func `a failed sync of a table file is not tried again on that file`() throws {
    let sync = FailingSync { $0.isTableFile }
    let world = try world(sync)
    let engine = try world.open()
    try engine.write(.put, "a", "1")
    #expect(throws: EngineError.self) { try engine.flush() }
    let path = try #require(sync.failedPath)
    #expect(!engine.statistics.isReadOnly)
    #expect(try !world.files.exists(path))
    world.scheduler.run(forNanoseconds: 10_000_000_000)
    #expect(engine.statistics.sealedMemtableCount == 0)
    #expect(sync.laterCount == 0)
    world.disk = nil
    world.crash()
    let again = try world.open()
    #expect(try again.pairs() == ["a=1"])
    try again.close()
  }

  @Test func `a failed sync of the directory keeps the new file out of the store`() throws {
    let names = DurabilityStepNames()
    let sync = FailingSync {
      names.name($0) == "directory: sync after a table file's creation"
    }
    let world = try world(sync)
    let engine = try world.open()
    try engine.write(.put, "a", "1")
    #expect(throws: EngineError.self) { try engine.flush() }
    #expect(try world.files.list(world.directory).allSatisfy { !$0.hasSuffix(".table") })
    #expect(try engine.pairs() == ["a=1"])
    world.scheduler.run(forNanoseconds: 10_000_000_000)
    #expect(engine.statistics.sealedMemtableCount == 0)
    world.disk = nil
    world.crash()
    let again = try world.open()
    #expect(try again.pairs() == ["a=1"])
    try again.close()
  }

  @Test func `a log file whose preparation failed is never used`() throws {
    let names = DurabilityStepNames()
    let sync = FailingSync { names.name($0) == "log: sync of zeros" }
    let world = try world(sync)
    let engine = try world.open()
    for index in 0..<40 {
      try engine.write(.put, "key\(10 + index)", String(repeating: "v", count: 300))
      world.scheduler.runReady()
    }
    #expect(sync.failedPath != nil)
    #expect(sync.laterCount == 0, "the file was synced again, and that was taken for success")
    world.disk = nil
    world.crash()
    let again = try world.open()
    #expect(try again.pairs().count == 40)
    try again.close()
  }
}
