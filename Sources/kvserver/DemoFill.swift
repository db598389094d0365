// `--demo`: the demo tables in an empty directory.

internal import Bytes
internal import DataModel
internal import DemoData
internal import Logging
internal import Runtime
internal import Synchronization
internal import Tablets

/// Fills the demo tables.
struct DemoFill {
  /// Companies of one round of commits: a few hundred KiB.
  private static let companiesAtOnce = 250

  let service: TableService
  let logger: Logger
  let time: any TimeSource

  /// Makes and fills the tables, or leaves a directory with tables as it is.
  ///
  /// - Parameter isStopped: Asked between commits; what is filled by then stays.
  func run(companyCount: Int, isStopped: () -> Bool) throws(StartFailure) {
    let existing = service.definitions().map(\.name)
    guard existing.isEmpty else {
      logger.notice(
        "the directory has tables already: the demo is left out",
        metadata: ["tables": "\(existing.joined(separator: ","))"])
      return
    }
    let start = time.monotonicNanoseconds
    do {
      for definition in DemoTables.definitions { try service.createTable(definition) }
      var generator = DemoGenerator(companyCount: companyCount)
      var batch = DemoBatch()
      while !isStopped(), generator.next(DemoFill.companiesAtOnce, into: &batch) {
        try commit(&batch)
      }
    } catch {
      throw StartFailure("cannot fill the demo tables: \(StartFailure(error).message)")
    }
    let milliseconds = (time.monotonicNanoseconds - start) / 1_000_000
    logger.info(
      "demo tables filled", metadata: ["companies": "\(companyCount)", "ms": "\(milliseconds)"])
  }

  private func commit(_ batch: inout DemoBatch) throws(TableServiceError) {
    let outcome = DemoOutcome()
    try mutate(DemoTables.companies, &batch.companies, outcome)
    try mutate(DemoTables.scoreEvents, &batch.scoreEvents, outcome)
    try mutate(DemoTables.installments, &batch.installments, outcome)
    try mutate(DemoTables.byTier, &batch.byTier, outcome)
    try outcome.wait(for: 4)
  }

  private func mutate(
    _ name: String, _ list: inout MutationList, _ outcome: DemoOutcome
  ) throws(TableServiceError) {
    var taken = MutationList(capacity: list.byteCount)
    swap(&taken, &list)
    guard !taken.isEmpty else { return outcome.note(.success(MutationReceipt())) }
    let table = try ByteView.of(name) { (view) throws(TableServiceError) in
      try service.table(view)
    }
    table.mutate(taken) { outcome.note($0) }
  }
}

/// Collects the answers of one round.
private final class DemoOutcome: Sendable {
  private let failure = Mutex<TableServiceError?>(nil)
  private let bell = Bell()

  func note(_ result: Result<MutationReceipt, TableServiceError>) {
    let error: TableServiceError? =
      switch result {
      case .success(let receipt): receipt.rejected.first?.error
      case .failure(let error): error
      }
    if let error { failure.withLock { $0 = error } }
    bell.ring()
  }

  func wait(for count: Int) throws(TableServiceError) {
    for _ in 0..<count { bell.wait() }
    if let error = failure.withLock({ $0 }) { throw error }
  }
}
