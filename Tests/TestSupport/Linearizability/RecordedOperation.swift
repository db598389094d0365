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
  package var description: String { text(from: 0) }

  /// - Parameter start: Where times count from.
  package func text(from start: UInt64) -> String {
    func time(_ nanoseconds: UInt64) -> String { "\((nanoseconds - start) / 1_000)" }
    let end = returned.map(time) ?? "∞"
    return "#\(number) client \(client) [\(time(called)), \(end)] \(operation.text) → "
      + (outcome?.text ?? "no answer")
  }
}
