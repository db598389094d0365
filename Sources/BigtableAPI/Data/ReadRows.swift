// ReadRows: rows leave as chunks while the client takes them. On the loop in short slices while
// everything is in memory, else piece by piece on a thread that may wait.

internal import BinaryProtocol
internal import Bytes
internal import DataModel
internal import GRPC
internal import Net
internal import Runtime
internal import Tablets
internal import VFS

/// A ReadRowsRequest: 1 table, 2 rows, 3 filter, 4 limit, 6 statistics, 7 reversed, 9 view.
struct WireReadRows {
  private(set) var table = ByteView()
  private(set) var view = ByteView()
  private(set) var rows = WireRowSet()
  private(set) var options = ReadOptions(versions: 0)
  private(set) var limit = 0
  private(set) var isReversed = false
  private(set) var wantsStatistics = false

  init(_ message: ByteView) throws(GRPCStatus) {
    var rows: ByteView?
    var filter: ByteView?
    do throws(WireError) {
      var reader = ProtobufReader(message)
      while let number = try reader.next() {
        switch number {
        case 1: table = try reader.bytes()
        case 2: rows = try reader.bytes()
        case 3: filter = try reader.bytes()
        case 4:
          let count = try reader.int64()
          guard count >= 0 else { throw .malformed("rows_limit is \(count)") }
          limit = Int(count)
        case 6: wantsStatistics = try reader.varint() == 2
        case 7: isReversed = try reader.bool()
        case 9: view = try reader.bytes()
        case 11: throw .malformed("materialized views are not served")
        default: try reader.skip()
        }
      }
    } catch {
      throw GRPCStatus(error)
    }
    if let rows { self.rows = try WireRowSet(rows) }
    if let filter { options.filter = try RowFilter(bigtable: filter) }
  }

  /// What is read goes through the view.
  mutating func narrow(to subset: TableSubset?) { options.subset = subset }

  /// In key order, as far as the view has them.
  var ranges: [RowRange] {
    let merged = rows.merged
    guard let subset = options.subset else { return merged }
    return merged.flatMap { subset.parts(of: $0) }
  }
}

/// What a read of several rows works with.
final class ReadRowsBuffers {
  let row = RowBuffer()
  var chunks = ChunkWriter()

  /// Bytes of a message that are worth keeping on every connection.
  private static let keptByteCount = 64 << 10

  /// Makes them ready for the next read.
  func clear() {
    row.clear()
    row.filteredCellCount = 0
    chunks.clear(keepingAtMost: ReadRowsBuffers.keptByteCount)
  }
}

/// A read that is under way. Its scan and buffers belong to the loop, or to a worker while one is
/// at it (`@unchecked` for that).
final class ReadRowsStream: @unchecked Sendable {
  let call: GRPCCall
  private let table: Table
  /// What is still to be read behind the present scan, the next one last.
  private var ranges: [RowRange]
  private let options: ReadOptions
  private let limit: Int
  private let isReversed: Bool
  private let wantsStatistics: Bool
  private var scan: RowScan?
  let buffers: ReadRowsBuffers
  /// The buffers' row. They hold it: no references are counted for each one read.
  private let row: Unmanaged<RowBuffer>
  private var rowCount = 0
  private var cellCount = 0
  /// Rows that scans before the present one have seen.
  private var seenRowCount = 0
  /// When it began, for statistics.
  private let started: UInt64
  /// A worker or a later turn of the loop will go on with it.
  var isBusy = false

  /// Cells between two looks at the clock.
  private static let cellsPerLook = 128

  enum Pause {
    case isFull, wouldBlock, turn
    case ended(GRPCStatus)
  }

  init(
    _ call: GRPCCall, _ table: Table, _ request: WireReadRows, _ buffers: ReadRowsBuffers,
    now: UInt64
  ) {
    self.call = call
    self.table = table
    self.buffers = buffers
    row = Unmanaged.passUnretained(buffers.row)
    buffers.chunks.keepsKeyInPieces = call.isFromPython
    started = now
    let ordered = request.ranges
    ranges = request.isReversed || ordered.count == 1 ? ordered : ordered.reversed()
    options = request.options
    limit = request.limit
    isReversed = request.isReversed
    wantsStatistics = request.wantsStatistics
  }

