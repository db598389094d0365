// What a read wants of each row.

/// One selected column, or a whole family.
package struct ColumnSelector: Sendable, Hashable {
  package var family: String
  /// nil selects the family.
  package var qualifier: [UInt8]?
  package init(family: String, qualifier: [UInt8]? = nil) {
    self.family = family
    self.qualifier = qualifier
  }
}

/// What a read wants of each row.
package struct ReadOptions: Sendable, Hashable {
  /// Empty selects everything. An unknown family is an error (`notFound`).
  package var columns: [ColumnSelector]
  /// Newest cells of each column; 0 is all.
  package var versions: Int
  /// Applied after the above.
  package var filter: RowFilter?
  /// What of the table exists for this read: applied before the filter.
  package var subset: TableSubset?

  package init(
    columns: [ColumnSelector] = [], versions: Int = 1, filter: RowFilter? = nil,
    subset: TableSubset? = nil
  ) {
    self.columns = columns
    self.versions = versions
    self.filter = filter
    self.subset = subset
  }
}

/// Which rows a scan reads, and how many.
package struct ScanRequest: Sendable {
  package var range: RowRange
  package var reversed: Bool
  /// Rows with at least one cell; 0 is no limit.
  package var limit: Int
  package var options: ReadOptions
  package init(
    range: RowRange = .all, reversed: Bool = false, limit: Int = 0,
    options: ReadOptions = ReadOptions()
  ) {
    self.range = range
    self.reversed = reversed
    self.limit = limit
    self.options = options
  }
}
