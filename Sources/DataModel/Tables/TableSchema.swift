// A table's definition as it stands at one moment, with what encoders and readers look up in it.
// Replaced as a whole by every schema change; a row that was read names the one it was read under.

package import Bytes

/// An immutable view of a table's definition with its family ids.
package final class TableSchema: Sendable {
  package let definition: TableDefinition
  /// Family name bytes by family index (name order), for encoders.
  package let familyNames: [[UInt8]]
  /// The same as views, for what copies them: no array is counted in and out for a cell.
  private let nameViews: [ByteView]
  /// What they point into; never changed.
  private let nameBytes: ByteBuffer
  /// Family ids by family index. An id is given once and never again, so that the cells of a
  /// dropped family can never show under a new one of the same name.
  package let familyIDs: [UInt32]
  /// Counts the table's schema changes.
  package let version: UInt64

  /// - Precondition: one id a family, in the order of `definition.families`.
  package init(definition: TableDefinition, familyIDs: [UInt32], version: UInt64) {
    precondition(familyIDs.count == definition.families.count, "one id a family")
    self.definition = definition
    self.familyNames = definition.families.map { Array($0.name.utf8) }
    var bytes = ByteBuffer()
    for name in familyNames { bytes.append(name) }
    var end = 0
    nameViews = familyNames.map { name in
      defer { end += name.count }
      return bytes.view[end..<end + name.count]
    }
    nameBytes = bytes
    self.familyIDs = familyIDs
    self.version = version
  }

  /// The name of the family at `index`, valid as long as the schema; nil where there is none.
  package func familyName(at index: Int) -> ByteView? {
    index < nameViews.count ? nameViews[index] : nil
  }

  /// The index (name order) of the family called `name`; nil when there is none.
  package func familyIndex(of name: ByteView) -> Int? {
    for (index, candidate) in familyNames.enumerated() {
      if ByteView.of(candidate, { $0 == name }) { return index }
    }
    return nil
  }
}