  /// Reads until something stops it.
  ///
  /// - Parameters:
  ///   - isFull: Has enough been sent?
  ///   - now: Nanoseconds.
  ///   - deadline: When it is somebody else's turn.
  func run(
    wait: ReadWait, send: (ByteView) -> Void, isFull: () -> Bool, now: () -> UInt64,
    deadline: UInt64
  ) -> Pause {
    do throws(TableServiceError) {
      while try readSome(wait: wait, send) {
        if isFull() { return .isFull }
        if now() >= deadline { return .turn }
      }
    } catch .wouldBlock {
      return .wouldBlock
    } catch {
      return .ended(GRPCStatus(error))
    }
    buffers.chunks.flush(send)
    if wantsStatistics { sendStatistics(now() &- started, send) }
    return .ended(.ok)
  }

  /// Goes on by some rows, or by many of which nothing is left.
  ///
  /// - Returns: False at the end.
  private func readSome(
    wait: ReadWait, _ send: (ByteView) -> Void
  ) throws(TableServiceError) -> Bool {
    if let scan {
      let look = cellCount + ReadRowsStream.cellsPerLook
      let step = try scan.next(into: buffers.row, wait: wait) {
        add(send) && cellCount < look
      }
      switch step {
      case .row: break
      case .pause: tellProgress(scan, send)
      case .end:
        seenRowCount += scan.seenRowCount
        self.scan = nil
      }
      return true
    }
    if limit > 0, rowCount == limit { return false }
    guard let range = ranges.last else { return false }
    if range.isOneKey, let key = range.lower {
      let isThere = try ByteView.of(key) { (key) throws(TableServiceError) in
        try table.read(key, options, wait: wait, into: buffers.row)
      }
      seenRowCount += 1
      if isThere { _ = add(send) }
    } else {
      scan = try table.scan(
        ScanRequest(
          range: range, reversed: isReversed, limit: limit == 0 ? 0 : limit - rowCount,
          options: options), into: buffers.row)
    }
    ranges.removeLast()
    return true
  }

  /// - Returns: False when messages were sent: is there room for more?
  private func add(_ send: (ByteView) -> Void) -> Bool {
    rowCount += 1
    return row._withUnsafeGuaranteedRef { row in
      cellCount += row.cells.count
      return buffers.chunks.append(row, send: send)
    }
  }

  /// Many rows were passed of which nothing is left: a client that asks again need not begin
  /// before them.
  private func tellProgress(_ scan: RowScan, _ send: (ByteView) -> Void) {
    buffers.chunks.flush(send)
    guard let key = scan.lastScannedKey else { return }
    var message = ByteBuffer()
    message.appendField(2, present: key)
    send(message.view)
  }

  /// RequestStats: 1 FullReadStatsView {1 ReadIterationStats {rows seen, rows returned, cells seen,
  /// cells returned}, 2 RequestLatencyStats {1 Duration}}.
  private func sendStatistics(_ nanoseconds: UInt64, _ send: (ByteView) -> Void) {
    let cells = options.filter == nil ? cellCount : buffers.row.filteredCellCount
    var message = ByteBuffer()
    message.appendMessage(3) { stats in
      stats.appendMessage(1) { view in
        view.appendMessage(1) { iteration in
          iteration.appendField(1, varint: UInt64(seenRowCount))
          iteration.appendField(2, varint: UInt64(rowCount))
          iteration.appendField(3, varint: UInt64(cells))
          iteration.appendField(4, varint: UInt64(cellCount))
        }
        view.appendMessage(2) { latency in
          latency.appendMessage(1) { duration in
            duration.appendField(1, varint: nanoseconds / 1_000_000_000)
            duration.appendField(2, varint: nanoseconds % 1_000_000_000)
          }
        }
      }
    }
    send(message.view)
  }

