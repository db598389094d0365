// What was asked of a simulated file system, as one number: two runs of a seed that ask the same
// have the same.

internal import VFS

/// A rolling hash (FNV-1a, 64 bits) of operations, and their text where somebody wants it.
struct OperationTrace {
  private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  private(set) var lines: [String] = []
  var keepsText = false

  mutating func add(
    _ operation: FileOperation, _ path: String, offset: UInt64, byteCount: Int, fault: String?
  ) {
    for byte in operation.rawValue.utf8 { fold(UInt64(byte)) }
    for byte in path.utf8 { fold(UInt64(byte)) }
    fold(offset)
    fold(UInt64(truncatingIfNeeded: byteCount))
    if let fault { for byte in fault.utf8 { fold(UInt64(byte)) } }
    if keepsText {
      lines.append(
        "\(lines.count) \(operation.rawValue) \(path) @\(offset)+\(byteCount)\(fault ?? "")")
    }
  }

  /// What an operation answered: a count or an errno.
  mutating func addResult(_ result: Int) {
    fold(UInt64(truncatingIfNeeded: result))
    if keepsText, !lines.isEmpty { lines[lines.count - 1] += " -> \(result)" }
  }

  private mutating func fold(_ word: UInt64) { hash = (hash ^ word) &* 0x100_0000_01b3 }
}
