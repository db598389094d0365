// Why a history is not linearizable, as a person wants to read it.

/// A row whose operations no order explains.
package struct LinearizabilityViolation: Sendable {
  package var row: Int
  /// The operation whose answer is wrong in every order of what came before.
  package var operation: RecordedOperation
  /// What the row might have been before that answer.
  package var states: [RowState]
  /// The fewest operations up to it that no order explains, whatever the row was before them;
  /// those shown without an answer may have taken effect before, within or after.
  package var window: [RecordedOperation]
}

extension LinearizabilityViolation: CustomStringConvertible {
  package var description: String {
    var lines = [
      "row \(row): no order explains #\(operation.number); possible states before its answer: "
        + states.prefix(8).map { "\($0)" }.joined(separator: ", "),
      "the fewest operations that have no order, whatever the row was before",
      "(times in µs; those without an answer may have taken effect at any time after their call)",
    ]
    let start = window.map(\.called).min() ?? 0
    lines += window.map { "  " + $0.text(from: start) }
    return lines.joined(separator: "\n")
  }
}
