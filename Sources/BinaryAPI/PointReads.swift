// Get and batch get: on the loop while everything is in memory, else on a worker.

internal import BinaryProtocol
internal import Bytes
internal import DataModel
internal import Net
internal import Runtime
internal import Tablets
internal import VFS

/// The tables a connection uses, so that a hot request takes no lock to find its table.
struct TableHandles {
  private var entries: [(name: [UInt8], table: Table)] = []
  private static let limit = 8
  /// Where the last one was: most requests name the same table again.
  private var last = 0

  /// The table, if it was the last one.
  @inline(__always)
  func lastTable(_ name: ByteView) -> Table? {
    guard last < entries.count, ByteView.of(entries[last].name, { $0 == name }) else { return nil }
    return entries[last].table
  }

  mutating func table(
    _ name: ByteView, of front: BinaryFront
  ) throws(TableServiceError) -> Table {
    if let table = lastTable(name) { return table }
    if let known = entries.firstIndex(where: { ByteView.of($0.name) { $0 == name } }) {
      last = known
      return entries[known].table
    }
    let table = try front.service.table(name)
    if entries.count == TableHandles.limit { entries.removeFirst() }
    last = entries.count
    entries.append((name.array, table))
    return table
  }

  /// Looks again after `.notFound`: the table if it is another one by now, else nil.
  mutating func refreshed(
    _ name: ByteView, of front: BinaryFront
  ) -> Table? {
    guard let index = entries.firstIndex(where: { ByteView.of($0.name) { $0 == name } }) else {
      return nil
    }
    let old = entries.remove(at: index)
    guard let table = try? front.service.table(name), table !== old.table else { return nil }
    entries.append((old.name, table))
    return table
  }
}

/// The last selection read, so that equal ones are not parsed again.
struct SelectionCache {
  private var bytes: [UInt8] = []
  private var options = ReadOptions()

  mutating func options(_ message: ByteView) throws(WireError) -> ReadOptions {
    if message.isEmpty { return ReadOptions() }
    if ByteView.of(bytes, { $0 == message }) { return options }
    let read = try ReadOptions(wire: message)
    if message.count <= 1_024 {
      bytes = message.array
      options = read
    }
    return read
  }
}

extension BinarySession {
  /// Answers a get for which everything is in memory: it holds nothing and is counted nowhere.
  ///
  /// - Returns: False, and nothing was done, when the read would wait for the disk.
  func getNow(_ id: UInt64, _ body: ByteView, into output: inout ByteBuffer) -> Bool {
    do {
      let request = try GetRequestView(body)
      let options = try selections.options(request.options)
      let table = try tables.table(request.table, of: front)
      _ = try readNow(table, request.table, request.key, options)
      writer.cells(of: row, .get, id, into: &output)
    } catch TableServiceError.wouldBlock {
      return false
    } catch let error as TableServiceError {
      writer.refusal(Refusal(error), to: Operation.get.rawValue, id, into: &output)
    } catch let error as WireError {
      writer.refusal(Refusal(error), to: Operation.get.rawValue, id, into: &output)
    } catch {
      preconditionFailure("reads throw no other error: \(error)")
    }
    return true
  }

  /// A get that waits for the disk; `getNow` has looked at it already.
  func get(_ id: UInt64, _ body: ByteView, _ cost: Int) {
    do throws(WireError) {
      let request = try GetRequestView(body)
      getWaiting(id, request, try selections.options(request.options), cost)
    } catch {
      refuse(.get, id, Refusal(error))
      finish(cost)
    }
  }

  /// Reads into `row` without waiting; a table that was dropped and created again is found again.
  private func readNow(
    _ table: Table, _ name: ByteView, _ key: ByteView, _ options: ReadOptions
  ) throws(TableServiceError) -> Bool {
    do throws(TableServiceError) {
      return try table.read(key, options, wait: .forbidden, into: row)
    } catch .notFound(let code, let message) {
      guard let table = tables.refreshed(name, of: front) else {
        throw .notFound(code: code, message: message)
      }
      return try table.read(key, options, wait: .forbidden, into: row)
    }
  }

  private func getWaiting(
    _ id: UInt64, _ request: GetRequestView, _ options: ReadOptions, _ cost: Int
  ) {
    if front.reads.mustShed {
      refuse(.get, id, .overloaded)
      return finish(cost)
    }
    let key = request.key.array
    readWaiting(.get, id, request.table, options, cost) {
      read, writer, output throws(TableServiceError) in
      writer.cells(of: try read(key), .get, id, into: &output)
    }
  }

