// Point reads that were answered lately, by key: what a read found in memtables and table files, in
// one place, so that the next one costs two or three cache misses in place of a dozen.
//
// An entry holds all operands of a key as of the newest state, so a commit must take it away before
// anybody can see the commit, and nobody may put an older one back:
//
//   commit                                     read
//   1. beginChange: shard closed, entries go   1. find: hit, or a ticket (the shard's changes)
//   2. published                               2. takes a snapshot, reads
//   3. endChange: counted, shard open          3. insert: only with an unchanged, open shard
//
// A hit is an entry that no commit has taken away, so it is what a read at that moment would find.
// A reader that took its snapshot before 2 has its ticket from before 3, and its insert is refused.
//
// Closing takes no lock, and a shard that holds nothing is not locked at all. A commit closes first
// and then looks whether anything is held; an insert first says that something is, and then looks
// whether the shard is closed. Both in one order for all threads, so one of them sees the other.
//
// What a merge drops (doomed cells) is no commit: when its files are in force, the keys of which it
// has dropped something are taken away the same way. Shared by all engines of the process.
//
// While memtables leave memory, each shard may have a second part in it, for a fixed share of all
// hashes (RowCacheParts). Shards let go of theirs one by one when memtables grow.

internal import Bytes
internal import CLinux
package import Runtime
internal import Synchronization

/// Whose entries are meant: one engine's, since it last forgot its own.
package final class RowCacheOwner: Sendable {
  fileprivate let number: Atomic<UInt32>

  fileprivate init(_ number: UInt32) { self.number = Atomic(number) }
}

/// Commits on keys of a shard: those under way, and how many have ended.
struct ShardChanges: Sendable {
  /// ended: 44 bits │ under way: 20 bits. Whole numbers of commits, modulo their widths.
  let word: UInt64

  private static let underWayMask: UInt64 = (1 << 20) - 1
  /// What is added when one begins, and when it ends: one less under way, one more ended.
  static let begin: UInt64 = 1
  static let end: UInt64 = (1 << 20) - begin
  var isOpen: Bool { word & ShardChanges.underWayMask == 0 }
}

