// POST rows:batchGet: up to 1,000 keys, answered in the order asked.
//
//   {"keys": [key, …], "columns"?: "s,f:limit" or ["s", "f:limit"], "versions"?: n,
//    "timestamps"?: bool}                              key := "text" or {"base64": "…"}
//   {"rows":[row or null, …]}

internal import Bytes
internal import DataModel
internal import HTTP1
internal import JSON
internal import RowText
internal import Runtime
internal import Tablets
internal import VFS

enum BatchGet {
  static func post(_ request: Request, on connection: HTTPConnection) throws(Problem) {
    let context = connection.context
    context.decoded.clear()
    context.decoded.reserve(request.head.byteCount)
    try Routes.refuseQuery(request)
    let table = try Routes.table(request, on: connection)
    let question = try BatchQuestion(request.body)
    ReadDriver.run(
      BatchRead(table, question, time: context.front.time), request.facts, on: connection)
  }
}

/// A parsed body.
struct BatchQuestion: Sendable {
  var keys: [[UInt8]] = []
  var query = ReadQuery()

  init(_ text: ByteView) throws(Problem) {
    do {
      var reader = JSONReader(text)
      try readMembers(&reader)
      try reader.finish()
    } catch let error as JSONError {
      throw Problem(error)
    } catch let error as Problem {
      throw error
    } catch {
      preconditionFailure("readers throw no other error: \(error)")
    }
    guard !keys.isEmpty else { throw Problem(400, "invalid_keys", "\"keys\" is missing or empty") }
  }

  private mutating func readMembers(_ reader: inout JSONReader) throws {
    try reader.beginObject()
    while let name = try reader.nextMember() {
      if name == "keys" {
        try reader.beginArray()
        while try reader.nextElement() {
          guard keys.count < DataModelLimits.batchGetKeyCount else {
            throw Problem(
              400, "too_many_keys", "at most \(DataModelLimits.batchGetKeyCount) keys a batch")
          }
          keys.append(try Self.readKey(&reader))
        }
      } else if name == "columns" {
        try readColumns(&reader)
      } else if name == "versions" {
        guard let versions = Int(exactly: try reader.int64()), 0...1_000_000 ~= versions else {
          throw Problem(
            400, "invalid_versions", "versions is a number from 1 to 1000000, or 0 for all")
        }
        query.versions = versions
      } else if name == "timestamps" {
        query.timestamps = try reader.boolean()
      } else {
        throw Problem(
          400, "unknown_member",
          "'\(name)' is no member of a batch read: keys, columns, versions, timestamps")
      }
    }
  }

  private mutating func readColumns(_ reader: inout JSONReader) throws {
    guard try reader.peek() == .array else {
      let list = try reader.string()
      for text in list.array.split(separator: 0x2c, omittingEmptySubsequences: false) {
        try ByteView.of(Array(text)) { try addColumn($0) }
      }
      return
    }
    try reader.beginArray()
    while try reader.nextElement() { try addColumn(try reader.string()) }
  }

  private mutating func addColumn(_ text: ByteView) throws {
    guard query.columns.count < 1_000 else {
      throw Problem(400, "invalid_columns", "at most 1000 columns can be selected")
    }
    query.columns.append(try ReadQuery.column(text))
  }

  private static func readKey(_ reader: inout JSONReader) throws -> [UInt8] {
    let key: [UInt8]
    if try reader.peek() == .object {
      var bytes = ByteBuffer()
      var isWhole = false
      try reader.beginObject()
      while let name = try reader.nextMember() {
        guard name == "base64", !isWhole, bytes.append(base64Decoding: try reader.string()) else {
          throw Problem(400, "invalid_row_key", "a key is \"text\" or {\"base64\": \"…\"}")
        }
        isWhole = true
      }
      key = bytes.array
    } else {
      key = try reader.string().array
    }
    guard 1...DataModelLimits.rowKeyByteCount ~= key.count else {
      throw Problem(
        400, "invalid_row_key",
        "a row key has 1 to \(DataModelLimits.rowKeyByteCount) bytes, this one \(key.count)")
    }
    return key
  }
}

/// Reads the rows one after another.
final class BatchRead: SlicedRead, @unchecked Sendable {
  private let table: Table
  private let question: BatchQuestion
  private let options: ReadOptions
  private let time: any TimeSource
  private let row = RowBuffer()
  private let writer: RowWriter
  private var index = 0
  private var output = ByteBuffer(capacity: 4 << 10)

  init(_ table: Table, _ question: BatchQuestion, time: any TimeSource) {
    self.table = table
    self.question = question
    self.time = time
    options = question.query.options
    writer = RowWriter(table: table, shape: question.query.shape)
    output.append("{\"rows\":[")
  }

  func advance(wait: ReadWait, until end: UInt64) throws(TableServiceError) -> Bool {
    while index < question.keys.count {
      let isFound = try ByteView.of(question.keys[index]) { (key) throws(TableServiceError) in
        try table.read(key, options, wait: wait, into: row)
      }
      if index > 0 { output.append(0x2c as UInt8) }
      if isFound {
        writer.write(row, into: &output)
      } else {
        output.append("null")
      }
      row.clear()
      index += 1
      if index % 16 == 0, index < question.keys.count, time.monotonicNanoseconds > end {
        return false
      }
    }
    output.append("]}\n")
    return true
  }

  func reply() -> Result<Reply, Problem> { .success(Reply(200)) }

  var body: ByteView { output.view }
}
