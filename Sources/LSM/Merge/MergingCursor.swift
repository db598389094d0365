// The merge of sources in key order: keys ascend, entries of one key come newest source first.
//
// The sources that stand at the current key form the `group`, newest first; all others wait in a
// binary heap by key, then age. Sources with one entry a key stay where they are until the whole
// group moves on: what was read from them stays valid, and a step back costs no seek. A run of
// keys from one source costs one comparison a key: with the heap's top.
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

  /// Steps over older entries of one key before a seek past them is cheaper.
  private static let skipLimit = 8

  private let sources: [any EntryCursor]
  /// The sources that are levels, called without a witness table: what most runs of keys come from.
  private let levels: [LevelCursor?]
  private let isUnique: [Bool]
  /// Each source's key while it has a position; valid as long as it does not move.
  private var keys: [ByteView]
  private var progress: [Progress]
  private var heap: [Int] = []
  private var group: [Int] = []
  /// Index in `group` of the source with the current entry; its count when the key is used up.
  private var member = 0
  private var direction = Direction.forward
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
    levels = sources.map { $0 as? LevelCursor }
    isUnique = sources.map { $0.hasUniqueKeys }
    keys = Array(repeating: ByteView(), count: sources.count)
    progress = Array(repeating: .newest, count: sources.count)
    heap.reserveCapacity(sources.count)
    group.reserveCapacity(sources.count)
  }

  package var isValid: Bool { member < group.count }

  package func pinCurrent(into pins: inout [AnyObject]) {
    sources[group[member]].pinCurrent(into: &pins)
  }

  /// Appends what keeps the values of all the key's entries valid past the next move.
  package func pinKey(into pins: inout [AnyObject]) {
    for source in group { sources[source].pinCurrent(into: &pins) }
  }

  // MARK: - Seeks

  package func seek(to key: ByteView) throws(EngineError) {
    try restart(.forward) { (source) throws(EngineError) in try source.seek(to: key) }
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
    heap.removeAll(keepingCapacity: true)
    leaveKey()
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
    precondition(!group.isEmpty, "a step needs a position")
    guard member < group.count else { return false }
    let source = group[member]
    if !isUnique[source] {
      let cursor = sources[source]
      do throws(EngineError) { try cursor.next() } catch { throw failed(error) }
      if cursor.isValid, cursor.key == key {
        progress[source] = .older
        takeEntry(of: source)
        return true
      }
      progress[source] = .past
    }
    member += 1
    guard member < group.count else { return false }
    takeEntry(of: group[member])
    return true
  }

  /// To the newest entry of the next key, from any entry of the current one.
  package func nextKey() throws(EngineError) {
    precondition(!group.isEmpty, "a step needs a position")
    do throws(EngineError) {
      if direction == .backward { return try turnForward() }
      if group.count == 1 {
        let source = group[0]
        if let level = levels[source] {
          try level.next()
          if level.isValid, continuesRun(level.key) {
            keys[source] = level.key
            key = level.key
            kind = level.kind
            value = level.value
            member = 0
            return
          }
          enqueue(source)
          return formGroup()
        }
        try movePast(source)
        let cursor = sources[source]
        if cursor.isValid, continuesRun(cursor.key) {
          keys[source] = cursor.key
          progress[source] = .newest
          key = cursor.key
          member = 0
          takeEntry(of: source)
          return
        }
        enqueue(source)
      } else {
        // `key` may be a view into a table cursor: those move last.
        for source in group where !isUnique[source] { try movePast(source) }
        for source in group where isUnique[source] { try movePast(source) }
        for source in group { enqueue(source) }
      }
      formGroup()
    } catch {
      throw failed(error)
    }
  }

  /// Whether the source that alone had the current key comes first again.
  @inline(__always)
  private func continuesRun(_ next: ByteView) -> Bool {
    guard let top = heap.first else { return true }
    return next.compare(keys[top]) < 0
  }

  private func takeEntry(of source: Int) {
    kind = sources[source].kind
    value = sources[source].value
  }

  /// To the newest entry of the previous key, from any entry of the current one.
  package func previousKey() throws(EngineError) {
    precondition(!group.isEmpty, "a step needs a position")
    do throws(EngineError) {
      if direction == .forward {
        saveKey()
        return try restart(.backward) { (source) throws(EngineError) in
          try source.seek(before: savedKey.view)
        }
      }
      saveKey()
      for source in group {
        if progress[source] == .newest {
          try sources[source].previousKey()
        } else {
          try sources[source].seek(before: savedKey.view)
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
    saveKey()
    heap.removeAll(keepingCapacity: true)
    leaveKey()
    direction = .forward
    key = savedKey.view
    for source in sources.indices {
      try sources[source].seek(to: savedKey.view)
      if sources[source].isValid, sources[source].key == key {
        progress[source] = .newest
        try movePast(source)
      }
      enqueue(source)
    }
    formGroup()
  }

  /// Moves a source of the group past the current key.
  @inline(__always)
  private func movePast(_ source: Int) throws(EngineError) {
    if isUnique[source] { return try sources[source].next() }
    try moveManyPast(source)
  }

  private func moveManyPast(_ source: Int) throws(EngineError) {
    guard progress[source] != .past else { return }
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

  private func saveKey() {
    savedKey.clear()
    savedKey.append(key)
  }

  private func leaveKey() {
    group.removeAll(keepingCapacity: true)
    member = 0
    key = ByteView()
  }

  /// After a failed step no source's position is known: only a seek may follow.
  private func failed(_ error: EngineError) -> EngineError {
    heap.removeAll(keepingCapacity: true)
    leaveKey()
    return error
  }

  // MARK: - Heap

  /// Makes the sources at the heap's top the group.
  private func formGroup() {
    leaveKey()
    guard let first = heap.first else { return }
    key = keys[first]
    repeat {
      let source = heap[0]
      progress[source] = .newest
      group.append(source)
      removeTop()
    } while !heap.isEmpty && keys[heap[0]] == key
    takeEntry(of: first)
  }

  private func comesBefore(_ left: Int, _ right: Int) -> Bool {
    let order = keys[left].compare(keys[right])
    if order == 0 { return left < right }
    return direction == .forward ? order < 0 : order > 0
  }

  /// Puts a source into the heap unless it is at its end.
  private func enqueue(_ source: Int) {
    guard sources[source].isValid else { return }
    keys[source] = sources[source].key
    heap.append(source)
    var at = heap.count - 1
    while at > 0, comesBefore(source, heap[(at - 1) / 2]) {
      heap[at] = heap[(at - 1) / 2]
      at = (at - 1) / 2
    }
    heap[at] = source
  }

  private func removeTop() {
    let source = heap.removeLast()
    guard !heap.isEmpty else { return }
    var at = 0
    while true {
      var child = at * 2 + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, comesBefore(heap[child + 1], heap[child]) { child += 1 }
      guard comesBefore(heap[child], source) else { break }
      heap[at] = heap[child]
      at = child
    }
    heap[at] = source
  }
}
