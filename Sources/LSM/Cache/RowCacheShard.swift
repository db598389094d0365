// A part of a shard of the row cache: a ring of entries and a table of where they are.
//
//   ring    entry* from the oldest to the newest; the newest overwrite the oldest, but an entry
//           that was read since it was written is written once more (FIFO with a second chance)
//   entry   hash: u64 │ owner: u32 │ byteCount: u32 │ keyCount: u16 │ operandCount: u8 │
//           wasRead: u8 │ 0: u32 │ (kind: u8 │ 0: u24 │ count: u32) × operandCount │ key │ value*
//           at multiples of 8; owner 0 stands for nothing: the rest of the ring before its end, or
//           a removed entry
//   bucket  8 slots of u64: the hash's high 24 bits │ place in the ring in units of 8 bytes, plus 1
//
// A bucket is one line of the processor's cache. A full one forgets its oldest entry.

internal import Bytes
internal import CLinux

/// A ring and its table; the cache guards it with a lock.
struct RowCacheShard: ~Copyable {
  private static let headerByteCount = 24
  private static let operandByteCount = 8
  private static let slotsPerBucket = 8
  /// Operands of an entry; a row with more is about to be merged anyway.
  private static let operandLimit = 16
  /// Entries are about this large or larger: how many buckets there are.
  private static let assumedEntryByteCount = 96
  /// Entries written once more for one insert: bounds its work.
  private static let chanceLimit = 8

  private let ring: UnsafeMutableRawPointer
  private let capacity: Int
  private let buckets: UnsafeMutablePointer<UInt64>
  private let bucketMask: Int
  /// Bytes ever written; the place of the next entry is this, modulo the capacity.
  private var end = 0
  /// Bytes ever written up to the oldest entry.
  private var start = 0
  private(set) var entryCount = 0

  /// How a shard's memory is divided.
  struct Layout: Sendable {
    /// Bytes of the ring; the table is behind it.
    let ringByteCount: Int
    /// A power of two.
    let bucketCount: Int

    init(byteCount: Int) {
      // The table takes an eighth of what the ring does, or less.
      ringByteCount = byteCount / 9 * 8 & ~63
      var count = 1
      let wanted =
        ringByteCount / (RowCacheShard.assumedEntryByteCount * RowCacheShard.slotsPerBucket)
      while count * 2 <= wanted { count *= 2 }
      bucketCount = count
    }

    /// Bytes from the start of a shard's memory to the bucket of a hash.
    func bucketOffset(_ hash: UInt64) -> Int {
      ringByteCount + (Int(truncatingIfNeeded: hash) & (bucketCount - 1))
        * RowCacheShard.slotsPerBucket * MemoryLayout<UInt64>.stride
    }
  }

  /// - Parameter memory: Zeroed, aligned to 64 bytes, at least 4,608 of them; outlives the shard.
  init(_ memory: UnsafeMutableRawPointer, _ layout: Layout) {
    capacity = layout.ringByteCount
    bucketMask = layout.bucketCount - 1
    ring = memory
    buckets = (memory + capacity).bindMemory(
      to: UInt64.self, capacity: layout.bucketCount * Self.slotsPerBucket)
  }

  /// Forgets everything.
  ///
  /// - Precondition: The memory is zeroed again.
  mutating func begin() {
    end = 0
    start = 0
    entryCount = 0
  }

  /// Removes the entries that `isMeant` says of their hashes.
  mutating func removeAll(where isMeant: (UInt64) -> Bool) {
    var at = start
    while at < end {
      let place = at % capacity
      let rest = capacity - place
      guard rest >= Self.headerByteCount else {
        at += rest
        continue
      }
      at += Int(ring.load(fromByteOffset: place + 12, as: UInt32.self))
      let hash = hashOfEntry(place)
      guard ownerOfEntry(place) != 0, isMeant(hash) else { continue }
      unpoint(hash, from: place)
      setOwner(0, at: place)
      entryCount -= 1
    }
  }

  /// Removes what this hash and owner have: another key's entry with them is no loss.
  mutating func remove(_ hash: UInt64, owner: UInt32) {
    let bucket = bucket(hash)
    for slot in 0..<Self.slotsPerBucket where Self.tag(bucket[slot]) == hash >> 40 {
      let place = Self.place(bucket[slot])
      guard hashOfEntry(place) == hash, ownerOfEntry(place) == owner else { continue }
      bucket[slot] = 0
      setOwner(0, at: place)
      entryCount -= 1
    }
  }

