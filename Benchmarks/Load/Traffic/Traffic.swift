// The requests of one thread: draws them, writes them, and judges their answers. A sampled share of
// answers is compared with what was written, all are measured against the size they must have.

import Bytes
import Runtime

/// What a thread's traffic is made from.
struct TrafficPlan: Sendable {
  var workload: Workload
  var dialect: any Dialect
  var records: UInt64
  var keys: KeyChoice
  /// Of polled ranges, before they are polled.
  var changedShare = 0.1
  /// One answer in so many is compared with what was written.
  var sampling = 64
  /// Answers of one static file: only their length is known.
  var checksValues = true
  var threads = 1
  var seed: UInt64 = 1
}

/// Draws and judges. Confined to its thread.
final class Traffic {
  private(set) var kinds: [OperationKind]
  /// What went wrong first, for the report.
  private(set) var firstProblem: String?
  let plan: TrafficPlan
  private let thread: Int
  private let parser: AnswerParser.Kind
  private let contents: RowContents
  private let thresholds: [UInt64]
  private var random: SplitMix64
  private var chooser: KeyChooser
  private var answersUntilSample = 0
  private var filled: UInt64 = 0
  private var inserts: InsertWindow
  /// Frames sent in each connection's stream.
  private var sequences: [UInt64]
  private var polls: PollMemory
  /// Position of each stream's first row. Positions only grow, also from run to run: the clock.
  private let firstPosition: UInt64

  init(_ plan: TrafficPlan, thread: Int, connections: Int, depth: Int, contents: RowContents) throws
  {
    self.plan = plan
    self.thread = thread
    parser = plan.dialect.parser
    self.contents = contents
    kinds = try plan.workload.portions.map {
      try OperationKind($0, plan.workload.shape, plan.dialect)
    }
    var sum = 0.0
    thresholds = plan.workload.portions.map { portion in
      sum += portion.share
      return sum >= 0.999_999 ? .max : UInt64(sum * 0x1p64)
    }
    random = SplitMix64(seed: plan.seed &* 1_000 &+ UInt64(thread))
    chooser = KeyChooser(plan.keys, count: plan.records)
    inserts = InsertWindow()
    polls = PollMemory(places: connections * depth)
    sequences = Array(repeating: 0, count: connections)
    firstPosition = UInt64(max(SystemTime().wallMicroseconds, 0)) * 1_000
  }

  /// Rows that a fill has yet to write.
  var hasNext: Bool {
    if case .fill = kinds[0].action { return filled < plan.records }
    return true
  }

  /// What requests are recorded as.
  var labels: [String] {
    if case .poll = kinds[0].action {
      return ["poll, unchanged", "poll, changed", "change", "poll, not modified"]
    }
    return kinds.map(\.name)
  }

  /// A stream's frames all carry the first one's number.
  var isStream: Bool {
    if case .stream = kinds[0].action { return true }
    return false
  }

  var longest: RequestSizes {
    RequestSizes(
      first: kinds.flatMap(\.templates).map(\.byteCount).max() ?? 0,
      followUp: kinds.flatMap(\.followUps).map(\.byteCount).max() ?? 0)
  }

  // MARK: - Sending

  /// Draws an operation and appends its first request.
  @inline(__always)
  func begin(_ ticket: inout Ticket, id: UInt64, into output: inout ByteBuffer) {
    ticket.kind = 0
    if thresholds.count > 1 {
      let draw = random.next()
      while draw > thresholds[ticket.kind] { ticket.kind &+= 1 }
    }
    ticket.label = ticket.kind
    ticket.variant = 0
    ticket.step = 0
    ticket.bodyByteCount = 0
    ticket.isSpoilt = false
    switch kinds[ticket.kind].action {
    case .read, .updateAll, .readModifyWrite: ticket.seed = existing()
    case .updateOne:
      ticket.seed = existing()
      ticket.variant = draw(below: kinds[ticket.kind].templates.count)
    case .insert: ticket.seed = inserts.begin()
    case .batchGet: ticket.seed = random.next()
    case .range(let limit, _): ticket.seed = rangeStart(limit)
    case .shortScan(let limit):
      ticket.seed = existing()
      ticket.variant = draw(below: limit)
    case .poll(let limit):
      ticket.seed = pollStart(ticket.place, limit)
      if polls.isChanged(ticket.place) {
        ticket.label = 1
      } else if draw(below: 1 << 20) < changedDraw {
        ticket.variant = 1
        ticket.label = 2
      }
    case .fullScan: ticket.seed = 0
    case .stream(let rows):
      sequences[ticket.connection] &+= 1
      ticket.variant = sequences[ticket.connection] == 1 ? 0 : 1
      if ticket.variant == 0 {
        let producer = "kvbench-\(thread)-\(ticket.connection)"
        output.append(
          plan.dialect.streamHead(plan.workload.shape, producer: producer, at: firstPosition))
      }
      ticket.seed = chooser.next(&random) / UInt64(rows) * UInt64(rows)
    case .fill(let rows):
      ticket.seed = min(filled, plan.records - min(UInt64(rows), plan.records))
      filled &+= UInt64(rows)
    }
    write(ticket, kinds[ticket.kind].templates[ticket.variant], id, &output)
    if case .poll = kinds[ticket.kind].action, ticket.variant == 0, parser == .http {
      polls.appendTag(ticket.place, to: &output)
    }
  }

