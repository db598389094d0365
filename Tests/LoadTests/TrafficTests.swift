// Answers are judged: the right ones pass, wrong values, sizes and silences do not.

import Bytes
import Testing

@testable import kvbench

@Suite struct TrafficTests {
  private func traffic(
    _ workload: Workload, _ dialect: any Dialect, records: UInt64 = 1_000
  ) throws -> Traffic {
    var plan = TrafficPlan(
      workload: workload, dialect: dialect, records: records, keys: workload.keys)
    plan.sampling = 1
    return try Traffic(plan, thread: 0, connections: 1, depth: 4, contents: RowContents())
  }

  /// What memcached would answer, had it been sent `set` as it is.
  private func answer(to set: [UInt8]) -> [UInt8] {
    let lines = set.split(separator: 10, maxSplits: 1)
    return Array("VALUE key 0 100\r\n".utf8) + Array(lines[1]) + Array("END\r\n".utf8)
  }

  private func take(_ traffic: Traffic, _ ticket: inout Ticket, _ bytes: [UInt8]) throws -> Verdict
  {
    try ByteView.of(bytes) { view in
      var parser = AnswerParser(.memcached)
      let answer = try #require(try parser.next(view))
      return traffic.take(&ticket, answer, view)
    }
  }

  /// A read and the value that its row would have.
  private func asked(_ traffic: Traffic) throws -> (ticket: Ticket, answer: [UInt8]) {
    var ticket = Ticket()
    var output = ByteBuffer()
    traffic.begin(&ticket, id: 1, into: &output)
    let template = try #require(MemcachedDialect().write(.value, columns: 0..<1, rows: 1))
    var set = ByteBuffer()
    template.append(to: &set, id: 0, nonce: 5, RowContents(), .hashed) { _ in ticket.seed }
    return (ticket, answer(to: set.array))
  }

  @Test func `the value that was written passes`() throws {
    let traffic = try traffic(.simple("get", .value, .read), MemcachedDialect())
    for _ in 0..<20 {
      var (ticket, answer) = try asked(traffic)
      guard case .done = try take(traffic, &ticket, answer) else {
        Issue.record("refused: \(traffic.firstProblem ?? "")")
        return
      }
    }
  }

  @Test func `another row's value is wrong, first or later`() throws {
    for rightOnes in [0, 3] {
      let traffic = try traffic(.simple("get", .value, .read), MemcachedDialect())
      for _ in 0..<rightOnes {
        var (ticket, answer) = try asked(traffic)
        _ = try take(traffic, &ticket, answer)
      }
      var (ticket, answer) = try asked(traffic)
      ticket.seed += 1
      guard case .wrong = try take(traffic, &ticket, answer) else {
        Issue.record("another row's value passed")
        return
      }
    }
  }

  @Test func `an answer of another size is wrong though it is not sampled`() throws {
    let traffic = try traffic(.simple("get", .value, .read), MemcachedDialect())
    var (ticket, answer) = try asked(traffic)
    _ = try take(traffic, &ticket, answer)
    var (next, _) = try asked(traffic)
    let short = Array("VALUE key 0 3\r\nabc\r\nEND\r\n".utf8)
    guard case .wrong = try take(traffic, &next, short) else {
      Issue.record("a short answer passed")
      return
    }
  }

  @Test func `a row that is not there is an error of its own`() throws {
    let traffic = try traffic(.simple("get", .value, .read), MemcachedDialect())
    var (ticket, _) = try asked(traffic)
    guard case .absent = try take(traffic, &ticket, Array("END\r\n".utf8)) else {
      Issue.record("a missing row passed")
      return
    }
  }

  @Test func `a wrong piece of a long answer is told at the answer's end`() throws {
    let traffic = try traffic(.simple("range", .ordered, .range(100)), StrataDialect())
    var ticket = Ticket()
    var output = ByteBuffer()
    traffic.begin(&ticket, id: 1, into: &output)
    let bytes = [UInt8](repeating: UInt8(ascii: "x"), count: 400)
    let verdicts = ByteView.of(bytes) { view in
      [false, true].map { isLast in
        let answer = Answer(outcome: .ok, id: 1, isLast: isLast, body: 0..<400, byteCount: 400)
        return "\(traffic.take(&ticket, answer, view))"
      }
    }
    #expect(verdicts == ["more", "wrong"])
  }

  @Test func `a range ends at the first key behind it`() throws {
    let traffic = try traffic(
      .simple("range", .ordered, .range(100)), BigtableDialect(authority: "h"))
    var ticket = Ticket()
    var output = ByteBuffer()
    traffic.begin(&ticket, id: 1, into: &output)
    let text = String(decoding: output.array, as: UTF8.self)
    for number in [ticket.seed, ticket.seed + 100] {
      #expect(text.contains(String(repeating: "0", count: 14 - "\(number)".count) + "\(number)"))
    }
  }

  @Test func `a fill writes every row once and ends`() throws {
    let traffic = try traffic(
      .fill(.ordered, rowsPerRequest: 100), StrataDialect(), records: 1_000)
    var seen: Set<UInt64> = []
    while traffic.hasNext {
      var ticket = Ticket()
      var output = ByteBuffer()
      traffic.begin(&ticket, id: 1, into: &output)
      for row in 0..<100 as Range<UInt64> { seen.insert(ticket.seed + row) }
    }
    #expect(seen == Set(0..<1_000))
  }

  @Test func `inserts become readable without gaps`() {
    var window = InsertWindow()
    let numbers = (0..<4).map { _ in window.begin() }
    window.end(numbers[1])
    window.end(numbers[3])
    #expect(window.finished == 0)
    window.end(numbers[0])
    #expect(window.finished == 2)
    window.end(numbers[2])
    #expect(window.finished == 4)
  }

  @Test func `every workload can be spoken in our protocols, streams not in gRPC`() throws {
    let fronts: [any Dialect] = [StrataDialect(), HTTPDialect(host: "h")]
    for workload in Workload.all {
      for dialect in fronts { _ = try traffic(workload, dialect) }
      guard workload.name != "stream-load" else { continue }
      _ = try traffic(workload, BigtableDialect(authority: "h"))
    }
    #expect(throws: BenchmarkFailure.self) {
      try traffic(try #require(Workload.named("stream-load")), MemcachedDialect())
    }
  }
}
