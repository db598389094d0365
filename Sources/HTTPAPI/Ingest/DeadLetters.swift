// Where refused lines go, for whoever wants to look at them later: rows of another table.
//
//   key      table "/" producer "/" position in 20 digits          lines of a producer
//            table "/" time in µs, 20 digits "/" line in 20 digits lines of nobody
//   error    text (the line, at most 1 MiB of it), code, message, line
//
// A line is there before its producer's position is past it; the same key again when it is sent
// again.

internal import Bytes
internal import DataModel
internal import Runtime
internal import Tablets

/// A dead-letter table, and whose lines it takes.
struct DeadLetters: Sendable {
  static let family = "error"
  private static let textByteCount = 1 << 20
  private let table: Table
  private let prefix: [UInt8]
  private let sequence: UInt64

  init(
    _ name: ByteView, of request: IngestRequest, _ front: HTTPFront
  ) throws(Problem) {
    do throws(TableServiceError) { table = try front.service.table(name) } catch {
      throw Problem(error)
    }
    guard let family = table.schema.definition.families.first(where: { $0.name == Self.family }),
      family.aggregate == nil, [nil, .utf8, .bytes].contains(family.type)
    else {
      throw Problem(
        400, "invalid_dead_letter",
        "table '\(name)' has no family '\(Self.family)' of text: refused lines go there")
    }
    var prefix = request.table.schema.definition.name + "/"
    if let producer = request.producer {
      prefix += String(decoding: producer, as: UTF8.self) + "/"
    } else {
      prefix += Self.digits(UInt64(clamping: front.time.wallMicroseconds)) + "/"
    }
    self.prefix = Array(prefix.utf8)
    sequence = request.producer == nil ? 1 : request.sequence
  }

  /// Writes the lines; `completion` comes when they are durable, from any thread.
  func write(
    _ lines: [RefusedLine],
    completion: @escaping @Sendable (Result<Void, TableServiceError>) -> Void
  ) {
    var list = MutationList(capacity: lines.count * 256)
    for line in lines {
      let position = sequence + UInt64(line.line - 1)
      ByteView.of(prefix + Self.digits(position).utf8) { list.beginRow($0) }
      set("text", Array((line.text ?? []).prefix(Self.textByteCount)), in: &list)
      set("code", Array(line.code.utf8), in: &list)
      set("message", Array(line.message.utf8), in: &list)
      set("line", Array("\(line.line)".utf8), in: &list)
    }
    table.mutate(list) { result in
      completion(
        result.flatMap { receipt in
          receipt.rejected.first.map { .failure($0.error) } ?? .success(())
        })
    }
  }

  private func set(_ qualifier: String, _ value: [UInt8], in list: inout MutationList) {
    ByteView.of(Self.family) { family in
      ByteView.of(qualifier) { qualifier in
        ByteView.of(value) {
          list.setCell(family: family, qualifier: qualifier, timestamp: .server, value: $0)
        }
      }
    }
  }

  private static func digits(_ number: UInt64) -> String {
    let text = "\(number)"
    return String(repeating: "0", count: 20 - text.utf8.count) + text
  }
}