  /// Appends the next request of an operation that `take` wants to go on.
  func resume(_ ticket: inout Ticket, id: UInt64, into output: inout ByteBuffer) {
    let followUps = kinds[ticket.kind].followUps
    ticket.bodyByteCount = 0
    ticket.step = 1
    write(ticket, followUps[draw(below: followUps.count)], id, &output)
  }

  @inline(__always)
  private func write(
    _ ticket: Ticket, _ template: Template, _ id: UInt64, _ output: inout ByteBuffer
  ) {
    let kind = ticket.kind
    if case .insert = kinds[kind].action {
      let number = insertedNumber(ticket.seed)
      template.append(
        to: &output, id: id, nonce: random.next(), contents, kinds[kind].shape.space
      ) { _ in number }
    } else {
      template.append(
        to: &output, id: isStream ? 1 : id, sequence: sequences[ticket.connection],
        nonce: random.next(), contents, kinds[kind].shape.space
      ) { asked(ticket, $0) }
    }
  }

  // MARK: - Numbers

  private var changedDraw: Int { Int(plan.changedShare * 0x1p20) }

  @inline(__always)
  private func draw(below count: Int) -> Int {
    Int(random.next().multipliedFullWidth(by: UInt64(count)).high)
  }

  @inline(__always)
  private func existing() -> UInt64 {
    let index = chooser.next(&random)
    return index < plan.records ? index : insertedNumber(index - plan.records)
  }

  /// Threads insert side by side, each its own.
  private func insertedNumber(_ insert: UInt64) -> UInt64 {
    plan.records + insert * UInt64(plan.threads) + UInt64(thread)
  }

  private func rangeStart(_ limit: Int) -> UInt64 {
    // Always with a row behind the range, so that all pages say that there is more.
    min(chooser.next(&random), plan.records - min(UInt64(limit) + 1, plan.records))
  }

  /// Ranges that do not overlap as long as there are rows for all.
  private func pollStart(_ place: Int, _ limit: Int) -> UInt64 {
    let ranges = max((plan.records - 1) / UInt64(limit), 1)
    return (UInt64(place) * UInt64(plan.threads) + UInt64(thread)) % ranges * UInt64(limit)
  }

  /// The number of the `index`th key of a request.
  @inline(__always)
  private func asked(_ ticket: Ticket, _ index: Int) -> UInt64 {
    guard index == 1 else { return number(of: ticket, index) }
    // The second key of a range is the first behind it.
    switch kinds[ticket.kind].action {
    case .poll(let count), .range(let count, _): return ticket.seed &+ UInt64(count)
    default: return number(of: ticket, index)
    }
  }

  /// The number of the `index`th row of an answer.
  @inline(__always)
  private func number(of ticket: Ticket, _ index: Int) -> UInt64 {
    if case .batchGet = kinds[ticket.kind].action {
      var draws = SplitMix64(seed: ticket.seed &+ UInt64(index) &* 0x2545_f491_4f6c_dd1d)
      return chooser.next(&draws)
    }
    return ticket.seed &+ UInt64(index)
  }

  // MARK: - Answers

  /// Judges a piece of an answer; what is wrong is told when the answer is over.
  @inline(__always)
  func take(_ ticket: inout Ticket, _ answer: Answer, _ bytes: ByteView) -> Verdict {
    let verdict = judge(&ticket, answer, bytes)
    if answer.isLast { return ticket.isSpoilt ? .wrong : verdict }
    if isStream { return verdict }
    if case .more = verdict { return .more }
    ticket.isSpoilt = true
    return .more
  }