  /// Reads rows on a thread that may block; each is good until the next is read.
  private func readWaiting(
    _ operation: Operation, _ id: UInt64, _ table: ByteView, _ options: ReadOptions, _ cost: Int,
    _ answer:
      @escaping @Sendable (
        _ read: ([UInt8]) throws(TableServiceError) -> RowBuffer, AnswerWriter, inout ByteBuffer
      ) throws(TableServiceError) -> Void
  ) {
    let name = table.array
    onWorker(operation, id, cost) { service, writer, output throws(TableServiceError) in
      let table = try ByteView.of(name) { name throws(TableServiceError) in
        try service.table(name)
      }
      let row = RowBuffer()
      let read = { (key: [UInt8]) throws(TableServiceError) -> RowBuffer in
        row.clear()
        _ = try ByteView.of(key) { key throws(TableServiceError) in
          try table.read(key, options, wait: .allowed, into: row)
        }
        return row
      }
      try answer(read, writer, &output)
    }
  }

  func batchGet(_ id: UInt64, _ body: ByteView, _ cost: Int) {
    let request: BatchGetRequestView
    let options: ReadOptions
    do throws(WireError) {
      request = try BatchGetRequestView(body)
      options = try selections.options(request.options)
    } catch {
      refuse(.batchGet, id, Refusal(error))
      return finish(cost)
    }
    guard let connection else { return finish(cost) }
    // A batch that would wait anywhere is read by a worker from its start: what the loop has read
    // by then is in the cache.
    let start = connection.output.count
    do throws(TableServiceError) {
      let table = try tables.table(request.table, of: front)
      var frames = RowFrames(.batchGet, id, writer)
      for (index, key) in request.keys.enumerated() {
        if index % BinarySession.lookAheadCount == 0 { lookAhead(request.keys, index, table) }
        _ = try readNow(table, request.table, key, options)
        guard frames.append(row, withKey: false, to: &connection.output) else {
          frames.fail(.cellTooLarge, &connection.output)
          break
        }
        if connection.output.count - start > BinarySession.loopBatchByteCount { throw .wouldBlock }
      }
      if !frames.hasFailed { frames.finish(&connection.output) }
    } catch .wouldBlock {
      connection.output.truncate(to: start)
      return batchGetWaiting(id, request, options, cost)
    } catch {
      connection.output.truncate(to: start)
      refuse(.batchGet, id, Refusal(error))
    }
    connection.setNeedsFlush()
    row.clear()
    finish(cost)
  }

  /// A longer answer is not held in memory for one request.
  private static let batchByteCount = 64 << 20
  /// A longer batch would hold up the loop's other connections.
  private static let loopBatchByteCount = 1 << 20

  private func batchGetWaiting(
    _ id: UInt64, _ request: BatchGetRequestView, _ options: ReadOptions, _ cost: Int
  ) {
    if front.reads.mustShed {
      refuse(.batchGet, id, .overloaded)
      return finish(cost)
    }
    let keys = request.keys.map(\.array)
    readWaiting(.batchGet, id, request.table, options, cost) {
      read, writer, output throws(TableServiceError) in
      var frames = RowFrames(.batchGet, id, writer)
      for key in keys {
        guard output.count <= BinarySession.batchByteCount else {
          output.clear()
          return writer.refusal(
            .batchTooLarge, to: Operation.batchGet.rawValue, id, into: &output)
        }
        guard frames.append(try read(key), withKey: false, to: &output) else {
          return frames.fail(.cellTooLarge, &output)
        }
      }
      frames.finish(&output)
    }
  }

  /// Runs a request on a thread that may block; its answer, or the refusal in its place, is sent
  /// by the loop afterwards.
  func onWorker(
    _ operation: Operation, _ id: UInt64, _ cost: Int,
    _ work:
      @escaping @Sendable (
        TableService, AnswerWriter, inout ByteBuffer
      ) throws(TableServiceError) -> Void
  ) {
    let writer = writer
    front.scheduler.submit(to: .blocking) { [self] in
      let answer = PreparedAnswer()
      do throws(TableServiceError) {
        try work(front.service, writer, &answer.bytes)
      } catch {
        answer.bytes.clear()
        writer.refusal(Refusal(error), to: operation.rawValue, id, into: &answer.bytes)
      }
      loop.execute { [self] in
        send { $1.append(answer.bytes.view) }
        finish(cost)
      }
    }
  }
}
