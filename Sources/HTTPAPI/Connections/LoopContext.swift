// What the connections of one loop share: buffers that are used up within a call, the date, the
// counters, and one timer that looks at everybody's deadlines.

internal import Bytes
internal import DataModel
internal import Fronts
internal import HTTP1
internal import Net
internal import RowText
internal import Runtime
internal import Synchronization
internal import Tablets

/// One loop's part of the front. Used on its loop only; the counters may be read from anywhere.
final class LoopContext: @unchecked Sendable {
  /// As many as a pipeline has.
  static let overloadedLimit = 64

  let loop: EventLoop
  let front: HTTPFront
  let counters = RequestCounters()
  /// Of all connections of the loop, in this wake-up.
  let writes: LoopWrites
  /// The row a read fills; its views end with the next read.
  let row = RowBuffer()
  /// A body being written, before its length is known.
  var body = ByteBuffer(capacity: 16 << 10)
  /// Decoded parts of the present request's path and query.
  var decoded = ByteBuffer(capacity: 1 << 10)
  /// Counts the looks at deadlines.
  private(set) var tick: UInt64 = 0
  private var textSchemas = TextSchemaCache()
  private var date = HTTPDate()
  /// Each knows its place.
  private var connections: [HTTPConnection] = []
  /// The place of the connection whose deadlines are looked at next.
  private var nextPlace = 0
  /// Looks since the last tick.
  private var lookCount = 0
  private var isTicking = false
  var knownHeads = KnownHeads()
  private var overloaded = ByteBuffer()
  private var overloadedTick: UInt64?

  init(loop: EventLoop, front: HTTPFront) {
    self.loop = loop
    self.front = front
    writes = LoopWrites(loop)
  }

  /// The Date field's value now; valid until the next call.
  func dateText() -> ByteView { date.text(atMicroseconds: front.time.wallMicroseconds) }

  /// So many `Problem.overloaded` as answers, `overloadedLimit` at most, written once a tick: in
  /// overload most answers are this one. Valid until the next call.
  func overloadedAnswers(_ count: Int) -> ByteView {
    if overloadedTick != tick {
      overloadedTick = tick
      overloaded.clear()
      var body = ByteBuffer()
      Problem.overloaded.write(into: &body)
      let facts = RequestFacts(
        route: .unknown, isHead: false, isHTTP10: false, closes: false, startNanoseconds: 0)
      for _ in 0..<LoopContext.overloadedLimit {
        Reply(.overloaded).writeHead(
          into: &overloaded, bodyEnd: .byteCount(body.count), facts: facts, date: dateText())
        overloaded.append(body.view)
      }
    }
    return overloaded.view.prefix(overloaded.count / LoopContext.overloadedLimit * count)
  }

  func add(_ connection: HTTPConnection) {
    connection.place = connections.count
    connections.append(connection)
    front.connectionCount.add(1, ordering: .relaxed)
    guard !isTicking else { return }
    isTicking = true
    scheduleLook()
  }

  func remove(_ connection: HTTPConnection) {
    guard let place = connection.place else { return }
    connection.place = nil
    let last = connections.removeLast()
    if last !== connection {
      connections[place] = last
      last.place = place
    }
    front.connectionCount.subtract(1, ordering: .relaxed)
  }

  /// What turns the table's cells into JSON and back.
  func textSchema(of table: Table) -> RowTextSchema { textSchemas.of(table.schema) }

  /// The same for a row that was read, under the schema it was read under.
  func textSchema(of row: RowBuffer, _ table: Table) -> RowTextSchema {
    textSchemas.of(row.schema ?? table.schema)
  }

  /// Gives back what a large request made the buffers grow to.
  func trim() {
    if body.allocatedByteCount > 1 << 20 { body.clear(keepingAtMost: 64 << 10) }
    row.clear()
  }

  /// Many connections are not looked at all at once: 9,000 take 1.25 ms, during which nobody is
  /// served.
  private var looksPerTick: Int { connections.count <= 256 ? 1 : 16 }

  private func scheduleLook() {
    let looks = looksPerTick
    let pause = front.options.tickNanoseconds / UInt64(looks)
    _ = loop.schedule(afterNanoseconds: pause) { [self] in
      look(at: (connections.count + looks - 1) / looks)
      lookCount += 1
      if lookCount >= looks {
        lookCount = 0
        tick += 1
        trim()
      }
      if connections.isEmpty {
        isTicking = false
      } else {
        scheduleLook()
      }
    }
  }

  private func look(at count: Int) {
    for _ in 0..<count where !connections.isEmpty {
      if nextPlace >= connections.count { nextPlace = 0 }
      // Whoever is closed leaves at the end of the loop's turn, not here.
      connections[nextPlace].checkDeadlines()
      nextPlace += 1
    }
  }
}
