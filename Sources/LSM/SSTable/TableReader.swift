// Reads a table file (bytes: TableFormat). A reader keeps properties, top index and, while the
// block cache spares the room, the filter in memory; everything else comes through the cache. What
// is read is checked before it is used: sizes against the file and the limits before memory is
// taken, then the checksum, then every position.

package import Bytes
internal import CLZ4
internal import Synchronization
package import VFS

/// What a cursor over table files is for.
package enum CursorPurpose: Sendable {
  /// Serving a read: blocks go through the cache.
  case serving
  /// Going on with a read that has proved to be long: blocks come in larger pieces and push nothing
  /// out of the cache. A serving cursor that walks far does the same.
  case scan
  /// Rewriting everything: the cache is left alone, the file is read ahead in large pieces.
  case compaction
}

/// An open table file. Safe for concurrent use.
package final class TableReader: Sendable {
  /// Larger blocks are not read, checked and decompressed on an event loop.
  private static let promptByteCount: UInt64 = 512 << 10

  package let properties: TableProperties
  let file: any ReadableFile
  let topIndex: Block
  let topIndexHandle: BlockHandle
  private let id: CachedFileID
  private let cache: BlockCache
  private let filter: BlockHandle
  /// Address of the filter's block, which the reader then holds; 0 while it comes through the
  /// cache.
  private let heldFilter = Atomic<UInt>(0)
  /// Smallest and largest key as stable bytes.
  private let smallestKey: Block
  private let largestKey: Block

  private init(
    file: any ReadableFile, id: CachedFileID, cache: BlockCache, footer: TableFooter,
    topIndex: Block, properties: TableProperties
  ) {
    self.file = file
    self.id = id
    self.cache = cache
    self.topIndex = topIndex
    self.properties = properties
    filter = footer.filter
    topIndexHandle = footer.topIndex
    smallestKey = ByteView.of(properties.smallestKey) { Block(copying: $0) }
    largestKey = ByteView.of(properties.largestKey) { Block(copying: $0) }
  }

  deinit {
    if let held = UnsafeRawPointer(bitPattern: heldFilter.load(ordering: .acquiring)) {
      let block = Unmanaged<Block>.fromOpaque(held).takeRetainedValue()
      cache.giveBack(block.allocatedByteCount)
    }
  }

  /// Reads and checks header, footer, properties and top index. May wait for the disk.
  package static func open(
    _ file: any ReadableFile, id: CachedFileID, cache: BlockCache
  ) throws(EngineError) -> TableReader {
    let footer = try readFooter(file)
    let propertiesBlock = try read(footer.properties, of: file, wait: .allowed)
    let properties: TableProperties
    do throws(BlockDamage) {
      properties = try TableProperties.decode(propertiesBlock.view)
    } catch {
      throw corrupt(file, footer.properties.offset, error)
    }
    let topIndex = try readIndex(footer.topIndex, of: file, wait: .allowed)
    return TableReader(
      file: file, id: id, cache: cache, footer: footer, topIndex: topIndex,
      properties: properties)
  }

  /// Bytes the open reader keeps in memory outside the cache.
  package var byteCount: Int {
    topIndex.heldByteCount + 3 * properties.smallestKey.count
      + 3 * properties.largestKey.count + 512
  }

  /// Appends the entry of `key`, if the file has one, to `operands`.
  ///
  /// - Parameters:
  ///   - hash: `key.persistedHash`, computed once for all files of a read.
  ///   - wait: With `.forbidden` throws `.wouldBlock` when a block is neither in the cache nor in
  ///     the page cache.
  /// - Returns: True when there was one.
  package func get(
    _ key: ByteView, hash: UInt64, wait: ReadWait, into operands: OperandList
  ) throws(EngineError) -> Bool {
    // 1. Key range: from memory.
    if key < smallestKey.view || key > largestKey.view { return false }

    // 2. Filter: one line of one block.
    if filter != .none, try !filterMayContain(hash, wait: wait) { return false }

    // 3. Index: the top index in memory names an index block, that one the data block.
    guard let indexHandle = try lookUp(key, inIndex: topIndex, at: topIndexHandle) else {
      return false
    }
    let index = try indexBlock(indexHandle, wait: wait)
    guard let handle = try lookUp(key, inIndex: index, at: indexHandle) else { return false }

    operands.countBlock()

    // 4. Data block, 5. restart point, then at most one interval of entries.
    let data = try block(handle, priority: .normal, wait: wait)
    return try checked(handle) { () throws(BlockDamage) in
      let search = try BlockSearch(data.view)
      let found = try search.lowerBound(key)
      guard found.isEqual, let entry = found.entry else { return false }
      operands.append(kind: entry.kind, value: search.value(entry), pin: data)
      return true
    }
  }

  /// Entries of the file, without a position yet.
  package func cursor(_ purpose: CursorPurpose) -> TableCursor {
    TableCursor(self, purpose: purpose)
  }

  /// The handle that `index` has for the block which `key` would be in.
  private func lookUp(
    _ key: ByteView, inIndex index: Block, at handle: BlockHandle
  ) throws(EngineError) -> BlockHandle? {
    try checked(handle) { () throws(BlockDamage) in
      let fences = try index.searchable
      let rank = try fences.rank(of: key, in: index.view)
      return rank < fences.count ? fences.handle(rank) : nil
    }
  }

  // MARK: - Filter

  private func filterMayContain(_ hash: UInt64, wait: ReadWait) throws(EngineError) -> Bool {
    if let held = UnsafeRawPointer(bitPattern: heldFilter.load(ordering: .acquiring)) {
      let contents = Unmanaged<Block>.fromOpaque(held)._withUnsafeGuaranteedRef { $0.view }
      return try filterMayContain(hash, contents)
    }
    let block = try readFilter(wait: wait)
    return try filterMayContain(hash, block.view)
  }

  private func filterMayContain(
    _ hash: UInt64, _ contents: ByteView
  ) throws(EngineError) -> Bool {
    do throws(BlockDamage) { return try BloomFilter.mayContain(hash, in: contents) } catch {
      throw TableReader.corrupt(file, filter.offset, error)
    }
  }

  /// The filter, held from now on where the cache gives up as much room as it takes.
  private func readFilter(wait: ReadWait) throws(EngineError) -> Block {
    let block = try block(filter, priority: .high, wait: wait, keep: false)
    guard cache.lend(block.allocatedByteCount) else {
      return cache.insert(block, for: BlockKey(id, at: filter.offset), priority: .high)
    }
    let held = Unmanaged.passRetained(block)
    let isFirst = heldFilter.compareExchange(
      expected: 0, desired: UInt(bitPattern: held.toOpaque()), ordering: .acquiringAndReleasing
    ).exchanged
    if !isFirst {
      held.release()
      cache.giveBack(block.allocatedByteCount)
    }
    return block
  }

  // MARK: - Blocks

  /// The block at `handle`, from the cache or else from the file.
  ///
  /// - Parameter keep: False leaves the cache as it is.
  func block(
    _ handle: BlockHandle, priority: BlockPriority, wait: ReadWait, keep: Bool = true
  ) throws(EngineError) -> Block {
    let key = BlockKey(id, at: handle.offset)
    if let block = cache.block(for: key) { return block }
    let block = try fetch(handle, wait: wait)
    return keep ? cache.insert(block, for: key, priority: priority) : block
  }

  /// Has brought nearer what `block` looks at first, and, a moment later, second.
  func prefetchSlot(_ handle: BlockHandle) { cache.prefetchSlot(BlockKey(id, at: handle.offset)) }

  func prefetchNode(_ handle: BlockHandle) { cache.prefetchNode(BlockKey(id, at: handle.offset)) }

  private func fetch(_ handle: BlockHandle, wait: ReadWait) throws(EngineError) -> Block {
    try checkPromptness(handle, wait)
    return try TableReader.read(handle, of: file, wait: wait)
  }

  private func checkPromptness(_ handle: BlockHandle, _ wait: ReadWait) throws(EngineError) {
    if wait == .forbidden, handle.payloadByteCount > TableReader.promptByteCount {
      throw .wouldBlock
    }
  }

  /// The index block at `handle`, as `block`, with its fences.
  func indexBlock(
    _ handle: BlockHandle, wait: ReadWait, keep: Bool = true
  ) throws(EngineError) -> Block {
    let key = BlockKey(id, at: handle.offset)
    if let block = cache.block(for: key) { return block }
    try checkPromptness(handle, wait)
    let block = try TableReader.readIndex(handle, of: file, wait: wait)
    return keep ? cache.insert(block, for: key, priority: .high) : block
  }

  /// The block at `handle` for a scan: the cache is looked at as if nobody did, and takes the block
  /// only where it has room.
  func scannedBlock(
    _ handle: BlockHandle, _ ahead: inout ReadAhead, wait: ReadWait
  ) throws(EngineError) -> Block {
    let key = BlockKey(id, at: handle.offset)
    if let block = cache.peek(at: key) { return block }
    try checkPromptness(handle, wait)
    let block = try ahead.block(handle, of: self, wait: wait)
    cache.offer(block, for: key)
    return block
  }

  /// The block at `handle` for a merge, and what readers make of it.
  func mergedBlock(
    _ handle: BlockHandle, _ ahead: inout ReadAhead, wait: ReadWait
  ) throws(EngineError) -> (block: Block, use: BlockUse) {
    if let found = cache.look(at: BlockKey(id, at: handle.offset)) { return found }
    return (try ahead.block(handle, of: self, wait: wait), .absent)
  }

  /// Brings into the cache what every read of the file needs: filter and index blocks.
  func warm() throws(EngineError) {
    if filter != .none { _ = try filterMayContain(0, wait: .allowed) }
    var top = IndexCursor()
    try checked(topIndexHandle) { () throws(BlockDamage) in
      try top.open(topIndex)
      try top.seekToFirst()
    }
    while top.isValid {
      _ = try indexBlock(top.handle, wait: .allowed)
      try checked(topIndexHandle) { () throws(BlockDamage) in try top.next() }
    }
  }

  /// Runs `body`, giving damage its place.
  func checked<Result>(
    _ handle: BlockHandle, _ body: () throws(BlockDamage) -> Result
  ) throws(EngineError) -> Result {
    do throws(BlockDamage) { return try body() } catch {
      throw TableReader.corrupt(file, handle.offset, error)
    }
  }

  static func corrupt(
    _ file: any ReadableFile, _ offset: UInt64, _ damage: BlockDamage
  ) -> EngineError {
    .corrupt(path: file.path, offset: offset, reason: damage.reason)
  }

  /// Reads, checks and decompresses one block.
  static func read(
    _ handle: BlockHandle, of file: any ReadableFile, wait: ReadWait
  ) throws(EngineError) -> Block {
    do throws(BlockDamage) {
      try handle.check(fileByteCount: file.byteCount)
    } catch {
      throw corrupt(file, handle.offset, error)
    }
    let count = Int(handle.payloadByteCount) + TableFormat.trailerByteCount
    // Filters are probed by cache line, so theirs begin where a line does.
    let storage = UnsafeMutableRawPointer.allocate(
      byteCount: count, alignment: count > 16 << 10 ? 64 : 16)
    let stored = Block(taking: storage, allocatedByteCount: count, count: count)
    let target = UnsafeMutableRawBufferPointer(start: storage, count: count)
    try fill(target, from: file, at: handle.offset, wait: wait)
    do throws(BlockDamage) {
      return try unpack(stored.view, owner: stored)
    } catch {
      throw corrupt(file, handle.offset, error)
    }
  }

  /// The same of an index block, which must be one throughout.
  private static func readIndex(
    _ handle: BlockHandle, of file: any ReadableFile, wait: ReadWait
  ) throws(EngineError) -> Block {
    let block = try read(handle, of: file, wait: wait)
    do throws(BlockDamage) { try block.fence() } catch {
      throw corrupt(file, handle.offset, error)
    }
    return block
  }

  /// Checks a stored block (payload and trailer) and returns its contents.
  ///
  /// - Parameter owner: A block that holds just `stored`, to be used on when nothing is packed.
  static func unpack(_ stored: ByteView, owner: Block?) throws(BlockDamage) -> Block {
    guard stored.count > TableFormat.trailerByteCount else { throw .format("a block is too short") }
    let payloadCount = stored.count - TableFormat.trailerByteCount
    let sum = stored.littleEndian32(at: payloadCount + 1)
    let computed = CRC32C.checksum(stored.prefix(payloadCount + 1))
    guard sum == computed else { throw .checksum(stored: sum, computed: computed) }
    switch stored[payloadCount] {
    case TableFormat.uncompressed:
      guard let owner else { return Block(copying: stored.prefix(payloadCount)) }
      owner.shorten(to: payloadCount)
      return owner
    case TableFormat.lz4:
      return try decompressLZ4(stored.prefix(payloadCount))
    default:
      throw .format("a block is compressed in no known way")
    }
  }

  private static func decompressLZ4(_ payload: ByteView) throws(BlockDamage) -> Block {
    var reader = ByteReader(payload)
    let count: Int
    do throws(ByteReadError) {
      count = try reader.length(limit: TableFormat.contentLimit)
    } catch {
      throw .format("a packed block's length is out of range")
    }
    let packed = reader.rest
    // LZ4 packs at most 255 to one: a longer claim would only take memory.
    guard count >= 1, packed.count >= 1, count / 255 <= packed.count + 16 else {
      throw .format("a packed block's length is out of range")
    }
    let storage = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
    let block = Block(taking: storage, allocatedByteCount: count, count: count)
    let written = LZ4_decompress_safe(
      packed.buffer.bindMemory(to: CChar.self).baseAddress,
      storage.bindMemory(to: CChar.self, capacity: count), Int32(packed.count), Int32(count))
    guard Int(written) == count else { throw .format("a packed block cannot be unpacked") }
    return block
  }

  /// Fills `target` wholly.
  static func fill(
    _ target: UnsafeMutableRawBufferPointer, from file: any ReadableFile, at offset: UInt64,
    wait: ReadWait
  ) throws(EngineError) {
    let count: Int?
    do throws(FileError) {
      count = try file.read(into: target, at: offset, wait: wait)
    } catch {
      throw EngineError(error)
    }
    guard let count else { throw .wouldBlock }
    guard count == target.count else {
      throw .corrupt(
        path: file.path, offset: offset, reason: "read \(count) bytes of \(target.count)")
    }
  }

  // MARK: - Opening

  private static func readFooter(_ file: any ReadableFile) throws(EngineError) -> TableFooter {
    let byteCount = file.byteCount
    guard byteCount > UInt64(TableFormat.headerByteCount + TableFormat.footerByteCount) else {
      throw .corrupt(
        path: file.path, offset: byteCount, reason: "a table file of \(byteCount) bytes")
    }
    let header = try bytes(of: file, at: 0, count: TableFormat.headerByteCount)
    guard header.view.littleEndian64(at: 0) == TableFormat.magic else {
      throw .corrupt(path: file.path, offset: 0, reason: "not a table file")
    }
    let version = header.view.littleEndian32(at: 8)
    let sum = header.view.littleEndian32(at: 12)
    let computed = CRC32C.checksum(header.view.prefix(12))
    guard sum == computed else {
      throw corrupt(file, 0, .checksum(stored: sum, computed: computed))
    }
    guard version == TableFormat.version else {
      throw .unsupportedVersion(
        path: file.path, found: version, newestKnown: TableFormat.version)
    }
    let offset = byteCount - UInt64(TableFormat.footerByteCount)
    let tail = try bytes(of: file, at: offset, count: TableFormat.footerByteCount)
    let footer: TableFooter
    do throws(BlockDamage) {
      footer = try TableFooter.decode(tail.view)
      if footer.filter != .none { try footer.filter.check(fileByteCount: byteCount) }
    } catch {
      throw corrupt(file, offset, error)
    }
    guard footer.fileByteCount == byteCount else {
      throw .corrupt(
        path: file.path, offset: offset,
        reason: "the file has \(byteCount) bytes and was written with \(footer.fileByteCount)")
    }
    return footer
  }

  private static func bytes(
    of file: any ReadableFile, at offset: UInt64, count: Int
  ) throws(EngineError) -> Block {
    let storage = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
    let block = Block(taking: storage, allocatedByteCount: count, count: count)
    try fill(
      UnsafeMutableRawBufferPointer(start: storage, count: count), from: file, at: offset,
      wait: .allowed)
    return block
  }
}
