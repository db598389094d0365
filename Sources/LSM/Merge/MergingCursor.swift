// The merge of sources in key order: keys ascend, entries of one key come newest source first.
//
// The sources that stand at the current key form the `group`, newest first; all others wait in a
// binary heap by key, then age. Sources with one entry a key stay where they are until the whole
// group moves on: what was read from them stays valid, and a step back costs no seek.
//
// A level that alone has the current key begins a run: within its block, a step is a look at the
// next entry and one comparison with the heap's top, or none where no other source is left.
//
// Backwards the heap is turned round: every source stands at its last key before a bound, and the
// largest key comes next. Turning round seeks every source once.

package import Bytes
package import VFS

/// Entries of several sources in order.
package final class MergingCursor: EntryCursor {
  private enum Direction { case forward, backward }

  /// How far a source of the group has moved within the current key.
  private enum Progress {
    /// At the key's newest entry in that source.
    case newest
    /// At an older entry of the key.
    case older
    /// Past the key.
    case past
  }

  /// A source and where it stands. What it is said by type is called without a witness table, and
  /// without counting references: `sources` holds them all.
  private struct Lane {
    var key = ByteView()
    var progress = Progress.newest
    let isUnique: Bool
    let level: Unmanaged<LevelCursor>?
    let memtable: Unmanaged<SequencedCursor>?
  }

  /// Steps over older entries of one key before a seek past them is cheaper.
  private static let skipLimit = 8

  private let sources: [any EntryCursor]
  /// One a source; a key is valid as long as its source does not move.
  private let lanes: UnsafeMutablePointer<Lane>
  /// Lanes that wait, `heapCount` of them.
  private let heap: UnsafeMutablePointer<Int>
  private var heapCount = 0
  /// Lanes that stand at the current key, `groupCount` of them.
  private let group: UnsafeMutablePointer<Int>
  private var groupCount = 0
  /// Index in `group` of the source with the current entry; its count when the key is used up.
  private var member = 0
  private var direction = Direction.forward
  /// The table file of a level that alone has the current key; nil where there is none such. Its
  /// level holds it until that moves.
  private var run: Unmanaged<TableCursor>?
  /// Up to where the run needs to look at nothing else: the next source's key, or `stop`; nil for
  /// no end. Found by the run's first step.
  private var runEnd: ByteView?
  private var knowsRunEnd = false
  /// The first key that the owner does not want, who keeps it; nil for none.
  var stop: ByteView?
  /// The last step of a run is known to be before `stop`.
  private(set) var isBeforeStop = false
  /// A copy of a key that must outlive its source's move.
  private var savedKey = ByteBuffer()

  package private(set) var key = ByteView()
  /// Of the current entry; meaningful while the cursor is valid.
  package private(set) var kind = EntryKind.put
  package private(set) var value = ByteView()

  package var wait: ReadWait = .allowed {
    didSet { for source in sources { source.wait = wait } }
  }

  /// - Parameter sources: Newest first. A source that is not `hasUniqueKeys` must keep the bytes
  ///   of its entries valid for its whole life (a memtable's arena does).
  package init(_ sources: [any EntryCursor]) {
    self.sources = sources
    lanes = .allocate(capacity: sources.count)
    heap = .allocate(capacity: 2 * sources.count)
    group = heap + sources.count
    for (index, source) in sources.enumerated() {
      (lanes + index).initialize(
        to: Lane(
          isUnique: source.hasUniqueKeys,
          level: (source as? LevelCursor).map { Unmanaged.passUnretained($0) },
          memtable: (source as? SequencedCursor).map { Unmanaged.passUnretained($0) }))
    }
  }

  deinit {
    // Lanes and places in them need no clearing away.
    lanes.deallocate()
    heap.deallocate()
  }

  package var isValid: Bool { @inline(__always) get { member < groupCount } }
  /// Whether a level alone has the current key.
  var isInRun: Bool { run != nil }

  package func pinCurrent(into pins: inout [AnyObject]) {
    precondition(isValid, "an entry needs a position")
    sources[group[member]].pinCurrent(into: &pins)
  }

  /// Appends what keeps the values of all the key's entries valid past the next move.
  package func pinKey(into pins: inout [AnyObject]) {
    for index in 0..<groupCount { sources[group[index]].pinCurrent(into: &pins) }
  }

  /// As it was made: without a position or a block.
  func close() {
    leavePosition()
    value = ByteView()
    stop = nil
    if wait != .allowed { wait = .allowed }
    for source in sources.indices {
      lanes[source].key = ByteView()
      lanes[source].level?._withUnsafeGuaranteedRef { $0.close() }
    }
  }

  /// Has memtables seen up to another sequence number.
  func see(upTo sequence: SequenceNumber) {
    for source in sources.indices {
      lanes[source].memtable?._withUnsafeGuaranteedRef { $0.see(upTo: sequence) }
    }
  }

  // MARK: - Seeks

  package func seek(to key: ByteView) throws(EngineError) {
    leavePosition()
    direction = .forward
    try approach(key)
    for source in sources.indices {
      if let level = lanes[source].level {
        try level.borrowed { (level) throws(EngineError) in try level.land(at: key) }
      } else if let memtable = lanes[source].memtable {
        memtable._withUnsafeGuaranteedRef { $0.seek(to: key) }
      } else {
        try sources[source].seek(to: key)
      }
      enqueue(source)
    }
    formGroup()
  }

  /// Takes all levels to the blocks that `key` would be in.
  private func approach(_ key: ByteView) throws(EngineError) {
    for source in sources.indices {
      try lanes[source].level?.borrowed { (level) throws(EngineError) in try level.aim(at: key) }
    }
    for source in sources.indices {
      lanes[source].level?._withUnsafeGuaranteedRef { $0.approach() }
    }
    for source in sources.indices {
      try lanes[source].level?.borrowed { (level) throws(EngineError) in try level.enter() }
    }
  }

  package func seekToFirst() throws(EngineError) {
    try restart(.forward) { (source) throws(EngineError) in try source.seekToFirst() }
  }

  package func seek(before key: ByteView) throws(EngineError) {
    try restart(.backward) { (source) throws(EngineError) in try source.seek(before: key) }
  }

  package func seekToLast() throws(EngineError) {
    try restart(.backward) { (source) throws(EngineError) in try source.seekToLast() }
  }

  private func restart(
    _ direction: Direction, _ position: (any EntryCursor) throws(EngineError) -> Void
  ) throws(EngineError) {
    leavePosition()
    self.direction = direction
    for source in sources.indices {
      try position(sources[source])
      enqueue(source)
    }
    formGroup()
  }

  // MARK: - Steps

  /// To the next entry: an older one of the key, else the newest of the next key.
  package func next() throws(EngineError) {
    if try !nextEntryOfKey() { try nextKey() }
  }

  /// To the next older entry of the current key. Views of the key's newer entries stay valid.
  ///
  /// - Returns: False when there is none; then `key` still stands, and only `nextKey` or
  ///   `previousKey` may follow.
  package func nextEntryOfKey() throws(EngineError) -> Bool {
    precondition(groupCount > 0, "a step needs a position")
    guard member < groupCount else { return false }
    let source = group[member]
    if !lanes[source].isUnique {
      let cursor = sources[source]
      do throws(EngineError) { try cursor.next() } catch { throw failed(error) }
      if cursor.isValid, cursor.key == key {
        lanes[source].progress = .older
        takeEntry(of: source)
        return true
      }
      lanes[source].progress = .past
    }
    member += 1
    guard member < groupCount else { return false }
    takeEntry(of: group[member])
    return true
  }

  /// To the next key where a run goes on within its block: one entry, which no other source has.
  ///
  /// - Returns: False when nothing has moved.
  @inline(__always)
  func nextKeyOfRun() -> Bool {
    guard let run, run._withUnsafeGuaranteedRef({ $0.stepWithinBlock() }) else { return false }
    run._withUnsafeGuaranteedRef { table in
      key = table.key
      kind = table.kind
      value = table.value
    }
    member = 0
    if !knowsRunEnd { findRunEnd() }
    isBeforeStop = true
    if let runEnd, key.compare(runEnd) >= 0 { leaveRun() }
    return true
  }

  private func findRunEnd() {
    knowsRunEnd = true
    runEnd = stop
    guard heapCount > 0 else { return }
    let next = lanes[heap[0]].key
    if let stop, stop < next { return }
    runEnd = next
  }

  /// The source of the run has stepped on to a key that another source has too, or comes before, or
  /// that nobody wants.
  private func leaveRun() {
    isBeforeStop = false
    enqueue(group[0])
    formGroup()
  }

  /// To the newest entry of the next key, from any entry of the current one.
  package func nextKey() throws(EngineError) {
    precondition(groupCount > 0, "a step needs a position")
    if nextKeyOfRun() { return }
    do throws(EngineError) {
      if direction == .backward { return try turnForward() }
      run = nil
      if groupCount == 1 {
        let source = group[0]
        try movePast(source)
        enqueue(source)
      } else {
        // `key` may be a view into a table cursor: those move last.
        for index in 0..<groupCount where !lanes[group[index]].isUnique {
          try movePast(group[index])
        }
        for index in 0..<groupCount where lanes[group[index]].isUnique {
          try movePast(group[index])
        }
        for index in 0..<groupCount { enqueue(group[index]) }
      }
      formGroup()
    } catch {
      throw failed(error)
    }
  }

  private func takeEntry(of source: Int) {
    if let level = lanes[source].level {
      level._withUnsafeGuaranteedRef {
        kind = $0.kind
        value = $0.value
      }
    } else if let memtable = lanes[source].memtable {
      memtable._withUnsafeGuaranteedRef {
        kind = $0.kind
        value = $0.value
      }
    } else {
      kind = sources[source].kind
      value = sources[source].value
    }
  }

  /// To the newest entry of the previous key, from any entry of the current one.
  package func previousKey() throws(EngineError) {
    precondition(groupCount > 0, "a step needs a position")
    do throws(EngineError) {
      let bound = saveKey()
      if direction == .forward {
        return try restart(.backward) { (source) throws(EngineError) in
          try source.seek(before: bound)
        }
      }
      for index in 0..<groupCount {
        let source = group[index]
        if lanes[source].progress == .newest {
          try sources[source].previousKey()
        } else {
          try sources[source].seek(before: bound)
        }
        enqueue(source)
      }
      formGroup()
    } catch {
      throw failed(error)
    }
  }

  /// Every source stands at or before the current key; leads all past it.
  private func turnForward() throws(EngineError) {
    let bound = saveKey()
    leavePosition()
    direction = .forward
    key = bound
    for source in sources.indices {
      try sources[source].seek(to: bound)
      if sources[source].isValid, sources[source].key == key {
        lanes[source].progress = .newest
        try movePast(source)
      }
      enqueue(source)
    }
    formGroup()
  }

  /// Moves a source of the group past the current key.
  @inline(__always)
  private func movePast(_ source: Int) throws(EngineError) {
    if let level = lanes[source].level {
      if level._withUnsafeGuaranteedRef({ $0.stepWithinBlock() }) { return }
      return try level.borrowed { (level) throws(EngineError) in try level.next() }
    }
    guard lanes[source].progress != .past else { return }
    if let memtable = lanes[source].memtable {
      return memtable._withUnsafeGuaranteedRef { $0.nextKey() }
    }
    if lanes[source].isUnique { return try sources[source].next() }
    try moveManyPast(source)
  }

  private func moveManyPast(_ source: Int) throws(EngineError) {
    let cursor = sources[source]
    for _ in 0..<MergingCursor.skipLimit {
      try cursor.next()
      guard cursor.isValid, cursor.key == key else { return }
    }
    // The least key after this one.
    var after = ByteBuffer(capacity: key.count + 1)
    after.append(key)
    after.append(0 as UInt8)
    try cursor.seek(to: after.view)
  }

  /// A copy of the current key, until the next one is made.
  private func saveKey() -> ByteView {
    savedKey.clear()
    savedKey.append(key)
    return savedKey.view
  }

  private func leaveKey() {
    groupCount = 0
    member = 0
    run = nil
    key = ByteView()
  }

  private func leavePosition() {
    heapCount = 0
    leaveKey()
  }

  /// After a failed step no source's position is known: only a seek may follow.
  private func failed(_ error: EngineError) -> EngineError {
    leavePosition()
    return error
  }

  // MARK: - Heap

  /// Makes the sources at the heap's top the group.
  private func formGroup() {
    leaveKey()
    guard heapCount > 0 else { return }
    let first = heap[0]
    key = lanes[first].key
    repeat {
      let source = heap[0]
      lanes[source].progress = .newest
      group[groupCount] = source
      groupCount &+= 1
      removeTop()
    } while heapCount > 0 && lanes[heap[0]].key == key
    takeEntry(of: first)
    if groupCount == 1, direction == .forward, let level = lanes[first].level {
      run = level._withUnsafeGuaranteedRef { $0.current }
      knowsRunEnd = false
    }
  }

  private func comesBefore(_ left: Int, _ right: Int) -> Bool {
    let order = lanes[left].key.compare(lanes[right].key)
    if order == 0 { return left < right }
    return direction == .forward ? order < 0 : order > 0
  }

  /// Notes a source's key; false when it is at its end.
  @inline(__always)
  private func noteKey(of source: Int) -> Bool {
    if let level = lanes[source].level {
      return level._withUnsafeGuaranteedRef {
        guard $0.isValid else { return false }
        lanes[source].key = $0.key
        return true
      }
    }
    if let memtable = lanes[source].memtable {
      return memtable._withUnsafeGuaranteedRef {
        guard $0.isValid else { return false }
        lanes[source].key = $0.key
        return true
      }
    }
    guard sources[source].isValid else { return false }
    lanes[source].key = sources[source].key
    return true
  }

  /// Puts a source into the heap unless it is at its end.
  private func enqueue(_ source: Int) {
    guard noteKey(of: source) else { return }
    var at = heapCount
    heapCount &+= 1
    while at > 0, comesBefore(source, heap[(at &- 1) / 2]) {
      heap[at] = heap[(at &- 1) / 2]
      at = (at &- 1) / 2
    }
    heap[at] = source
  }

  private func removeTop() {
    heapCount &-= 1
    guard heapCount > 0 else { return }
    let source = heap[heapCount]
    var at = 0
    while true {
      var child = at * 2 + 1
      guard child < heapCount else { break }
      if child + 1 < heapCount, comesBefore(heap[child + 1], heap[child]) { child += 1 }
      guard comesBefore(heap[child], source) else { break }
      heap[at] = heap[child]
      at = child
    }
    heap[at] = source
  }
}
