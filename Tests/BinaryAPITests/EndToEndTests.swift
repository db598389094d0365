// The client against the front over real sockets and a real store.

import BinaryAPI
import BinaryProtocol
import Bytes
import Client
import DataModel
import Tablets
import Testing

@Suite(.serialized) struct BinaryEndToEndTests {
  @Test func `tables are created, altered, listed and dropped`() throws {
    try TestServer.run { server in
      let client = try server.client()
      try client.ping()
      let family = FamilyDefinition(
        name: "s", gc: .union([.maxVersions(3), .maxAge(microseconds: 1_000_000)]), type: .int64,
        columns: [[0x6d]: .utf8])
      let scores = TableDefinition(name: "scores", families: [family], gcOnRead: true)
      try client.createTable(scores)
      #expect(try client.table("scores") == scores)
      #expect(try client.tables().map(\.name) == ["scores", "t"])
      let changed = try client.alterTable(
        "scores", [.createFamily(FamilyDefinition(name: "f")), .setGCOnRead(false)])
      #expect(changed.families.map(\.name) == ["f", "s"])
      #expect(!changed.gcOnRead)
      #expect(try client.statistics().map(\.name).sorted() == ["scores", "t"])
      try client.dropTable("scores")
      #expect(BinaryEndToEndTests.refusal { _ = try client.table("scores") }?.isEmpty == false)
      client.close()
    }
  }

  @Test func `rows are written, read, checked, changed and deleted`() throws {
    try TestServer.run { server in
      let client = try server.client()
      let none = MutationList()
      #expect(try client.get("t", key: [1], options: ReadOptions()) == nil)
      #expect(try client.mutate("t", Sample.list(["k", "l"])).isEmpty)
      let row = try #require(try client.get("t", key: Array("k".utf8), options: ReadOptions()))
      #expect(row.cells.map(\.family) == ["a"])
      #expect(row.cells.map(\.value) == [Array("vvv".utf8)])
      #expect(row.cells.map(\.timestamp.microseconds) == [1_000])
      let keys = ["l", "nothing", "k"].map { Array($0.utf8) }
      let rows = try client.batchGet("t", keys: keys, options: ReadOptions())
      #expect(rows.map { $0?.key } == [keys[0], nil, keys[2]])
      let rejected = try client.mutate("t", Sample.list(["x"], family: "zzz"))
      #expect(rejected.map(\.row) == [0])
      let matched = try client.checkAndMutate(
        "t", key: Array("k".utf8), predicate: .family("a"),
        ifMatched: Sample.list(["k"], family: "b"), otherwise: none)
      #expect(matched)
      let counted = try client.readModifyWrite(
        "t", key: Array("n".utf8),
        rules: [ReadModifyWriteRule(family: "a", qualifier: [0x63], change: .increment(-5))])
      #expect(counted.cells.map(\.value) == [[255, 255, 255, 255, 255, 255, 255, 251]])
      var delete = MutationList()
      ByteView.of("k") { delete.beginRow($0) }
      delete.deleteFromRow()
      #expect(try client.mutate("t", delete).isEmpty)
      #expect(try client.get("t", key: Array("k".utf8), options: ReadOptions()) == nil)
      client.close()
    }
  }

