// The data API over the wire.

import BigtableProto
import Foundation
import SwiftProtobuf
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct DataCallTests {
  private static let table = BigtableWorld.table

  @Test func `what is set is read, newest first`() throws {
    let world = try BigtableWorld()
    #expect(try world.set("a", "s", "q", 1_000, Data("old".utf8)).status == 0)
    #expect(try world.set("a", "s", "q", 2_000, Data("new".utf8)).status == 0)
    #expect(try world.set("a", "f", "", 0, Data()).status == 0)
    #expect(try world.set("b", "s", "q", 1_000, Data("b".utf8)).status == 0)
    let read = try world.read()
    #expect(read.answer.status == 0)
    #expect(
      read.rows == [
        ReadRow(key: "a", cells: ["f:@0=", "s:q@2000=new", "s:q@1000=old"]),
        ReadRow(key: "b", cells: ["s:q@1000=b"]),
      ])
  }

  @Test func `long cells are cut, and no message is too long for any client`() throws {
    let world = try BigtableWorld()
    for (index, size) in [9 << 20, 0, 3 << 20, (3 << 20) + 1, 2_000_000].enumerated() {
      _ = try world.set("a", "s", "\(index)", 1_000, Data(repeating: 7, count: size))
    }
    let read = try world.read()
    #expect(
      read.rows == [
        ReadRow(
          key: "a",
          cells: [
            "s:0@1000=9437184", "s:1@1000=", "s:2@1000=3145728", "s:3@1000=3145729",
            "s:4@1000=2000000",
          ])
      ])
    #expect(read.answer.messages.allSatisfy { $0.count < 7 << 19 })
    // Python's client wants the key at the head of each message, others in no piece of a cell.
    for (agent, keyed) in [("grpc-python-asyncio/1.80", 6), ("grpc-go/1.70", 3)] {
      let answer = try world.client.call(
        "/google.bigtable.v2.Bigtable/ReadRows",
        Google_Bigtable_V2_ReadRowsRequest.with { $0.tableName = Self.table }.serializedBytes(),
        fields: [("user-agent", agent)])
      var reader = ChunkReader()
      var heads = 0
      for message in answer.messages {
        let chunks = try Google_Bigtable_V2_ReadRowsResponse(serializedBytes: message).chunks
        if chunks.first?.rowKey == Data("a".utf8) { heads += 1 }
        for chunk in chunks { try reader.add(chunk) }
      }
      #expect(reader.rows == read.rows)
      #expect(heads == keyed, "\(agent): of \(answer.messages.count)")
    }
  }

  @Test func `row sets are unions, in order, without doubles`() throws {
    let world = try BigtableWorld()
    for key in ["a", "b", "c", "d", "e", "f"] { _ = try world.set(key, "s", "q", 0, Data()) }
    func keys(
      _ prepare: (inout Google_Bigtable_V2_ReadRowsRequest) -> Void
    ) throws -> String {
      try world.read(prepare).rows.map(\.key).joined()
    }
    func range(
      _ start: Google_Bigtable_V2_RowRange.OneOf_StartKey?,
      _ end: Google_Bigtable_V2_RowRange.OneOf_EndKey?
    ) -> Google_Bigtable_V2_RowRange {
      .with { ($0.startKey, $0.endKey) = (start, end) }
    }
    let b = Data("b".utf8)
    let d = Data("d".utf8)
    #expect(try keys { _ in } == "abcdef")
    #expect(try keys { $0.rows = .init() } == "abcdef")
    #expect(
      try keys {
        $0.rows.rowKeys = [d, b, d]
        $0.rows.rowRanges = [range(.startKeyClosed(b), .endKeyOpen(d))]
      } == "bcd")
    #expect(try keys { $0.rows.rowRanges = [range(.startKeyOpen(b), .endKeyClosed(d))] } == "cd")
    #expect(
      try keys { $0.rows.rowRanges = [range(nil, .endKeyOpen(b)), range(.startKeyOpen(d), nil)] }
        == "aef")
    #expect(try keys { $0.rows.rowRanges = [range(.startKeyOpen(b), .endKeyClosed(b))] } == "")
    #expect(try keys { $0.rows.rowRanges = [range(.startKeyClosed(b), .endKeyClosed(b))] } == "b")
    #expect(
      try keys { $0.rows.rowRanges = [range(.startKeyClosed(Data()), .endKeyOpen(Data()))] }
        == "abcdef")
    #expect(
      try keys {
        $0.reversed = true
        $0.rowsLimit = 3
        $0.rows.rowRanges = [range(nil, .endKeyOpen(d)), range(.startKeyOpen(d), nil)]
      } == "fec")
    #expect(
      try world.read { $0.rows.rowRanges = [range(.startKeyClosed(d), .endKeyOpen(b))] }
        .answer.status == 3)
    #expect(try world.read { $0.rows.rowKeys = [Data()] }.answer.status == 3)
    #expect(try world.read { $0.rowsLimit = -1 }.answer.status == 3)
    #expect(try world.read { $0.tableName = BigtableWorld.parent + "/tables/x" }.answer.status == 5)
    #expect(try world.read { $0.tableName = "x" }.answer.status == 3)
  }

  @Test func `filters come through`() throws {
    let world = try BigtableWorld()
    _ = try world.set("user#1", "s", "score", 2_000, Data("712".utf8))
    _ = try world.set("user#1", "s", "score", 1_000, Data("700".utf8))
    _ = try world.set("user#2", "f", "city", 1_000, Data("Ulm".utf8))
    func cells(_ filter: Google_Bigtable_V2_RowFilter) throws -> [String] {
      try world.read { $0.filter = filter }.rows.flatMap(\.cells)
    }
    typealias Filter = Google_Bigtable_V2_RowFilter
    let new = "s:score@2000=712"
    let old = "s:score@1000=700"
    let city = "f:city@1000=Ulm"
    #expect(try cells(.with { $0.rowKeyRegexFilter = Data("user#[13]".utf8) }) == [new, old])
    #expect(try cells(.with { $0.familyNameRegexFilter = "f|x" }) == [city])
    #expect(try cells(.with { $0.columnQualifierRegexFilter = Data("c.*".utf8) }) == [city])
    #expect(try cells(.with { $0.valueRegexFilter = Data("7\\d0|U\\C+".utf8) }) == [old, city])
    #expect(try cells(.with { $0.cellsPerColumnLimitFilter = 1 }) == [new, city])
    #expect(try cells(.with { $0.cellsPerColumnLimitFilter = 0 }) == [])
    #expect(try cells(.with { $0.cellsPerRowOffsetFilter = 1 }) == [old])
    #expect(
      try cells(.with { $0.timestampRangeFilter.startTimestampMicros = 2_000 }) == [new])
    #expect(
      try cells(
        .with {
          $0.columnRangeFilter.familyName = "s"
          $0.columnRangeFilter.startQualifierOpen = Data("score".utf8)
        }) == [])
    #expect(
      try cells(
        .with {
          $0.valueRangeFilter.startValueOpen = Data("700".utf8)
          $0.valueRangeFilter.endValueClosed = Data("712".utf8)
        }) == [new])
    #expect(
      try cells(
        .with {
          $0.condition.predicateFilter = .with { $0.valueRegexFilter = Data("Ulm".utf8) }
          $0.condition.trueFilter = .with { $0.stripValueTransformer = true }
        }) == ["f:city@1000="])
    #expect(
      try cells(
        .with {
          $0.chain.filters = [
            .with { $0.familyNameRegexFilter = "s" }, .with { $0.cellsPerRowLimitFilter = 1 },
          ]
        }) == [new])
    for (wrong, status) in [
      (Filter.with { $0.valueRegexFilter = Data("[".utf8) }, 3), (.init(), 3),
      (.with { $0.passAllFilter = false }, 3), (.with { $0.cellsPerRowLimitFilter = -1 }, 3),
      (.with { $0.chain.filters = [.with { $0.passAllFilter = true }] }, 3),
      (.with { $0.columnRangeFilter = .init() }, 3),
      (.with { $0.timestampRangeFilter.startTimestampMicros = 1 }, 3),
      (.with { $0.sink = false }, 3), (.with { $0.applyLabelTransformer = "No" }, 3),
      (.with { $0.rowSampleFilter = 1 }, 3), (.with { $0.valueBitmaskFilter = .init() }, 12),
      (.with { $0.rowKeyRegexFilter = Data(repeating: 97, count: 20_480) }, 3),
    ] {
      #expect(try world.read { $0.filter = wrong }.answer.status == status)
    }
  }

  @Test func `mutations apply whole or not at all`() throws {
    let world = try BigtableWorld()
    func mutate(_ mutations: [Google_Bigtable_V2_Mutation], key: String = "a") throws -> Int? {
      try world.data(
        "MutateRow",
        Google_Bigtable_V2_MutateRowRequest.with {
          $0.tableName = Self.table
          $0.rowKey = Data(key.utf8)
          $0.mutations = mutations
        }
      ).status
    }
    let set = Google_Bigtable_V2_Mutation.set("s", "q", 1_000, Data("1".utf8))
    #expect(try mutate([set]) == 0)
    #expect(try mutate([.set("s", "r", 0, Data()), .set("nobody", "q", 0, Data())]) == 5)
    #expect(try mutate([.set("s", "r", 1, Data())]) == 3)
    #expect(try mutate([.set("s", "r", -2, Data())]) == 3)
    #expect(try mutate([]) == 3)
    #expect(try mutate([set], key: "") == 3)
    #expect(try mutate([set], key: String(repeating: "k", count: 4_097)) == 3)
    #expect(try mutate([set], key: String(repeating: "k", count: 4_096)) == 0)
    #expect(
      try world.read { $0.rows.rowKeys = [Data("a".utf8)] }.rows.map(\.cells) == [["s:q@1000=1"]])
    #expect(
      try mutate([
        .with { $0.deleteFromRow = .init() }, .set("s", "q", 5_000, Data("2".utf8)),
        .with {
          $0.addToCell.familyName = "n"
          $0.addToCell.columnQualifier.rawValue = Data("c".utf8)
          $0.addToCell.timestamp.rawTimestampMicros = 0
          $0.addToCell.input.intValue = 258
        },
      ]) == 0)
    #expect(
      try world.read { $0.rows.rowKeys = [Data("a".utf8)] }.rows.map(\.cells)
        == [["n:c@0=\0\0\0\0\0\0\u{1}\u{2}", "s:q@5000=2"]])
    #expect(
      try mutate([
        .with {
          $0.deleteFromColumn.familyName = "s"
          $0.deleteFromColumn.columnQualifier = Data("q".utf8)
          $0.deleteFromColumn.timeRange.startTimestampMicros = 5_000
        }, .with { $0.deleteFromFamily.familyName = "n" },
      ]) == 0)
    #expect(try world.read { $0.rows.rowKeys = [Data("a".utf8)] }.rows.isEmpty)
  }

  @Test func `each entry of many has its own status`() throws {
    let world = try BigtableWorld()
    let answer = try world.data(
      "MutateRows",
      Google_Bigtable_V2_MutateRowsRequest.with { request in
        request.tableName = Self.table
        for (key, family) in [("a", "s"), ("b", "nobody"), ("", "s"), ("a", "f"), ("c", "n")] {
          request.entries.append(
            .with {
              $0.rowKey = Data(key.utf8)
              $0.mutations = [.set(family, "q", 1_000, Data(family.utf8))]
            })
        }
      })
    #expect(answer.status == 0)
    let entries = try answer.messages.flatMap {
      try Google_Bigtable_V2_MutateRowsResponse(serializedBytes: $0).entries
    }
    #expect(entries.map(\.index) == [0, 1, 2, 3, 4])
    #expect(entries.map(\.status.code) == [0, 5, 3, 0, 3])
    #expect(
      try world.read().rows == [ReadRow(key: "a", cells: ["f:q@1000=f", "s:q@1000=s"])])
  }

  @Test func `conditions and counters`() throws {
    let world = try BigtableWorld()
    _ = try world.set("a", "s", "q", 1_000, Data("x".utf8))
    var check = Google_Bigtable_V2_CheckAndMutateRowRequest()
    check.tableName = Self.table
    check.rowKey = Data("a".utf8)
    check.predicateFilter = .with { $0.valueRegexFilter = Data("y".utf8) }
    check.trueMutations = [.with { $0.deleteFromRow = .init() }]
    check.falseMutations = [.set("f", "no", 0, Data())]
    let answer = try world.data("CheckAndMutateRow", check)
    #expect(
      try Google_Bigtable_V2_CheckAndMutateRowResponse(serializedBytes: answer.messages[0])
        .predicateMatched == false)
    #expect(try world.read().rows[0].cells == ["f:no@0=", "s:q@1000=x"])
    var change = Google_Bigtable_V2_ReadModifyWriteRowRequest()
    change.tableName = Self.table
    change.rowKey = Data("a".utf8)
    change.rules = [
      .with {
        ($0.familyName, $0.columnQualifier, $0.incrementAmount) = ("f", Data("c".utf8), 258)
      },
      .with {
        ($0.familyName, $0.columnQualifier, $0.appendValue) = ("s", Data("q".utf8), Data("y".utf8))
      },
    ]
    let changed = try world.data("ReadModifyWriteRow", change)
    let row = try Google_Bigtable_V2_ReadModifyWriteRowResponse(
      serializedBytes: changed.messages[0]
    ).row
    #expect(row.key == Data("a".utf8))
    #expect(row.families.map(\.name) == ["f", "s"])
    #expect(row.families[0].columns[0].cells[0].value == Data([0, 0, 0, 0, 0, 0, 1, 2]))
    #expect(row.families[1].columns[0].cells.map(\.value) == [Data("xy".utf8)])
    change.rules = [
      .with { ($0.familyName, $0.columnQualifier, $0.incrementAmount) = ("s", Data("q".utf8), 1) }
    ]
    #expect(try world.data("ReadModifyWriteRow", change).status == 9)
  }
}
