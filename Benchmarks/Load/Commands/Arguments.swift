// Words of the command line: shapes, times, shares.

import ArgumentParser

/// Connections and requests in flight on each: 16x64.
struct LoadShape: ExpressibleByArgument, Equatable, Sendable {
  var connections: Int
  var pipeline: Int

  init(_ connections: Int, _ pipeline: Int) {
    self.connections = connections
    self.pipeline = pipeline
  }

  init?(argument: String) {
    let parts = argument.split(whereSeparator: { $0 == "x" || $0 == "×" }).map { Int($0) }
    guard parts.count == 2, let connections = parts[0], let pipeline = parts[1],
      (1...10_000).contains(connections), (1...65_536).contains(pipeline)
    else { return nil }
    self.init(connections, pipeline)
  }

  var text: String { "\(connections)x\(pipeline)" }
}

/// 1x1,16x16
struct LoadShapes: ExpressibleByArgument, Sendable {
  var shapes: [LoadShape]

  init(_ shapes: [LoadShape]) { self.shapes = shapes }

  var defaultValueDescription: String { shapes.map(\.text).joined(separator: ",") }

  init?(argument: String) {
    let parts = argument.split(separator: ",").map { LoadShape(argument: String($0)) }
    guard !parts.isEmpty, parts.allSatisfy({ $0 != nil }) else { return nil }
    shapes = parts.compactMap(\.self)
  }
}

/// 10s, 500ms, 2m; a bare number is seconds.
struct DurationArgument: ExpressibleByArgument, Sendable {
  var seconds: Double

  init(seconds: Double) { self.seconds = seconds }

  init?(argument: String) {
    let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("", 1)]
    for (suffix, scale) in units where argument.hasSuffix(suffix) {
      guard let number = Double(argument.dropLast(suffix.count)), number >= 0 else { return nil }
      seconds = number * scale
      return
    }
    return nil
  }

  var defaultValueDescription: String { "\(seconds)s" }
}

/// 512MiB, 1GiB; a bare number is bytes.
struct SizeArgument: ExpressibleByArgument, Sendable {
  var byteCount: UInt64

  init?(argument: String) {
    let units: [(String, UInt64)] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("", 1)]
    for (suffix, scale) in units where argument.hasSuffix(suffix) {
      guard let number = UInt64(argument.dropLast(suffix.count)), number <= .max / scale else {
        return nil
      }
      byteCount = number * scale
      return
    }
    return nil
  }
}

/// 10% or 0.1.
struct ShareArgument: ExpressibleByArgument, Sendable {
  var share: Double

  init(_ share: Double) { self.share = share }

  init?(argument: String) {
    let isPercent = argument.hasSuffix("%")
    guard let number = Double(isPercent ? String(argument.dropLast()) : argument), number >= 0
    else {
      return nil
    }
    share = isPercent ? number / 100 : number
  }

  var defaultValueDescription: String { "\(Int(share * 100))%" }
}

/// The fronts of a server.
enum Front: String, ExpressibleByArgument, CaseIterable, Sendable {
  case tcp
  case http
  case grpc

  var defaultServer: String {
    switch self {
    case .tcp: "127.0.0.1:8085"
    case .http: "127.0.0.1:8080"
    case .grpc: "127.0.0.1:8086"
    }
  }

  /// What is agreed on over TLS.
  var applicationProtocol: String {
    switch self {
    case .tcp: "strata/1"
    case .http: "http/1.1"
    case .grpc: "h2"
    }
  }

  func dialect(_ address: SocketAddress) -> any Dialect {
    switch self {
    case .tcp: StrataDialect()
    case .http: HTTPDialect(host: address.text)
    case .grpc: BigtableDialect(authority: address.text, isSecure: address.security != nil)
    }
  }
}

extension KeyChoice: ExpressibleByArgument {}