  @Test func `a table that was dropped and created again is found by an old connection`() throws {
    try TestServer.run { server in
      let client = try server.client()
      _ = try client.mutate("t", Sample.list(["k"]))
      #expect(try client.get("t", key: Array("k".utf8), options: ReadOptions()) != nil)
      try server.service.dropTable("t")
      #expect(
        BinaryEndToEndTests.refusal {
          _ = try client.get("t", key: Array("k".utf8), options: ReadOptions())
        } != nil)
      try server.service.createTable(
        TableDefinition(name: "t", families: [FamilyDefinition(name: "a")]))
      #expect(try client.get("t", key: Array("k".utf8), options: ReadOptions()) == nil)
      #expect(try client.mutate("t", Sample.list(["k"])).isEmpty)
      #expect(try client.get("t", key: Array("k".utf8), options: ReadOptions()) != nil)
      client.close()
    }
  }

  @Test func `a mutation stream acknowledges in order, and a scan finds all of it both ways`()
    throws
  {
    try TestServer.run { server in
      let client = try server.client()
      let stream = try client.mutationStream("t", window: 8)
      var numbers: [UInt64] = []
      var rejected: [Int] = []
      stream.onAcknowledged = { acknowledgement in
        numbers.append(acknowledgement.number)
        rejected += acknowledgement.rejected.map { Int(acknowledgement.number) * 1_000 + $0.row }
      }
      let keys = Sample.keys(0..<20_000)
      for start in stride(from: 0, to: keys.count, by: 500) {
        _ = try stream.send(Sample.list(Array(keys[start..<start + 500])))
      }
      let bad = try stream.send(Sample.list(["x", "y"], family: "zzz"))
      try stream.finish()
      #expect(numbers == Array(1...41))
      #expect(rejected == [Int(bad) * 1_000, Int(bad) * 1_000 + 1])

      var found: [String] = []
      try client.scan("t", ScanRequest()) { row in
        found.append(String(decoding: row.key.buffer, as: UTF8.self))
        return true
      }
      #expect(found == keys)
      var newest: [String] = []
      try client.scan("t", ScanRequest(reversed: true, limit: 3)) { row in
        newest.append(String(decoding: row.key.buffer, as: UTF8.self))
        return true
      }
      #expect(newest == keys.suffix(3).reversed())
      client.close()
    }
  }

  @Test func `a producer's stream tells its position and takes each row once`() throws {
    try TestServer.run { server in
      let client = try server.client()
      let first = try client.mutationStream("t", window: 4, producer: "p")
      #expect(first.nextPosition == 0)
      var acknowledged: [UInt64] = []
      first.onAcknowledged = { acknowledged.append($0.number) }
      for start in stride(from: 1, to: 100, by: 10) {
        let number = try first.send(
          Sample.list(Sample.keys(start..<start + 10)), at: UInt64(start))
        #expect(number == UInt64(start / 10 + 2))
      }
      // The opening frame is nobody's list.
      try first.finish()
      #expect(acknowledged == Array(2...11) && first.nextPosition == 101)

      let again = try client.mutationStream("t", window: 4, producer: "p")
      #expect(again.nextPosition == 101)
      // All of it was there before: what the rows hold is not written again.
      _ = try again.send(Sample.list(Sample.keys(1..<51), byteCount: 5), at: 1)
      _ = try again.send(Sample.list(["new"]), at: 101)
      try again.finish(forgetsProducer: true)
      let old = try client.get("t", key: Array(Sample.keys(1..<2)[0].utf8), options: ReadOptions())
      #expect(old?.cells.first?.value.count != 5)
      #expect(try client.get("t", key: Array("new".utf8), options: ReadOptions()) != nil)
      #expect(try client.mutationStream("t", window: 1, producer: "p").nextPosition == 0)
      #expect(throws: ClientError.self) {
        try client.mutationStream("t", window: 1, producer: String(repeating: "p", count: 129))
      }
      client.close()
    }
  }

  @Test func `a scan that is given up leaves the connection usable`() throws {
    try TestServer.run { server in
      let client = try server.client()
      _ = try client.mutate("t", Sample.list(Sample.keys(0..<2_000), byteCount: 2_000))
      var count = 0
      try client.scan("t", ScanRequest()) { _ in
        count += 1
        return count < 10
      }
      #expect(count == 10)
      struct Stop: Error {}
      #expect(throws: Stop.self) {
        try client.scan("t", ScanRequest()) { _ in throw Stop() }
      }
      #expect(try client.get("t", key: Array("r0000001".utf8), options: ReadOptions()) != nil)
      client.close()
    }
  }

  @Test func `a row longer than a frame comes back whole`() throws {
    try TestServer.run { server in
      let client = try server.client()
      for version in 1...5 {
        _ = try client.mutate(
          "t", Sample.list(["big"], byteCount: 700_000, timestamp: Int64(version) * 1_000))
      }
      let all = ReadOptions(versions: 0)
      let row = try #require(try client.get("t", key: Array("big".utf8), options: all))
      #expect(row.cells.map(\.timestamp.microseconds) == [5_000, 4_000, 3_000, 2_000, 1_000])
      let batch = try client.batchGet("t", keys: [Array("big".utf8), [1]], options: all)
      #expect(batch.map { $0?.cells.count } == [5, nil])
      var counts: [Int] = []
      try client.scan("t", ScanRequest(options: all)) { row in
        counts.append(row.cells.reduce(0) { $0 + $1.value.count })
        return true
      }
      #expect(counts == [3_500_000])
      client.close()
    }
  }

  @Test func `a stream to a table that is not there ends with the reason`() throws {
    try TestServer.run { server in
      let client = try server.client()
      let stream = try client.mutationStream("nothing", window: 4)
      #expect(
        BinaryEndToEndTests.refusal {
          _ = try stream.send(Sample.list(["k"]))
          try stream.finish()
        } != nil)
      try client.ping()
      client.close()
    }
  }

  @Test func `where nobody listens the client says what to do`() throws {
    let address = try {
      let server = try TestServer()
      defer { server.stop() }
      return server.address
    }()
    do {
      _ = try StoreClient(connectingTo: address)
      Issue.record("connected")
    } catch {
      #expect("\(error)".contains(address))
      #expect("\(error)".contains("kvserver"))
    }
  }

  /// The code of a refusal; nil when there was none.
  static func refusal(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch ClientError.refused(let code, _) {
      return code
    } catch {
      return nil
    }
  }
}
