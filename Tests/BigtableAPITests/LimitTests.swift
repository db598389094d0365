// The API's limits: what is just within one is served, what is just outside is told which it broke.

import BigtableProto
import Foundation
import SwiftProtobuf
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct LimitTests {
  private typealias Filter = Google_Bigtable_V2_RowFilter

  @Test func `a call takes 100,000 mutations and no more`() throws {
    let world = try BigtableWorld()
    func mutate(_ count: Int, rows: Int) throws -> ClientAnswer {
      var request = Google_Bigtable_V2_MutateRowsRequest()
      request.tableName = BigtableWorld.table
      for row in 0..<rows {
        request.entries.append(
          .with { entry in
            entry.rowKey = Data("r\(row)".utf8)
            for number in 0..<count / rows {
              entry.mutations.append(.set("s", "\(number)", 1_000, Data()))
            }
          })
      }
      return try world.data("MutateRows", request)
    }
    let whole = try mutate(100_000, rows: 10)
    #expect(whole.status == 0)
    let answered = try Google_Bigtable_V2_MutateRowsResponse(
      serializedBytes: #require(whole.messages.first))
    #expect(answered.entries.map(\.index) == Array(0..<10))
    #expect(answered.entries.allSatisfy { $0.status.code == 0 })
    let read = try world.read { $0.filter = .with { $0.cellsPerRowOffsetFilter = 9_999 } }
    #expect(read.rows.count == 10)
    #expect(try mutate(100_001, rows: 1).status == 3)
    #expect(try world.read { $0.rows.rowKeys = [Data("r0".utf8)] }.rows[0].cells.count == 10_000)
  }

  @Test func `a row key has 4,096 bytes at most`() throws {
    let world = try BigtableWorld()
    let longest = String(repeating: "k", count: 4_096)
    #expect(try world.set(longest, "s", "q", 1_000, Data([1])).status == 0)
    #expect(try world.set(longest + "k", "s", "q", 1_000, Data([1])).status == 3)
    #expect(try world.set("k", "s", String(repeating: "q", count: 16_385), 0, Data()).status == 3)
    #expect(try world.read { $0.rows.rowKeys = [Data(longest.utf8)] }.rows.map(\.key) == [longest])
    // A longer one can be asked for; there is none.
    let longer = try world.read { $0.rows.rowKeys = [Data((longest + "k").utf8)] }
    #expect(longer.rows == [] && (longer.answer.status == 0 || longer.answer.status == 3))
  }

  @Test func `filters are 20 deep and 20,480 bytes long at most`() throws {
    let world = try BigtableWorld()
    _ = try world.set("a", "s", "q", 1_000, Data([1]))
    func nested(_ depth: Int) -> Filter {
      depth == 1
        ? .with { $0.passAllFilter = true }
        : .with { $0.chain.filters = [.with { $0.passAllFilter = true }, nested(depth - 1)] }
    }
    #expect(try world.read { $0.filter = nested(20) }.rows.count == 1)
    #expect(try world.read { $0.filter = nested(21) }.answer.status == 3)
    // A thousand deep: refused before it is walked.
    #expect(try world.read { $0.filter = nested(1_000) }.answer.status == 3)
    func long(_ count: Int) -> Filter {
      .with {
        $0.columnRangeFilter.familyName = "s"
        $0.columnRangeFilter.startQualifierClosed = Data(repeating: 0, count: count)
      }
    }
    let encoded: [UInt8] = try long(20_000).serializedBytes()
    let overhead = encoded.count - 20_000
    #expect(try world.read { $0.filter = long(20_480 - overhead) }.rows.count == 1)
    #expect(try world.read { $0.filter = long(20_481 - overhead) }.answer.status == 3)
  }
}
