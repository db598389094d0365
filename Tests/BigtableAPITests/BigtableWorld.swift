// A Bigtable front over a store in a temporary directory, and a client that speaks to it in the
// messages that protoc makes: the hand-written coding is held to them.

import BigtableAPI
import BigtableProto
import DataModel
import Foundation
import LSM
import Net
import Runtime
import SwiftProtobuf
import Tablets
import TestSupport
import Testing
import VFS

/// One server with the table `t`: `s` and `f` plain, `n` a sum.
final class BigtableWorld {
  static let parent = "projects/p/instances/i"
  static let table = parent + "/tables/t"

  let service: TableService
  let client: HTTP2Client
  private let directory = NSTemporaryDirectory() + "strata-bigtable-\(UUID().uuidString)"
  private let scheduler = ThreadScheduler()
  private let group: EventLoopGroup

  init() throws {
    var options = TableServiceOptions()
    options.memoryByteCount = 64 << 20
    options.durability = .none
    service = try TableService.open(
      directory, fileSystem: PosixFileSystem(), time: SystemTime(), scheduler: scheduler,
      randomSeed: 1, options: options)
    try service.createTable(
      TableDefinition(
        name: "t",
        families: [
          FamilyDefinition(name: "s"), FamilyDefinition(name: "f"),
          FamilyDefinition(name: "n", aggregate: .sum),
        ]))
    let front = BigtableFront(service: service, scheduler: scheduler, time: SystemTime())
    group = try EventLoopGroup(count: 1)
    let port = try group.listen(on: "127.0.0.1:0", maximumConnections: 10) {
      front.handler(for: $0)
    }
    client = try HTTP2Client(port: port)
  }

  deinit {
    group.shutDown(graceNanoseconds: 0)
    service.close()
    scheduler.shutDown()
    try? FileManager.default.removeItem(atPath: directory)
  }

  // MARK: Calls

  func data(_ method: String, _ request: some Message) throws -> ClientAnswer {
    try client.call(
      "/google.bigtable.v2.Bigtable/\(method)", request.serializedBytes())
  }

  func admin<Answer: Message>(_ method: String, _ request: some Message) throws -> Answer {
    let answer = try client.call(
      "/google.bigtable.admin.v2.BigtableTableAdmin/\(method)", request.serializedBytes())
    guard answer.status == 0, let message = answer.messages.first else {
      throw Refused(status: answer.status, message: answer.fields["grpc-message"])
    }
    return try Answer(serializedBytes: message)
  }

  struct Refused: Error, Equatable {
    let status: Int?
    let message: String?
  }

  func set(_ key: String, _ family: String, _ qualifier: String, _ time: Int64, _ value: Data)
    throws -> ClientAnswer
  {
    try data(
      "MutateRow",
      Google_Bigtable_V2_MutateRowRequest.with {
        $0.tableName = BigtableWorld.table
        $0.rowKey = Data(key.utf8)
        $0.mutations = [.set(family, qualifier, time, value)]
      })
  }

  /// Reads rows and puts their chunks together as clients do.
  func read(
    _ prepare: (inout Google_Bigtable_V2_ReadRowsRequest) -> Void = { _ in }
  ) throws -> (rows: [ReadRow], answer: ClientAnswer) {
    var request = Google_Bigtable_V2_ReadRowsRequest()
    request.tableName = BigtableWorld.table
    prepare(&request)
    let answer = try data("ReadRows", request)
    var reader = ChunkReader()
    for message in answer.messages {
      for chunk in try Google_Bigtable_V2_ReadRowsResponse(serializedBytes: message).chunks {
        try reader.add(chunk)
      }
    }
    #expect(reader.isBetweenRows)
    return (reader.rows, answer)
  }
}

extension Google_Bigtable_V2_Mutation {
  static func set(_ family: String, _ qualifier: String, _ time: Int64, _ value: Data) -> Self {
    .with {
      $0.setCell.familyName = family
      $0.setCell.columnQualifier = Data(qualifier.utf8)
      $0.setCell.timestampMicros = time
      $0.setCell.value = value
    }
  }
}

/// A row as a client has it: `family:qualifier@time=value`, values of more than 20 bytes as their
/// length.
struct ReadRow: Equatable {
  var key: String
  var cells: [String]
}

/// The client's side of chunk framing, strict.
struct ChunkReader {
  enum Violation: Error { case noKey, noFamily, noQualifier, keyChanged, sizeDiffers, commitInCell }

  private(set) var rows: [ReadRow] = []
  private var row: ReadRow?
  private var family: String?
  private var qualifier: String?
  private var pieces = Data()
  private var size = 0
  private var time: Int64 = 0

  var isBetweenRows: Bool { row == nil }

  mutating func add(_ chunk: Google_Bigtable_V2_ReadRowsResponse.CellChunk) throws {
    if row == nil {
      guard !chunk.rowKey.isEmpty else { throw Violation.noKey }
      guard chunk.hasFamilyName else { throw Violation.noFamily }
      guard chunk.hasQualifier else { throw Violation.noQualifier }
      row = ReadRow(key: String(decoding: chunk.rowKey, as: UTF8.self), cells: [])
    } else if !chunk.rowKey.isEmpty, row?.key != String(decoding: chunk.rowKey, as: UTF8.self) {
      throw Violation.keyChanged
    }
    if chunk.hasFamilyName {
      guard chunk.hasQualifier else { throw Violation.noQualifier }
      family = chunk.familyName.value
    }
    if chunk.hasQualifier { qualifier = String(decoding: chunk.qualifier.value, as: UTF8.self) }
    if pieces.isEmpty { time = chunk.timestampMicros }
    pieces += chunk.value
    if chunk.valueSize > 0 {
      if chunk.commitRow { throw Violation.commitInCell }
      size = Int(chunk.valueSize)
      return
    }
    guard size == 0 || size == pieces.count else { throw Violation.sizeDiffers }
    let value = pieces.count > 20 ? "\(pieces.count)" : String(decoding: pieces, as: UTF8.self)
    row?.cells.append("\(family ?? ""):\(qualifier ?? "")@\(time)=\(value)")
    pieces = Data()
    size = 0
    guard chunk.commitRow, let done = row else { return }
    rows.append(done)
    (row, family, qualifier) = (nil, nil, nil)
  }
}
