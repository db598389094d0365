// RocksDB through its C interface, with the options that its guides recommend for such a load.

import Bytes
import CPeerLibraries
import Glibc

/// Handles are C++ objects that are safe for concurrent use; set once.
final class RocksDBEngine: MeasuredEngine, @unchecked Sendable {
  private let calls: rocksdb_functions
  private let database: OpaquePointer
  private let settings: EngineSettings

  init(_ settings: EngineSettings) throws {
    guard let calls = peer_rocksdb()?.pointee else { throw EngineFailure("not installed") }
    self.calls = calls
    self.settings = settings
    let base = calls.options_create()
    let options = calls.options_create()
    defer {
      calls.options_destroy(base)
      calls.options_destroy(options)
    }
    var error: peer_error?
    calls.get_options_from_string(base, RocksDBEngine.options(settings), options, &error)
    try calls.check(error)
    let opened = calls.open(options, settings.directory, &error)
    try calls.check(error)
    guard let opened else { throw EngineFailure("RocksDB did not open") }
    database = opened
  }

  /// Files, levels and threads after RocksDB's tuning guide; recycled logs and pipelined writes,
  /// without which its writes are slower.
  static func options(_ settings: EngineSettings) -> String {
    var options = [
      "create_if_missing=true", "compression=kLZ4Compression",
      "write_buffer_size=\(settings.memtableByteCount)", "max_write_buffer_number=4",
      "max_background_jobs=4", "max_subcompactions=2",
      "max_bytes_for_level_base=\(256 << 20)", "target_file_size_base=\(64 << 20)",
      "level_compaction_dynamic_level_bytes=true", "bytes_per_sync=\(1 << 20)",
      "enable_pipelined_write=true", "recycle_log_file_num=4", "max_open_files=-1",
      "block_based_table_factory={block_cache={capacity=\(settings.cacheByteCount);"
        + "num_shard_bits=6};filter_policy=bloomfilter:10:false;"
        + "data_block_index_type=kDataBlockBinaryAndHash;data_block_hash_table_util_ratio=0.75;"
        + "format_version=5}",
    ]
    if settings.isWide {
      options += ["prefix_extractor=fixed:15", "memtable_prefix_bloom_size_ratio=0.05"]
    }
    if settings.readsDirectly { options.append("use_direct_reads=true") }
    if settings.keepsLog {
      options += [
        "write_buffer_size=\(EngineSettings.endlessMemtableByteCount)", "recycle_log_file_num=0",
        "avoid_flush_during_shutdown=true",
      ]
    }
    return options.joined(separator: ";")
  }

  func makeSession() -> RocksDBSession { RocksDBSession(calls, database, settings) }

  func flush() throws {
    let options = calls.flushoptions_create()
    defer { calls.flushoptions_destroy(options) }
    var error: peer_error?
    calls.flush(database, options, &error)
    try calls.check(error)
  }

  var isBusy: Bool {
    let names = [
      "rocksdb.compaction-pending", "rocksdb.num-running-compactions",
      "rocksdb.mem-table-flush-pending", "rocksdb.num-running-flushes",
    ]
    return names.contains { name in
      var value: UInt64 = 0
      return calls.property_int(database, name, &value) == 0 && value > 0
    }
  }

  func close() { calls.close(database) }
}

extension rocksdb_functions {
  @inline(__always)
  fileprivate func check(_ error: peer_error?) throws {
    if let error { throw failure(error) }
  }

  private func failure(_ error: UnsafeMutablePointer<CChar>) -> EngineFailure {
    defer { free(error) }
    return EngineFailure("RocksDB: \(String(cString: error))")
  }
}

final class RocksDBSession: EngineSession {
  private let calls: rocksdb_functions
  private let database: OpaquePointer
  private let isWide: Bool
  private let writing: OpaquePointer?
  private let reading: OpaquePointer?
  private let walking: OpaquePointer?
  private let inRow: OpaquePointer?
  private let batch: OpaquePointer?

  init(_ calls: rocksdb_functions, _ database: OpaquePointer, _ settings: EngineSettings) {
    self.calls = calls
    self.database = database
    isWide = settings.isWide
    writing = calls.writeoptions_create()
    calls.writeoptions_set_sync(writing, settings.isSynced ? 1 : 0)
    reading = calls.readoptions_create()
    walking = calls.readoptions_create()
    calls.readoptions_set_total_order_seek(walking, 1)
    inRow = calls.readoptions_create()
    calls.readoptions_set_prefix_same_as_start(inRow, 1)
    batch = calls.writebatch_create()
  }

  deinit {
    calls.writeoptions_destroy(writing)
    for options in [reading, walking, inRow] { calls.readoptions_destroy(options) }
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
    guard let slice = calls.get_pinned(database, reading, key.start, key.count, &error) else {
      try calls.check(error)
      return nil
    }
    defer { calls.pinnableslice_destroy(slice) }
    var count = 0
    let bytes = calls.pinnableslice_value(slice, &count)
    return ByteView(UnsafeRawBufferPointer(start: bytes, count: count)).touched()
  }

  func scan(from start: ByteView?, prefix: ByteView?, limit: Int) throws -> Int {
    let iterator = calls.create_iterator(database, isWide && prefix != nil ? inRow : walking)
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
