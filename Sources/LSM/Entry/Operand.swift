// The entries of one key that a read has to combine, newest first: any number of `merge` entries,
// ended by at most one `put` or `delete`. Reads of a key that was written once, or has been
// compacted, find exactly one.

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
