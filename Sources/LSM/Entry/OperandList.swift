// The entries of one key that a read has to combine, newest first: any number of `merge` entries,
// ended by at most one `put` or `delete`. Reads of a key that was written once, or has been
// compacted, find exactly one. The list of a point read is reused from read to read, so that after
// the first few reads nothing is allocated.

package import Bytes

/// One entry of a key: its kind and its bytes.
package struct Operand: Sendable {
  package let kind: EntryKind
  package let value: ByteView
  package init(kind: EntryKind, value: ByteView) {
    self.kind = kind
    self.value = value
  }
}

/// Operands and what keeps their bytes alive. Reused from read to read by one thread.
package final class OperandList {
  /// Newest first.
  package private(set) var operands: [Operand] = []
  /// Objects whose life keeps the operands' bytes valid: blocks, memtables, a snapshot.
  package private(set) var pins: [AnyObject] = []

  /// Data blocks that the read has asked for, whatever was in them.
  private(set) var blockCount = 0

  /// Bytes of operands that nothing else keeps.
  private var copied = ByteBuffer()

  package init() {}

  package var isEmpty: Bool { operands.isEmpty }
  /// The only operand, if it is one: what most reads find, without counting the list.
  package var single: Operand? { operands.count == 1 ? operands[0] : nil }

  /// True once an operand hides everything older: the read is done.
  package var isComplete: Bool { operands.last?.kind.hidesOlder ?? false }

  /// Adds an operand older than all so far.
  ///
  /// - Parameter pin: What keeps `value` valid; nil when a pin given earlier does.
  package func append(kind: EntryKind, value: ByteView, pin: AnyObject?) {
    assert(!isComplete, "nothing is older than a put or delete")
    operands.append(Operand(kind: kind, value: value))
    if let pin { self.pin(pin) }
  }

  /// Lets `collect` append operands, older than all so far, whose bytes a pin keeps valid.
  ///
  /// - Returns: What `collect` returns.
  package func appending(_ collect: (inout [Operand]) -> Bool) -> Bool { collect(&operands) }

  func countBlock() { blockCount &+= 1 }

  /// Copies bytes that may go; the copy stays valid until the next `copying`.
  func copying(_ bytes: ByteView) -> ByteView {
    copied.clear(keepingAtMost: 16 << 10)
    copied.append(bytes)
    return copied.view
  }

  /// Keeps `object` alive until the next `clear`.
  package func pin(_ object: AnyObject) {
    if let last = pins.last, last === object { return }
    pins.append(object)
  }

  package func clear() {
    if !operands.isEmpty { operands.removeAll(keepingCapacity: true) }
    if !pins.isEmpty { pins.removeAll(keepingCapacity: true) }
    blockCount = 0
  }
}

/// What a point read found.
package enum Lookup: Sendable, Equatable {
  case found, absent
}

extension OperandList {
  /// A key whose newest entry is a `delete`, or that has none, is absent.
  var lookup: Lookup {
    guard let newest = operands.first, newest.kind != .delete else { return .absent }
    return .found
  }
}
