// Schema changes and tidying up.

import DataModel
import LSM
import TestSupport
import Tablets

extension StoreRun {
  func create(_ wanted: TableDefinition) throws {
    var definition = wanted
    if setup.options.forcesGCOnRead { definition.gcOnRead = true }
    var after = expected
    try change(
      definition.name, doubt: .created(definition),
      foretell: { () throws(ModelRefusal) in try after.create(definition) },
      ask: { service throws(TableServiceError) in try service.createTable(definition) },
      done: { expected = after })
  }

  func drop(_ name: String) throws {
    var after = expected
    try change(
      name, doubt: .dropped,
      foretell: { () throws(ModelRefusal) in try after.drop(name) },
      ask: { service throws(TableServiceError) in try service.dropTable(name) },
      done: { expected = after })
  }

  func alter(_ name: String, _ changes: [TableChange]) throws {
    var after = expected
    try change(
      name, doubt: .altered(changes),
      foretell: { () throws(ModelRefusal) in try after.alter(name, changes, now: now) },
      ask: { service throws(TableServiceError) in
        _ = try service.alterTable(name, changes)
      },
      done: { expected = after })
  }

  private func change(
    _ name: String, doubt: SchemaDoubt, foretell: () throws(ModelRefusal) -> Void,
    ask: (TableService) throws(TableServiceError) -> Void, done: () -> Void
  ) throws {
    guard let service else { throw Difference("no store is open") }
    var refusal: ModelRefusal?
    do throws(ModelRefusal) { try foretell() } catch { refusal = error }
    if refusal == nil { underWay.doubts[name] = doubt }
    var failure: TableServiceError?
    do throws(TableServiceError) { try ask(service) } catch { failure = error }
    if let failure {
      if let refusal, code(of: failure) == refusal.code { return fold(refusal.code) }
      try tolerate(failure, "\(doubt) of \(name)")
      if refusal == nil { expected.doubts[name] = doubt }
    } else {
      if let refusal { throw Difference("\(doubt) of \(name) took \(refusal.code)") }
      fold("changed")
      done()
    }
    guard service.definitions() == expected.store.definitions else {
      throw Difference(
        "definitions are \(service.definitions()), expected \(expected.store.definitions)")
    }
  }

  /// A flush or compaction: afterwards everything is in table files.
  func tidy(_ name: String, _ tidy: (Table) throws(TableServiceError) -> Void) throws {
    guard let (table, _) = try find(name) else { return }
    do throws(TableServiceError) {
      try tidy(table)
      noteFaults()
      expected.everythingIsDurable(in: name)
    } catch {
      try tolerate(error, "tidying \(name)")
    }
  }
}
