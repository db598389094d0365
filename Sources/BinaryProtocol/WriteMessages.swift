// Requests that write, and their answers.

package import Bytes
package import DataModel

/// A mutate request as it arrived: a view of the table's name, and the rows as a list.
package struct MutateRequestView: ~Copyable {
  package var table = ByteView()
  package var list: MutationList
  /// In mutate streams only.
  package var sequence: UInt64 = 0
  package var producer = ByteView()
  package var position: UInt64 = 0
  package var forgetsProducer = false

  /// - Parameters:
  ///   - isStream: The body is a MutateStreamRequest.
  ///   - list: Whose memory is used again.
  package init(
    _ body: ByteView, isStream: Bool = false, reusing list: consuming MutationList? = nil
  ) throws(WireError) {
    self.list = list ?? MutationList(capacity: body.count)
    self.list.clear()
    let rows: UInt64 = isStream ? 3 : 2
    var reader = ProtobufReader(body)
    while let number = try reader.next() {
      switch number {
      case 1: table = try reader.bytes()
      case rows: try MutationDecoder.read(row: try reader.bytes(), into: &self.list)
      case 2 where isStream: sequence = try reader.varint()
      case 4 where isStream: producer = try reader.bytes()
      case 5 where isStream: position = try reader.varint()
      case 6 where isStream: forgetsProducer = try reader.varint() != 0
      default: try reader.skip()
      }
    }
  }

  package consuming func takeList() -> MutationList { list }
}

/// A conditional mutation as it arrived.
package struct CheckAndMutateRequestView: ~Copyable {
  package var table = ByteView()
  package var key: [UInt8] = []
  package var predicate: RowFilter?
  private var ifMatched: MutationList
  private var otherwise: MutationList

  package init(_ body: ByteView) throws(WireError) {
    ifMatched = MutationList(capacity: body.count)
    otherwise = MutationList(capacity: 64)
    // Lists want their row's key first, and fields may come in any order.
    var keyView = ByteView()
    var keys = ProtobufReader(body)
    while let number = try keys.next() {
      if number == 2 { keyView = try keys.bytes() } else { try keys.skip() }
    }
    key = keyView.array
    var reader = ProtobufReader(body)
    while let number = try reader.next() {
      switch number {
      case 1: table = try reader.bytes()
      case 3: predicate = try RowFilter(wire: try reader.bytes())
      case 4:
        if ifMatched.isEmpty { ifMatched.beginRow(keyView) }
        try MutationDecoder.read(mutation: try reader.bytes(), into: &ifMatched)
      case 5:
        if otherwise.isEmpty { otherwise.beginRow(keyView) }
        try MutationDecoder.read(mutation: try reader.bytes(), into: &otherwise)
      default: try reader.skip()
      }
    }
  }

  /// Hands both lists over; one without mutations has no row either.
  package consuming func withLists<Result>(
    _ body: (consuming MutationList, consuming MutationList) -> Result
  ) -> Result {
    body(ifMatched, otherwise)
  }
}

/// A read-modify-write as it arrived.
package struct ReadModifyWriteRequestView {
  package var table = ByteView()
  package var key: [UInt8] = []
  package var rules: [ReadModifyWriteRule] = []

  package init(_ body: ByteView) throws(WireError) {
    var reader = ProtobufReader(body)
    while let number = try reader.next() {
      switch number {
      case 1: table = try reader.bytes()
      case 2: key = try reader.bytes().array
      case 3:
        guard rules.count < ProtocolLimits.nodeCount else {
          throw .tooLarge("more than \(ProtocolLimits.nodeCount) rules in one request")
        }
        rules.append(try ReadModifyWriteRule(wire: try reader.bytes()))
      default: try reader.skip()
      }
    }
  }
}

extension ReadModifyWriteRule {
  init(wire message: ByteView) throws(WireError) {
    var family = ""
    var qualifier: [UInt8] = []
    var change: Change?
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      switch number {
      case 1: family = try reader.string()
      case 2: qualifier = try reader.bytes().array
      case 3: change = .append(try reader.bytes().array)
      case 4: change = .increment(try reader.sint64())
      default: try reader.skip()
      }
    }
    guard let change else { throw .malformed("a rule that neither appends nor increments") }
    self.init(family: family, qualifier: qualifier, change: change)
  }

  func encode(into buffer: inout ByteBuffer) {
    buffer.appendField(1, string: family)
    buffer.appendField(2, bytes: qualifier)
    switch change {
    case .append(let bytes): buffer.appendField(3, present: bytes)
    case .increment(let amount): buffer.appendField(4, presentSigned: amount)
    }
  }
}

