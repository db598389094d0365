// Which processes run in which order, and what they said.

import Foundation

struct Campaign {
  let engines: [EngineName]
  let workloads: Set<Workload>
  let size: SizeOptions
  let directory: String
  /// Where the processes' lines go, as they come.
  let lines: FileHandle?
  private(set) var measurements: [Measurement] = []

  init(
    engines: [EngineName], workloads: Set<Workload>, size: SizeOptions, directory: String,
    lines: FileHandle? = nil
  ) {
    self.engines = engines
    self.workloads = workloads
    self.size = size
    self.directory = directory
    self.lines = lines
  }

  /// Runs all stages that are asked for, engines in turn.
  ///
  /// - Returns: What failed; the engine's later stages are left out then.
  mutating func run() throws -> [String] {
    var failures: [String] = []
    var failed: Set<EngineName> = []
    for stage in stages {
      for engine in engines where engine.takesPart(in: stage) && !failed.contains(engine) {
        FileHandle.standardError.write(Data("\(engine.title): \(stage.rawValue) …\n".utf8))
        do { try measure(engine, stage) } catch {
          failures.append("\(engine.title), \(stage.rawValue): \(error)")
          failed.insert(engine)
        }
      }
    }
    return failures
  }

  /// Stages with a workload that is wanted, and those that make what they need.
  var stages: [Stage] {
    let wanted = Set(workloads.map(\.stage))
    return Stage.allCases.filter { stage in
      switch stage {
      case .fill: wanted.contains { $0 == .fill || $0.needsFill }
      case .load: wanted.contains(.recover)
      default: wanted.contains(stage)
      }
    }
  }

  private mutating func measure(_ engine: EngineName, _ stage: Stage) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    let names = Workload.allCases.filter { $0.stage == stage && workloads.contains($0) }
    process.arguments =
      ["measure", "--engine", engine.rawValue, "--stage", stage.rawValue]
      + ["--directory", directory] + size.arguments
      + (names.isEmpty ? [] : ["--workloads"] + names.map(\.rawValue))
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    let isKilled =
      process.terminationReason == .uncaughtSignal && process.terminationStatus == SIGKILL
    guard stage == .load ? isKilled : process.terminationStatus == 0 else {
      throw EngineFailure("the process ended with \(process.terminationStatus)")
    }
    let decoder = JSONDecoder()
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      measurements.append(try decoder.decode(Measurement.self, from: line))
    }
    try lines?.write(contentsOf: bytes)
  }
}
