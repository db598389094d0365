// Histories: what clients asked of rows, when, and what they were answered.

/// One operation of a history. Times are those of one monotonic clock.
package struct RecordedOperation: Sendable {
  /// Place in the recorder's order; for messages.
  package var number: Int
  package var client: Int
  package var row: Int
  package var operation: RowOperation
  /// Nanoseconds, before the operation was sent.
  package var called: UInt64
  /// Nanoseconds, after the answer had come; nil where none came: the operation may take effect
  /// at any time after its call, or never.
  package var returned: UInt64?
  /// Nil where nobody knows.
  package var outcome: RowOutcome?

  package init(
    number: Int, client: Int, row: Int, operation: RowOperation, called: UInt64,
    returned: UInt64? = nil, outcome: RowOutcome? = nil
  ) {
    precondition((returned == nil) == (outcome == nil), "an answer has a time and a content")
    precondition(returned.map { $0 >= called } ?? true, "answers come after calls")
    self.number = number
    self.client = client
    self.row = row
    self.operation = operation
    self.called = called
    self.returned = returned
    self.outcome = outcome
  }
}

extension RecordedOperation: CustomStringConvertible {
  package var description: String {
    let answer = outcome.map { "\($0)" } ?? "no answer"
    let end = returned.map { "\($0)" } ?? "∞"
    return "#\(number) client \(client) [\(called), \(end)] \(operation) → \(answer)"
  }
}
