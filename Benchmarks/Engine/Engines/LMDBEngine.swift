// LMDB, a B+tree in a memory map: no log, no checksums, no compression; the read to chase, not a
// peer like for like. A put or a batch is a transaction, not synced unless asked.

import Bytes
import CPeerLibraries

/// The environment is safe for concurrent use; set once.
final class LMDBEngine: MeasuredEngine, @unchecked Sendable {
  /// Address space, not memory.
  private static let mapByteCount = 64 << 30
  private static let readerCount: UInt32 = 256
  private let calls: lmdb_functions
  private let environment: OpaquePointer
  private let tree: UInt32

  init(_ settings: EngineSettings) throws {
    guard let calls = peer_lmdb()?.pointee else { throw EngineFailure("not installed") }
    self.calls = calls
    var made: OpaquePointer?
    try calls.check(calls.env_create(&made))
    guard let made else { throw EngineFailure("LMDB made no environment") }
    environment = made
    try calls.check(calls.env_set_mapsize(made, LMDBEngine.mapByteCount))
    try calls.check(calls.env_set_maxreaders(made, LMDBEngine.readerCount))
    var flags = LMDB_NO_THREAD_LOCALS | LMDB_NO_READ_AHEAD
    if !settings.isSynced { flags |= LMDB_NO_SYNC | LMDB_WRITE_MAP | LMDB_NO_MEMORY_INIT }
    try calls.check(
      calls.env_open(made, settings.directory, UInt32(bitPattern: Int32(flags)), 0o644))
    var tree: UInt32 = 0
    try calls.transact(environment) { transaction in
      calls.dbi_open(transaction, nil, UInt32(LMDB_CREATE), &tree)
    }
    self.tree = tree
  }

  func makeSession() -> LMDBSession { LMDBSession(calls, environment, tree) }
  func flush() {}
  var isBusy: Bool { false }
  func close() { calls.env_close(environment) }
}

extension lmdb_functions {
  @inline(__always)
  fileprivate func check(_ result: Int32) throws {
    if result != 0 {
      throw EngineFailure("LMDB: \(String(cString: strerror(result).unsafelyUnwrapped))")
    }
  }

  /// One transaction around `change`, which returns LMDB's result.
  @inline(__always)
  fileprivate func transact(
    _ environment: OpaquePointer, _ change: (OpaquePointer) -> Int32
  ) throws {
    var transaction: OpaquePointer?
    try check(txn_begin(environment, nil, 0, &transaction))
    guard let transaction else { throw EngineFailure("LMDB began no transaction") }
    let result = change(transaction)
    if result != 0 { txn_abort(transaction) } else { try check(txn_commit(transaction)) }
    try check(result)
  }
}

extension lmdb_value {
  @inline(__always)
  fileprivate init(_ view: ByteView) { self.init(count: view.count, bytes: view.start) }

  @inline(__always)
  fileprivate var view: ByteView {
    ByteView(UnsafeRawBufferPointer(start: bytes, count: count))
  }
}

final class LMDBSession: EngineSession {
  private let calls: lmdb_functions
  private let environment: OpaquePointer
  private let tree: UInt32
  private var reader: OpaquePointer?
  private var cursor: OpaquePointer?
  private var staging: OpaquePointer?

  init(_ calls: lmdb_functions, _ environment: OpaquePointer, _ tree: UInt32) {
    self.calls = calls
    self.environment = environment
    self.tree = tree
  }

  deinit {
    if let cursor { calls.cursor_close(cursor) }
    if let reader { calls.txn_abort(reader) }
    if let staging { calls.txn_abort(staging) }
  }

  func put(_ key: ByteView, _ value: ByteView) throws {
    try calls.transact(environment) { transaction in put(key, value, transaction) }
  }

  private func put(_ key: ByteView, _ value: ByteView, _ transaction: OpaquePointer) -> Int32 {
    var key = lmdb_value(key)
    var value = lmdb_value(value)
    return calls.put(transaction, tree, &key, &value, 0)
  }

  func stage(_ key: ByteView, _ value: ByteView) throws {
    if staging == nil { try calls.check(calls.txn_begin(environment, nil, 0, &staging)) }
    guard let staging else { return }
    try calls.check(put(key, value, staging))
  }

  func commit() throws {
    guard let full = staging else { return }
    staging = nil
    try calls.check(calls.txn_commit(full))
  }

  func delete(_ key: ByteView) throws {
    try calls.transact(environment) { transaction in
      var key = lmdb_value(key)
      return calls.del(transaction, tree, &key, nil)
    }
  }

  /// The reader's transaction, on what is newest.
  private func beginReading() throws -> OpaquePointer {
    if let reader {
      try calls.check(calls.txn_renew(reader))
      return reader
    }
    try calls.check(calls.txn_begin(environment, nil, UInt32(LMDB_READ_ONLY), &reader))
    guard let reader else { throw EngineFailure("LMDB began no transaction") }
    return reader
  }

  func get(_ key: ByteView) throws -> Int? {
    let reader = try beginReading()
    defer { calls.txn_reset(reader) }
    var key = lmdb_value(key)
    var value = lmdb_value()
    let result = calls.get(reader, tree, &key, &value)
    if result == Int32(LMDB_NOT_FOUND) { return nil }
    try calls.check(result)
    return value.view.touched()
  }

  func scan(from start: ByteView?, prefix: ByteView?, limit: Int) throws -> Int {
    let reader = try beginReading()
    defer { calls.txn_reset(reader) }
    if let cursor {
      try calls.check(calls.cursor_renew(reader, cursor))
    } else {
      try calls.check(calls.cursor_open(reader, tree, &cursor))
    }
    guard let cursor else { return 0 }
    var key = lmdb_value()
    var value = lmdb_value()
    if let start { key = lmdb_value(start) }
    var result = calls.cursor_get(
      cursor, &key, &value, Int32(start == nil ? LMDB_FIRST : LMDB_SET_RANGE))
    var visited = 0
    while visited < limit, result == 0 {
      if let prefix, !key.view.hasPrefix(prefix) { break }
      _ = value.view.touched()
      visited += 1
      if visited < limit { result = calls.cursor_get(cursor, &key, &value, Int32(LMDB_NEXT)) }
    }
    if result != Int32(LMDB_NOT_FOUND) { try calls.check(result) }
    return visited
  }
}
