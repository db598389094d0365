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
  let tree: BLinkTree
  private let merger: any ValueMerger
  private let counter = Atomic<Int>(0)
  private let newest = Atomic<UInt64>(0)
  private let oldest = Atomic<UInt64>(0)
  private var hasLearnedPrefix = false
  private var foldOperands: [Operand] = []
  private var foldOutput = MergeOutput()

  /// Entries from which what the keys begin with is taken for known.
  private static let prefixEntryCount = 512
  /// Merges of one key at which folding begins to pay.
  static let foldCount = 16
  /// A fold is due when the merges above it hold this part of its bytes.
  static let foldDivisor = 4
  /// Bytes of merges and base together above which a key is left unfolded: the combined value
  /// must stay within `Limits.valueByteCount`, whatever the merger makes of it.
  static let foldByteLimit = Limits.valueByteCount / 4
  /// Keys that `newestSequence(from:to:)` looks at before it settles for an upper bound.
  static let rangeScanLimit = 256

  /// - Parameter commonKeyPrefix: What most keys are expected to begin with: those of the memtable
  ///   before. A wrong guess costs time alone.
  package init(
    memory: MemoryBudget, merger: any ValueMerger, commonKeyPrefix: ByteView = ByteView()
  ) {
    tree = BLinkTree(memory: memory, commonPrefix: commonKeyPrefix)
    self.merger = merger
  }

  /// Bytes of the entries and of the tree that orders them.
  package var byteCount: Int { tree.byteCount }
  /// Bytes taken from the budget. For the writer, or once it has stopped.
  package var allocatedByteCount: Int { tree.allocatedByteCount }
  package var isEmpty: Bool { entryCount == 0 }
  /// Entries inserted, folds not counted.
  package var entryCount: Int { counter.load(ordering: .acquiring) }
  /// Of the first entry inserted; zero while empty.
  package var firstSequence: SequenceNumber { SequenceNumber(oldest.load(ordering: .acquiring)) }
  /// Of the last entry inserted, published or not; zero while empty.
  package var lastSequence: SequenceNumber { SequenceNumber(newest.load(ordering: .acquiring)) }

  /// What all keys begin with; lives as long as the memtable.
  package var commonKeyPrefix: ByteView { tree.commonKeyPrefix }

  // MARK: Writing

  /// Inserts one entry. One writer; numbers grow.
  ///
  /// - Precondition: At most `Limits.keyByteCount` bytes of key, at most `Limits.valueByteCount` of
  ///   value, and `sequence` above every earlier one.
  package func insert(
    kind: EntryKind, key: ByteView, value: ByteView, sequence: SequenceNumber
  ) {
    learnPrefixOnce()
    insert(
      MemtableEntry(kind: kind, key: key, value: value, sequence: sequence),
      at: tree.findPlace(key))
  }

  /// Inserts entries, in order, whose places are looked for together. As `insert` of each.
  package func insert(_ entries: ContiguousArray<MemtableEntry>) {
    var start = 0
    while start < entries.count {
      learnPrefixOnce()
      let count = min(entries.count - start, BLinkTree.searchCount)
      for index in 0..<count { tree.begin(index, entries[start + index].key) }
      tree.findPlaces(count: count)
      for index in 0..<count { insert(entries[start + index], at: tree.searches + index) }
      start += count
    }
  }

  private func learnPrefixOnce() {
    guard !hasLearnedPrefix, entryCount >= Memtable.prefixEntryCount else { return }
    hasLearnedPrefix = true
    tree.learnCommonPrefix()
  }

  private static func order(_ sequence: SequenceNumber, _ kind: EntryKind) -> UInt64 {
    precondition(sequence.rawValue < 1 << 56, "a sequence number has 56 bits")
    return sequence.rawValue << 8 | UInt64(kind.rawValue)
  }

  private func insert(_ entry: MemtableEntry, at place: UnsafeMutablePointer<TreeSearch>) {
    precondition(entry.key.count <= Limits.keyByteCount, "key within limit")
    precondition(entry.value.count <= Limits.valueByteCount, "value within limit")
    let sequence = entry.sequence
    precondition(sequence > lastSequence, "sequence numbers grow")
    var chain = MergeChain.none
    if entry.kind == .merge, let older = place.pointee.newestEntry(in: tree) {
      chain = Memtable.chain(onto: older, adding: entry.value.count)
    }
    if oldest.load(ordering: .relaxed) == 0 {
      oldest.store(sequence.rawValue, ordering: .releasing)
    }
    // Before the entry can be found: whoever reads the entry must not read an older bound.
    newest.store(sequence.rawValue, ordering: .releasing)
    tree.insert(
      place, value: entry.value, order: Memtable.order(sequence, entry.kind), chain: chain)
    counter.store(counter.load(ordering: .relaxed) &+ 1, ordering: .releasing)
    if Memtable.isFoldDue(chain) { fold(entry.key, sequence) }
  }

  private static func chain(onto older: StoredEntry, adding byteCount: Int) -> MergeChain {
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
  private func fold(_ key: ByteView, _ sequence: SequenceNumber) {
    foldOperands.removeAll(keepingCapacity: true)
    _ = collect(key: key, at: sequence, into: &foldOperands)
    let outcome = merger.merge(
      key: key, operands: foldOperands, isOldest: false,
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
    tree.insert(
      tree.findPlace(key), value: kind == .delete ? ByteView() : foldOutput.bytes.view,
      order: Memtable.order(sequence, kind) | StoredEntry.foldFlag, chain: .none)
  }

  // MARK: Reading

  /// Appends the operands of `key` that `sequence` may see, newest first; empty-handed when there
  /// is none. Views live as long as the memtable.
  ///
  /// - Returns: True when the last one hides whatever older sources hold.
  package func collect(
    key: ByteView, at sequence: SequenceNumber, into operands: inout [Operand]
  ) -> Bool {
    var next = tree.find(key)?.newest(notAbove: Memtable.newestOrder(sequence))
    while let entry = next {
      let kind = entry.kind
      operands.append(Operand(kind: kind, value: entry.value))
      if kind.hidesOlder { return true }
      if entry.isFold { return false }
      next = entry.older
    }
    return false
  }

  /// Is there any entry of `key`, published or not?
  package func holds(_ key: ByteView) -> Bool { tree.find(key) != nil }

  /// A cursor over what `sequence` may see; it keeps the memtable alive.
  package func cursor(at sequence: SequenceNumber) -> MemtableCursor {
    MemtableCursor(self, at: sequence)
  }

  /// An upper bound of the numbers of entries with keys in [`lower`, `upper`), published or not;
  /// zero when there are none. Exact for ranges of few entries; looks at a bounded number.
  package func newestSequence(from lower: ByteView?, to upper: ByteView?) -> SequenceNumber {
    let bound = lastSequence
    var walk = KeyWalk()
    walk.seek(to: lower ?? ByteView(), under: tree.anchor)
    var newest: UInt64 = 0
    for _ in 0..<Memtable.rangeScanLimit {
      guard let entry = walk.entry, upper.map({ entry.key.compare($0) < 0 }) ?? true else {
        return SequenceNumber(newest)
      }
      newest = Swift.max(newest, entry.sequence)
      walk.advance()
    }
    return Swift.max(bound, SequenceNumber(newest))
  }

  /// The order word that sorts before every entry `sequence` may see.
  static func newestOrder(_ sequence: SequenceNumber) -> UInt64 {
    sequence.rawValue >= 1 << 56 ? .max : sequence.rawValue << 8 | 0xff
  }
}
