// kvbench: loads a running server and says what it did.

import ArgumentParser
import Foundation

@main
struct KVBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kvbench",
    abstract: "Loads a server and measures it.",
    discussion: """
      EXAMPLES
        kvbench run get --load --shape 1x1,16x1,16x16
        kvbench run ycsb-a --load --protocol http --server 127.0.0.1:8080
        kvbench run get upsert --load --protocol grpc --shape 1x1,1x16,16x16
        kvbench run mixed --load --rate 20000 --duration 60s --html mixed.html
        kvbench overload mixed --load --factor 5 --duration 10m --server-pid $(pidof kvserver)
        kvbench compare before.json after.json --fail-above 10%
        kvbench peers --kvserver .build/release/kvserver --quick

      EXIT CODES
        0 done, 1 errors or wrong answers (or slower than --fail-above), 2 wrong call
      """,
    subcommands: [
      RunCommand.self, OverloadCommand.self, CompareCommand.self, PeersCommand.self,
    ])

  static func main() {
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let failure as BenchmarkFailure {
      FileHandle.standardError.write(Data("kvbench: \(failure)\n".utf8))
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
