// What the parts of one engine share: what is visible, what is on disk, and whether it may still
// be written to.

internal import Bytes
internal import Runtime
internal import Synchronization
internal import VFS

/// The state of one open engine. Safe for concurrent use.
final class EngineState: Sendable {
  private struct Visible {
    var view: ReadView
    var sequence: SequenceNumber
  }

  let directory: String
  let environment: EngineEnvironment
  let options: EngineOptions
  let merger: any ValueMerger
  let versions: VersionSet
  let logs: LogFiles
  let counters = EngineCounters()
  private let visible: Mutex<Visible>
  private let readOnlyCause = Mutex<String?>(nil)
  private let memtableSeed: Atomic<UInt64>

  init(
    directory: String, environment: EngineEnvironment, options: EngineOptions,
    merger: any ValueMerger, versions: VersionSet, logs: LogFiles, recovered: LoggedMemtable,
    sequence: SequenceNumber
  ) {
    self.directory = directory
    self.environment = environment
    self.options = options
    self.merger = merger
    self.versions = versions
    self.logs = logs
    memtableSeed = Atomic(environment.randomSeed)
    let view = ReadView(active: recovered, sealed: [], version: versions.current)
    visible = Mutex(Visible(view: view, sequence: sequence))
  }

  // MARK: What is visible

  var view: ReadView { visible.withLock { $0.view } }
  var publishedSequence: SequenceNumber { visible.withLock { $0.sequence } }

  /// View and sequence of one moment.
  func snapshot() -> Snapshot {
    let now = visible.withLock { $0 }
    return Snapshot(now.view, sequence: now.sequence)
  }

  /// Makes everything up to `sequence` visible. Only the committing thread calls this.
  func publish(_ sequence: SequenceNumber) {
    visible.withLock { visible in
      assert(sequence >= visible.sequence, "what is visible stays visible")
      visible.sequence = sequence
    }
  }

  /// Puts the active memtable among the sealed ones and a new one in its place. Only the committing
  /// thread calls this, between groups.
  func sealActiveMemtable() {
    let seed = memtableSeed.wrappingAdd(0x9e37_79b9_7f4a_7c15, ordering: .relaxed).newValue
    let memtable = Memtable(memory: environment.memory, merger: merger, randomSeed: seed)
    let active = LoggedMemtable(memtable, firstLog: logs.writer.number)
    visible.withLock { visible in
      let old = visible.view
      environment.memory.sealedChanged(by: old.active.memtable.byteCount)
      visible.view = ReadView(
        active: active, sealed: [old.active] + old.sealed, version: old.version)
    }
  }

  /// Makes an edit durable and visible; the memtables it wrote out go with the same step.
  func install(_ edit: VersionEdit, flushed: [LoggedMemtable] = []) throws(EngineError) {
    _ = try versions.install(edit)
    visible.withLock { visible in
      let old = visible.view
      let sealed = old.sealed.filter { kept in !flushed.contains { $0 === kept } }
      // Read under this lock: of two installers the later one sees both edits.
      visible.view = ReadView(active: old.active, sealed: sealed, version: versions.current)
    }
    for memtable in flushed {
      environment.memory.sealedChanged(by: -memtable.memtable.byteCount)
    }
  }

  // MARK: Whether it may be written to

  /// Why nothing may be written any more; nil while all is well.
  var readOnly: EngineError? {
    readOnlyCause.withLock { cause in cause.map { .readOnly(cause: $0) } }
  }

  /// Ends writing for good. The first cause stays.
  func becomeReadOnly(_ cause: EngineError) {
    let text =
      if case .readOnly(let earlier) = cause { earlier } else { "\(cause)" }
    let isFirst = readOnlyCause.withLock { cause in
      guard cause == nil else { return false }
      cause = text
      return true
    }
    if isFirst { environment.events(.becameReadOnly(directory: directory, cause: text)) }
  }

  var now: UInt64 { environment.time.monotonicNanoseconds }

  // MARK: Jobs

  /// Writes a sealed memtable, the oldest, to level 0; its logs are free then.
  func flush(_ oldest: LoggedMemtable) throws(EngineError) {
    let view = view
    let index = view.sealed.lastIndex { $0 === oldest } ?? 0
    let next = index > 0 ? view.sealed[index - 1] : view.active
    var edit = VersionEdit()
    if let table = try InterimFlush(state: self, memtable: oldest.memtable).run() {
      edit.add(table, toLevel: 0)
    }
    edit.oldestLogNumber = next.firstLog.rawValue
    edit.lastSequence = oldest.memtable.lastSequence
    try install(edit, flushed: [oldest])
    logs.release(below: next.firstLog)
  }
}

struct InterimFlush {
  let state: EngineState
  let memtable: Memtable

  func run() throws(EngineError) -> TableMetadata? {
    let number = state.versions.newFileNumber()
    let path = FileName.table(number).path(in: state.directory)
    let fileSystem = state.environment.fileSystem
    do {
      let file = try fileSystem.create(path)
      let builder = TableBuilder(file: file, options: TableOptions())
      let cursor = memtable.cursor(at: SequenceNumber(.max))
      cursor.seekToFirst()
      var output = ByteBuffer()
      while cursor.isValid {
        let key = cursor.key
        var operands: [Operand] = []
        while cursor.isValid, cursor.key == key {
          operands.append(Operand(kind: cursor.kind, value: cursor.value))
          cursor.next()
        }
        output.clear()
        switch state.merger.merge(key: key, operands: operands, isOldest: false, into: &output) {
        case .unchanged: try builder.add(key: key, kind: operands[0].kind, value: operands[0].value)
        case .put: try builder.add(key: key, kind: .put, value: output.view)
        case .merge: try builder.add(key: key, kind: .merge, value: output.view)
        case .delete: try builder.add(key: key, kind: .delete, value: ByteView())
        case .nothing: break
        }
      }
      var attributes = TableAttributes()
      attributes.smallestSequence = memtable.firstSequence
      attributes.largestSequence = memtable.lastSequence
      let summary = try builder.finish(attributes)
      try fileSystem.syncDirectory(state.directory)
      let facts = summary.properties
      return TableMetadata(
        number: number, byteCount: summary.byteCount, smallestKey: facts.smallestKey,
        largestKey: facts.largestKey, smallestSequence: memtable.firstSequence,
        largestSequence: memtable.lastSequence, entryCount: facts.entryCount,
        tombstoneCount: facts.tombstoneCount, mergeCount: facts.mergeCount)
    } catch let error as EngineError {
      try? fileSystem.remove(path)
      throw error
    } catch {
      try? fileSystem.remove(path)
      throw (error as? FileError).map { EngineError($0) } ?? .closed
    }
  }
}