  @inline(__always)
  private func judge(_ ticket: inout Ticket, _ answer: Answer, _ bytes: ByteView) -> Verdict {
    switch answer.outcome {
    case .ok: break
    case .retryLater: return .retryLater
    case .absent: return problem(.absent, "a row that was written is not there", bytes)
    case .failed:
      return problem(.failed, "refused: \(AnswerText.of(bytes[answer.body], bytes))", bytes)
    case .unchanged:
      guard case .poll = kinds[ticket.kind].action, !polls.isChanged(ticket.place) else {
        return problem(.wrong, "'unchanged' where something had changed", bytes)
      }
      ticket.label = 3
      return .done
    }
    let body = bytes[answer.body]
    let isFirst = ticket.bodyByteCount == 0
    ticket.bodyByteCount &+= body.count
    guard kinds[ticket.kind].expectsRows, ticket.step == 0, !isChange(ticket) else {
      return written(ticket, answer, body)
    }
    if isFirst, !body.isEmpty {
      answersUntilSample &-= 1
      let mustLearn = kinds[ticket.kind].layout.columns.isEmpty && plan.checksValues
      if answersUntilSample <= 0 || mustLearn {
        answersUntilSample = plan.sampling
        if plan.checksValues, !isRight(ticket, body, isWhole: answer.isLast) {
          let text = AnswerText.of(body, bytes)
          return problem(.wrong, "a value that was not written: \(text)", bytes)
        }
      }
    }
    guard answer.isLast else { return .more }
    if parser == .grpc, !isRightCount(answer.rowCount, ticket) {
      return answer.rowCount == 0
        ? problem(.absent, "a row that was written is not there", bytes)
        : problem(.wrong, "an answer of \(answer.rowCount) rows", bytes)
    }
    guard hasRightSize(ticket, answer) else {
      return problem(.wrong, "an answer of \(ticket.bodyByteCount) bytes", bytes)
    }
    if case .readModifyWrite = kinds[ticket.kind].action { return .again }
    if case .poll = kinds[ticket.kind].action {
      polls.keep(bytes[answer.tag], for: ticket.place)
    }
    return .done
  }

  /// What an acknowledgement of a stream says.
  func progress(_ body: ByteView) throws -> StreamProgress {
    guard parser == .http, case .stream(let rows) = kinds[0].action else {
      return try StreamProgress(frame: body)
    }
    let progress = try StreamProgress(
      lines: body, first: firstPosition, rowsPerFrame: UInt64(rows))
    guard let progress else { throw BenchmarkFailure("An answer without progress.") }
    return progress
  }

  private func isChange(_ ticket: Ticket) -> Bool {
    if case .poll = kinds[ticket.kind].action { return ticket.variant == 1 }
    return false
  }

  /// The answer to a write: in frames empty, unless a row was refused.
  @inline(__always)
  private func written(_ ticket: Ticket, _ answer: Answer, _ body: ByteView) -> Verdict {
    guard answer.isLast || isStream else { return .more }
    if parser == .strata, !isStream, !body.isEmpty {
      return problem(.failed, "a row was refused: \(AnswerText.of(body, body))", body)
    }
    if answer.refusedCount > 0 {
      return problem(.failed, "\(answer.refusedCount) rows of a request were refused", body)
    }
    if case .insert = kinds[ticket.kind].action {
      inserts.end(ticket.seed)
      chooser.grow(to: plan.records + inserts.finished)
    }
    if isChange(ticket) { polls.setChanged(ticket.place) }
    return .done
  }

  /// Of answers that tell how many rows they have.
  @inline(__always)
  private func isRightCount(_ rowCount: Int, _ ticket: Ticket) -> Bool {
    switch kinds[ticket.kind].action {
    case .shortScan: rowCount > 0 && rowCount <= ticket.variant &+ 1
    case .fullScan: UInt64(rowCount) == plan.records
    case .batchGet(let count):
      rowCount == count
        || rowCount == Set((0..<count).map { number(of: ticket, $0) }).count
    default: rowCount == kinds[ticket.kind].rowCount
    }
  }

  @inline(__always)
  private func hasRightSize(_ ticket: Ticket, _ answer: Answer) -> Bool {
    let count = ticket.bodyByteCount
    switch kinds[ticket.kind].action {
    case .shortScan:
      let limit = ticket.variant + 1
      let known = kinds[ticket.kind].layout.bodyByteCounts[limit]
      if known == count { return true }
      // Only behind the last rows of the table may there be fewer.
      let start = RowContents.keyNumber(ticket.seed, kinds[ticket.kind].shape.space)
      let tail = RowContents.keyLimit / max(plan.records, 1) * 1_000
      if start > RowContents.keyLimit - min(tail, RowContents.keyLimit) { return count > 0 }
      guard known == 0 else { return false }
      kinds[ticket.kind].layout.bodyByteCounts[limit] = count
      return count > limit * kinds[ticket.kind].shape.rowByteCount
    case .fullScan:
      let rowByteCount = count / Int(plan.records)
      return count % Int(plan.records) == 0
        && rowByteCount >= kinds[ticket.kind].shape.rowByteCount + RowContents.keyByteCount
    case .batchGet where parser == .grpc:
      // A row that is asked for twice comes once.
      let rowByteCount = kinds[ticket.kind].layout.bodyByteCount ?? count / answer.rowCount
      kinds[ticket.kind].layout.bodyByteCount = rowByteCount
      return count == answer.rowCount * rowByteCount
    default:
      if let known = kinds[ticket.kind].layout.bodyByteCount { return known == count }
      kinds[ticket.kind].layout.bodyByteCount = count
      return true
    }
  }

