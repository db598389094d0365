// Fields of protobuf messages as drafts: what is filled in later has a fixed length, so that all
// lengths are known when a message is drafted.

import Bytes

extension Dialect {
  /// A field of bytes, a string or a message.
  func field(_ number: UInt64, _ draft: Draft) -> Draft {
    var prefix = ByteBuffer()
    prefix.append(varint: number << 3 | 2)
    prefix.append(varint: draft.bytes.count)
    var field = Draft()
    field.append(prefix.array)
    field.append(draft)
    return field
  }

  func field(_ number: UInt64, _ text: String) -> Draft { field(number, Draft(text)) }

  func number(_ number: UInt64, _ value: UInt64) -> Draft {
    var bytes = ByteBuffer()
    bytes.append(varint: number << 3)
    bytes.append(varint: value)
    var field = Draft()
    field.append(bytes.array)
    return field
  }
}

extension Draft {
  static func + (left: Draft, right: Draft) -> Draft {
    var sum = left
    sum.append(right)
    return sum
  }

  static func + (left: Draft, right: String) -> Draft { left + Draft(right) }
}
