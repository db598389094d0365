// What can be set on a service: each with unit, default and reason.

internal import DataModel
package import LSM

/// How a service is opened.
package struct TableServiceOptions: Sendable {
  /// Bytes for memtables, caches, filters and indexes together.
  package var memoryByteCount = 1 << 30
  package var durability = Durability.sync
  package var engine = EngineOptions()
  /// Bytes of a row; smaller in tests.
  package var rowByteCount = DataModelLimits.rowByteCount
  /// The catalog's file, if not `catalog.sqlite` in the data directory. It is a file of the machine
  /// whatever the file system; a simulation names one that outlives its crashes, or `:memory:`.
  package var catalogPath: String?
  /// Nanoseconds between looks for garbage in tables with rules: ten minutes, as rules speak of
  /// hours and days; 0 for never.
  package var collectionIntervalNanoseconds: UInt64 = 600_000_000_000
  package init() {}
}