  /// What a server says beside its answer.
  func note(_ text: String) {
    if firstProblem == nil { firstProblem = text }
  }

  private func problem(_ verdict: Verdict, _ text: String, _ bytes: ByteView) -> Verdict {
    if firstProblem == nil { firstProblem = text }
    return verdict
  }

  /// Compares the values of the first and last row with what was written; the first answer of a
  /// kind also teaches where they stand.
  private func isRight(_ ticket: Ticket, _ body: ByteView, isWhole: Bool) -> Bool {
    let kind = ticket.kind
    let shape = kinds[kind].shape
    if parser == .redis, shape.columnCount > 1 {
      kinds[kind].layout.columns = [0]
      return key(ticket, 0) { RedisHash.isRight(body, shape, key: $0, contents) }
    }
    switch kinds[kind].action {
    case .shortScan: return key(ticket, 0) { hasRow($0, kind, at: 0, body) }
    case .batchGet(let count) where parser == .grpc:
      // Rows come in the order of keys, whatever the order asked.
      let first = (0..<count).min {
        RowContents.keyNumber(number(of: ticket, $0), shape.space)
          < RowContents.keyNumber(number(of: ticket, $1), shape.space)
      }
      return key(ticket, first ?? 0) { hasRow($0, kind, at: 0, body) }
    case .fullScan:
      let head = body.prefix(min(body.count, 4 * shape.rowByteCount + 512))
      guard let start = AnswerText.digits(RowContents.keyByteCount, in: head),
        let base = head.dropFirst(start).buffer.baseAddress
      else { return false }
      return shape.columns {
        contents.find(shape.valueByteCount, key: base, column: $0, in: head) != nil
      }
    default:
      guard key(ticket, 0, { hasRow($0, kind, at: 0, body) }) else { return false }
      guard kinds[kind].rowCount > 1 else { return true }
      return hasLaterRows(ticket, body, isWhole: isWhole)
    }
  }

  /// Whether the last row in this piece of an answer, and one that is drawn, are as written. A
  /// scan may come in pieces of any number of rows.
  private func hasLaterRows(_ ticket: Ticket, _ body: ByteView, isWhole: Bool) -> Bool {
    let kind = ticket.kind
    let first = kinds[kind].layout.columns[0]
    var last = kinds[kind].rowCount - 1
    if kinds[kind].layout.stride == 0 {
      let count = kinds[kind].shape.valueByteCount
      let found = key(ticket, last) {
        contents.find(count, key: $0, column: 0, in: body.dropFirst(first))
      }
      guard let found else { return !isWhole }
      guard found > 0, found % last == 0 else { return false }
      kinds[kind].layout.stride = found / last
    }
    let behindFirst = body.count - first - kinds[kind].shape.valueByteCount
    let there = behindFirst / kinds[kind].layout.stride
    if isWhole, there < last { return false }
    last = min(last, there)
    let middle = draw(below: last + 1)
    return key(ticket, middle) { hasRow($0, kind, at: middle, body) }
      && key(ticket, last) { hasRow($0, kind, at: last, body) }
  }

  private func key<Result>(
    _ ticket: Ticket, _ index: Int, _ body: (UnsafeRawPointer) -> Result
  ) -> Result {
    var room = (0 as UInt64, 0 as UInt64)
    return withUnsafeMutableBytes(of: &room) { bytes in
      guard let base = bytes.baseAddress else { preconditionFailure("two words have an address") }
      contents.writeKey(number(of: ticket, index), kinds[ticket.kind].shape.space, to: base)
      return body(base)
    }
  }

  private func hasRow(_ key: UnsafeRawPointer, _ kind: Int, at row: Int, _ body: ByteView) -> Bool {
    let shape = kinds[kind].shape
    guard let base = body.buffer.baseAddress else { return false }
    if kinds[kind].layout.columns.isEmpty {
      let found = (0..<shape.columnCount).compactMap {
        contents.find(shape.valueByteCount, key: key, column: $0, in: body)
      }
      guard found.count == shape.columnCount else { return false }
      kinds[kind].layout.columns = found
    }
    for column in 0..<shape.columnCount {
      let offset = kinds[kind].layout.columns[column] + row * kinds[kind].layout.stride
      guard offset + shape.valueByteCount <= body.count,
        contents.isValue(base + offset, shape.valueByteCount, key: key, column: column)
      else { return false }
    }
    return true
  }
}
