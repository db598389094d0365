// The open loop against a server that stands still for a while: what had to wait shows.

import Foundation
import Histogram
import Testing

@testable import kvbench

/// Answers SETs of one size; once, in the middle, it does nothing for a while.
private final class StallingServer: Sendable {
  let port: UInt16
  private let listener: Int32

  init(requestByteCount: Int, stallAfterMilliseconds: UInt32, stallMilliseconds: UInt32) throws {
    let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    listener = file
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(file, $0, length) == 0 && listen(file, 8) == 0 && getsockname(file, $0, &length) == 0
      }
    }
    try #require(isBound)
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread {
      let connection = accept(file, nil, nil)
      var bytes = [UInt8](repeating: 0, count: 1 << 16)
      var left = 0
      let start = ContinuousClock.now
      var hasStalled = false
      while true {
        let count = recv(connection, &bytes, bytes.count, 0)
        guard count > 0 else { break }
        if !hasStalled, start.duration(to: .now) > .milliseconds(stallAfterMilliseconds) {
          hasStalled = true
          usleep(stallMilliseconds * 1_000)
        }
        left += count
        let answers = Array(String(repeating: "+OK\r\n", count: left / requestByteCount).utf8)
        left %= requestByteCount
        guard answers.isEmpty || send(connection, answers, answers.count, Int32(MSG_NOSIGNAL)) > 0
        else { break }
      }
      close(connection)
    }
  }

  deinit { close(listener) }
}

@Suite struct OpenLoopTests {
  @Test func `requests are due at their rate, whatever happens`() {
    var schedule = OpenLoopSchedule(start: 1_000, perSecond: 1_000_000)
    #expect(schedule.take(at: 999) == nil)
    #expect(schedule.take(at: 1_000) == 1_000)
    #expect(schedule.take(at: 1_000) == nil)
    // Late by far: the moments are those that were planned.
    #expect((0..<4).map { _ in schedule.take(at: 5_000) } == [2_000, 3_000, 4_000, 5_000])
    #expect(schedule.take(at: 5_000) == nil)
    #expect(schedule.issued == 5)
  }

  @Test func `what is late is given up, and no more`() {
    var schedule = OpenLoopSchedule(start: 1_000, perSecond: 1_000_000)
    #expect(schedule.skip(before: 1_000) == 0)
    #expect(schedule.skip(before: 4_000) == 3)
    #expect(schedule.nextDue == 4_000)
    #expect(schedule.skip(before: 3_000) == 0)
    #expect(schedule.take(at: 4_000) == 4_000)
    #expect(schedule.issued == 4)
  }

  @Test func `the loader sleeps, but not over the moment when it has to send`() {
    var pace = Pace(limit: 1_000_000, awakeUntil: 5_000)
    #expect(pace.sleepNanoseconds(at: 4_999) == 0)
    #expect(pace.sleepNanoseconds(at: 5_000) == 995_000)
    #expect(pace.sleepNanoseconds(at: 1_000_001) == 0)
    pace.awakeFrom = pace.limit - Pace.wakeUpNanoseconds
    #expect(pace.sleepNanoseconds(at: 5_000) == 995_000 - Pace.wakeUpNanoseconds)
    #expect(pace.sleepNanoseconds(at: pace.awakeFrom) == 0)
  }

  @Test func `an open loop leaves the processor to what it measures`() throws {
    let measured = try measure(rate: 500)
    #expect(measured.counts.done > 50)
    #expect(measured.loaderMicroseconds < measured.wallSeconds * 400_000)
  }

  private func measure(rate: Double?) throws -> LoadMeasurement {
    let size = try #require(RedisDialect().write(.value, columns: 0..<1, rows: 1)).byteCount
    let server = try StallingServer(
      requestByteCount: size, stallAfterMilliseconds: 300, stallMilliseconds: 400)
    let workload = Workload.simple("upsert", .value, .updateAll)
    let plan = TrafficPlan(
      workload: workload, dialect: RedisDialect(), records: 1_000, keys: .uniform)
    var run = LoadRun(address: try SocketAddress("127.0.0.1:\(server.port)"), plan: plan)
    run.depth = 4
    run.requestsPerSecond = rate
    run.warmUp = 0
    run.duration = 1
    return try run.measure()
  }

  @Test func `a stall of 400 ms shows in the percentiles of an open loop`() throws {
    let measured = try measure(rate: 2_000)
    let latencies = measured.all
    // Of 2,000 requests 800 fell into the stall; a fifth of all waited longer than 200 ms.
    #expect(latencies.valueAtPercentile(90) > 150_000_000)
    #expect(latencies.valueAtPercentile(99) > 300_000_000)
    #expect(latencies.totalCount > 1_900)
    #expect(measured.counts.errors == 0)
  }

  @Test func `the closed loop does not see it, which is why there is an open one`() throws {
    let latencies = try measure(rate: nil).all
    #expect(latencies.valueAtPercentile(99) < 200_000_000)
    #expect(latencies.max > 300_000_000)
  }
}
