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
  private var connections: [ObjectIdentifier: HTTPConnection] = [:]
  private var isTicking = false
  private var overloaded = ByteBuffer()
  private var overloadedTick: UInt64?

  init(loop: EventLoop, front: HTTPFront) {
    self.loop = loop
    self.front = front
    writes = LoopWrites(loop)
  }

  /// The Date field's value now; valid until the next call.
  func dateText() -> ByteView { date.text(atMicroseconds: front.time.wallMicroseconds) }

  /// `Problem.overloaded` as an answer, written once a tick: in overload most answers are this one.
  /// Valid until the next call.
  func overloadedAnswer() -> ByteView {
    if overloadedTick != tick {
      overloadedTick = tick
      overloaded.clear()
      var body = ByteBuffer()
      Problem.overloaded.write(into: &body)
      let facts = RequestFacts(
        route: .unknown, isHead: false, isHTTP10: false, closes: false, startNanoseconds: 0)
      Reply(.overloaded).writeHead(
        into: &overloaded, bodyEnd: .byteCount(body.count), facts: facts, date: dateText())
      overloaded.append(body.view)
    }
    return overloaded.view
  }

  func add(_ connection: HTTPConnection) {
    connections[ObjectIdentifier(connection)] = connection
    front.connectionCount.add(1, ordering: .relaxed)
    guard !isTicking else { return }
    isTicking = true
    scheduleTick()
  }

  func remove(_ connection: HTTPConnection) {
    guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
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

  private func scheduleTick() {
    _ = loop.schedule(afterNanoseconds: front.options.tickNanoseconds) { [self] in
      tick += 1
      trim()
      for connection in Array(connections.values) { connection.checkDeadlines() }
      if connections.isEmpty {
        isTicking = false
      } else {
        scheduleTick()
      }
    }
  }
}
