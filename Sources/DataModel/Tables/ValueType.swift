// Declared value types: how JSON and CSV show a column's bytes, and what a write must look like.

/// The declared type of a family's or column's values.
package enum ValueType: String, Sendable, CaseIterable {
  /// Valid UTF-8.
  case utf8
  /// 8 bytes, big-endian two's complement, as Bigtable counters.
  case int64
  /// 8 bytes, big-endian IEEE 754 bits.
  case float64
  /// JSON text (RFC 8259).
  case json
  /// Anything.
  case bytes
}

/// How an aggregate family combines what is added to a cell; its values are int64.
package enum AggregateKind: String, Sendable, CaseIterable {
  case sum, min, max
}
