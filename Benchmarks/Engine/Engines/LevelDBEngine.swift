// LevelDB through its C interface. Its only compression is Snappy, and it cannot be told to flush.

import Bytes
import CPeerLibraries

/// Handles are C++ objects that are safe for concurrent use; set once.
final class LevelDBEngine: MeasuredEngine, @unchecked Sendable {
  private let calls: leveldb_functions
  private let database: OpaquePointer
  private let cache: OpaquePointer?
  private let filter: OpaquePointer?
  private let isSynced: Bool

  init(_ settings: EngineSettings) throws {
    guard let calls = peer_leveldb()?.pointee else { throw EngineFailure("not installed") }
    self.calls = calls
    isSynced = settings.isSynced
    cache = calls.cache_create_lru(settings.cacheByteCount)
    filter = calls.filterpolicy_create_bloom(10)
    let options = calls.options_create()
    defer { calls.options_destroy(options) }
    calls.options_set_create_if_missing(options, 1)
    // It has two memtables at most: larger ones than RocksDB's are not faster.
    calls.options_set_write_buffer_size(
      options,
      settings.keepsLog
        ? EngineSettings.endlessMemtableByteCount : settings.memtableByteCount)
    calls.options_set_max_file_size(options, 16 << 20)
    calls.options_set_max_open_files(options, 50_000)
    calls.options_set_cache(options, cache)
    calls.options_set_filter_policy(options, filter)
    var error: peer_error?
    let opened = calls.open(options, settings.directory, &error)
    try calls.check(error)
    guard let opened else { throw EngineFailure("LevelDB did not open") }
    database = opened
  }

  func makeSession() -> LevelDBSession { LevelDBSession(calls, database, isSynced: isSynced) }
  func flush() {}
  var isBusy: Bool { false }

  func close() {
    calls.close(database)
    calls.cache_destroy(cache)
    calls.filterpolicy_destroy(filter)
  }
}

extension leveldb_functions {
  @inline(__always)
  fileprivate func check(_ error: peer_error?) throws {
    if let error { throw failure(error) }
  }

  private func failure(_ error: UnsafeMutablePointer<CChar>) -> EngineFailure {
    defer { free(error) }
    return EngineFailure("LevelDB: \(String(cString: error))")
  }
}

final class LevelDBSession: EngineSession {
  private let calls: leveldb_functions
  private let database: OpaquePointer
  private let writing: OpaquePointer?
  private let reading: OpaquePointer?
  private let batch: OpaquePointer?

  init(_ calls: leveldb_functions, _ database: OpaquePointer, isSynced: Bool) {
    self.calls = calls
    self.database = database
    writing = calls.writeoptions_create()
    calls.writeoptions_set_sync(writing, isSynced ? 1 : 0)
    reading = calls.readoptions_create()
    batch = calls.writebatch_create()
  }

  deinit {
    calls.writeoptions_destroy(writing)
    calls.readoptions_destroy(reading)
    calls.writebatch_destroy(batch)
  }

  func put(_ key: ByteView, _ value: ByteView) throws {
    var error: peer_error?
    calls.put(database, writing, key.start, key.count, value.start, value.count, &error)
    try calls.check(error)
  }

  func stage(_ key: ByteView, _ value: ByteView) {
    calls.writebatch_put(batch, key.start, key.count, value.start, value.count)
  }

  func commit() throws {
    var error: peer_error?
    calls.write(database, writing, batch, &error)
    calls.writebatch_clear(batch)
    try calls.check(error)
  }

  func delete(_ key: ByteView) throws {
    var error: peer_error?
    calls.delete(database, writing, key.start, key.count, &error)
    try calls.check(error)
  }

  func get(_ key: ByteView) throws -> Int? {
    var error: peer_error?
    var count = 0
    guard let value = calls.get(database, reading, key.start, key.count, &count, &error) else {
      try calls.check(error)
      return nil
    }
    defer { calls.free(value) }
    return ByteView(UnsafeRawBufferPointer(start: value, count: count)).touched()
  }

  func scan(from start: ByteView?, prefix: ByteView?, limit: Int) throws -> Int {
    let iterator = calls.create_iterator(database, reading)
    defer { calls.iter_destroy(iterator) }
    if let start {
      calls.iter_seek(iterator, start.start, start.count)
    } else {
      calls.iter_seek_to_first(iterator)
    }
    var visited = 0
    while visited < limit, calls.iter_valid(iterator) != 0 {
      var count = 0
      let keyBytes = calls.iter_key(iterator, &count)
      if let prefix,
        !ByteView(UnsafeRawBufferPointer(start: keyBytes, count: count)).hasPrefix(prefix)
      {
        break
      }
      let valueBytes = calls.iter_value(iterator, &count)
      _ = ByteView(UnsafeRawBufferPointer(start: valueBytes, count: count)).touched()
      visited += 1
      if visited < limit { calls.iter_next(iterator) }
    }
    var error: peer_error?
    calls.iter_get_error(iterator, &error)
    try calls.check(error)
    return visited
  }
}
