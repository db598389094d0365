// Every change of the bytes in an engine's directory, with its reason, newest last. The manifest
// carries the number; log and table files carry their own beside it.

/// A format that this program reads.
package enum FormatVersion: UInt32, CaseIterable, Sendable {
  /// The first: manifest of edits, recycled logs, table files with one entry a key.
  case first = 1

  package static let newest = FormatVersion.first
}
