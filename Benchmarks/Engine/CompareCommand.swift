// All stages of all engines, one process each, engines in turn.

import ArgumentParser
import Foundation

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Measures engines in turn and shows how ours stands to the others.",
    discussion: """
      Keys are 18 bytes, values 100, half of them random. Every stage of every engine is a process
      of its own. RocksDB, LevelDB and LMDB are found when this runs; one that is not installed is
      left out.

      EXAMPLES
        kvenginebench --directory /var/tmp
        kvenginebench --engines strata rocksdb --workloads read miss scan
        kvenginebench --entries 5000000 --seconds 3 --json engines.jsonl

      EXIT CODES
        0 done, 1 something failed, 2 wrong call
      """)

  @OptionGroup var size: SizeOptions

  @Option(
    parsing: .upToNextOption,
    help: "Of \(EngineName.allCases.map(\.rawValue).joined(separator: ", ")).")
  var engines: [EngineName] = EngineName.allCases

  @Option(
    parsing: .upToNextOption,
    help: "Of \(Workload.allCases.map(\.rawValue).joined(separator: ", ")).")
  var workloads: [Workload] = Workload.allCases

  @Option(help: "Where directories are made; its disk is measured.")
  var directory = "/var/tmp"

  @Option(help: "A file for the measurements, a line of JSON each.")
  var json: String?

  func run() throws {
    let wanted = EngineName.allCases.filter(engines.contains)
    let present = wanted.filter(\.isInstalled)
    for engine in wanted where !engine.isInstalled {
      print("\(engine.title) is left out: apt-get install \(engine.package ?? "")")
    }
    let place = try WorkPlace(in: directory)
    defer { place.clearAway() }
    var campaign = Campaign(
      engines: present, workloads: Set(workloads), size: size, directory: place.path,
      lines: try json.map { path in
        try Data().write(to: URL(filePath: path))
        return try FileHandle(forWritingTo: URL(filePath: path))
      })
    let failures = try campaign.run()
    let table = ComparisonTable(engines: present, measurements: campaign.measurements)
    print(table.text)
    print("\n" + machine(present))
    guard failures.isEmpty else { throw EngineFailure(failures.joined(separator: "\n")) }
  }

  /// What the figures were taken of.
  private func machine(_ engines: [EngineName]) -> String {
    let cpu = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
    let model = cpu?.split(separator: "\n").first { $0.hasPrefix("model name") }
      .flatMap { $0.split(separator: ":").last }.map { $0.drop { $0 == " " } }
    let libraries = engines.compactMap(\.libraryPath).map { URL(filePath: $0).lastPathComponent }
    let parts =
      [
        "\(model ?? "unknown processor")", "\(ProcessInfo.processInfo.processorCount) cores",
        "\(size.entries) entries", "\(size.seconds) s each", "\(size.memory) MiB",
      ] + libraries
    return parts.joined(separator: ", ")
  }
}

/// A directory of this process, removed at the end; with it what killed ones left behind.
struct WorkPlace {
  private static let prefix = "kvenginebench-"
  let path: String

  init(in parent: String) throws {
    let files = FileManager.default
    try files.createDirectory(atPath: parent, withIntermediateDirectories: true)
    for name in try files.contentsOfDirectory(atPath: parent) where name.hasPrefix(Self.prefix) {
      guard let process = Int32(name.dropFirst(Self.prefix.count)), kill(process, 0) != 0,
        errno == ESRCH
      else { continue }
      try? files.removeItem(atPath: "\(parent)/\(name)")
    }
    path = "\(parent)/\(Self.prefix)\(getpid())"
    try files.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  func clearAway() { try? FileManager.default.removeItem(atPath: path) }
}
