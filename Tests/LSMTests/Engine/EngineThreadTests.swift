// Writers, readers and background threads at once, on real files: for the thread sanitizer, and for
// what a single thread cannot show.

import Bytes
import Foundation
import LSM
import Runtime
import Synchronization
import TestSupport
import Testing
import VFS

@Suite struct EngineThreadTests {
  private final class Tally: Sendable {
    let failures = Mutex<[String]>([])
    let isDone = Atomic<Bool>(false)
    func fail(_ text: String) { failures.withLock { $0.append(text) } }
  }

  private func open(_ directory: String, _ scheduler: ThreadScheduler) throws -> Engine {
    var options = EngineOptions()
    options.durability = .none
    options.memtableByteCount = 64 << 10
    options.tableFileByteCount = 64 << 10
    options.baseLevelByteCount = 256 << 10
    options.logFileByteCount = 128 << 10
    options.idleNanoseconds = 20_000_000
    let environment = EngineEnvironment(
      fileSystem: PosixFileSystem(), time: SystemTime(), scheduler: scheduler, randomSeed: 7,
      cache: BlockCache(byteCount: 1 << 20), memory: MemoryBudget(byteCount: 16 << 20))
    return try Engine.open(
      directory, environment: environment, options: options, merger: TextMerger())
  }

  /// Each writer owns counters that only grow; each reader sees no counter go back, and in one
  /// snapshot all counters of a batch equal.
  @Test func `readers beside writers see whole batches, and never time going back`() throws {
    let directory = NSTemporaryDirectory() + "strata-threads-\(getpid())"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let scheduler = ThreadScheduler()
    let engine = try open(directory, scheduler)
    let tally = Tally()
    let rounds = ProcessInfo.processInfo.environment["STRATA_ROUNDS"].flatMap { Int($0) } ?? 400
    var writers: [WorkerThread] = []
    for writer in 0..<3 {
      let thread = WorkerThread(name: "writer") {
        EngineThreadTests.write(engine, writer: writer, rounds: rounds, tally)
      }
      writers.append(try #require(thread))
    }
    var readers: [WorkerThread] = []
    for _ in 0..<2 {
      let thread = WorkerThread(name: "reader") { EngineThreadTests.read(engine, tally) }
      readers.append(try #require(thread))
    }
    for thread in writers { thread.join() }
    try engine.compactAll()
    tally.isDone.store(true, ordering: .releasing)
    for thread in readers { thread.join() }
    #expect(tally.failures.withLock { $0 } == [])
    for writer in 0..<3 {
      #expect(try engine.text(of: "w\(writer)-0") == EngineThreadTests.counter(rounds))
    }
    try engine.close()
    let again = try open(directory, scheduler)
    #expect(try again.pairs().count == 12 + 3 * rounds)
    try again.close()
    scheduler.shutDown()
  }

  /// Threads add to the same counters, each on what the commits before it have left.
  @Test(arguments: [Durability.none, .interval, .sync])
  func `decisions of many threads lose no increment`(durability: Durability) throws {
    let directory = NSTemporaryDirectory() + "strata-decisions-\(getpid())-\(durability)"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let scheduler = ThreadScheduler()
    let engine = try open(directory, scheduler)
    let answered = Atomic<Int>(0)
    let failed = Atomic<Int>(0)
    let perThread = 200
    var threads: [WorkerThread] = []
    for index in 0..<4 {
      let thread = WorkerThread(name: "adder") {
        for round in 0..<perThread {
          let request = CommitRequest(
            durability: durability,
            deciding: { reader, batch in
              try EngineThreadTests.increment("n\((index + round) % 3)", reader, &batch)
            },
            completion: { result in
              if case .failure = result { failed.add(1, ordering: .relaxed) }
              answered.add(1, ordering: .releasing)
            })
          engine.commit(request)
        }
      }
      threads.append(try #require(thread))
    }
    for thread in threads { thread.join() }
    while answered.load(ordering: .acquiring) < 4 * perThread { usleep(1_000) }
    #expect(failed.load(ordering: .relaxed) == 0)
    let total = try (0..<3).map { Int(try engine.text(of: "n\($0)") ?? "0") ?? 0 }.reduce(0, +)
    #expect(total == 4 * perThread)
    try engine.close()
    scheduler.shutDown()
  }

  private static func increment(
    _ key: String, _ reader: any CommitReader, _ batch: inout WriteBatch
  ) throws {
    try ByteView.of(key) { key in
      let bytes = TextMerger.value(of: try reader.operands(of: key)) ?? []
      let value = (Int(String(decoding: bytes, as: UTF8.self)) ?? 0) + 1
      ByteView.of(String(value)) { batch.append(.put, key: key, value: $0) }
    }
  }

  private static func counter(_ value: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  private static func write(_ engine: Engine, writer: Int, rounds: Int, _ tally: Tally) {
    for round in 1...rounds {
      var batch = WriteBatch()
      let value = counter(round)
      for column in 0..<4 {
        ByteView.of("w\(writer)-\(column)") { key in
          ByteView.of(value) { batch.append(.put, key: key, value: $0) }
        }
      }
      ByteView.of("row-\(writer)-\(value)") { key in
        ByteView.of(String(repeating: value, count: 20)) {
          batch.append(.put, key: key, value: $0)
        }
      }
      do {
        _ = try engine.commitAndWait(batch, durability: round % 50 == 0 ? .sync : nil)
      } catch {
        tally.fail("commit: \(error)")
      }
    }
  }

  private static func read(_ engine: Engine, _ tally: Tally) {
    var last = ["", "", ""]
    var round = 0
    while !tally.isDone.load(ordering: .acquiring) {
      round += 1
      do {
        let snapshot = engine.snapshot()
        for writer in 0..<3 {
          let values = try (0..<4).map { try engine.text(of: "w\(writer)-\($0)", at: snapshot) }
          if Set(values).count != 1 { tally.fail("torn batch \(values)") }
          let value = (values[0] ?? "")
          if value < last[writer] { tally.fail("\(value) after \(last[writer])") }
          last[writer] = value
        }
        if round % 10 == 0 {
          let pairs = try engine.pairs(from: "row-", at: snapshot)
          if pairs != pairs.sorted() { tally.fail("out of order") }
        }
        _ = engine.newestSequence(from: Array("row".utf8), to: nil)
        _ = engine.statistics
      } catch {
        tally.fail("read: \(error)")
      }
    }
  }
}
