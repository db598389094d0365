// Writes that arrive together: one commit, an answer each, nothing overtakes.

import Bytes
import LSM
import Testing

@testable import HTTPAPI
@testable import Tablets

@Suite struct GatheredWriteTests {
  private static func put(_ key: String, _ body: String) -> String {
    Client.request("PUT", "/v1/tables/t/rows/\(key)", #"{"families":\#(body)}"#)
  }

  /// Sends all requests with one write and reads as many answers.
  private static func exchange(_ client: Client, _ requests: [String]) throws -> [Answer] {
    client.send(requests.joined())
    return try requests.map { _ in try client.answer() }
  }

  @Test(
    "requests of one wake-up are one commit, and each has its own answer",
    arguments: [Durability.none, .sync])
  func areOneCommit(durability: Durability) throws {
    let world = try ServerWorld.withTable(durability: durability)
    let client = try world.client()
    let table = try ByteView.of("t") { try world.service.table($0) }
    let before = table.statistics.engine.commits
    let answers = try Self.exchange(
      client,
      [
        Self.put("k1", #"{"s":{"score":1}}"#), Self.put("k2", #"{"nofamily":{"a":"b"}}"#),
        Self.put("k3", #"{"s":{"score":"#), Self.put("k4", #"{"s":{"score":4}}"#),
        Client.request("DELETE", "/v1/tables/t/rows/k1"),
        Client.request(
          "POST", "/v1/tables/t/rows/k5:mutate",
          #"{"mutations":[{"setCell":{"family":"f","qualifier":"a","value":"x"}}]}"#),
      ])
    #expect(answers.map(\.status) == [204, 404, 400, 204, 204, 204])
    #expect(answers[1].code == "unknown_family")
    #expect(table.statistics.engine.commits == before + 1)
    let found = try ["k1", "k2", "k3", "k4", "k5"].map {
      try client.ask("GET", "/v1/tables/t/rows/\($0)").status
    }
    #expect(found == [404, 404, 404, 200, 200])
  }

  @Test func `a decision sees the writes in front of it`() throws {
    let client = try ServerWorld.withTable().client()
    for round in 0..<20 {
      let answers = try Self.exchange(
        client,
        [
          Self.put("k\(round)", #"{"s":{"score":1}}"#),
          Client.request(
            "POST", "/v1/tables/t/rows/k\(round):checkAndMutate",
            #"{"predicate":null,"trueMutations":[{"deleteFromRow":{}}]}"#),
          Client.request(
            "POST", "/v1/tables/t/rows/k\(round):readModifyWrite",
            #"{"rules":[{"family":"s","qualifier":"score","increment":5}]}"#),
        ])
      #expect(answers.map(\.status) == [204, 200, 200])
      #expect(answers[1].body == "{\"matched\":true}\n")
      #expect(answers[2].body.contains(#""value":5"#))
    }
  }

  @Test func `a row that must wait for its turn goes alone, behind what came before`() throws {
    let client = try ServerWorld.withTable().client()
    let long = String(repeating: "x", count: 2 << 20)
    let answers = try Self.exchange(
      client,
      [
        Self.put("k", #"{"f":{"a":"short"}}"#), Self.put("k", #"{"f":{"a":"\#(long)"}}"#),
        Self.put("l", #"{"f":{"a":"short"}}"#),
      ])
    #expect(answers.map(\.status) == [204, 204, 204])
    let row = try client.ask("GET", "/v1/tables/t/rows/k")
    #expect(row.body.utf8.count > 2 << 20)
  }
}
