// The request that is arriving. As long as it is whole within one call, its parts are views of the
// caller's bytes; what must outlive the call is copied, once.

internal import Bytes
internal import HTTP1

/// A request that is complete, as routes see it. Views are valid during the call.
struct Request {
  let head: RequestHead
  let bytes: ByteView
  let match: RouteMatch
  let body: ByteView
  let facts: RequestFacts

  var query: ByteView { head.query(in: bytes) }

  func field(_ known: KnownField) -> ByteView? { head.value(of: known, in: bytes) }
}

/// Head and body of the request being read.
struct IncomingRequest: ~Copyable {
  private(set) var head = RequestHead()
  private(set) var headBytes = ByteView()
  private(set) var match = RouteMatch(route: .unknown)
  private(set) var body = ByteView()
  /// Bytes taken from the budget for the body.
  var reservedByteCount = 0
  private var keptHead = ByteBuffer()
  private var keptBody = ByteBuffer()
  private var isKept = false

  mutating func begin(_ head: RequestHead, _ bytes: ByteView, _ match: RouteMatch) {
    self.head = head
    self.match = match
    headBytes = bytes
    body = ByteView()
    isKept = false
  }

  mutating func append(_ part: ByteView, framing: BodyFraming) {
    if keptBody.isEmpty, framing == .length(part.count) {
      body = part
      return
    }
    keptBody.append(part)
    body = keptBody.view
  }

  /// The caller's bytes end here: copies the head if its request goes on.
  mutating func keep(_ isUnfinished: Bool) {
    guard isUnfinished, !isKept else { return }
    isKept = true
    keptHead.clear()
    keptHead.append(headBytes)
    headBytes = keptHead.view
    match = Router.match(head.method, head.path(in: headBytes))
  }

  /// Hands the budgeted bytes to whoever answers later.
  mutating func takeReservation() -> Int {
    defer { reservedByteCount = 0 }
    return reservedByteCount
  }

  /// Lets go of everything.
  mutating func end() {
    reservedByteCount = 0
    headBytes = ByteView()
    body = ByteView()
    match = RouteMatch(route: .unknown)
    keptHead.clear(keepingAtMost: 1 << 10)
    keptBody.clear(keepingAtMost: 4 << 10)
  }
}
