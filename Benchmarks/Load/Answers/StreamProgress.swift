// How far a stream has been made durable, as its acknowledgements say.

import BinaryProtocol
import Bytes

/// Of all frames since the stream began.
struct StreamProgress: Equatable {
  var frameCount: UInt64
  /// Rows refused since the last acknowledgement; at least one where some were.
  var refusedCount: Int

  /// Of a mutate stream of the binary protocol.
  init(frame body: ByteView) throws {
    let response = try MutateStreamResponse(wire: body)
    frameCount = response.acknowledged
    refusedCount = response.rejected.count
  }

  /// Of `rows:ingest`: the last of the progress lines in `body`; nil where there is none.
  ///
  /// - Parameter first: Position of the first row that was sent.
  init?(lines body: ByteView, first: UInt64, rowsPerFrame: UInt64) throws {
    let text = String(decoding: body.buffer, as: UTF8.self)
    guard let line = text.split(separator: "\n").last else { return nil }
    guard !line.contains("\"error\":") else {
      throw BenchmarkFailure("The stream ended: \(line)")
    }
    guard let position = StreamProgress.number("\"position\":", in: line) else { return nil }
    frameCount = position < first ? 0 : (position - first + 1) / rowsPerFrame
    refusedCount = line.contains("\"errors\":[]") ? 0 : 1
  }

  private static func number(_ name: String, in line: Substring) -> UInt64? {
    guard let range = line.firstRange(of: name) else { return nil }
    return UInt64(line[range.upperBound...].prefix { $0.isNumber })
  }
}
