// How many cells a row has, roughly: counted on a few rows at either end of the table, at most
// once in ten seconds. It may wait for the disk, as all of statistics may.

internal import Bytes
internal import DataModel
internal import Runtime
internal import Synchronization
internal import VFS

/// The last sample of one table.
final class CellSample: Sendable {
  private struct Sample {
    var cellsPerRow = 1.0
    var takenNanoseconds: UInt64?
  }

  private static let rowCount = 32
  private static let lifeNanoseconds: UInt64 = 10_000_000_000
  private let last = Mutex(Sample())

  func cellsPerRow(of table: Table) -> Double {
    let now = table.time.monotonicNanoseconds
    let known = last.withLock { sample -> Double? in
      guard let taken = sample.takenNanoseconds, now &- taken < CellSample.lifeNanoseconds else {
        // Whoever comes meanwhile gets the old figure.
        sample.takenNanoseconds = now
        return nil
      }
      return sample.cellsPerRow
    }
    if let known { return known }
    var rows = 0
    var cells = 0
    let row = RowBuffer()
    for reversed in [false, true] {
      let request = ScanRequest(
        reversed: reversed, limit: CellSample.rowCount, options: ReadOptions(versions: 0))
      guard let scan = try? table.scan(request) else { continue }
      while let step = try? scan.next(into: row, wait: .allowed), step == .row {
        rows += 1
        cells += row.cells.count
      }
    }
    return last.withLock { sample in
      if rows > 0 { sample.cellsPerRow = Double(cells) / Double(rows) }
      return sample.cellsPerRow
    }
  }
}
