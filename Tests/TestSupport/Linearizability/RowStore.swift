// A store as a recorded client sees it: rows of one register and one counter.

/// What came of an operation, as far as its client knows.
package enum RowAnswer: Hashable, Sendable {
  case known(RowOutcome)
  /// It was sent and no answer came, or one that says nothing.
  case unknown
  /// It was never sent.
  case notSent
}

/// One client's access to a store; used by one thread at a time.
package protocol RowStore: AnyObject {
  /// - Parameter operation: Any but `.read`.
  func perform(_ operation: RowOperation, row: Int) -> RowAnswer
  /// The rows in the order asked for; nil where no answer came.
  func read(rows: [Int]) -> [RowState]?
}
