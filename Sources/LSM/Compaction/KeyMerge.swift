// The heart of flush and compaction: every key of the sources, once, through the merger, into the
// output.

internal import Bytes

/// Merges sorted sources into table files, one entry a key.
struct KeyMerge: ~Copyable {
  private let merger: any ValueMerger
  private var older: OlderFiles
  private let shouldStop: @Sendable () -> Bool
  private var operands: [Operand] = []
  private var merged = ByteBuffer(capacity: 4 << 10)

  /// Keys between two looks at `shouldStop`, for jobs that write little.
  private static let keysPerCheck = 4_096

  init(_ environment: JobEnvironment, older: OlderFiles) {
    merger = environment.merger
    self.older = older
    shouldStop = environment.shouldStop
  }

  mutating func run(_ cursor: MergingCursor, into output: TableOutput) throws(EngineError) {
    try cursor.seekToFirst()
    var untilCheck = KeyMerge.keysPerCheck
    while cursor.isValid {
      let key = cursor.key
      operands.removeAll(keepingCapacity: true)
      repeat {
        let kind = cursor.kind
        operands.append(Operand(kind: kind, value: cursor.value))
        if kind.hidesOlder { break }
      } while try cursor.nextEntryOfKey()
      try merge(key, into: output)
      try cursor.nextKey()
      untilCheck -= 1
      if untilCheck == 0 {
        if shouldStop() { throw .closed }
        untilCheck = KeyMerge.keysPerCheck
      }
    }
  }

  private mutating func merge(_ key: ByteView, into output: TableOutput) throws(EngineError) {
    let isOldest = !older.mayHold(key)
    merged.clear(keepingAtMost: 1 << 20)
    switch merger.merge(key: key, operands: operands, isOldest: isOldest, into: &merged) {
    case .unchanged:
      precondition(operands.count == 1, "only a single operand can stay as it is")
      if operands[0].kind == .delete, isOldest { return }
      try output.add(key: key, kind: operands[0].kind, value: operands[0].value)
    case .put: try output.add(key: key, kind: .put, value: merged.view)
    case .merge: try output.add(key: key, kind: .merge, value: merged.view)
    case .delete:
      if !isOldest { try output.add(key: key, kind: .delete, value: ByteView()) }
    case .nothing:
      // A key without state hides what is older, whether or not the merger thought of it.
      if !isOldest { try output.add(key: key, kind: .delete, value: ByteView()) }
    }
  }
}
