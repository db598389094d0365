// Writes that arrive together: one commit, an answer each, nothing overtakes.

import BinaryProtocol
import Bytes
import Client
import DataModel
import LSM
import TestSupport
import Testing

@testable import BinaryAPI
@testable import Tablets

@Suite(.serialized) struct GatheredWritesTests {
  private static func mutate(
    _ id: UInt64, _ keys: [String], family: String = "a", table: String = "t", byteCount: Int = 3
  ) -> [UInt8] {
    var body = ByteBuffer()
    WriteRequestEncoder.mutate(
      table, Sample.list(keys, family: family, byteCount: byteCount), into: &body)
    return ClientBytes.frame(BinaryProtocol.Operation.mutate.rawValue, id: id, body.array)
  }

  private static func check(_ id: UInt64, _ key: String) -> [UInt8] {
    let body = Sample.body {
      WriteRequestEncoder.checkAndMutate(
        "t", key: Array(key.utf8), predicate: .family("a"),
        ifMatched: Sample.list([key], family: "b"), otherwise: MutationList(), into: &$0)
    }
    return ClientBytes.frame(BinaryProtocol.Operation.checkAndMutate.rawValue, id: id, body)
  }

  /// Sends all frames with one write and reads as many answers.
  private static func exchange(_ server: TestServer, _ frames: [[UInt8]]) throws -> [RawFrame] {
    let client = try RawClient(server)
    client.greet()
    client.send(frames.flatMap { $0 })
    return frames.compactMap { _ in client.frame() }
  }

  @Test func `requests of one wake-up are one commit, and each hears of its own rows`() throws {
    try TestServer.run { server in
      let table = try ByteView.of("t") { try server.service.table($0) }
      let before = table.statistics.engine.commits
      let answers = try Self.exchange(
        server,
        [
          Self.mutate(1, ["k1", "k2"]), Self.mutate(2, ["x"], family: "zzz"),
          Self.mutate(3, ["k3"], table: "none"), Self.mutate(4, ["k1", "k4"]),
        ])
      let byID = Dictionary(uniqueKeysWithValues: answers.map { ($0.header.requestID, $0) })
      #expect(byID.count == 4)
      #expect(table.statistics.engine.commits == before + 1)
      let statuses = (1...4).map { byID[$0]?.header.status }
      #expect(statuses == [0, 0, Status.notFound.rawValue, 0])
      let rejected = try [1, 2, 4].map { id in
        try ByteView.of(try #require(byID[id]).body) { try MutateResponse(wire: $0) }.rejected
      }
      #expect(rejected.map { $0.map(\.row) } == [[], [0], []])
      #expect(table.statistics.putsTotal == 4)
    }
  }

  @Test func `fields may come in any order, and a table may be another by now`() throws {
    try TestServer.run { server in
      let client = try RawClient(server)
      client.greet()
      var rows = ByteBuffer()
      WriteRequestEncoder.mutate("", Sample.list(["k1"], family: "a", byteCount: 3), into: &rows)
      var table = ByteBuffer()
      WriteRequestEncoder.mutate("t", MutationList(), into: &table)
      let bodies = [table.array + rows.array, rows.array + table.array]
      for (id, body) in zip([1, 2, 3, 4] as [UInt64], bodies + bodies) {
        if id == 3 {
          let definition = try ByteView.of("t") { try server.service.table($0) }.schema.definition
          try server.service.dropTable("t")
          try server.service.createTable(definition)
        }
        client.send(ClientBytes.frame(BinaryProtocol.Operation.mutate.rawValue, id: id, body))
        let answer = try #require(client.frame())
        #expect(answer.header.status == 0)
        #expect(answer.body.isEmpty)
      }
      let written = try ByteView.of("t") { try server.service.table($0) }.statistics.putsTotal
      #expect(written == 2)
    }
  }

  @Test func `a decision sees the writes in front of it`() throws {
    try TestServer.run { server in
      for round in 0..<20 {
        let key = "k\(round)"
        let answers = try Self.exchange(server, [Self.mutate(1, [key]), Self.check(2, key)])
        let checked = try #require(answers.first { $0.header.requestID == 2 })
        let matched = ByteView.of(checked.body) { try? SchemaMessages.readFlag($0) }
        #expect(matched == true)
      }
    }
  }

  @Test func `a row that must wait for its turn goes alone, behind what came before`() throws {
    try TestServer.run { server in
      let answers = try Self.exchange(
        server,
        [
          Self.mutate(1, ["k", "l"]), Self.mutate(2, ["k"], byteCount: 2 << 20),
          Self.mutate(3, ["l"]),
        ])
      #expect(answers.map(\.header.status) == [0, 0, 0])
      let client = try server.client()
      let row = try client.get("t", key: Array("k".utf8), options: ReadOptions())
      #expect(row?.cells.map(\.value.count) == [2 << 20])
      client.close()
    }
  }
}
