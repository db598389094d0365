// Every change of the bytes in an engine's directory, with its reason, newest last. The manifest
// carries the number; log and table files carry their own beside it.

/// A format that this program reads.
package enum FormatVersion: UInt32, CaseIterable, Sendable {
  /// The first: manifest of edits, recycled logs, table files with one entry a key.
  case first = 1
  /// Logs are made ready before the one in front of them ends: their headers do not say where that
  /// one ended, its seal does. A program that knows only the first would find them damaged.
  case logsMadeReady = 2

  package static let newest = FormatVersion.logsMadeReady
}
