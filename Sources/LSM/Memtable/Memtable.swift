// Recent commits, sorted, in memory. One writer; readers need no lock.
//
// A key that collects many merges is folded: the writer adds one entry with the newest merge's
// number that stands for everything older in this memtable. Whoever may see the fold stops at it
// here and goes on to older sources; an older snapshot skips it and reads the merges below.
// A fold is due when at least 16 merges lie above the last one and their bytes are a quarter of
// what lies below: so all folds of a key together write at most five times its merges' bytes.

package import Bytes
internal import Synchronization

/// One entry on its way into a memtable. Its views must last until it is there.
package struct MemtableEntry {
  package let kind: EntryKind
  package let key: ByteView
  package let value: ByteView
  package let sequence: SequenceNumber

  package init(kind: EntryKind, key: ByteView, value: ByteView, sequence: SequenceNumber) {
    self.kind = kind
    self.key = key
    self.value = value
    self.sequence = sequence
  }
}

/// Entries of one span of sequence numbers. Immutable once its writer has stopped.
package final class Memtable: @unchecked Sendable {
  // What readers touch is immutable or published by acquire and release on the links and counters;
  // the rest belongs to the one writer, whom the engine's commit queue names.
  let list: SkipList
  private let merger: any ValueMerger
  private let counter = Atomic<Int>(0)
  private let newest = Atomic<UInt64>(0)
  private let oldest = Atomic<UInt64>(0)
  private var foldOperands: [Operand] = []
  private var foldOutput = MergeOutput()

  /// Merges of one key at which folding begins to pay.
  static let foldCount = 16
  /// A fold is due when the merges above it hold this part of its bytes.
  static let foldDivisor = 4
  /// Bytes of merges and base together above which a key is left unfolded: the combined value
  /// must stay within `Limits.valueByteCount`, whatever the merger makes of it.
  static let foldByteLimit = Limits.valueByteCount / 4
  /// Entries that `newestSequence(from:to:)` looks at before it settles for an upper bound.
  static let rangeScanLimit = 256

  package init(memory: MemoryBudget, merger: any ValueMerger, randomSeed: UInt64) {
    list = SkipList(memory: memory, randomSeed: randomSeed)
    self.merger = merger
  }

  /// Bytes of the entries and their links.
  package var byteCount: Int { list.byteCount }
  /// Bytes taken from the budget. For the writer, or once it has stopped.
  package var allocatedByteCount: Int { list.allocatedByteCount }
  package var isEmpty: Bool { entryCount == 0 }
  /// Entries inserted, folds not counted.
  package var entryCount: Int { counter.load(ordering: .acquiring) }
  /// Of the first entry inserted; zero while empty.
  package var firstSequence: SequenceNumber { SequenceNumber(oldest.load(ordering: .acquiring)) }
  /// Of the last entry inserted, published or not; zero while empty.
  package var lastSequence: SequenceNumber { SequenceNumber(newest.load(ordering: .acquiring)) }

  // MARK: Writing

  /// Inserts one entry. One writer; numbers grow.
  ///
  /// - Precondition: At most `Limits.keyByteCount` bytes of key, at most `Limits.valueByteCount` of
  ///   value, and `sequence` above every earlier one.
  package func insert(
    kind: EntryKind, key: ByteView, value: ByteView, sequence: SequenceNumber
  ) {
    insert(
      MemtableEntry(kind: kind, key: key, value: value, sequence: sequence),
      at: list.findPlace(SkipListKey(key), order: Memtable.order(sequence, kind)))
  }

  /// Inserts entries, in order, whose places are looked for together. As `insert` of each.
  package func insert(_ entries: ContiguousArray<MemtableEntry>) {
    var start = 0
    while start < entries.count {
      let count = min(entries.count - start, SkipList.searchCount)
      for index in 0..<count {
        let entry = entries[start + index]
        list.begin(
          list.searches + index, SkipListKey(entry.key),
          order: Memtable.order(entry.sequence, entry.kind))
      }
      list.findPlaces(count: count)
      for index in 0..<count { insert(entries[start + index], at: list.searches + index) }
      start += count
    }
  }

  private static func order(_ sequence: SequenceNumber, _ kind: EntryKind) -> UInt64 {
    precondition(sequence.rawValue < 1 << 56, "a sequence number has 56 bits")
    return sequence.rawValue << 8 | UInt64(kind.rawValue)
  }

  private func insert(_ entry: MemtableEntry, at place: UnsafeMutablePointer<SkipListSearch>) {
    precondition(entry.key.count <= Limits.keyByteCount, "key within limit")
    precondition(entry.value.count <= Limits.valueByteCount, "value within limit")
    let sequence = entry.sequence
    precondition(sequence > lastSequence, "sequence numbers grow")
    let key = place.pointee.key
    var chain: MergeChain?
    if entry.kind == .merge, let older = place.pointee.olderEntry() {
      chain = Memtable.chain(onto: older, adding: entry.value.count)
    }
    if oldest.load(ordering: .relaxed) == 0 {
      oldest.store(sequence.rawValue, ordering: .releasing)
    }
    // Before the entry is linked: whoever reads the entry must not read an older bound.
    newest.store(sequence.rawValue, ordering: .releasing)
    list.insert(place, value: entry.value, chain: chain)
    counter.store(counter.load(ordering: .relaxed) &+ 1, ordering: .releasing)
    if let chain, Memtable.isFoldDue(chain) { fold(key, sequence) }
  }

  private static func chain(onto older: SkipListNode, adding byteCount: Int) -> MergeChain {
    if older.isFold || older.kind != .merge {
      return MergeChain(
        count: 1, byteCount: UInt32(byteCount), baseByteCount: UInt32(older.valueCount))
    }
    let below =
      older.chain
      ?? MergeChain(count: 1, byteCount: UInt32(older.valueCount), baseByteCount: 0)
    let (sum, overflow) = below.byteCount.addingReportingOverflow(UInt32(byteCount))
    return MergeChain(
      count: below.count + 1, byteCount: overflow ? .max : sum,
      baseByteCount: below.baseByteCount)
  }

  private static func isFoldDue(_ chain: MergeChain) -> Bool {
    Int(chain.count) >= foldCount
      && Int(chain.byteCount) >= Int(chain.baseByteCount) / foldDivisor
      && Int(chain.byteCount) + Int(chain.baseByteCount) <= foldByteLimit
  }

  /// Adds the entry that stands for all of the key's entries here.
  private func fold(_ key: SkipListKey, _ sequence: SequenceNumber) {
    foldOperands.removeAll(keepingCapacity: true)
    _ = collect(key, newest: sequence.rawValue << 8 | 0xff, into: &foldOperands)
    let outcome = merger.merge(
      key: key.bytes, operands: foldOperands, isOldest: false,
      newer: .from(SequenceNumber(sequence.rawValue + 1)), into: &foldOutput)
    defer { foldOutput.clear(keepingAtMost: 1 << 20) }
    let kind: EntryKind
    switch outcome {
    case .put: kind = .put
    case .merge: kind = .merge
    case .delete: kind = .delete
    // Several operands are never `unchanged`, and `nothing` is not ours to say here: without a
    // fold the key still reads right.
    case .unchanged, .nothing: return
    }
    precondition(foldOutput.bytes.count <= Limits.valueByteCount, "a folded value within limit")
    let order = sequence.rawValue << 8 | SkipListNode.foldFlag | UInt64(kind.rawValue)
    list.insert(
      list.findPlace(key, order: order),
      value: kind == .delete ? ByteView() : foldOutput.bytes.view,
      chain: nil)
  }

  // MARK: Reading

  /// Appends the operands of `key` that `sequence` may see, newest first; empty-handed when there
  /// is none. Views live as long as the memtable.
  ///
  /// - Returns: True when the last one hides whatever older sources hold.
  package func collect(
    key: ByteView, at sequence: SequenceNumber, into operands: inout [Operand]
  ) -> Bool {
    collect(SkipListKey(key), newest: Memtable.newestOrder(sequence), into: &operands)
  }

  private func collect(
    _ key: SkipListKey, newest order: UInt64, into operands: inout [Operand]
  ) -> Bool {
    var node = list.firstNode(atOrAfter: key, order: order)
    while let entry = node, key.compare(entry) == 0 {
      let kind = entry.kind
      operands.append(Operand(kind: kind, value: entry.value))
      if kind.hidesOlder { return true }
      if entry.isFold { return false }
      node = entry.next(0)
    }
    return false
  }

  /// Is there any entry of `key`, published or not?
  package func holds(_ key: ByteView) -> Bool {
    let searched = SkipListKey(key)
    let node = list.firstNode(atOrAfter: searched, order: .max)
    return node.map { searched.compare($0) == 0 } ?? false
  }

  /// A cursor over what `sequence` may see; it keeps the memtable alive.
  package func cursor(at sequence: SequenceNumber) -> MemtableCursor {
    MemtableCursor(self, at: sequence)
  }

  /// An upper bound of the numbers of entries with keys in [`lower`, `upper`), published or not;
  /// zero when there are none. Exact for ranges of few entries; looks at a bounded number.
  package func newestSequence(from lower: ByteView?, to upper: ByteView?) -> SequenceNumber {
    let bound = lastSequence
    var node =
      lower.map { list.firstNode(atOrAfter: SkipListKey($0), order: .max) } ?? list.first
    let end = upper.map { SkipListKey($0) }
    var newest: UInt64 = 0
    for _ in 0..<Memtable.rangeScanLimit {
      guard let entry = node, end.map({ $0.compare(entry) > 0 }) ?? true else {
        return SequenceNumber(newest)
      }
      newest = Swift.max(newest, entry.sequence)
      node = entry.next(0)
    }
    return Swift.max(bound, SequenceNumber(newest))
  }

  /// The order word that sorts before every entry `sequence` may see.
  static func newestOrder(_ sequence: SequenceNumber) -> UInt64 {
    sequence.rawValue >= 1 << 56 ? .max : sequence.rawValue << 8 | 0xff
  }
}
