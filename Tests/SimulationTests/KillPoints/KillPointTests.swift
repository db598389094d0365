// Crashes before and after every durability step. A step that no life reaches fails the test, and
// so does one that has no name here. STRATA_KILL_HITS crash states of each step and kind (six
// kinds a step); make kill-points takes a hundred.

import Foundation
import TestSupport
import Testing
import VFS

@Suite struct KillPointTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let quota = environment["STRATA_KILL_HITS"].flatMap { Int($0) } ?? 3
  private static let seed = environment["STRATA_SEED"].flatMap { UInt64($0) } ?? 1

  static let steps = [
    "directory: create",
    "directory: sync after a directory's creation",
    "directory: sync after a log's creation",
    "directory: sync after a manifest's creation",
    "directory: sync after a manifest's removal",
    "directory: sync after a table file's creation",
    "log: append",
    "log: close",
    "log: create",
    "log: grow",
    "log: header",
    "log: header of a long record",
    "log: recycle",
    "log: remove",
    "log: reserve",
    "log: sync",
    "log: sync of a recovered end",
    "log: sync of the header",
    "log: sync of the reservation",
    "log: sync of zeros",
    "log: write of a recovered end",
    "log: zeros",
    "manifest: append",
    "manifest: close",
    "manifest: create",
    "manifest: first edit",
    "manifest: remove the one before",
    "manifest: reserve",
    "manifest: sync",
    "manifest: sync of the first edit",
    "table file: close",
    "table file: create",
    "table file: remove",
    "table file: sync",
    "table file: write",
  ]

  @Test func `no crash at any step loses an acknowledged write`() throws {
    let run = KillPointRun(quota: Self.quota)
    var seed = Self.seed
    while !run.isDone(Self.steps), seed < Self.seed + UInt64(10 + 20 * Self.quota) {
      try run.live(seed: seed)
      #expect(run.losses == [])
      if !run.losses.isEmpty { break }
      seed += 1
    }
    for step in run.hits.keys.sorted() {
      print("kill point: \(step): \(run.hitCount(step)) crashes")
    }
    let total = run.hits.keys.reduce(0) { $0 + run.hitCount($1) }
    print(
      "kill points: \(run.hits.count) steps, \(total) crashes, at least "
        + "\(Self.steps.map(run.hitCount).min() ?? 0) a step, \(run.losses.count) losses, "
        + "seeds \(Self.seed)..<\(seed)")
    #expect(run.hits.keys.sorted() == Self.steps)
    #expect(run.isDone(Self.steps), "some steps were hit too rarely")
  }

  /// Controls: a disk that says it has synced and has not.
  @Test(arguments: ["log", "table", "manifest", "directory"])
  func `a disk that lies about syncs of one kind is found out`(kind: String) throws {
    let run = KillPointRun(quota: 12) { call in
      switch kind {
      case "log": call.isLog
      case "table": call.isTableFile
      case "manifest": call.isManifest
      default: call.operation == .syncDirectory
      }
    }
    for seed in 1...8 as ClosedRange<UInt64> where run.losses.isEmpty { try? run.live(seed: seed) }
    #expect(!run.losses.isEmpty, "no lie about a \(kind) was found out")
  }
}
