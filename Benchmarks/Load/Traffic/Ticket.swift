// What a connection remembers of a request until it is answered.

/// A request in flight.
struct Ticket {
  /// Which kind, by position in the traffic's list.
  var kind = 0
  /// What it is recorded as, by position in the traffic's labels.
  var label = 0
  /// Which of its templates.
  var variant = 0
  /// Number of the row, or the seed its rows are drawn with.
  var seed: UInt64 = 0
  /// When it was sent, or was to be sent, in nanoseconds.
  var due: UInt64 = 0
  /// Of the answer so far.
  var bodyByteCount = 0
  /// A piece of the answer was wrong; the others are still to come.
  var isSpoilt = false
  /// Requests of this operation that were answered.
  var step = 0
  /// Position among all requests of this thread that can be in flight; polls keep their range by
  /// it.
  var place = 0
  /// Which of the thread's connections it travels on.
  var connection = 0
}

/// How an operation ended, or that it did not yet.
enum Verdict {
  case more
  /// Another request of the operation is to be sent.
  case again
  case done
  case absent
  case retryLater
  case failed
  /// An answer that cannot be right.
  case wrong
}
