// The simplest merger there is: a value is bytes, a merge appends to them.

package import Bytes
package import LSM

/// Appends merges to what is older.
package final class TextMerger: ValueMerger {
  package init() {}

  package func merge(
    key: ByteView, operands: [Operand], isOldest: Bool, newer: NewerEntries,
    into output: inout MergeOutput
  ) -> MergeOutcome {
    guard let oldest = operands.last else { return .nothing }
    if operands.count == 1 {
      switch oldest.kind {
      case .put: return .unchanged
      case .delete: return isOldest ? .nothing : .unchanged
      case .merge:
        if !isOldest { return .unchanged }
        output.bytes.append(oldest.value)
        return .put
      }
    }
    for operand in operands.reversed() { output.bytes.append(operand.value) }
    return oldest.kind == .merge && !isOldest ? .merge : .put
  }

  /// What a reader sees of a key's operands; nil when it is deleted.
  package static func value(of operands: [Operand]) -> [UInt8]? {
    guard let newest = operands.first, newest.kind != .delete else { return nil }
    return operands.reversed().flatMap { $0.value.array }
  }
}
