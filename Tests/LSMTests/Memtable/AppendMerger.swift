// A merger whose values are lists of bytes: `put` is the list, `merge` appends to it. Lists grow
// without bound and every order mistake shows, so that nothing a real merger does is easier.

import Bytes
import LSM

/// Concatenates, oldest first.
final class AppendMerger: ValueMerger {
  func merge(
    key: ByteView, operands: [Operand], isOldest: Bool, newer: NewerEntries,
    into output: inout MergeOutput
  ) -> MergeOutcome {
    guard let oldest = operands.last else { return .nothing }
    if operands.count == 1 {
      switch oldest.kind {
      case .put: return .unchanged
      case .delete: return isOldest ? .nothing : .unchanged
      case .merge:
        guard isOldest else { return .unchanged }
        output.bytes.append(oldest.value)
        return .put
      }
    }
    for operand in operands.reversed() where operand.kind != .delete {
      output.bytes.append(operand.value)
    }
    return oldest.kind.hidesOlder || isOldest ? .put : .merge
  }

  /// The list that operands, newest first, make up; nil where the key has no state.
  static func state(of operands: [Operand]) -> [UInt8]? {
    if operands.isEmpty || (operands.count == 1 && operands[0].kind == .delete) { return nil }
    return operands.reversed().reduce(into: []) { list, operand in
      if operand.kind != .merge { list = [] }
      list += operand.value.array
    }
  }
}
