// Writes a table file (bytes: TableFormat) from entries in key order: data blocks as they fill,
// then filter, index blocks, top index, properties and footer.

package import Bytes
internal import CLZ4
package import VFS

/// Writes one table file. Confined to one thread; after a failure only `abandon` may follow.
package final class TableBuilder {
  /// Bytes gathered before they are written: few calls, no large buffer.
  private static let pieceByteCount = 256 << 10
  /// Bytes after which the device is set to work: small enough not to stand in a log sync's way.
  private static let writebackByteCount: UInt64 = 1 << 20
  /// Entries of an index block between two whole keys: searched more than scanned.
  private static let indexRestartInterval = 4

  private let file: any WritableFile
  private let options: TableOptions
  private let cached: CachedFile?
  private var output = ByteBuffer(capacity: TableBuilder.pieceByteCount + (16 << 10))
  /// Where the first byte of `output` goes.
  private var outputOffset: UInt64 = 0
  /// Bytes before this offset are on their way to the device.
  private var writebackOffset: UInt64 = 0
  private var data: BlockBuilder
  private var index: BlockBuilder
  private var topIndex: BlockBuilder
  /// Index blocks, finished but placed only after the last data block.
  private var indexBlocks = ByteBuffer()
  private var indexBlockList: [(lastKey: [UInt8], offset: Int, payloadByteCount: Int)] = []
  /// The data block that waits for the next key, to choose a short key between them.
  private var unindexed: BlockHandle?
  private var separator = ByteBuffer(capacity: 64)
  private var handleBytes = ByteBuffer(capacity: 64)
  private var compressed = ByteBuffer()
  private var trial = CompressionTrial()
  private var uses = BlockUses()
  /// The block written last is compressed.
  private var isLastPacked = false
  private var hashes: [UInt64] = []
  private var properties = TableProperties()
  private var isFinished = false

  /// - Parameter cached: Gets the blocks that readers want; nil for none.
  package init(file: any WritableFile, options: TableOptions, cached: CachedFile? = nil) {
    self.file = file
    self.options = options
    self.cached = cached
    data = BlockBuilder(restartInterval: options.restartInterval)
    index = BlockBuilder(restartInterval: TableBuilder.indexRestartInterval)
    topIndex = BlockBuilder(restartInterval: TableBuilder.indexRestartInterval)
    output.append(littleEndian: TableFormat.magic)
    output.append(littleEndian: TableFormat.version)
    output.append(littleEndian: CRC32C.checksum(output.view))
  }

  package var entryCount: UInt64 { properties.entryCount }

  /// Bytes the file would have if finished now, to within a block or two.
  package var estimatedByteCount: UInt64 {
    let rest =
      output.count + data.byteCount + indexBlocks.count + index.byteCount
      + hashes.count * options.filterBitsPerKey / 8 + 512
    return outputOffset + UInt64(rest)
  }

  /// - Parameter use: Of the block that the entry comes from.
  /// - Precondition: `key` is after the one before; key and value are within `Limits`.
  package func add(
    key: ByteView, kind: EntryKind, value: ByteView, _ use: BlockUse = .absent
  ) throws(EngineError) {
    precondition(!isFinished, "add after finish")
    precondition(key.count <= Limits.keyByteCount, "key within limit")
    precondition(value.count <= Limits.mergedValueByteCount, "value within limit")
    // A large entry gets a block of its own, so that its neighbours stay cheap to read.
    let entryByteCount = key.count + value.count
    if !data.isEmpty,
      data.byteCount + entryByteCount > options.blockByteCount + options.blockByteCount / 4
    {
      try finishDataBlock()
    }
    if let handle = unindexed {
      TableBuilder.separator(after: data.lastKey, before: key, into: &separator)
      try addToIndex(handle)
    }
    data.add(key: key, kind: kind, value: value)
    uses.add(use)
    if options.filterBitsPerKey > 0 { hashes.append(key.persistedHash) }
    if properties.entryCount == 0 { properties.smallestKey = key.array }
    properties.entryCount += 1
    properties.rawKeyByteCount += UInt64(key.count)
    properties.rawValueByteCount += UInt64(value.count)
    switch kind {
    case .put: break
    case .delete: properties.tombstoneCount += 1
    case .merge: properties.mergeCount += 1
    }
    if data.byteCount >= options.blockByteCount { try finishDataBlock() }
  }

  /// Writes what is left, syncs and closes the file.
  ///
  /// - Precondition: at least one entry was added.
  package func finish(_ attributes: TableAttributes) throws(EngineError) -> TableSummary {
    precondition(!isFinished, "finish once")
    precondition(properties.entryCount > 0, "a table file has an entry")
    isFinished = true
    properties.largestKey = data.lastKey.array
    properties.attributes = attributes
    if !data.isEmpty { try finishDataBlock() }
    if let handle = unindexed {
      separator.clear()
      separator.append(data.lastKey)
      try addToIndex(handle)
    }
    if !index.isEmpty { finishIndexBlock() }

    var footer = TableFooter(
      properties: .none, topIndex: .none, filter: .none, fileByteCount: 0)
    if options.filterBitsPerKey > 0 {
      var filter = ByteBuffer()
      BloomFilter.append(hashes, bitsPerKey: options.filterBitsPerKey, to: &filter)
      hashes = []
      footer.filter = try write(filter.view, compress: false)
    }
    footer.topIndex = try writeIndex()
    var encoded = ByteBuffer()
    properties.append(to: &encoded)
    footer.properties = try write(encoded.view, compress: false)
    footer.fileByteCount =
      outputOffset + UInt64(output.count) + UInt64(TableFormat.footerByteCount)
    footer.append(to: &output)
    try writeOut()
    do throws(FileError) {
      try file.sync()
      try file.close()
    } catch {
      throw EngineError(error)
    }
    return TableSummary(byteCount: footer.fileByteCount, properties: properties)
  }

  /// Closes a file that will not be finished; the caller removes it.
  package func abandon() {
    isFinished = true
    // The file goes away: that it could not be closed properly does not matter.
    try? file.close()
  }

  // MARK: - Index

  /// The shortest key at or after `last` and before `next`.
  static func separator(after last: ByteView, before next: ByteView, into key: inout ByteBuffer) {
    key.clear()
    let shared = last.sharedPrefixCount(with: next)
    guard shared < last.count else { return key.append(last) }
    // Beyond the first difference any byte may grow: the result stays below `next`.
    if last[shared] + 1 < next[shared] {
      key.append(last.prefix(shared))
      key.append(last[shared] + 1)
      return
    }
    var at = shared + 1
    while at < last.count, last[at] == 0xff { at += 1 }
    guard at + 1 < last.count else { return key.append(last) }
    key.append(last.prefix(at))
    key.append(last[at] + 1)
  }

  private func addToIndex(_ handle: BlockHandle) throws(EngineError) {
    unindexed = nil
    handleBytes.clear()
    handle.append(to: &handleBytes)
    index.add(key: separator.view, kind: .put, value: handleBytes.view)
    if index.byteCount >= options.blockByteCount { finishIndexBlock() }
  }

  private func finishIndexBlock() {
    let offset = indexBlocks.count
    let contents = index.finish()
    let isPacked = options.compress && TableBuilder.compressLZ4(contents, into: &compressed)
    let payload = isPacked ? compressed.view : contents
    indexBlocks.append(payload)
    TableBuilder.appendTrailer(
      payload, isPacked ? TableFormat.lz4 : TableFormat.uncompressed, to: &indexBlocks)
    indexBlockList.append((index.lastKey.array, offset, payload.count))
    index.clear()
  }

  /// Places the index blocks and writes the index over them.
  private func writeIndex() throws(EngineError) -> BlockHandle {
    let base = outputOffset + UInt64(output.count)
    output.append(indexBlocks.view)
    for block in indexBlockList {
      handleBytes.clear()
      BlockHandle(
        offset: base + UInt64(block.offset), payloadByteCount: UInt64(block.payloadByteCount)
      ).append(to: &handleBytes)
      ByteView.of(block.lastKey) { key in
        topIndex.add(key: key, kind: .put, value: handleBytes.view)
      }
    }
    return try write(topIndex.finish(), compress: options.compress)
  }

  // MARK: - Blocks

  private func finishDataBlock() throws(EngineError) {
    let isTried = options.compress && trial.isDue()
    let contents = data.finish()
    let handle = try write(contents, compress: isTried)
    unindexed = handle
    if isTried { trial.note(saved: isLastPacked) }
    cached?.keep(contents, at: handle.offset, for: uses.take())
    data.clear()
  }

  private func write(_ contents: ByteView, compress: Bool) throws(EngineError) -> BlockHandle {
    let offset = outputOffset + UInt64(output.count)
    let isPacked = compress && TableBuilder.compressLZ4(contents, into: &compressed)
    isLastPacked = isPacked
    let payload = isPacked ? compressed.view : contents
    let compression = isPacked ? TableFormat.lz4 : TableFormat.uncompressed
    if payload.count < TableBuilder.pieceByteCount {
      output.append(payload)
    } else {
      // A giant value is written from where it is.
      try writeOut()
      try writeOut(payload)
    }
    TableBuilder.appendTrailer(payload, compression, to: &output)
    compressed.clear(keepingAtMost: 1 << 20)
    if output.count >= TableBuilder.pieceByteCount { try writeOut() }
    return BlockHandle(offset: offset, payloadByteCount: UInt64(payload.count))
  }

  private static func appendTrailer(
    _ payload: ByteView, _ compression: UInt8, to output: inout ByteBuffer
  ) {
    output.append(compression)
    let sum = CRC32C.checksum(payload)
    let whole = CRC32C.checksum(output.view.dropFirst(output.count - 1), seed: sum)
    output.append(littleEndian: whole)
  }

  /// False when compression saves less than an eighth.
  private static func compressLZ4(_ contents: ByteView, into scratch: inout ByteBuffer) -> Bool {
    guard contents.count >= 64 else { return false }
    let room = contents.count - contents.count / 8
    scratch.clear()
    scratch.append(varint: contents.count)
    // A destination too small ends the attempt early: LZ4 then returns 0.
    let written = scratch.append(capacity: room - scratch.count) { destination in
      let count = LZ4_compress_default(
        contents.buffer.bindMemory(to: CChar.self).baseAddress,
        destination.bindMemory(to: CChar.self).baseAddress,
        Int32(contents.count), Int32(destination.count))
      return max(0, Int(count))
    }
    return written > 0
  }

  // MARK: - Output

  private func writeOut() throws(EngineError) {
    try writeOut(output.view)
    output.clear(keepingAtMost: TableBuilder.pieceByteCount * 2)
  }

  private func writeOut(_ bytes: ByteView) throws(EngineError) {
    do throws(FileError) {
      try file.write(bytes.buffer, at: outputOffset)
    } catch {
      throw EngineError(error)
    }
    outputOffset += UInt64(bytes.count)
    if outputOffset - writebackOffset >= TableBuilder.writebackByteCount {
      file.beginWriteback(writebackOffset..<outputOffset)
      writebackOffset = outputOffset
    }
  }
}

/// What readers make of the blocks that one block's entries come from: what holds for half of them.
private struct BlockUses {
  private var count = 0
  private var keptCount = 0
  private var askedCount = 0

  mutating func add(_ use: BlockUse) {
    count &+= 1
    switch use {
    case .absent: break
    case .kept: keptCount &+= 1
    case .asked: askedCount &+= 1
    }
  }

  /// Starts the next block.
  mutating func take() -> BlockUse {
    defer { self = BlockUses() }
    if askedCount * 2 >= count { return .asked }
    return (askedCount + keptCount) * 2 >= count ? .kept : .absent
  }
}

/// Whether to try to compress the next block: values that cannot be (images, hashes, embeddings)
/// come in thousands, and each attempt costs as much as all else that a block costs.
private struct CompressionTrial {
  /// Failures in a row after which only one block in `interval` is tried, until one succeeds.
  private static let patience = 8
  private static let interval = 16

  private var failures = 0
  private var skipped = 0

  mutating func isDue() -> Bool {
    if failures < CompressionTrial.patience { return true }
    skipped += 1
    guard skipped == CompressionTrial.interval else { return false }
    skipped = 0
    return true
  }

  mutating func note(saved: Bool) { failures = saved ? 0 : failures + 1 }
}
