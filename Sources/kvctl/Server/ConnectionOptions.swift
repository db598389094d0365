// Where the server is and how the way there is protected: options that every command takes.

import ArgumentParser
import Client
import ConnectionArguments
import Glibc
import TLS
import VFS

/// Where the server is.
struct ConnectionOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "The server's binary front (default: $STRATA_SERVER, else 127.0.0.1:8085).",
      valueName: "host:port"))
  var server: String?

  @OptionGroup var tls: TLSOptions

  /// Connects.
  func connect() throws -> StoreClient {
    let variable = getenv("STRATA_SERVER").map { String(cString: $0) } ?? ""
    let address = server ?? (variable.isEmpty ? "127.0.0.1:8085" : variable)
    return try StoreClient(connectingTo: address, tls: try security())
  }

  /// Nil for a plain connection.
  private func security() throws -> ClientTLS? {
    do {
      return try tls.rules().map { rules in
        try ClientTLS(
          authorities: rules.authorities, identity: rules.identity, serverName: rules.serverName)
      }
    } catch let error as TLSSetupError {
      throw CommandFailure.wrongCall("\(error)")
    } catch let error as FileError {
      throw CommandFailure.wrongCall("\(error)")
    }
  }
}
