// Many point reads that arrive together wait for memory together: before the first of a few is
// answered, all of them say where they will look.

internal import BinaryProtocol
internal import Bytes
internal import Tablets

extension BinarySession {
  /// Requests looked at together: enough to hide a memory access behind the others, few enough that
  /// what was fetched for the last is still there.
  static let lookAheadCount = 16

  /// Looks at the whole frames at the start of `input`.
  ///
  /// - Returns: Bytes looked at; a request that is alone, or no point read, is not worth it.
  func lookAhead(_ input: ByteView) -> Int {
    guard state.phase == .open, let first = FrameHeader(input),
      FrameHeader.byteCount + Int(first.bodyByteCount) < input.count
    else { return input.count }
    var offset = 0
    var count = 0
    aheadKeys.removeAll(keepingCapacity: true)
    var tableName = ByteView()
    while count < BinarySession.lookAheadCount, let header = FrameHeader(input.dropFirst(offset)) {
      let end = offset + FrameHeader.byteCount + Int(header.bodyByteCount)
      guard end <= input.count else { break }
      if header.operation == Operation.get.rawValue,
        let request = try? GetRequestView(input[offset + FrameHeader.byteCount..<end])
      {
        if aheadKeys.isEmpty { tableName = request.table }
        // Of one table: what pipelines have.
        if request.table == tableName { aheadKeys.append(request.key) }
      }
      offset = end
      count += 1
    }
    if aheadKeys.count > 1, let table = try? tables.table(tableName, of: front) {
      table.prefetch(aheadKeys)
    }
    aheadKeys.removeAll(keepingCapacity: true)
    return max(offset, FrameHeader.byteCount)
  }

  /// The same for the next few keys of a batch.
  func lookAhead(_ keys: [ByteView], _ start: Int, _ table: Table) {
    aheadKeys.removeAll(keepingCapacity: true)
    aheadKeys.append(contentsOf: keys[start...].prefix(BinarySession.lookAheadCount))
    if aheadKeys.count > 1 { table.prefetch(aheadKeys) }
    aheadKeys.removeAll(keepingCapacity: true)
  }
}
