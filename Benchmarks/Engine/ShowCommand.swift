// Tables of measurements that were taken earlier.

import ArgumentParser
import Foundation

struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Shows what --json has kept; of two figures of the same the later one.")

  @Argument(help: "Files of JSON lines.")
  var files: [String]

  func run() throws {
    var measurements: [Measurement] = []
    let decoder = JSONDecoder()
    for file in files {
      let bytes = try Data(contentsOf: URL(filePath: file))
      for line in bytes.split(separator: UInt8(ascii: "\n")) {
        let measurement = try decoder.decode(Measurement.self, from: line)
        measurements.removeAll {
          $0.engine == measurement.engine && $0.workload == measurement.workload
        }
        measurements.append(measurement)
      }
    }
    let seen = Set(measurements.map(\.engine))
    let engines = EngineName.allCases.filter { seen.contains($0.rawValue) }
    print(ComparisonTable(engines: engines, measurements: measurements).text)
  }
}