  /// Holds nothing of the engine's while the client is waited for.
  func release() {
    buffers.row.clear()
    scan?.release()
  }
}

extension BigtableSession {
  /// How long a read holds the loop at a time.
  private static let sliceNanoseconds: UInt64 = 500_000
  /// How much a worker reads before it hands over.
  private static let workerByteCount = 512 << 10

  func readRows(_ call: GRPCCall, _ message: ByteView) throws(GRPCStatus) {
    var request = try WireReadRows(message)
    let (table, subset) = try target(request.table, view: request.view)
    request.narrow(to: subset)
    if let key = request.rows.onlyKey, !request.wantsStatistics,
      try readRow(call, table, key, request.options)
    {
      return
    }
    let buffers = spareBuffers ?? ReadRowsBuffers()
    spareBuffers = nil
    let stream = ReadRowsStream(
      call, table, request, buffers, now: front.time.monotonicNanoseconds)
    call.onDrain = { [self] in pump(stream) }
    pump(stream)
  }

  /// One row that is in memory and goes into one message.
  ///
  /// - Returns: False where it is not: then it is read as any other range.
  private func readRow(
    _ call: GRPCCall, _ table: Table, _ key: ByteView, _ options: ReadOptions
  ) throws(GRPCStatus) -> Bool {
    defer { row.clear() }
    do throws(TableServiceError) {
      guard try table.read(key, options, wait: .forbidden, into: row) else {
        call.finish(.ok)
        return true
      }
    } catch .wouldBlock {
      return false
    } catch {
      throw GRPCStatus(error)
    }
    guard ChunkWriter.isShort(row) else { return false }
    call.answer { ChunkWriter.append(short: row, &names, to: &$0) }
    return true
  }

  /// Sends what may be sent now.
  private func pump(_ stream: ReadRowsStream) {
    let call = stream.call
    guard !stream.isBusy, !call.isOver else { return }
    let deadline = front.time.monotonicNanoseconds + BigtableSession.sliceNanoseconds
    let pause = stream.run(
      wait: .forbidden, send: { message in call.send { $0.append(message) } },
      isFull: { call.isOutputFull }, now: { front.time.monotonicNanoseconds },
      deadline: deadline)
    switch pause {
    case .isFull: stream.release()
    case .turn: turn(stream)
    case .wouldBlock: runOnWorker(stream)
    case .ended(let status): end(stream, status)
    }
  }

  private func end(_ stream: ReadRowsStream, _ status: GRPCStatus) {
    stream.release()
    stream.buffers.clear()
    spareBuffers = stream.buffers
    stream.call.onDrain = nil
    stream.call.finish(status)
  }

  /// Lets the loop's other work run, then goes on.
  private func turn(_ stream: ReadRowsStream) {
    stream.isBusy = true
    loop.execute { [self] in
      stream.isBusy = false
      pump(stream)
    }
  }

  private func runOnWorker(_ stream: ReadRowsStream) {
    stream.isBusy = true
    front.scheduler.submit(to: .blocking) { [self] in
      let messages = HeldMessages()
      let pause = stream.run(
        wait: .allowed, send: { messages.append($0) },
        isFull: { messages.byteCount >= BigtableSession.workerByteCount },
        now: { [front] in front.time.monotonicNanoseconds }, deadline: .max)
      loop.execute { [self] in
        stream.isBusy = false
        messages.forEach { message in stream.call.send { $0.append(message) } }
        if case .ended(let status) = pause { return end(stream, status) }
        guard !stream.call.isOutputFull else { return stream.release() }
        pump(stream)
      }
    }
  }
}

/// Messages that a worker has made. Handed from it to the loop (`@unchecked` for that).
private final class HeldMessages: @unchecked Sendable {
  private var bytes = ByteBuffer()
  private var ends: [Int] = []

  var byteCount: Int { bytes.count }

  func append(_ message: ByteView) {
    bytes.append(message)
    ends.append(bytes.count)
  }

  func forEach(_ body: (ByteView) -> Void) {
    var start = 0
    for end in ends {
      body(bytes.view[start..<end])
      start = end
    }
  }
}
