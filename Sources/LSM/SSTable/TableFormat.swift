// Table files: what describes one. Stub.

/// How table files are written.
package struct TableOptions: Sendable {
  /// Target bytes of a block before compression.
  package var blockByteCount = 4 << 10
  /// Filter bits a key; 0 writes no filter.
  package var filterBitsPerKey = 10
  /// Compress blocks with LZ4 where that saves an eighth.
  package var compress = true
  package init() {}
}

/// What a table file says about itself.
package struct TableProperties: Sendable, Equatable {
  package var entryCount: UInt64 = 0
  package var tombstoneCount: UInt64 = 0
  package var mergeCount: UInt64 = 0
  package var smallestKey: [UInt8] = []
  package var largestKey: [UInt8] = []
  /// Bytes of keys and values before any compression.
  package var rawKeyByteCount: UInt64 = 0
  package var rawValueByteCount: UInt64 = 0
  package var attributes = TableAttributes()
  package init() {}
}

/// What whoever writes a table file knows about it and the builder does not.
package struct TableAttributes: Sendable, Equatable {
  package var smallestSequence = SequenceNumber.zero
  package var largestSequence = SequenceNumber.zero
  /// Wall clock when the file was written, microseconds.
  package var creationMicroseconds: Int64 = 0
  /// Opaque to the engine, at most `Limits.userPropertiesByteCount`; upper layers keep, say, the
  /// earliest cell time here.
  package var userProperties: [UInt8] = []
  package init() {}
}

/// A finished table file.
package struct TableSummary: Sendable {
  package let byteCount: UInt64
  package let properties: TableProperties
}