/// Recent point reads. Safe for concurrent use.
package final class RowCache: Sendable {
  /// Allows an insert; see above.
  struct Ticket: Sendable {
    fileprivate let changes: ShardChanges
    fileprivate let keyHash: UInt64
    fileprivate let hash: UInt64
    fileprivate let owner: UInt32
  }

  enum Found: Sendable {
    case hit(Lookup)
    case miss(Ticket?)
  }

  /// `@unchecked`: the state is only used under the lock.
  final class Shard: @unchecked Sendable {
    private let lock = Mutex<Void>(())
    private var state: RowCacheParts
    private let changeWord = Atomic<UInt64>(0)

    init(_ state: consuming RowCacheParts) { self.state = state }

    @inline(__always)
    func withLock<Result: Sendable>(_ body: (inout RowCacheParts) -> Result) -> Result {
      lock.withLock { _ in body(&state) }
    }

    var changes: ShardChanges {
      ShardChanges(word: changeWord.load(ordering: .sequentiallyConsistent))
    }

    @inline(__always)
    func close() {
      changeWord.wrappingAdd(ShardChanges.begin, ordering: .sequentiallyConsistent)
    }

    @inline(__always)
    func open() { changeWord.wrappingAdd(ShardChanges.end, ordering: .releasing) }
  }

  private static let shardLimit = 64
  /// Keys forgotten at a time: reads that miss meanwhile are not kept.
  private static let forgetCount = 256
  private static let forgetRatio = 20
  /// Below this a shard holds too few rows to be worth its lock.
  private static let shardByteCount = 128 << 10

  private let shards: [Shard]
  /// The same, for look-ups that count no references. `nonisolated(unsafe)`: never changed.
  private nonisolated(unsafe) let places: UnsafeMutablePointer<Unmanaged<Shard>>
  /// Own parts of all shards, one after the other, and the lent ones.
  private let own: RowCacheMemory
  private let lent: RowCacheMemory
  let loan: RowCacheLoan
  private let owners = Atomic<UInt32>(0)
  /// Shards that may hold entries, a bit each. Set and cleared under the shard's lock.
  private let holders = Atomic<UInt64>(0)
  private let pages: PageRequests?

  /// - Parameters:
  ///   - byteCount: Most bytes to hold; none below 128 KiB.
  ///   - memory: What is lent of it is held beside.
  ///   - scheduler: Brings memory in before it is used; without one, who uses it waits for that.
  package init(
    byteCount: Int, borrowing memory: MemoryBudget? = nil, scheduler: (any Scheduler)? = nil
  ) {
    var count = byteCount >= Self.shardByteCount ? 1 : 0
    while count > 0, count < Self.shardLimit, byteCount / (count * 2) >= Self.shardByteCount {
      count *= 2
    }
    let own = RowCacheMemory(byteCount: byteCount, shardCount: count)
    let lent = RowCacheMemory(
      byteCount: count > 0 ? memory?.lendableByteCount ?? 0 : 0, shardCount: count)
    self.own = own
    self.lent = lent
    pages = scheduler.map { PageRequests(scheduler: $0) }
    let awaitsPages = scheduler != nil
    shards =
      own.isMapped
      ? (0..<count).map { Shard(RowCacheParts($0, own, lent, awaitsPages: awaitsPages)) } : []
    places = .allocate(capacity: max(shards.count, 1))
    for (index, shard) in shards.enumerated() {
      (places + index).initialize(to: Unmanaged.passUnretained(shard))
    }
    loan = RowCacheLoan(shards, lent)
    memory?.lend(to: loan)
  }

  deinit { places.deallocate() }

  @inline(__always)
  private func withShard<Result: Sendable>(
    _ index: Int, _ body: (inout RowCacheParts) -> Result
  ) -> Result {
    places[index]._withUnsafeGuaranteedRef { $0.withLock(body) }
  }

  func makeOwner() -> RowCacheOwner {
    RowCacheOwner(owners.add(1, ordering: .relaxed).newValue)
  }

  /// Takes away what is out of date since a merge's files are in force.
  func forget(_ keys: CollectedKeys, of owner: RowCacheOwner) {
    if keys.isEmpty { return }
    // A key takes a tenth of a microsecond, reading a row again two: where writers have left little
    // in the cache, that little goes.
    if keys.isOverflown || keys.hashes.count / Self.forgetRatio >= entryCount {
      return forget(owner)
    }
    var start = 0
    while start < keys.hashes.count {
      let end = min(start + Self.forgetCount, keys.hashes.count)
      endChange(
        beginChange(keyHashes: ContiguousArray(keys.hashes[start..<end]), owner: owner))
      start = end
    }
  }

  /// No entry of the owner is found any more.
  func forget(_ owner: RowCacheOwner) {
    owner.number.store(owners.add(1, ordering: .relaxed).newValue, ordering: .releasing)
  }

  var isEnabled: Bool { !shards.isEmpty }

  package var entryCount: Int {
    shards.reduce(0) { $0 + $1.withLock { $0.entryCount } }
  }

  /// - Parameter keyHash: `key.persistedHash`.
  func find(
    _ key: ByteView, keyHash: UInt64, owner: RowCacheOwner, into list: OperandList
  ) -> Found {
    guard isEnabled else { return .miss(nil) }
    let owner = owner.number.load(ordering: .acquiring)
    let hash = Self.mix(keyHash, owner)
    return places[shardIndex(keyHash)]._withUnsafeGuaranteedRef { shard in
      let isHit = shard.withLock { $0.find(key, hash: hash, owner: owner, into: list) }
      if isHit { return .hit(list.lookup) }
      let changes = shard.changes
      guard changes.isOpen else { return .miss(nil) }
      return .miss(Ticket(changes: changes, keyHash: keyHash, hash: hash, owner: owner))
    }
  }

  /// Keeps what a read found after its ticket was given.
  func insert(_ key: ByteView, _ list: OperandList, _ ticket: Ticket) {
    guard isEnabled else { return }
    let index = shardIndex(ticket.keyHash)
    let hasPages = places[index]._withUnsafeGuaranteedRef { shard in
      shard.withLock { parts in
        holds(index)
        guard shard.changes.word == ticket.changes.word else { return true }
        return parts.insert(key, hash: ticket.hash, owner: ticket.owner, list.operands)
      }
    }
    if !hasPages { pages?.request(index) { [self] in bringPages($0) } }
  }

  /// Says that the shard holds something; under its lock.
  @inline(__always)
  private func holds(_ index: Int) {
    let bit: UInt64 = 1 << UInt64(index)
    guard holders.load(ordering: .relaxed) & bit == 0 else { return }
    holders.bitwiseOr(bit, ordering: .sequentiallyConsistent)
  }

  /// Brings in what a shard's parts lack. On a thread that may wait.
  private func bringPages(_ index: Int) {
    let lacking = withShard(index) { $0.lackingPages }
    if lacking.own {
      own.bringPages(index)
      withShard(index) { $0.ownPagesCame() }
    }
    if lacking.lent {
      lent.bringPages(index)
      withShard(index) { $0.lentPagesCame() }
    }
  }

  /// Brings what a `find` will touch first into the processor's cache. Takes no lock.
  func prefetch(keyHash: UInt64, owner: RowCacheOwner) {
    guard isEnabled else { return }
    let hash = Self.mix(keyHash, owner.number.load(ordering: .relaxed))
    let shard = shardIndex(keyHash)
    // A part that is just being given back is a wrong guess and no more.
    let isLent = loan.holds(shard)
    let memory = isLent && RowCacheParts.isOfLent(hash, own, lent) ? lent : own
    if let bucket = memory.bucket(hash, of: shard) { strata_prefetch(bucket) }
  }

  /// The same for what it touches next; a moment later.
  func prefetchEntry(keyHash: UInt64, owner: RowCacheOwner) {
    let hash = Self.mix(keyHash, owner.number.load(ordering: .relaxed))
    if isEnabled { withShard(shardIndex(keyHash)) { $0.prefetchEntry(hash) } }
  }

  /// Takes the entries of these keys away; inserts into their shards are refused until `endChange`.
  ///
  /// - Returns: The shards, a bit each.
  func beginChange(keyHashes: ContiguousArray<UInt64>, owner: RowCacheOwner) -> UInt64 {
    guard isEnabled, !keyHashes.isEmpty else { return 0 }
    var touched: UInt64 = 0
    for keyHash in keyHashes { touched |= 1 << UInt64(shardIndex(keyHash)) }
    forEachShard(touched) { $0.close() }
    let held = touched & holders.load(ordering: .sequentiallyConsistent)
    if held != 0 { remove(keyHashes, from: held, owner: owner) }
    return touched
  }

  /// Takes away what shards hold of these keys.
  private func remove(
    _ keyHashes: ContiguousArray<UInt64>, from held: UInt64, owner: RowCacheOwner
  ) {
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: keyHashes.count) { following in
      // A chain of keys for each shard, so that it is locked once.
      var first = InlineArray<64, Int32>(repeating: -1)
      for (index, keyHash) in keyHashes.enumerated() {
        let shard = shardIndex(keyHash)
        following.initializeElement(at: index, to: first[shard])
        first[shard] = Int32(index)
        if held >> UInt64(shard) & 1 == 1 { prefetch(keyHash: keyHash, owner: owner) }
      }
      var rest = held
      while rest != 0 {
        let index = rest.trailingZeroBitCount
        rest &= rest - 1
        withShard(index) { shard in
          // Not before: who has inserted under a newer number until now has made it visible.
          let owner = owner.number.load(ordering: .acquiring)
          var next = first[index]
          while next >= 0 {
            shard.remove(Self.mix(keyHashes[Int(next)], owner), owner: owner)
            next = following[Int(next)]
          }
          if shard.entryCount == 0 {
            holders.bitwiseAnd(~(1 << UInt64(index)), ordering: .sequentiallyConsistent)
          }
        }
      }
    }
  }

  func endChange(_ touched: UInt64) { forEachShard(touched) { $0.open() } }

  @inline(__always)
  private func forEachShard(_ bits: UInt64, _ body: (Shard) -> Void) {
    var rest = bits
    while rest != 0 {
      places[rest.trailingZeroBitCount]._withUnsafeGuaranteedRef(body)
      rest &= rest - 1
    }
  }

  private static func mix(_ keyHash: UInt64, _ owner: UInt32) -> UInt64 {
    (keyHash ^ (UInt64(owner) &* 0x9e37_79b9_7f4a_7c15)) &* 0xd6e8_feb8_6659_fd93
  }

  /// By the key alone: whoever owns the entry, its commits and its readers meet in one shard.
  private func shardIndex(_ keyHash: UInt64) -> Int {
    Int(truncatingIfNeeded: keyHash >> 58) & (shards.count - 1)
  }
}
