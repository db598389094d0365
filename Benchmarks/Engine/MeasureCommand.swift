// One stage of one engine: what `compare` starts a process for.

import ArgumentParser
import CPeerLibraries
import Foundation

struct MeasureCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "measure", abstract: "Runs one stage of one engine; JSON lines.",
    shouldDisplay: false)

  @Option var engine: EngineName
  @Option var stage: Stage
  @Option(parsing: .upToNextOption) var workloads: [Workload] = []
  @Option var directory: String
  @OptionGroup var size: SizeOptions

  func run() throws {
    let plan = StagePlan(
      engine: engine, stage: stage, workloads: Set(workloads), directory: directory,
      entryCount: size.entries, seconds: size.seconds, memoryByteCount: size.memory << 20)
    switch engine {
    case .strata: try run(plan, StrataEngine.self)
    case .rows: try run(plan, TabletsEngine.self)
    case .rocksdb: try run(plan, RocksDBEngine.self)
    case .leveldb: try run(plan, LevelDBEngine.self)
    case .lmdb: try run(plan, LMDBEngine.self)
    }
  }

  private func run<E: MeasuredEngine>(_ plan: StagePlan, _ engine: E.Type) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try StageRunner<E>(plan: plan) { measurement in
      var line = try encoder.encode(measurement)
      line.append(UInt8(ascii: "\n"))
      try FileHandle.standardOutput.write(contentsOf: line)
    }.run()
  }
}

extension EngineName {
  /// The file of its library; nil where it is not installed, or for our own.
  var libraryPath: String? {
    let path =
      switch self {
      case .strata, .rows: nil as UnsafePointer<CChar>?
      case .rocksdb:
        peer_rocksdb().flatMap {
          peer_library_path(unsafeBitCast($0.pointee.open, to: UnsafeRawPointer.self))
        }
      case .leveldb:
        peer_leveldb().flatMap {
          peer_library_path(unsafeBitCast($0.pointee.open, to: UnsafeRawPointer.self))
        }
      case .lmdb:
        peer_lmdb().flatMap {
          peer_library_path(unsafeBitCast($0.pointee.env_open, to: UnsafeRawPointer.self))
        }
      }
    return path.map { URL(filePath: String(cString: $0)).resolvingSymlinksInPath().path }
  }

  var isInstalled: Bool { package == nil || libraryPath != nil }
}
