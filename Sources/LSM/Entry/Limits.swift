// Every hard limit of the engine, with its unit and its reason.

/// Hard limits; a breach is an error before memory is taken.
package enum Limits {
  /// Bytes of a key. Bigtable's row key limit (4,096).
  package static let keyByteCount = 4_096
  /// Bytes of a value: a whole row of 256 MiB and its framing.
  package static let valueByteCount = (256 << 20) + (16 << 20)
  /// Bytes of a value that merging makes of many: more than changes can add up to before somebody
  /// sees that there are too many (four largest rows), and within what LZ4 takes.
  package static let mergedValueByteCount = 1 << 30
  /// Bytes of one encoded batch: one largest value or many small ones.
  package static let batchByteCount = valueByteCount + (1 << 20)
  /// Levels of table files, level 0 included: with a multiplier of 10 and 64 MiB in level 1, five
  /// sorted levels hold 700 GiB; the sixth is reserve.
  package static let levelCount = 7
}
