// Limits of the data model (Bigtable's, where it has them).

/// Hard limits on names, keys, values and requests.
package enum DataModelLimits {
  /// Bytes of a row key, at least 1.
  package static let rowKeyByteCount = 4_096
  /// Bytes of a qualifier; may be empty.
  package static let qualifierByteCount = 16 << 10
  /// Bytes of a value.
  package static let valueByteCount = 100 << 20
  /// Bytes of a row with all its versions.
  package static let rowByteCount = 256 << 20
  /// Mutations in one request, all rows together.
  package static let mutationCount = 100_000
  /// Characters of a table name: `[_a-zA-Z0-9][-_.a-zA-Z0-9]*`.
  package static let tableNameByteCount = 50
  /// Bytes of a family name: `[-_.a-zA-Z0-9]+`.
  package static let familyNameByteCount = 64
  package static let familyCount = 100
  package static let tableCount = 1_000
  /// Keys at which a table is said to be split when it is made.
  package static let splitCount = 1_000
  /// Authorized views of a table, and what one may list.
  package static let viewCount = 100
  package static let viewPartCount = 1_000
  /// Keys of a batch read.
  package static let batchGetKeyCount = 1_000
  /// Characters of a label that a filter gives to cells.
  package static let labelByteCount = 15
  /// Nesting of filters and GC rules.
  package static let filterDepth = 20
  /// Nodes of one filter; stands for Bigtable's 20,480 bytes.
  package static let filterNodeCount = 1_000
  /// Cells that one filter may look at and copy for one row, before it is refused: interleaves in
  /// a chain multiply cells.
  package static let filterCellCount = 4_000_000
  /// Rules of one read-modify-write.
  package static let ruleCount = 100_000
}