  // MARK: - Reading

  mutating func find(
    _ key: ByteView, hash: UInt64, owner: UInt32, into list: OperandList
  ) -> Bool {
    let bucket = bucket(hash)
    for slot in 0..<Self.slotsPerBucket where Self.tag(bucket[slot]) == hash >> 40 {
      let place = Self.place(bucket[slot])
      guard hashOfEntry(place) == hash, ownerOfEntry(place) == owner else { continue }
      let operandCount = Int(ring.load(fromByteOffset: place + 18, as: UInt8.self))
      let keyCount = Int(ring.load(fromByteOffset: place + 16, as: UInt16.self))
      let keyPlace = place + Self.headerByteCount + operandCount * Self.operandByteCount
      guard ByteView(UnsafeRawPointer(ring + keyPlace), count: keyCount) == key else { continue }
      ring.storeBytes(of: 1, toByteOffset: place + 19, as: UInt8.self)
      copy(operandCount, from: place, values: keyPlace + keyCount, into: list)
      return true
    }
    return false
  }

  private func copy(
    _ operandCount: Int, from place: Int, values: Int, into list: OperandList
  ) {
    var total = 0
    for operand in 0..<operandCount { total += self.operand(operand, of: place).count }
    var bytes = list.copying(ByteView(UnsafeRawPointer(ring + values), count: total))
    for operand in 0..<operandCount {
      let (kind, count) = self.operand(operand, of: place)
      list.append(kind: kind, value: bytes.prefix(count), pin: nil)
      bytes = bytes.dropFirst(count)
    }
  }

  private func operand(_ index: Int, of place: Int) -> (kind: EntryKind, count: Int) {
    let offset = place + Self.headerByteCount + index * Self.operandByteCount
    let raw = ring.load(fromByteOffset: offset, as: UInt8.self)
    guard let kind = EntryKind(rawValue: raw) else {
      preconditionFailure("an entry holds the kinds it was given")
    }
    return (kind, Int(ring.load(fromByteOffset: offset + 4, as: UInt32.self)))
  }

  func prefetchEntry(_ hash: UInt64) {
    let bucket = bucket(hash)
    for slot in 0..<Self.slotsPerBucket where Self.tag(bucket[slot]) == hash >> 40 {
      let place = ring + Self.place(bucket[slot])
      strata_prefetch(place)
      strata_prefetch(place + 64)
      strata_prefetch(place + 128)
    }
  }

  // MARK: - Writing

  mutating func insert(_ key: ByteView, hash: UInt64, owner: UInt32, _ operands: [Operand]) {
    guard operands.count <= Self.operandLimit else { return }
    var byteCount =
      Self.headerByteCount + operands.count * Self.operandByteCount + key.count
    for operand in operands { byteCount += operand.value.count }
    byteCount = (byteCount + 7) & ~7
    guard byteCount <= capacity / 16 else { return }
    remove(hash, owner: owner)
    makeRoom(byteCount)
    let place = end % capacity
    ring.storeBytes(of: hash, toByteOffset: place, as: UInt64.self)
    setOwner(owner, at: place)
    ring.storeBytes(of: UInt32(byteCount), toByteOffset: place + 12, as: UInt32.self)
    ring.storeBytes(of: UInt16(key.count), toByteOffset: place + 16, as: UInt16.self)
    ring.storeBytes(of: UInt8(operands.count), toByteOffset: place + 18, as: UInt8.self)
    ring.storeBytes(of: 0, toByteOffset: place + 19, as: UInt8.self)
    var offset = place + Self.headerByteCount
    for operand in operands {
      ring.storeBytes(of: operand.kind.rawValue, toByteOffset: offset, as: UInt8.self)
      ring.storeBytes(
        of: UInt32(operand.value.count), toByteOffset: offset + 4, as: UInt32.self)
      offset += Self.operandByteCount
    }
    offset = store(key, at: offset)
    for operand in operands { offset = store(operand.value, at: offset) }
    end += byteCount
    entryCount += 1
    point(hash, to: place)
  }