/// Writes requests that write.
package enum WriteRequestEncoder {
  package static func mutate(
    _ table: String, _ list: borrowing MutationList, into buffer: inout ByteBuffer
  ) {
    buffer.appendField(1, string: table)
    MutationEncoder.append(rows: list, as: 2, to: &buffer)
  }

  /// - Parameters:
  ///   - table: Nil in all frames but the first, as is `producer`.
  ///   - position: Of the list's first row, with a producer.
  package static func mutateStream(
    _ table: String?, sequence: UInt64, producer: String? = nil, position: UInt64 = 0,
    forgetsProducer: Bool = false, _ list: borrowing MutationList, into buffer: inout ByteBuffer
  ) {
    if let table { buffer.appendField(1, string: table) }
    buffer.appendField(2, varint: sequence)
    MutationEncoder.append(rows: list, as: 3, to: &buffer)
    if let producer { buffer.appendField(4, string: producer) }
    buffer.appendField(5, varint: position)
    if forgetsProducer { buffer.appendField(6, varint: 1) }
  }

  package static func checkAndMutate(
    _ table: String, key: [UInt8], predicate: RowFilter?, ifMatched: borrowing MutationList,
    otherwise: borrowing MutationList, into buffer: inout ByteBuffer
  ) {
    buffer.appendField(1, string: table)
    buffer.appendField(2, bytes: key)
    if let predicate { buffer.appendMessage(3) { predicate.encode(into: &$0) } }
    MutationEncoder.append(mutations: ifMatched, as: 4, to: &buffer)
    MutationEncoder.append(mutations: otherwise, as: 5, to: &buffer)
  }

  package static func readModifyWrite(
    _ table: String, key: [UInt8], rules: [ReadModifyWriteRule], into buffer: inout ByteBuffer
  ) {
    buffer.appendField(1, string: table)
    buffer.appendField(2, bytes: key)
    for rule in rules { buffer.appendMessage(3) { rule.encode(into: &$0) } }
  }
}

/// The body of a frame whose status is not `ok`.
package struct ErrorMessage: Equatable, Sendable {
  package var code: String
  package var message: String
  /// When to try again; 0 where nobody knows.
  package var retryAfterMilliseconds: UInt32 = 0

  package init(code: String, message: String) {
    self.code = code
    self.message = message
  }

  package init(wire body: ByteView) throws(WireError) {
    self.init(code: "", message: "")
    var reader = ProtobufReader(body)
    while let number = try reader.next() {
      switch number {
      case 1: code = try reader.string()
      case 2: message = try reader.string()
      case 3: retryAfterMilliseconds = UInt32(clamping: try reader.varint())
      default: try reader.skip()
      }
    }
  }

  package func encode(into buffer: inout ByteBuffer) {
    buffer.appendField(1, string: code)
    buffer.appendField(2, string: message)
    buffer.appendField(3, varint: UInt64(retryAfterMilliseconds))
  }
}

/// A row that a mutate request names as refused.
package struct RejectedRow: Equatable, Sendable {
  package var row: UInt32
  /// A `Status`, or a number of a newer peer.
  package var status: UInt16
  package var error: ErrorMessage

  package init(row: UInt32, status: Status, error: ErrorMessage) {
    self.row = row
    self.status = status.rawValue
    self.error = error
  }

  package init(wire message: ByteView) throws(WireError) {
    self.init(row: 0, status: .ok, error: ErrorMessage(code: "", message: ""))
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      switch number {
      case 1: row = UInt32(truncatingIfNeeded: try reader.varint())
      case 2: status = UInt16(truncatingIfNeeded: try reader.varint())
      case 3: error = try ErrorMessage(wire: try reader.bytes())
      default: try reader.skip()
      }
    }
  }

  package func encode(into buffer: inout ByteBuffer) {
    buffer.appendField(1, varint: UInt64(row))
    buffer.appendField(2, varint: UInt64(status))
    buffer.appendMessage(3) { error.encode(into: &$0) }
  }
}

/// The answer to a mutate request.
package struct MutateResponse: Equatable, Sendable {
  package var rejected: [RejectedRow] = []
  package init(rejected: [RejectedRow] = []) { self.rejected = rejected }

  package init(wire body: ByteView) throws(WireError) {
    var reader = ProtobufReader(body)
    while let number = try reader.next() {
      if number == 1 {
        rejected.append(try RejectedRow(wire: try reader.bytes()))
      } else {
        try reader.skip()
      }
    }
  }

  package func encode(into buffer: inout ByteBuffer) {
    for row in rejected { buffer.appendMessage(1) { row.encode(into: &$0) } }
  }
}

/// An acknowledgement in a mutate stream.
package struct MutateStreamResponse: Equatable, Sendable {
  package var acknowledged: UInt64 = 0
  package var rejected: [(sequence: UInt64, row: RejectedRow)] = []
  /// With a producer: every position below is taken in.
  package var nextPosition: UInt64 = 0
  package init() {}

  package init(wire body: ByteView) throws(WireError) {
    var reader = ProtobufReader(body)
    while let number = try reader.next() {
      switch number {
      case 1: acknowledged = try reader.varint()
      case 2: rejected.append(try MutateStreamResponse.rejected(try reader.bytes()))
      case 3: nextPosition = try reader.varint()
      default: try reader.skip()
      }
    }
  }

  private static func rejected(
    _ message: ByteView
  ) throws(WireError) -> (sequence: UInt64, row: RejectedRow) {
    var sequence: UInt64 = 0
    var row = RejectedRow(row: 0, status: .ok, error: ErrorMessage(code: "", message: ""))
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      switch number {
      case 1: sequence = try reader.varint()
      case 2: row = try RejectedRow(wire: try reader.bytes())
      default: try reader.skip()
      }
    }
    return (sequence, row)
  }

  package func encode(into buffer: inout ByteBuffer) {
    buffer.appendField(1, varint: acknowledged)
    for (sequence, row) in rejected {
      buffer.appendMessage(2) { nested in
        nested.appendField(1, varint: sequence)
        nested.appendMessage(2) { row.encode(into: &$0) }
      }
    }
    buffer.appendField(3, varint: nextPosition)
  }

  package static func == (left: Self, right: Self) -> Bool {
    left.acknowledged == right.acknowledged && left.nextPosition == right.nextPosition
      && left.rejected.elementsEqual(right.rejected) {
        $0.sequence == $1.sequence && $0.row == $1.row
      }
  }
}
