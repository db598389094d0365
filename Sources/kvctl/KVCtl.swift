// kvctl: the store's command line. One file a command; this one names them all and turns every
// outcome into an exit code:
//
//   0  done (also: the reader of our output went away)
//   1  the server or the data said no; an interrupted load
//   2  the call was wrong
//   3  no server could be reached

import ArgumentParser
import Client
import ConnectionArguments
import Glibc
import RowText

/// The root command.
@main
struct KVCtl: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kvctl",
    abstract: "Works with the tables of a Strata server.",
    discussion: """
      Rows come out as a table on a terminal and as NDJSON into a pipe (see a command's --output). \
      Keys and qualifiers are text; bytes that are not UTF-8 are written base64:… .

      Examples:
        kvctl table create scores --family 's:versions=24' --family 'f:age=30d'
        kvctl put scores 12345678000195 s:score=712 s:model=v1
        kvctl get scores 12345678000195
        kvctl scan scores --prefix 1234 --limit 10
        kvctl load scores scores.ndjson

      Exit codes: 0 done, 1 the server or the data said no, 2 the call was wrong, 3 not reachable.
      """,
    version: "kvctl 0.1.0",
    subcommands: [
      TableCommand.self, PutCommand.self, GetCommand.self, ScanCommand.self, DeleteCommand.self,
      CountCommand.self, LoadCommand.self, ExportCommand.self, StatsCommand.self,
      CheckCommand.self, InspectCommand.self, DemoCommand.self, CompletionCommand.self,
    ])

  @OptionGroup var connection: ConnectionOptions

  static func main() {
    signal(SIGPIPE, SIG_IGN)
    Glibc.exit(run(normalized(Array(CommandLine.arguments.dropFirst()))))
  }

  /// Options of the connection that take a value.
  private static let leadingOptions = ["--server"] + TLSOptions.names

  /// Options before the command are the command's own: `kvctl --server H:P get …` is
  /// `kvctl get … --server H:P`.
  static func normalized(_ arguments: [String]) -> [String] {
    var rest = arguments[...]
    var leading: [String] = []
    while let first = rest.first {
      if first == "--tls" || leadingOptions.contains(where: { first.hasPrefix($0 + "=") }) {
        leading.append(String(rest.removeFirst()))
      } else if leadingOptions.contains(first), rest.count > 1 {
        leading += rest.prefix(2)
        rest = rest.dropFirst(2)
      } else {
        break
      }
    }
    guard !leading.isEmpty, !rest.isEmpty else { return arguments }
    let end = rest.firstIndex(of: "--") ?? rest.endIndex
    return Array(rest[..<end]) + leading + Array(rest[end...])
  }

  private static func run(_ arguments: [String]) -> Int32 {
    var command: any ParsableCommand
    do {
      command = try parseAsRoot(arguments)
    } catch {
      return report(parsing: error)
    }
    do {
      try command.run()
      return 0
    } catch let failure as CommandFailure {
      complain(failure.message)
      return failure.exitCode
    } catch let error as ClientError {
      complain(error.description)
      if case .refused = error { return CommandFailure.refusedCode }
      return CommandFailure.unreachableCode
    } catch let error as RowTextError {
      complain("\(error) (\(error.code.rawValue))")
      return CommandFailure.refusedCode
    } catch let error as WrongWord {
      complain(error.message)
      return CommandFailure.wrongCallCode
    } catch is ClosedOutput {
      return 0
    } catch {
      return report(parsing: error)
    }
  }

  /// Help, version and completion scripts go to standard output; everything else was a wrong call.
  private static func report(parsing error: any Error) -> Int32 {
    let text = fullMessage(for: error)
    guard exitCode(for: error) != .success else {
      print(text)
      return 0
    }
    complain(text, prefix: "")
    return CommandFailure.wrongCallCode
  }

  private static func complain(_ text: String, prefix: String = "kvctl: ") {
    StandardError.write(prefix + text + "\n")
  }
}

/// Why a command ends without having done its work.
struct CommandFailure: Error {
  static let refusedCode: Int32 = 1
  static let wrongCallCode: Int32 = 2
  static let unreachableCode: Int32 = 3

  let exitCode: Int32
  let message: String

  /// The server or the data said no.
  static func refused(_ message: String) -> CommandFailure {
    CommandFailure(exitCode: refusedCode, message: message)
  }

  /// The call was wrong.
  static func wrongCall(_ message: String) -> CommandFailure {
    CommandFailure(exitCode: wrongCallCode, message: message)
  }
}
