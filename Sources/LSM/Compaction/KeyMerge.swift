// The heart of flush and compaction: every key of the sources, once, through the merger, into the
// output.

internal import Bytes

/// Merges sorted sources into table files, one entry a key.
struct KeyMerge: ~Copyable {
  private let merger: any ValueMerger
  private var older: OlderFiles
  private let newer: NewerEntries
  private let shouldStop: @Sendable () -> Bool
  private var merged = MergeOutput(capacity: 4 << 10)
  /// Keys that are passed over as if they were not there.
  private let hole: KeyRange?
  /// Some key left nothing behind.
  private var hasDroppedKeys = false
  /// Keys of which the merger has collected something.
  private var collected = CollectedKeys()

  /// Keys between two looks at `shouldStop`, for jobs that write little.
  private static let keysPerCheck = 4_096

  init(
    _ environment: JobEnvironment, older: OlderFiles, newer: NewerEntries, hole: KeyRange? = nil
  ) {
    self.hole = hole
    merger = environment.merger
    self.older = older
    self.newer = newer
    shouldStop = environment.shouldStop
  }

  /// Merges the sources into files of a level.
  ///
  /// - Parameter newest: The highest number among the sources' entries.
  /// - Throws: What stopped it; no file is left then.
  consuming func run(
    _ sources: consuming ForwardMerge, into output: TableOutput, level: Int,
    upTo newest: SequenceNumber, bytesRead: UInt64
  ) throws(EngineError) -> JobResult {
    do throws(EngineError) {
      try run(&sources, into: output)
      try output.finish()
    } catch {
      output.abandon()
      throw error
    }
    var edit = VersionEdit()
    for table in output.tables { edit.add(table, toLevel: level) }
    return JobResult(
      edit: edit, bytesRead: bytesRead, bytesWritten: output.bytesWritten,
      droppedUpTo: hasDroppedKeys ? newest : .zero, collected: collected)
  }

  private mutating func run(
    _ sources: inout ForwardMerge, into output: TableOutput
  ) throws(EngineError) {
    try sources.seekToFirst()
    var untilCheck = KeyMerge.keysPerCheck
    while try sources.nextKey() {
      if !(hole?.contains(sources.key) ?? false) {
        try merge(sources.key, sources.operands, sources.use, into: output)
      }
      untilCheck -= 1
      if untilCheck == 0 {
        if shouldStop() { throw .closed }
        untilCheck = KeyMerge.keysPerCheck
      }
    }
  }

  /// - Parameter use: Of the block that the key comes from.
  private mutating func merge(
    _ key: ByteView, _ operands: [Operand], _ use: BlockUse, into output: TableOutput
  ) throws(EngineError) {
    let isOldest = !older.mayHold(key)
    merged.clear(keepingAtMost: 1 << 20)
    let outcome = merger.merge(
      key: key, operands: operands, isOldest: isOldest, newer: newer, into: &merged)
    if merged.hasCollected { collected.add(key.persistedHash) }
    switch outcome {
    case .unchanged:
      precondition(operands.count == 1, "only a single operand can stay as it is")
      if operands[0].kind == .delete { return try delete(key, isOldest, use, output) }
      try output.add(key: key, kind: operands[0].kind, value: operands[0].value, use)
    case .put: try add(key, .put, use, output)
    case .merge: try add(key, .merge, use, output)
    // A key without state hides what is older, whether or not the merger thought of it.
    case .delete, .nothing: try delete(key, isOldest, use, output)
    }
  }

  private mutating func delete(
    _ key: ByteView, _ isOldest: Bool, _ use: BlockUse, _ output: TableOutput
  ) throws(EngineError) {
    if isOldest {
      hasDroppedKeys = true
    } else {
      try output.add(key: key, kind: .delete, value: ByteView(), use)
    }
  }

  /// Values within their limit can add up to one that no table file takes.
  private func add(
    _ key: ByteView, _ kind: EntryKind, _ use: BlockUse, _ output: TableOutput
  ) throws(EngineError) {
    guard merged.bytes.count <= Limits.mergedValueByteCount else {
      throw .invalid(
        "key \"\(key)\" has come to \(merged.bytes.count) bytes; the limit is "
          + "\(Limits.mergedValueByteCount)")
    }
    try output.add(key: key, kind: kind, value: merged.bytes.view, use)
  }
}