  private func store(_ bytes: ByteView, at offset: Int) -> Int {
    if let base = bytes.buffer.baseAddress {
      (ring + offset).copyMemory(from: base, byteCount: bytes.count)
    }
    return offset + bytes.count
  }

  /// Room for one entry at `end`, in one piece.
  private mutating func makeRoom(_ byteCount: Int) {
    var chances = Self.chanceLimit
    while true {
      let rest = capacity - end % capacity
      if rest < byteCount {
        while start + capacity < end + rest { dropOldest(&chances, mayMove: false) }
        fill(rest)
        continue
      }
      if end + byteCount <= start + capacity { return }
      dropOldest(&chances, mayMove: true)
    }
  }

  /// Marks bytes up to the ring's end as nothing. Too few for a header are told by the place.
  private mutating func fill(_ byteCount: Int) {
    let place = end % capacity
    if byteCount >= Self.headerByteCount {
      setOwner(0, at: place)
      ring.storeBytes(of: UInt32(byteCount), toByteOffset: place + 12, as: UInt32.self)
    }
    end += byteCount
  }

  /// - Parameter mayMove: An entry that was read may be written once more at the end.
  private mutating func dropOldest(_ chances: inout Int, mayMove: Bool) {
    let place = start % capacity
    let rest = capacity - place
    guard rest >= Self.headerByteCount else {
      start += rest
      return
    }
    let byteCount = Int(ring.load(fromByteOffset: place + 12, as: UInt32.self))
    start += byteCount
    guard ownerOfEntry(place) != 0 else { return }
    let hash = hashOfEntry(place)
    unpoint(hash, from: place)
    let target = end % capacity
    guard mayMove, chances > 0, ring.load(fromByteOffset: place + 19, as: UInt8.self) == 1,
      capacity - target >= byteCount, end + byteCount <= start + capacity
    else {
      entryCount -= 1
      return
    }
    chances -= 1
    // The places may overlap.
    (ring + target).copyMemory(from: ring + place, byteCount: byteCount)
    ring.storeBytes(of: 0, toByteOffset: target + 19, as: UInt8.self)
    end += byteCount
    point(hash, to: target)
  }

  // MARK: - Table

  private func bucket(_ hash: UInt64) -> UnsafeMutablePointer<UInt64> {
    buckets + (Int(truncatingIfNeeded: hash) & bucketMask) * Self.slotsPerBucket
  }

  private static func tag(_ slot: UInt64) -> UInt64 { slot == 0 ? .max : slot >> 40 }

  private static func place(_ slot: UInt64) -> Int {
    Int(truncatingIfNeeded: (slot & 0xff_ffff_ffff) - 1) * 8
  }

  private mutating func point(_ hash: UInt64, to place: Int) {
    let bucket = bucket(hash)
    var chosen = 0
    for slot in 0..<Self.slotsPerBucket {
      if bucket[slot] == 0 {
        chosen = slot
        break
      }
      if age(bucket[slot]) > age(bucket[chosen]) { chosen = slot }
    }
    if bucket[chosen] != 0 {
      setOwner(0, at: Self.place(bucket[chosen]))
      entryCount -= 1
    }
    bucket[chosen] = (hash >> 40) << 40 | UInt64(place / 8 + 1)
  }

  /// Bytes written since the slot's entry was.
  private func age(_ slot: UInt64) -> Int {
    let distance = end % capacity - Self.place(slot)
    return distance >= 0 ? distance : distance + capacity
  }

  private func unpoint(_ hash: UInt64, from place: Int) {
    let bucket = bucket(hash)
    let wanted = (hash >> 40) << 40 | UInt64(place / 8 + 1)
    for slot in 0..<Self.slotsPerBucket where bucket[slot] == wanted { bucket[slot] = 0 }
  }

  private func hashOfEntry(_ place: Int) -> UInt64 {
    ring.load(fromByteOffset: place, as: UInt64.self)
  }

  private func ownerOfEntry(_ place: Int) -> UInt32 {
    ring.load(fromByteOffset: place + 8, as: UInt32.self)
  }

  private func setOwner(_ owner: UInt32, at place: Int) {
    ring.storeBytes(of: owner, toByteOffset: place + 8, as: UInt32.self)
  }
}
