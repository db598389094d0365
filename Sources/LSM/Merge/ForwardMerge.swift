// The merge of all entries of some sources, once and forwards: what flushes and compactions do.
//
// A tree of losers (Knuth, The Art of Computer Programming 3, 5.4.1) holds the next entry of each
// source: a key's place in it is mostly decided by one word, its first eight bytes behind what all
// keys have in common. Sources hand over a batch at a time; that of a source which has just gone
// over to its next batch is kept, as the current key's bytes may be in it.

internal import Bytes

/// Keys of several sources in order, each with its operands.
struct ForwardMerge: ~Copyable {
  /// A source and where the merge is in it.
  private struct Lane: ~Copyable {
    let source: any EntrySource
    var batch = EntryBatch()
    var previous = EntryBatch()
    var next = 0

    init(_ source: any EntrySource) { self.source = source }

    /// The entry to come; nil at the end.
    var entry: UnsafeMutablePointer<EntryBatch.Entry>? {
      next < batch.count ? batch.entries + next : nil
    }

    mutating func advance() throws(EngineError) {
      next &+= 1
      if next >= batch.count { try goOn() }
    }

    mutating func goOn() throws(EngineError) {
      swap(&batch, &previous)
      try source.take(into: &batch)
      next = 0
    }
  }

  /// A lane's next entry in the tree.
  private struct Contender {
    /// Eight bytes of the key, behind `sharedByteCount`, as they sort; the highest at the end.
    var word: UInt64
    /// In the lane's batch, which stays until the lane moves; nil at the end.
    var entry: UnsafeMutablePointer<EntryBatch.Entry>?
    var lane: Int
  }

  private let lanes: UnsafeMutablePointer<Lane>
  private let laneCount: Int
  /// The losers of the matches at 1..<laneCount; the lanes are the leaves behind them.
  private let losers: UnsafeMutablePointer<Contender>
  private var winner = Contender(word: .max, entry: nil, lane: 0)
  private let sharedByteCount: Int

  /// The current key, and its operands up to one that hides the others, newest first; valid until
  /// the next move.
  private(set) var key = ByteView()
  private(set) var operands: [Operand] = []
  /// Of the block that the key's newest entry is in.
  private(set) var use = BlockUse.kept

  /// - Parameters:
  ///   - sources: Newest first.
  ///   - sharedByteCount: Bytes that all keys begin with.
  init(_ sources: [any EntrySource], sharedByteCount: Int) {
    laneCount = sources.count
    lanes = .allocate(capacity: max(1, laneCount))
    losers = .allocate(capacity: max(1, laneCount))
    for (index, source) in sources.enumerated() { (lanes + index).initialize(to: Lane(source)) }
    self.sharedByteCount = sharedByteCount
  }

  deinit {
    lanes.deinitialize(count: laneCount)
    lanes.deallocate()
    losers.deallocate()
  }

  /// Before the first key.
  mutating func seekToFirst() throws(EngineError) {
    for node in 0..<laneCount { losers[node] = Contender(word: .max, entry: nil, lane: -1) }
    for lane in 0..<laneCount {
      try lanes[lane].source.seekToFirst()
      try lanes[lane].goOn()
      var contender = contender(lane)
      var node = (lane + laneCount) / 2
      // The first to come to a match waits for the other.
      while node > 0, losers[node].lane >= 0 {
        if comesBefore(losers[node], contender) { swap(&losers[node], &contender) }
        node /= 2
      }
      if node > 0 { losers[node] = contender } else { winner = contender }
    }
  }

  /// To the next key; false at the end.
  mutating func nextKey() throws(EngineError) -> Bool {
    guard let newest = winner.entry?.pointee else { return false }
    let word = winner.word
    key = newest.key
    use = lanes[winner.lane].batch.use
    // Most keys have one operand, and so had the key before: no array is emptied and filled.
    let operand = Operand(kind: newest.kind, value: newest.value)
    if operands.count == 1 {
      operands[0] = operand
    } else {
      operands.removeAll(keepingCapacity: true)
      operands.append(operand)
    }
    var isHidden = operand.kind.hidesOlder
    try advance()
    while winner.word == word, let older = winner.entry?.pointee, older.key == key {
      if !isHidden {
        operands.append(Operand(kind: older.kind, value: older.value))
        isHidden = older.kind.hidesOlder
      }
      try advance()
    }
    return true
  }

  // MARK: - The tree

  /// Moves the winner's lane on and finds who wins now.
  private mutating func advance() throws(EngineError) {
    let lane = winner.lane
    try lanes[lane].advance()
    var contender = contender(lane)
    var node = (lane &+ laneCount) / 2
    while node > 0 {
      if comesBefore(losers[node], contender) { swap(&losers[node], &contender) }
      node /= 2
    }
    winner = contender
  }

  private func contender(_ lane: Int) -> Contender {
    guard let entry = lanes[lane].entry else {
      return Contender(word: .max, entry: nil, lane: lane)
    }
    return Contender(
      word: entry.pointee.key.word(from: sharedByteCount), entry: entry, lane: lane)
  }

  @inline(__always)
  private func comesBefore(_ left: Contender, _ right: Contender) -> Bool {
    left.word == right.word ? comesBeforeInFull(left, right) : left.word < right.word
  }

  private func comesBeforeInFull(_ left: Contender, _ right: Contender) -> Bool {
    guard let leftEntry = left.entry else { return false }
    guard let rightEntry = right.entry else { return true }
    let order = leftEntry.pointee.key.compare(rightEntry.pointee.key)
    return order == 0 ? left.lane < right.lane : order < 0
  }
}
