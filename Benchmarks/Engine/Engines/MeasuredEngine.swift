// What every engine under measurement does, ours and others: the workloads know nothing more.

import Bytes

/// How an engine is opened.
struct EngineSettings: Sendable {
  var directory: String
  /// Memtables and caches together.
  var memoryByteCount: Int
  /// Every write is durable before it is answered.
  var isSynced = false
  /// Rows of many keys are read by their prefix.
  var isWide = false
  /// Nothing is flushed: all that is written stays in the log.
  var keepsLog = false
  /// Reads pass the system's page cache by.
  var readsDirectly = false

  /// A fifth for memtables, four of them; peers' caches have the rest.
  var memtableByteCount: Int { max(memoryByteCount / 20, 1 << 20) }
  var cacheByteCount: Int { memoryByteCount / 5 * 4 }
  /// Of a memtable that holds a whole recovery log.
  static let endlessMemtableByteCount = 1 << 30
}

/// An open engine. Safe for concurrent use.
protocol MeasuredEngine: AnyObject, Sendable {
  associatedtype Session: EngineSession

  init(_ settings: EngineSettings) throws
  /// What one thread works through; made on that thread.
  func makeSession() throws -> Session
  /// Writes memtables out and waits, where the engine's interface can.
  func flush() throws
  /// Flushes or compactions wait or run, as far as the engine tells.
  var isBusy: Bool { get }
  func close() throws
}

/// One thread's calls. Not safe for concurrent use.
protocol EngineSession: AnyObject {
  func put(_ key: ByteView, _ value: ByteView) throws
  /// Adds to the batch that `commit` writes.
  func stage(_ key: ByteView, _ value: ByteView) throws
  func commit() throws
  func delete(_ key: ByteView) throws
  /// Bytes of the value, which was touched; nil when there is none.
  func get(_ key: ByteView) throws -> Int?
  /// Touches entries in order.
  ///
  /// - Parameters:
  ///   - start: Where to begin; nil for the first of all.
  ///   - prefix: Ends at the first key without it.
  /// - Returns: How many.
  func scan(from start: ByteView?, prefix: ByteView?, limit: Int) throws -> Int
}

/// What an engine refused.
struct EngineFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

extension ByteView {
  /// Reads a byte of each cache line, as whoever uses a value would; returns the length. The sum
  /// keeps the optimiser from dropping the reads.
  @inline(__always)
  func touched() -> Int {
    var sum: UInt8 = 0
    for index in stride(from: 0, to: count, by: 64) { sum &+= self[index] }
    return sum == 255 && count == Int.max ? 0 : count
  }
  /// For C interfaces. A view always has an address, that of nothing included.
  @inline(__always)
  var start: UnsafeRawPointer { buffer.baseAddress.unsafelyUnwrapped }
}
