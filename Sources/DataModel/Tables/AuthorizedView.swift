// Authorized views (google.bigtable.admin.v2.AuthorizedView): a part of a table's rows and columns
// under a name of its own. What is read through one is in it; what is written has to be.

package import Bytes

/// Which rows and columns of a table.
package struct TableSubset: Sendable, Hashable {
  /// Columns of one family: these, and all that begin with one of the prefixes.
  package struct Columns: Sendable, Hashable {
    package var qualifiers: [[UInt8]]
    package var prefixes: [[UInt8]]

    package init(qualifiers: [[UInt8]] = [], prefixes: [[UInt8]] = []) {
      self.qualifiers = qualifiers
      self.prefixes = prefixes
    }

    package func contains(_ qualifier: ByteView) -> Bool {
      qualifiers.contains { ByteView.of($0) { $0 == qualifier } }
        || prefixes.contains { ByteView.of($0) { qualifier.hasPrefix($0) } }
    }

    /// Every column there may ever be.
    package var isWhole: Bool { prefixes.contains([]) }
  }

  /// Keys that begin with one of these; an empty prefix is every key.
  package var rowPrefixes: [[UInt8]]
  package var families: [String: Columns]

  package init(rowPrefixes: [[UInt8]] = [], families: [String: Columns] = [:]) {
    self.rowPrefixes = rowPrefixes
    self.families = families
  }

  package func contains(key: ByteView) -> Bool {
    rowPrefixes.contains { ByteView.of($0) { key.hasPrefix($0) } }
  }

  /// The part of a range of rows that may be in it, in key order and without overlap.
  package func parts(of range: RowRange) -> [RowRange] {
    let ordered = rowPrefixes.sorted { $0.lexicographicallyPrecedes($1) }
    var outermost: [[UInt8]] = []
    for prefix in ordered where !(outermost.last.map { prefix.starts(with: $0) } ?? false) {
      outermost.append(prefix)
    }
    return outermost.map { range.intersection(RowRange(prefix: $0)) }.filter { !$0.isEmpty }
  }
}

/// A subset with a name.
package struct AuthorizedView: Sendable, Hashable {
  package var name: String
  package var subset: TableSubset
  package var isProtected: Bool
  /// Grows with every change: what clients compare before they change it.
  package var version: Int64

  package init(name: String, subset: TableSubset, isProtected: Bool = false, version: Int64 = 1) {
    self.name = name
    self.subset = subset
    self.isProtected = isProtected
    self.version = version
  }
}

/// What the Bigtable API says of a table beyond its families.
package struct TableSettings: Sendable, Hashable {
  /// Cannot be dropped.
  package var isProtected = false
  /// Keys at which the table was said to be split when it was made, ascending.
  package var splits: [[UInt8]] = []
  /// By name.
  package var views: [AuthorizedView] = []

  package init() {}
}
