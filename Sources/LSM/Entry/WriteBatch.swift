// A batch: entries that become durable and visible together. Its bytes are the log's payload.
//
//   batch := entry*
//   entry := kind: u8 │ keyCount: varint │ key │ valueCount: varint │ value
//
// The kind is an EntryKind tag; a `delete` has a value of no bytes.

package import Bytes

/// Entries to commit together, in order: a later entry of the same key is newer.
package struct WriteBatch: ~Copyable, Sendable {
  package private(set) var count = 0
  private var buffer: ByteBuffer

  package init(capacity: Int = 256) { buffer = ByteBuffer(capacity: capacity) }

  /// The encoded entries.
  package var encoded: ByteView { buffer.view }
  package var byteCount: Int { buffer.count }
  package var isEmpty: Bool { count == 0 }

  /// - Precondition: the key is at most `Limits.keyByteCount` bytes; the caller has checked.
  package mutating func append(_ kind: EntryKind, key: ByteView, value: ByteView) {
    precondition(key.count <= Limits.keyByteCount, "key within limit")
    precondition(value.count <= Limits.valueByteCount, "value within limit")
    precondition(kind != .delete || value.isEmpty, "a delete carries no value")
    buffer.reserve(21 + key.count + value.count)
    buffer.append(kind.rawValue)
    buffer.append(lengthPrefixed: key)
    buffer.append(lengthPrefixed: value)
    count += 1
  }

  /// The same with a value that `fill` appends, of exactly `valueByteCount` bytes.
  package mutating func append(
    _ kind: EntryKind, key: ByteView, valueByteCount: Int, _ fill: (inout ByteBuffer) -> Void
  ) {
    precondition(key.count <= Limits.keyByteCount, "key within limit")
    precondition(valueByteCount <= Limits.valueByteCount, "value within limit")
    precondition(kind != .delete, "a delete carries no value")
    buffer.reserve(21 + key.count + valueByteCount)
    buffer.append(kind.rawValue)
    buffer.append(lengthPrefixed: key)
    buffer.append(varint: valueByteCount)
    let end = buffer.count + valueByteCount
    fill(&buffer)
    precondition(buffer.count == end, "a value is as long as was said")
    count += 1
  }

  /// A place in a batch to come back to.
  package struct Mark: Sendable {
    fileprivate let byteCount: Int
    fileprivate let count: Int
  }

  /// The batch's end as it is now.
  package var mark: Mark { Mark(byteCount: buffer.count, count: count) }

  /// The entries appended since `mark`.
  package func encoded(from mark: Mark) -> ByteView { buffer.view.dropFirst(mark.byteCount) }

  /// Forgets the entries appended since `mark`.
  package mutating func rollBack(to mark: Mark) {
    buffer.truncate(to: mark.byteCount)
    count = mark.count
  }

  package mutating func clear() {
    buffer.clear(keepingAtMost: 1 << 20)
    count = 0
  }
}

/// Reads the entries of an encoded batch. Input from a log is checked; a damaged batch throws.
package struct WriteBatchReader {
  private var reader: ByteReader

  package init(_ encoded: ByteView) { reader = ByteReader(encoded) }

  /// The next entry, or nil at the end.
  package mutating func next() throws(ByteReadError) -> (
    kind: EntryKind, key: ByteView, value: ByteView
  )? {
    if reader.isAtEnd { return nil }
    guard let kind = EntryKind(rawValue: try reader.byte()) else { throw .lengthOutOfRange }
    let key = try reader.lengthPrefixed()
    guard key.count <= Limits.keyByteCount else { throw .lengthOutOfRange }
    let value = try reader.lengthPrefixed()
    guard value.count <= Limits.valueByteCount, kind != .delete || value.isEmpty else {
      throw .lengthOutOfRange
    }
    return (kind, key, value)
  }
}
