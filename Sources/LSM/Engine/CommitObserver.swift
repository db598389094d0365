// Told of every commit, in order, after it is durable and visible.

/// Receives commits; called from the commit lane, so it must be quick and must not block.
package protocol CommitObserver: AnyObject, Sendable {
  /// One committed batch. `batch` is borrowed for the call. Numbers run from `first` on, one an
  /// entry, in the batch's order.
  func committed(_ batch: borrowing WriteBatch, first: SequenceNumber)
}
