// kvenginebench: our engine beside RocksDB, LevelDB and LMDB, on the same workloads in one run.

import ArgumentParser
import Foundation

@main
struct KVEngineBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kvenginebench",
    abstract: "Measures our engine beside others, in one run.",
    subcommands: [CompareCommand.self, ShowCommand.self, MeasureCommand.self],
    defaultSubcommand: CompareCommand.self)

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let failure as EngineFailure {
      FileHandle.standardError.write(Data("kvenginebench: \(failure)\n".utf8))
      Foundation.exit(1)
    } catch {
      let status: Int32 =
        exitCode(for: error) == .validationFailure ? 2 : exitCode(for: error).rawValue
      let text = fullMessage(for: error)
      if status == 0 {
        print(text)
      } else if !text.isEmpty {
        FileHandle.standardError.write(Data("\(text)\n".utf8))
      }
      Foundation.exit(status)
    }
  }
}

/// What both commands take.
struct SizeOptions: ParsableArguments {
  @Option(help: "Rows of 118 bytes; wide rows are a fiftieth of it.")
  var entries = 1_000_000

  @Option(help: "Of each timed workload.")
  var seconds = 1.5

  @Option(help: "MiB for memtables and caches of each engine; the peers' cache has four fifths.")
  var memory = 1_280

  func validate() throws {
    guard entries >= 1_000, entries <= 1_000_000_000 else {
      throw ValidationError("--entries is from 1000 to 1000000000.")
    }
    guard seconds >= 0.01, seconds <= 3_600 else {
      throw ValidationError("--seconds is from 0.01 to 3600.")
    }
    guard memory >= 32, memory <= 1 << 20 else {
      throw ValidationError("--memory is from 32 to 1048576.")
    }
  }

  var arguments: [String] {
    ["--entries", "\(entries)", "--seconds", "\(seconds)", "--memory", "\(memory)"]
  }
}
