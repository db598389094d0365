// The server program: from the command line to a running store, and the exit code at the end.
//
//   0  stopped when told to      1  cannot start      2  wrong call or configuration

internal import ArgumentParser
internal import CLinux
internal import Glibc
internal import Logging

@main
enum KVServer {
  static func main() {
    strata_configure_malloc()
    strata_report_crashes()
    let configuration: Configuration
    do {
      var command = try ServerFlags.parseAsRoot()
      guard let flags = command as? ServerFlags else {
        // Help and completion scripts: their text comes as the error below.
        try command.run()
        return
      }
      configuration = try Configuration(flags: flags, environment: environmentVariables())
    } catch let error as ConfigurationError {
      StandardStreams.fail("kvserver: \(error)\nkvserver --help shows how it is called.", code: 2)
    } catch {
      let isHelp = ServerFlags.exitCode(for: error).isSuccess
      let text = ServerFlags.fullMessage(for: error)
      guard isHelp else { StandardStreams.fail(text, code: 2) }
      StandardStreams.print(text.hasSuffix("\n") ? String(text.dropLast()) : text)
      exit(0)
    }
    LoggingSystem.bootstrap { _ in LineLog(level: configuration.logLevel) }
    let logger = Logger(label: "kvserver")
    guard let stop = StopSignal(logger: logger, catchesHangUp: configuration.tls != nil)
    else {
      StandardStreams.fail("kvserver: the system has no thread left", code: 1)
    }
    do {
      let server = try RunningServer(configuration, logger: logger, stop: stop)
      stop.onHangUp { server.reloadCertificates() }
      stop.wait()
      server.shutDown()
    } catch {
      StandardStreams.fail("kvserver: \(error.message)", code: 1)
    }
    logger.info("stopped")
    exit(0)
  }

  private static func environmentVariables() -> [String: String] {
    var variables: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
      let text = String(cString: entry)
      if text.hasPrefix(Setting.variablePrefix), let sign = text.firstIndex(of: "=") {
        variables[String(text[..<sign])] = String(text[text.index(after: sign)...])
      }
      next += 1
    }
    return variables
  }
}
