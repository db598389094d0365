// What is measured, by name, and which of it one process runs.

import ArgumentParser

/// A workload by the name it has on the command line and in JSON.
enum Workload: String, CaseIterable, Codable, Sendable, ExpressibleByArgument {
  case fill = "fillrandom"
  case fillBatches = "fillbatch"
  case overwrite
  case sync1, sync8, sync32
  case read
  case read2
  case hot
  case miss
  case scan
  case seek10, seek100
  case readWhileWriting = "readwhilewriting"
  case pacedWriter = "pacedwriter"
  case wideFill = "widefill"
  case wideRead = "wideread"
  case coldRead = "coldread"
  case coldSeek = "coldseek100"
  case coldScan = "coldscan"
  case recover
  case deleted
  case deletedSettled = "deletedsettled"

  /// What the tables call it.
  var title: String {
    switch self {
    case .fill: "fillrandom, a put each"
    case .fillBatches: "fillrandom, batches of 16"
    case .overwrite: "overwrite"
    case .sync1: "synced put, 1 thread"
    case .sync8: "synced put, 8 threads"
    case .sync32: "synced put, 32 threads"
    case .read: "read, 1 thread"
    case .read2: "read, 2 threads"
    case .hot: "read, zipfian"
    case .miss: "read what is absent"
    case .scan: "scan of all, entries"
    case .seek10: "seek and 10 entries"
    case .seek100: "seek and 100 entries"
    case .readWhileWriting: "2 readers beside 50,000 puts/s"
    case .pacedWriter: "… and the writer"
    case .wideFill: "rows of 50, column by column"
    case .wideRead: "whole row of 50"
    case .coldRead: "read from the device"
    case .coldSeek: "seek and 100 from the device"
    case .coldScan: "scan from the device, entries"
    case .recover: "open after kill -9"
    case .deleted: "seek over deleted rows"
    case .deletedSettled: "… after compaction"
    }
  }

  var stage: Stage {
    switch self {
    case .fill: .fill
    case .coldRead, .coldSeek, .coldScan: .cold
    case .read, .read2, .hot, .miss, .scan, .seek10, .seek100, .readWhileWriting, .pacedWriter:
      .read
    case .overwrite: .overwrite
    case .fillBatches: .fillBatches
    case .sync1, .sync8, .sync32: .sync
    case .wideFill, .wideRead: .wide
    case .recover: .recover
    case .deleted, .deletedSettled: .deleted
    }
  }
}

/// Workloads that share a process, in the order in which they run: what peaks in memory is theirs,
/// and what one leaves the next one finds.
enum Stage: String, CaseIterable, Codable, Sendable, ExpressibleByArgument {
  case fill, cold, read, overwrite, fillBatches, sync, wide
  /// Writes a log and dies.
  case load
  case recover, deleted

  /// Reads or changes the rows that `fill` wrote.
  var needsFill: Bool { self == .cold || self == .read || self == .overwrite }
}

/// Who is measured.
enum EngineName: String, CaseIterable, Codable, Sendable, ExpressibleByArgument {
  case strata
  /// Our tables over the engine; wide rows only.
  case rows = "strata-rows"
  case rocksdb, leveldb, lmdb

  var title: String {
    switch self {
    case .strata: "Strata"
    case .rows: "Strata's rows"
    case .rocksdb: "RocksDB"
    case .leveldb: "LevelDB"
    case .lmdb: "LMDB"
    }
  }

  /// Debian's package; nil for our own.
  var package: String? {
    switch self {
    case .strata, .rows: nil
    case .rocksdb: "librocksdb-dev"
    case .leveldb: "libleveldb-dev"
    case .lmdb: "liblmdb-dev"
    }
  }

  func takesPart(in stage: Stage) -> Bool {
    switch (self, stage) {
    case (.rows, let stage): stage == .wide
    // They read by memory maps: what is in the page cache cannot be kept from them.
    case (.leveldb, .cold), (.lmdb, .cold): false
    // Has no log.
    case (.lmdb, .load), (.lmdb, .recover): false
    default: true
    }
  }
}
