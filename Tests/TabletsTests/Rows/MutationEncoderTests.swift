// Every way in which a mutation is refused, with its code; and what is taken at the limits.

import Bytes
import DataModel
import LSM
import TestSupport
import Testing

@testable import Tablets

@Suite struct MutationEncoderTests {
  private static let world = RowWorld([
    FamilyDefinition(name: "f"),
    FamilyDefinition(name: "i", type: .int64, columns: [Array("text".utf8): .utf8]),
    FamilyDefinition(name: "x", type: .float64, columns: [Array("any".utf8): .bytes]),
    FamilyDefinition(name: "u", type: .utf8), FamilyDefinition(name: "j", type: .json),
    FamilyDefinition(name: "n", aggregate: .sum),
  ])

  private static let long = String(repeating: "q", count: DataModelLimits.qualifierByteCount + 1)

  static let refusals: [([TestMutation], String)] = [
    ([], "no_mutations"),
    ([.set("nobody", "q", 0, [])], "unknown_family"),
    ([.deleteFamily("nobody")], "unknown_family"),
    ([.deleteColumn("nobody", "q", 0, nil)], "unknown_family"),
    ([.add("nobody", "q", 0, 1)], "unknown_family"),
    ([.set("f", "q", 0, [1]), .set("nobody", "q", 0, [])], "unknown_family"),
    ([.set("f", long, 0, [])], "invalid_qualifier"),
    ([.deleteColumn("f", long, 0, nil)], "invalid_qualifier"),
    ([.add("n", long, 0, 1)], "invalid_qualifier"),
    ([.set("f", "q", -2, [])], "invalid_timestamp"),
    ([.set("f", "q", -1_000, [])], "invalid_timestamp"),
    ([.set("f", "q", 1, [])], "invalid_timestamp"),
    ([.set("f", "q", .max, [])], "invalid_timestamp"),
    ([.add("n", "q", 1_001, 1)], "invalid_timestamp"),
    ([.deleteColumn("f", "q", 1, nil)], "invalid_timestamp"),
    ([.deleteColumn("f", "q", -1_000, nil)], "invalid_timestamp"),
    ([.deleteColumn("f", "q", 0, 1)], "invalid_timestamp"),
    ([.deleteColumn("f", "q", 2_000, 2_000)], "invalid_time_range"),
    ([.deleteColumn("f", "q", 2_000, 1_000)], "invalid_time_range"),
    ([.set("i", "q", 0, [1])], "wrong_value_type"),
    ([.set("i", "text", 0, [0xff])], "wrong_value_type"),
    ([.set("x", "q", 0, [1, 2, 3])], "wrong_value_type"),
    ([.set("u", "q", 0, [0xc3])], "wrong_value_type"),
    ([.set("n", "q", 0, [1])], "aggregate_family"),
    ([.add("f", "q", 0, 1)], "not_aggregate_family"),
  ]

  @Test(arguments: 0..<refusals.count)
  func `a wrong mutation is refused with its code`(index: Int) {
    let (mutations, code) = MutationEncoderTests.refusals[index]
    let error = #expect(throws: TableServiceError.self) {
      _ = try MutationEncoderTests.world.encode(mutations)
    }
    #expect(error.flatMap(testCode) == code)
  }

  static let accepted: [[TestMutation]] = [
    [.set("f", "", 0, [])],
    [.set("f", String(repeating: "q", count: DataModelLimits.qualifierByteCount), 0, [])],
    [.set("f", "q", Timestamp.max.microseconds, [1])], [.set("f", "q", -1, [1])],
    [.set("i", "q", 0, [1, 2, 3, 4, 5, 6, 7, 8])], [.set("i", "text", 0, Array("é".utf8))],
    [.set("x", "any", 0, [1])], [.set("j", "q", 0, Array("{}".utf8))],
    [.deleteColumn("f", "q", 0, nil)], [.deleteColumn("f", "q", 0, 1_000)],
    [.add("n", "q", -1, .min)], [.deleteColumn("n", "q", 0, nil)],
  ]

  @Test(arguments: 0..<accepted.count)
  func `what is at its limit is taken`(index: Int) throws {
    #expect(
      try MutationEncoderTests.world.encode(MutationEncoderTests.accepted[index]) != nil)
  }

  @Test(arguments: [(0, false), (1, true), (4_096, true), (4_097, false)])
  func `row keys have 1 to 4,096 bytes`(count: Int, isGood: Bool) {
    let key = [UInt8](repeating: 1, count: count)
    if isGood {
      #expect(throws: Never.self) { try ByteView.of(key) { try MutationEncoder.check(key: $0) } }
    } else {
      let error = #expect(throws: TableServiceError.self) {
        try ByteView.of(key) { try MutationEncoder.check(key: $0) }
      }
      #expect(error.flatMap(testCode) == "invalid_row_key")
    }
  }

  @Test func `a refused row leaves no trace and the next one is read`() throws {
    var list = MutationList()
    list.append(row: "bad", [.set("f", "q", 0, [1]), .set("f", "q", 1, [2])])
    list.append(row: "good", [.set("f", "q", 0, [3])])
    var batch = WriteBatch()
    var reader = MutationListReader(list.encoded)
    let encoder = MutationEncoder()
    let rules = MutationEncoderTests.world.rules
    #expect(throws: TableServiceError.self) {
      try encoder.encodeRow(&reader, rules, now: 0, into: &batch)
    }
    let countAfterRefusal = batch.count
    #expect(countAfterRefusal == 0)
    try encoder.encodeRow(&reader, rules, now: 0, into: &batch)
    let countAfterGood = batch.count
    #expect(countAfterGood == 1)
    #expect(reader.isAtEnd)
  }

  @Test func `the server's timestamp is its clock cut to milliseconds`() throws {
    let world = MutationEncoderTests.world
    let entry = try #require(try world.encode([.set("f", "q", -1, [1])]))
    #expect(try world.read([entry]).map(\.time) == [world.time.wallMicroseconds / 1_000 * 1_000])
  }

  @Test func `a message names family, qualifier and what was expected`() {
    let error = #expect(throws: TableServiceError.self) {
      _ = try MutationEncoderTests.world.encode([.set("i", "score", 0, [1])])
    }
    guard case .invalid(_, let message) = error else {
      Issue.record("not invalid")
      return
    }
    #expect(message.contains("i:score") && message.contains("int64"))
  }

  @Test(.timeLimit(.minutes(1)))
  func `a hundred thousand sets and deletes of one column are encoded in time`() throws {
    var mutations: [TestMutation] = []
    for step in 0..<50_000 as Range<Int64> {
      mutations.append(.set("f", "q", step % 997 * 1_000, [1]))
      mutations.append(.deleteColumn("f", "q", step % 991 * 1_000, step % 991 * 1_000 + 3_000))
    }
    var model = RowModel()
    model.apply(mutations)
    let entry = try #require(try MutationEncoderTests.world.encode(mutations))
    #expect(try MutationEncoderTests.world.read([entry]) == model.cells())
  }
}

/// The stable word of an error.
func testCode(_ error: TableServiceError) -> String? {
  switch error {
  case .invalid(let code, _), .notFound(let code, _), .conflict(let code, _): code
  default: nil
  }
}
