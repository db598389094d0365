// Garbage-collection rules of a family: which cells may go. Carried out at compaction; a read may
// see a doomed cell until then unless its table collects on read.

/// When a cell is garbage.
package indirect enum GCRule: Sendable, Hashable {
  /// All but the newest `n` cells of a column; n ≥ 1.
  case maxVersions(Int)
  /// Cells older than this many microseconds; ≥ 1 ms.
  case maxAge(microseconds: Int64)
  /// Garbage when any of the rules says so.
  case union([GCRule])
  /// Garbage when all of the rules say so.
  case intersection([GCRule])
}
