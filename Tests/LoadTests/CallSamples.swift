// What a server of gRPC would send, for tests: header blocks with nghttp2's compressor, so that
// later ones stand on earlier ones.

import BigtableProto
import CNGHTTP2
import Foundation
import SwiftProtobuf

@testable import kvbench

/// Frames of one connection's answers.
final class CallSamples {
  private(set) var bytes: [UInt8] = []
  private var deflater: OpaquePointer?

  init() { nghttp2_hd_deflate_new(&deflater, 4_096) }
  deinit { nghttp2_hd_deflate_del(deflater) }

  func frame(
    _ kind: HTTP2Frame.Kind, _ stream: UInt32 = 0, flags: UInt8 = 0, _ payload: [UInt8] = []
  ) {
    bytes += HTTP2Frame.header(kind, flags: flags, payload.count, stream: stream) + payload
  }

  func block(_ fields: [(String, String)]) -> [UInt8] {
    var block: [UInt8] = []
    // One field at a time: the block is the sum, and pointers are good while it is made.
    for (name, value) in fields {
      var (name, value) = (Array(name.utf8), Array(value.utf8))
      var room = [UInt8](repeating: 0, count: 512)
      let count = name.withUnsafeMutableBufferPointer { name in
        value.withUnsafeMutableBufferPointer { value in
          var field = nghttp2_nv(
            name: name.baseAddress, value: value.baseAddress, namelen: name.count,
            valuelen: value.count, flags: 0)
          return nghttp2_hd_deflate_hd(deflater, &room, room.count, &field, 1)
        }
      }
      block += room.prefix(max(count, 0))
    }
    return block
  }

  func head(_ stream: UInt32, _ status: String = "200") {
    frame(
      .headers, stream, flags: HTTP2Frame.endHeaders,
      block([(":status", status), ("content-type", "application/grpc")]))
  }

  func trailer(_ stream: UInt32, _ status: Int = 0, _ message: String? = nil) {
    let fields = [("grpc-status", "\(status)")] + (message.map { [("grpc-message", $0)] } ?? [])
    frame(
      .headers, stream, flags: HTTP2Frame.endHeaders | HTTP2Frame.endStream, block(fields))
  }

  /// An answer that is nothing but its end.
  func trailersOnly(_ stream: UInt32, _ status: Int) {
    frame(
      .headers, stream, flags: HTTP2Frame.endHeaders | HTTP2Frame.endStream,
      block([
        (":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "\(status)"),
      ]))
  }

  static func prefixed(_ message: [UInt8]) -> [UInt8] {
    let count = UInt32(message.count)
    return [0] + (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) } + message
  }

  func message(_ stream: UInt32, _ message: [UInt8], flags: UInt8 = 0) {
    frame(.data, stream, flags: flags, CallSamples.prefixed(message))
  }

  /// Rows of two cells each.
  static func rows(_ keys: [String]) throws -> [UInt8] {
    let chunks = keys.flatMap { key -> [Google_Bigtable_V2_ReadRowsResponse.CellChunk] in
      [false, true].map { isLast in
        .with { chunk in
          if !isLast { chunk.rowKey = Data(key.utf8) }
          if !isLast { chunk.familyName = .with { $0.value = "f" } }
          chunk.qualifier = .with { $0.value = Data((isLast ? "b" : "a").utf8) }
          chunk.timestampMicros = 1_700_000_000_000_000
          chunk.value = Data("value of \(key)".utf8)
          if isLast { chunk.commitRow = true }
        }
      }
    }
    let response = Google_Bigtable_V2_ReadRowsResponse.with { $0.chunks = chunks }
    return try response.serializedBytes()
  }

  /// What MutateRows says of rows, by their status.
  static func entries(_ codes: [Int32]) throws -> [UInt8] {
    let response = Google_Bigtable_V2_MutateRowsResponse.with { response in
      response.entries = codes.enumerated().map { index, code in
        .with { entry in
          entry.index = Int64(index)
          entry.status = .with { $0.code = code }
        }
      }
    }
    return try response.serializedBytes()
  }
}
