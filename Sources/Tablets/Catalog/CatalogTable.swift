// A table as the catalog knows it, and the totals that outlive the process.

internal import DataModel
internal import LSM

/// One table's row and what belongs to it.
struct CatalogTable: Sendable {
  /// Given once, never again; names the table's directory.
  let id: Int64
  var schema: TableSchema
  var nextFamilyID: UInt32
  /// The newest commit before a family's rule was changed, by family id; see `CollectionHorizon`.
  var gcSince: [UInt32: SequenceNumber] = [:]
  var totals = TableTotals()
}

/// Totals of a table since it was created; saved at close and by the background pass, so a killed
/// server loses what came after the last of these.
struct TableTotals: Sendable, Equatable {
  var puts: UInt64 = 0
  var deletes: UInt64 = 0
  /// Microseconds.
  var lastWrite: Int64?
  var maxCellTimestamp: Int64?
}
