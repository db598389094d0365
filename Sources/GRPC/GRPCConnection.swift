// One connection of HTTP/2: nghttp2 reads and writes its frames, this makes calls of its streams.

package import Bytes
internal import CNGHTTP2
package import Net
package import Runtime

/// The handler of one connection. Everything runs on the connection's loop (`@unchecked` for that).
package final class GRPCConnection: ConnectionHandler, @unchecked Sendable {
  let loop: EventLoop
  private let methods: any GRPCMethods
  private let limits: GRPCLimits
  private let budget: InFlightBudget
  /// Nil once closed.
  private var connection: Connection?
  private var session: OpaquePointer?
  private var calls: [Int32: GRPCCall] = [:]
  /// Inside nghttp2: what is added now is sent when that returns.
  private var isInSession = false
  /// `pump` is at it, further down the stack; what is added now it finds.
  private var isPumping = false
  private var hasMore = false
  /// Calls of which a method may go on.
  private var drained: [GRPCCall] = []
  private var isDraining = false
  /// Until the peer's first frame is there.
  private var greetingTimer: LoopTimer?
  private var inputHasEnded = false
  /// Calls whose peer has not said all yet, and the timer that looks whether it goes on.
  private var arrivingCount = 0
  private var stallTimer: LoopTimer?
  /// Of messages that are arriving and are too short to reserve memory for.
  private var looseByteCount = 0

  /// - Parameter budget: Memory for long messages that are arriving.
  package init(
    _ connection: Connection, methods: any GRPCMethods, limits: GRPCLimits, budget: InFlightBudget
  ) {
    self.connection = connection
    self.methods = methods
    self.limits = limits
    self.budget = budget
    loop = connection.loop
    openSession()
    greetingTimer = loop.schedule(afterNanoseconds: limits.greetingNanoseconds) { [self] in
      self.connection?.close()
    }
  }

  deinit { nghttp2_session_del(session) }

  private func openSession() {
    var option: OpaquePointer?
    guard nghttp2_option_new(&option) == 0 else { return }
    defer { nghttp2_option_del(option) }
    // Windows open when there is memory for what arrived.
    nghttp2_option_set_no_auto_window_update(option, 1)
    nghttp2_option_set_max_send_header_block_length(option, limits.headerByteCount)
    // Answers to pings and settings that a peer does not read.
    nghttp2_option_set_max_outbound_ack(option, 100)
    let user = Unmanaged.passUnretained(self).toOpaque()
    guard nghttp2_session_server_new2(&session, GRPCConnection.callbacks, user, option) == 0 else {
      return
    }
    let settings = [
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
        value: UInt32(limits.callCount)),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue),
        value: UInt32(limits.streamWindowByteCount)),
      nghttp2_settings_entry(
        settings_id: Int32(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
        value: UInt32(limits.headerByteCount)),
    ]
    nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), settings, settings.count)
    nghttp2_session_set_local_window_size(
      session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(limits.connectionWindowByteCount))
  }

  // MARK: - Input

  package func received(_ bytes: ByteView, on connection: Connection) -> Int {
    guard let session else {
      connection.close()
      return bytes.count
    }
    isInSession = true
    let used = nghttp2_session_mem_recv(
      session, bytes.buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
    isInSession = false
    guard used >= 0 else {
      // No HTTP/2, or a peer that does harm (nghttp2 counts resets, pings, settings and header
      // frames that lead nowhere): what can be said to it has been.
      pump()
      connection.closeAfterFlush()
      return bytes.count
    }
    pump()
    if arrivingCount > 0, stallTimer == nil { watchArrivals() }
    return used
  }

  /// Looks at the calls that arrive now, and again later: what has stood still in between is given
  /// up, so that nobody holds memory by sending half of something.
  private func watchArrivals() {
    stallTimer = loop.schedule(afterNanoseconds: limits.stallNanoseconds) { [self] in
      stallTimer = nil
      guard connection != nil, arrivingCount > 0 else { return }
      for call in Array(calls.values) where !call.isWhole && !call.isAwaitingMemory {
        let byteCount = call.headerByteCount + call.body.count
        if byteCount == call.byteCountAtLook { giveUp(call) }
        call.byteCountAtLook = byteCount
      }
      pump()
      if arrivingCount > 0, stallTimer == nil { watchArrivals() }
    }
  }

  /// Ends a call that will never be whole.
  private func giveUp(_ call: GRPCCall) {
    guard session != nil else { return }
    release(call)
    nghttp2_submit_rst_stream(
      session, UInt8(NGHTTP2_FLAG_NONE.rawValue), call.stream, NGHTTP2_CANCEL.rawValue)
  }

  func callBegins(_ stream: Int32) {
    let call = GRPCCall(stream, self)
    arrivingCount += 1
    calls[stream] = call
    nghttp2_session_set_stream_user_data(
      session, stream, Unmanaged.passUnretained(call).toOpaque())
  }

  /// The call of a stream. nghttp2 knows it as long as `calls` does, and finds it without hashing.
  @inline(__always)
  private func call(_ stream: Int32) -> GRPCCall? {
    nghttp2_session_get_stream_user_data(session, stream)
      .map { Unmanaged<GRPCCall>.fromOpaque($0).takeUnretainedValue() }
  }

  /// - Returns: False when the stream is to be reset.
  func header(of stream: Int32, _ name: ByteView, _ value: ByteView) -> Bool {
    guard let call = call(stream) else { return true }
    call.headerByteCount += name.count + value.count + 32
    guard call.headerByteCount <= limits.headerByteCount else { return false }
    call.headers.add(name, value, methods)
    return true
  }

  func frameArrived(type: UInt8, flags: UInt8, stream: Int32) {
    greeted()
    let isLast = flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    switch UInt32(type) {
    case NGHTTP2_HEADERS.rawValue:
      guard let call = call(stream) else { return }
      if !call.hasHeaders { headersArrived(call) }
      if isLast { messageArrived(call) }
    case NGHTTP2_DATA.rawValue where isLast:
      if let call = call(stream) { messageArrived(call) }
    default: break
    }
  }

  private func greeted() {
    greetingTimer?.cancel()
    greetingTimer = nil
  }

  private func headersArrived(_ call: GRPCCall) {
    call.hasHeaders = true
    let headers = call.headers
    guard headers.isPost, headers.isGRPC else {
      return refuse(call, "415", GRPCStatus(.internal, "this port speaks gRPC"))
    }
    guard !headers.isMalformed else {
      return call.finish(GRPCStatus(.internal, "grpc-timeout is no time"))
    }
    guard headers.encoding.isEmpty else {
      let name = String(decoding: headers.encoding, as: UTF8.self)
      return call.finish(
        GRPCStatus(.unimplemented, "messages compressed with \(name) are not taken, gzip is"))
    }
    call.method = headers.method
    guard call.method != nil else {
      let path = String(decoding: headers.unknownPath, as: UTF8.self)
      return call.finish(GRPCStatus(.unimplemented, "no method \(path)"))
    }
    guard !isDraining else { return call.finish(.shuttingDown) }
    if let timeout = headers.timeout { setDeadline(call, timeout) }
  }

  private func setDeadline(_ call: GRPCCall, _ nanoseconds: UInt64) {
    // Held by the timer until it fires or the stream ends.
    call.deadlineTimer = loop.schedule(afterNanoseconds: nanoseconds) {
      guard !call.isOver else { return }
      call.finish(.deadlineExceeded)
      call.tellCancelled()
    }
  }

  func dataArrived(on stream: Int32, _ bytes: ByteView) {
    // Of the connection's window all is open again at once, so that no call waits for another;
    // a stream's own window opens when there is memory for its message.
    nghttp2_session_consume_connection(session, bytes.count)
    guard let call = call(stream), !call.isOver else {
      // Whatever still comes for a call that has its answer.
      nghttp2_session_consume_stream(session, stream, bytes.count)
      return
    }
    call.body.append(bytes)
    call.heldByteCount += bytes.count
    if let refusal = call.bodyRefusal(limits) { return refuse(call, refusal) }
    if call.reservedByteCount > 0 { return openWindow(call) }
    if let total = call.wholeByteCount, total > limits.streamWindowByteCount {
      return reserve(total, for: call)
    }
    call.looseByteCount += bytes.count
    looseByteCount += bytes.count
    guard looseByteCount <= limits.looseByteCount else {
      return refuse(
        call, GRPCStatus(.unavailable, "too much is arriving on this connection at once"))
    }
    openWindow(call)
  }

  private func refuse(_ call: GRPCCall, _ status: GRPCStatus) {
    call.finish(status)
    call.body.clear(keepingAtMost: 0)
    release(call)
    openWindow(call)
  }

  /// Takes the memory for all of a long message, or waits for it.
  private func reserve(_ byteCount: Int, for call: GRPCCall) {
    guard !call.isAwaitingMemory else { return }
    let isThere = budget.acquire(byteCount) { [self] in
      loop.execute { [self] in
        guard !call.isOver else { return }
        call.isAwaitingMemory = false
        reserve(byteCount, for: call)
        pump()
      }
    }
    guard isThere else {
      call.isAwaitingMemory = true
      return
    }
    call.reservedByteCount = byteCount
    openWindow(call)
  }

  /// The peer may send as much again as has arrived.
  private func openWindow(_ call: GRPCCall) {
    guard call.heldByteCount > 0, session != nil else { return }
    nghttp2_session_consume_stream(session, call.stream, call.heldByteCount)
    call.heldByteCount = 0
  }

  private func messageArrived(_ call: GRPCCall) {
    isWhole(call)
    guard !call.isOver, let method = call.method else { return }
    call.method = nil
    do throws(GRPCStatus) {
      if methods.isSheddable(method), connection?.mustShed ?? false { throw .overloaded }
      let message = try call.message()
      if call.isCompressed {
        try inflate(message, for: method, call)
      } else {
        methods.perform(method, call, message)
      }
    } catch {
      call.finish(error)
    }
    call.body.clear(keepingAtMost: 0)
    release(call)
  }

  /// Calls the method with what a message becomes, for which memory is taken first.
  private func inflate(
    _ message: ByteView, for method: Int, _ call: GRPCCall
  ) throws(GRPCStatus) {
    let gzip = try GzipMessage(message)
    guard gzip.byteCount <= limits.messageByteCount else {
      throw GRPCStatus(
        .resourceExhausted,
        "a message of \(gzip.byteCount) bytes; at most \(limits.messageByteCount) are taken")
    }
    guard budget.acquire(gzip.byteCount) else {
      throw GRPCStatus(.unavailable, "no memory to decompress the message now: try again")
    }
    defer { budget.release(gzip.byteCount) }
    let inflated = try gzip.inflated()
    methods.perform(method, call, inflated.view)
  }

  private func isWhole(_ call: GRPCCall) {
    if !call.isWhole { arrivingCount -= 1 }
    call.isWhole = true
  }

  private func release(_ call: GRPCCall) {
    if call.reservedByteCount > 0 { budget.release(call.reservedByteCount) }
    call.reservedByteCount = 0
    looseByteCount -= call.looseByteCount
    call.looseByteCount = 0
  }

  func streamClosed(_ stream: Int32) {
    guard let call = calls.removeValue(forKey: stream) else { return }
    nghttp2_session_set_stream_user_data(session, stream, nil)
    isWhole(call)
    release(call)
    call.end()
  }

  // MARK: - Output

  /// The call has something to send, or its end.
  func outputAdded(_ call: GRPCCall) {
    if call.hasResponded {
      nghttp2_session_resume_data(session, call.stream)
    } else {
      respond(call)
    }
    if !isInSession { pump() }
  }

  private func respond(_ call: GRPCCall) {
    call.noteResponded()
    if let status = call.status, !call.hasOutput {
      // Nothing but an end: one header for both.
      ResponseFields.withTrailersOnly(status) { fields in
        _ = nghttp2_submit_response(session, call.stream, fields.baseAddress, fields.count, nil)
      }
      return
    }
    var provider = nghttp2_data_provider()
    provider.read_callback = { _, stream, _, capacity, flags, _, user in
      guard let flags, let connection = GRPCConnection.of(user) else { return 0 }
      return connection.frame(stream, capacity: capacity, &flags.pointee)
    }
    ResponseFields.withHeader { fields in
      _ = nghttp2_submit_response(
        session, call.stream, fields.baseAddress, fields.count, &provider)
    }
  }

  /// An answer to what is no gRPC at all.
  private func refuse(_ call: GRPCCall, _ httpStatus: StaticString, _ status: GRPCStatus) {
    call.noteResponded()
    ResponseFields.withTrailersOnly(status, httpStatus: httpStatus) { fields in
      _ = nghttp2_submit_response(session, call.stream, fields.baseAddress, fields.count, nil)
    }
    call.finish(status)
  }

  /// Tells nghttp2 how many bytes of a call's answer the next frame has; `send` then moves them.
  private func frame(_ stream: Int32, capacity: Int, _ flags: inout UInt32) -> Int {
    guard let call = call(stream) else { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
    let count = min(capacity, call.unsentByteCount)
    flags |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
    if count < call.unsentByteCount { return count }
    if let status = call.status {
      flags |= NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
      ResponseFields.withTrailer(status) { fields in
        _ = nghttp2_submit_trailer(session, stream, fields.baseAddress, fields.count)
      }
      return count
    }
    return count > 0 ? count : Int(NGHTTP2_ERR_DEFERRED.rawValue)
  }

  /// Moves a DATA frame to the connection's output, without a copy in between.
  ///
  /// - Returns: What nghttp2 wants to hear.
  func send(_ stream: Int32, header: ByteView, _ byteCount: Int) -> Int32 {
    guard let connection, let call = call(stream), byteCount <= call.unsentByteCount else {
      return Int32(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
    }
    if connection.isOutputFull { return Int32(NGHTTP2_ERR_WOULDBLOCK.rawValue) }
    connection.output.append(header)
    call.moveOutput(byteCount, to: &connection.output)
    if call.takeDrained() { drained.append(call) }
    return connection.isWorthSending ? Int32(NGHTTP2_ERR_PAUSE.rawValue) : 0
  }

  /// Moves frames to the connection's output while that takes them.
  private func pump() {
    guard let connection, !isInSession else { return }
    hasMore = true
    guard !isPumping else { return }
    isPumping = true
    while hasMore || !drained.isEmpty, let session {
      hasMore = false
      isInSession = true
      while !connection.isOutputFull {
        var bytes: UnsafePointer<UInt8>?
        let count = nghttp2_session_mem_send(session, &bytes)
        if count > 0, let bytes {
          connection.output.append(ByteView(bytes, count: count))
        } else if connection.isWorthSending {
          // `send` has paused for it.
          connection.sendEarly()
        } else {
          break
        }
      }
      isInSession = false
      connection.setNeedsFlush()
      goOn()
    }
    isPumping = false
    if isFinished { connection.closeAfterFlush() }
  }

  /// Lets methods that waited for their peer send more.
  private func goOn() {
    guard !drained.isEmpty else { return }
    var waiting: [GRPCCall] = []
    swap(&waiting, &drained)
    for call in waiting where !call.isOver { call.onDrain?() }
  }

  private var isFinished: Bool {
    guard let session else { return true }
    if nghttp2_session_want_read(session) == 0, nghttp2_session_want_write(session) == 0 {
      return true
    }
    return (isDraining || inputHasEnded) && calls.isEmpty
  }

  // MARK: - Ends

  package func inputEnded(on connection: Connection) {
    inputHasEnded = true
    // What is not whole now will never be.
    for call in Array(calls.values) where !call.isWhole { giveUp(call) }
    pump()
  }

  package func outputDrained(on connection: Connection) { pump() }

  package func shuttingDown(on connection: Connection) {
    guard let session else { return connection.close() }
    isDraining = true
    nghttp2_submit_goaway(
      session, UInt8(NGHTTP2_FLAG_NONE.rawValue),
      nghttp2_session_get_last_proc_stream_id(session), NGHTTP2_NO_ERROR.rawValue, nil, 0)
    for call in Array(calls.values) { call.tellShutDown() }
    pump()
  }

  package func closed(_ connection: Connection) {
    self.connection = nil
    greeted()
    stallTimer?.cancel()
    stallTimer = nil
    let ended = calls
    calls = [:]
    drained = []
    for call in ended.values {
      release(call)
      call.end()
    }
    nghttp2_session_del(session)
    session = nil
  }
}
