// Scans: rows leave in chunks while the client has granted credit and takes them. On the loop in
// short slices while everything is in memory, else chunk by chunk on a worker.

internal import BinaryProtocol
internal import Bytes
internal import DataModel
internal import Net
internal import Runtime
internal import Tablets
internal import VFS

/// A scan that is under way. Its RowScan and buffer belong to the loop, or to the worker while
/// `isBusy`.
final class ScanStream: @unchecked Sendable {
  let id: UInt64
  let cost: Int
  let scan: RowScan
  let row = RowBuffer()
  /// Bytes of bodies that may still be sent; the last chunk may take it below zero. The loop's: a
  /// worker is told what there was when it began.
  var credit: Int64
  /// A worker or a turn of the loop will go on with it.
  var isBusy = false
  /// How it is to end as soon as it is not busy.
  var ending: Refusal?

  init(_ id: UInt64, _ cost: Int, _ scan: RowScan, credit: Int64) {
    self.id = id
    self.cost = cost
    self.scan = scan
    self.credit = credit
  }

  var isWaitingForCredit: Bool { !isBusy && credit <= 0 }

  /// Holds nothing of the engine's while the client is waited for.
  func release() {
    row.clear()
    scan.release()
  }

  func grant(_ byteCount: UInt64) {
    let (sum, overflow) = credit.addingReportingOverflow(Int64(clamping: byteCount))
    credit = overflow ? .max : sum
  }
}

/// What stopped a run of rows.
private enum ScanPause {
  case chunkIsFull, wouldBlock, turn
  case ended(Refusal?)
}

extension BinarySession {
  /// How long a scan holds the loop at a time.
  private static let sliceNanoseconds: UInt64 = 500_000
  /// How much a worker reads before it hands over.
  private static let workerByteCount = 256 << 10

  func scan(_ id: UInt64, _ body: ByteView, _ cost: Int) {
    answering(.scan, id, cost) { () throws(WireError) in
      let request = try ScanRequestView(body)
      if let refusal = startScan(id, request) { refuse(.scan, id, refusal) }
    }
  }

  /// Opens the scan and sends its first rows; the refusal if it cannot be opened.
  private func startScan(_ id: UInt64, _ view: ScanRequestView) -> Refusal? {
    guard scans[id] == nil, mutateStreams[id] == nil else {
      return Refusal(.invalid, "request_id_in_use", "Request id \(id) is in use by a scan.")
    }
    guard scans.count < state.limits.streams else {
      return Refusal(
        .retryLater, "too_many_scans",
        "At most \(state.limits.streams) scans may be open on one connection.")
    }
    do throws(TableServiceError) {
      let table = try front.service.table(view.table)
      let stream = ScanStream(id, 0, try table.scan(view.request), credit: 0)
      stream.grant(
        view.creditByteCount == 0
          ? UInt64(ProtocolLimits.defaultScanCredit) : view.creditByteCount)
      scans[id] = stream
      pump(stream)
      return nil
    } catch {
      return Refusal(error)
    }
  }

  func grant(_ id: UInt64, _ body: ByteView) {
    guard let stream = scans[id] else { return }
    do throws(WireError) {
      stream.grant(try ScanCredit(wire: body).byteCount)
      pump(stream)
    } catch {
      stop(stream, Refusal(error))
    }
  }

  func cancel(_ id: UInt64) {
    if let stream = scans[id] { stop(stream, .cancelled) }
  }

  /// Ends a scan with a refusal, at once or as soon as its worker hands it back.
  func stop(_ stream: ScanStream, _ refusal: Refusal) {
    guard !stream.isBusy else {
      stream.ending = stream.ending ?? refusal
      return
    }
    refuse(.scan, stream.id, refusal)
    endScan(stream.id)
    closeWhenIdle()
  }

  func endScan(_ id: UInt64) { scans[id] = nil }

  /// Sends what may be sent now.
  func pump(_ stream: ScanStream) {
    guard let connection, !stream.isBusy, scans[stream.id] === stream else { return }
    if let refusal = stream.ending { return stop(stream, refusal) }
    guard stream.credit > 0 else {
      // Nobody can grant any more.
      if inputHasEnded {
        endScan(stream.id)
        closeWhenIdle()
      }
      return stream.release()
    }
    guard !connection.isOutputFull else { return stream.release() }
    let deadline = front.time.monotonicNanoseconds + BinarySession.sliceNanoseconds
    while true {
      var frames = RowFrames(.scan, stream.id, writer)
      let pause = stream.run(
        &frames, &connection.output, wait: .forbidden, byteCount: 1, credit: stream.credit
      ) {
        front.time.monotonicNanoseconds >= deadline
      }
      stream.credit -= Int64(frames.closedByteCount)
      connection.setNeedsFlush()
      switch pause {
      case .chunkIsFull:
        if stream.credit <= 0 || connection.isOutputFull { return pump(stream) }
        // Large rows fill chunks before `run` has asked the time.
        if front.time.monotonicNanoseconds >= deadline { return turn(stream) }
      case .turn: return turn(stream)
      case .wouldBlock: return runOnWorker(stream)
      case .ended:
        stream.row.clear()
        endScan(stream.id)
        return closeWhenIdle()
      }
    }
  }

  /// Lets the loop's other work run, then goes on.
  private func turn(_ stream: ScanStream) {
    stream.isBusy = true
    loop.execute { [self] in
      stream.isBusy = false
      pump(stream)
    }
  }

  private func runOnWorker(_ stream: ScanStream) {
    stream.isBusy = true
    let writer = writer
    let credit = stream.credit
    let byteCount = Int(min(credit, Int64(BinarySession.workerByteCount)))
    front.scheduler.submit(to: .blocking) { [self] in
      let prepared = PreparedAnswer()
      var frames = RowFrames(.scan, stream.id, writer)
      let pause = stream.run(
        &frames, &prepared.bytes, wait: .allowed, byteCount: byteCount, credit: credit
      ) { false }
      let sent = Int64(frames.closedByteCount)
      loop.execute { [self] in
        stream.isBusy = false
        guard scans[stream.id] === stream else { return }
        stream.credit -= sent
        send { $1.append(prepared.bytes.view) }
        if case .ended = pause {
          endScan(stream.id)
          closeWhenIdle()
        } else {
          pump(stream)
        }
      }
    }
  }
}

extension ScanStream {
  /// Appends rows until chunks of `byteCount` bytes are closed, the scan ends or `isDue` says so.
  /// What has been read is in closed frames on return.
  fileprivate func run(
    _ frames: inout RowFrames, _ output: inout ByteBuffer, wait: ReadWait, byteCount: Int,
    credit: Int64, isDue: () -> Bool
  ) -> ScanPause {
    var count = 0
    do throws(TableServiceError) {
      while frames.closedByteCount < byteCount {
        switch try scan.next(into: row, wait: wait) {
        case .row:
          guard frames.append(row, withKey: true, to: &output) else {
            frames.fail(.cellTooLarge, &output)
            return .ended(.cellTooLarge)
          }
        case .end:
          frames.finish(&output)
          return .ended(nil)
        case .pause:
          frames.close(&output)
          return .turn
        }
        count += 1
        // Asking the time costs more than a row.
        if count & 15 == 0, isDue() {
          frames.close(&output)
          return .turn
        }
        if Int64(frames.openByteCount(in: output)) >= credit { frames.close(&output) }
      }
      return .chunkIsFull
    } catch .wouldBlock {
      frames.close(&output)
      return .wouldBlock
    } catch {
      frames.fail(Refusal(error), &output)
      return .ended(Refusal(error))
    }
  }
}
