// The messages that are coded by hand are those that protoc's code makes and understands: answers
// byte by byte, requests by what is read of them.

import BigtableProto
import Bytes
import DataModel
import Foundation
import SwiftProtobuf
import TestSupport
import Testing

@testable import BigtableAPI

private typealias Chunk = Google_Bigtable_V2_ReadRowsResponse.CellChunk

@Suite struct CodecEqualityTests {
  // MARK: - ReadRows: answers

  private static let schema = TableSchema(
    definition: TableDefinition(
      name: "t",
      families: ["a", "family", "w"].map { FamilyDefinition(name: $0) }),
    familyIDs: [1, 2, 3], version: 1)

  private struct SampleCell {
    var family: Int
    var qualifier: [UInt8]
    var time: Int64
    var label: String?
    var value: [UInt8]
  }

  private static func bytes(
    _ limit: Int, _ generator: inout SeededGenerator, from lower: Int = 0
  ) -> [UInt8] {
    (0..<Int.random(in: lower...limit, using: &generator)).map { _ in
      UInt8.random(in: 0...255, using: &generator)
    }
  }

  private static func cells(_ generator: inout SeededGenerator) -> [SampleCell] {
    var cells: [SampleCell] = []
    for family in 0..<3 where generator.chance(0.6) {
      for _ in 0...Int.random(in: 0...2, using: &generator) {
        let qualifier = bytes(generator.chance(0.1) ? 200 : 20, &generator)
        for _ in 0...(generator.chance(0.2) ? 2 : 0) {
          let time =
            generator.chance(0.1)
            ? 0 : Int64.random(in: 0...1 << Int64.random(in: 1...60, using: &generator))
          cells.append(
            SampleCell(
              family: family, qualifier: qualifier, time: time,
              label: generator.chance(0.1) ? "label-\(family)" : nil,
              value: generator.chance(0.1) ? [] : bytes(300, &generator)))
        }
      }
    }
    return cells.isEmpty
      ? [SampleCell(family: 1, qualifier: [], time: 0, label: nil, value: [])] : cells
  }

  /// The buffer points into `storage`, which the caller keeps.
  private static func fill(
    _ row: RowBuffer, _ key: [UInt8], _ cells: [SampleCell], _ storage: inout ByteBuffer
  ) {
    storage.clear()
    storage.append(key)
    for cell in cells {
      storage.append(cell.qualifier)
      storage.append(cell.value)
    }
    row.clear()
    row.schema = schema
    row.key = storage.view.prefix(key.count)
    var offset = key.count
    for cell in cells {
      let end = offset + cell.qualifier.count
      row.cells.append(
        CellView(
          familyIndex: cell.family, qualifier: storage.view[offset..<end],
          timestamp: Timestamp(microseconds: cell.time),
          value: storage.view[end..<end + cell.value.count],
          label: cell.label.map { row.number(ofLabel: $0) } ?? 0))
      offset = end + cell.value.count
    }
  }

  /// The row's chunks, made by the rules of the message's definition.
  private static func chunks(_ key: [UInt8], _ cells: [SampleCell]) -> [Chunk] {
    cells.indices.map { index in
      let cell = cells[index]
      let before = index == 0 ? nil : cells[index - 1]
      return Chunk.with {
        if index == 0 { $0.rowKey = Data(key) }
        if before?.family != cell.family {
          $0.familyName.value = schema.definition.families[cell.family].name
        }
        if before?.family != cell.family || before?.qualifier != cell.qualifier {
          $0.qualifier.value = Data(cell.qualifier)
        }
        $0.timestampMicros = cell.time
        if let label = cell.label { $0.labels = [label] }
        $0.value = Data(cell.value)
        if index == cells.count - 1 { $0.commitRow = true }
      }
    }
  }

  @Test(arguments: Array(1...60) as [UInt64])
  func `rows are written as protoc's code writes them`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let row = RowBuffer()
    var storage = ByteBuffer()
    var writer = ChunkWriter()
    var names = ChunkNames()
    var expected = Google_Bigtable_V2_ReadRowsResponse()
    for _ in 0..<20 {
      let key = Self.bytes(generator.chance(0.1) ? 4_096 : 24, &generator, from: 1)
      let cells = Self.cells(&generator)
      Self.fill(row, key, cells, &storage)
      let chunks = Self.chunks(key, cells)
      expected.chunks += chunks
      let hasRoom = writer.append(row) { _ in }
      #expect(hasRoom)
      guard ChunkWriter.isShort(row) else { continue }
      var alone = ByteBuffer()
      ChunkWriter.append(short: row, &names, to: &alone)
      let answer = Google_Bigtable_V2_ReadRowsResponse.with { $0.chunks = chunks }
      let short = alone.array
      #expect(try short == answer.serializedBytes() as [UInt8])
    }
    let written = writer.message.array
    #expect(try written == expected.serializedBytes() as [UInt8])
  }

  @Test func `a row of a read-modify-write is written as protoc's code writes it`() throws {
    for seed in 1...60 {
      var generator = SeededGenerator(seed: UInt64(seed))
      let row = RowBuffer()
      var storage = ByteBuffer()
      let cells = Self.cells(&generator)
      Self.fill(row, [1, 2], cells, &storage)
      var written = ByteBuffer()
      RowMessage.append(row, to: &written)
      let answer = try Google_Bigtable_V2_ReadModifyWriteRowResponse(
        serializedBytes: written.array)
      var found: [(Int, [UInt8], Int64, [UInt8])] = []
      for family in answer.row.families {
        let index = Self.schema.definition.families.firstIndex { $0.name == family.name } ?? -1
        for column in family.columns {
          for cell in column.cells {
            found.append(
              (index, [UInt8](column.qualifier), cell.timestampMicros, [UInt8](cell.value)))
          }
        }
      }
      #expect(found.map(\.0) == cells.map(\.family))
      #expect(found.map(\.1) == cells.map(\.qualifier))
      #expect(found.map(\.2) == cells.map(\.time))
      #expect(found.map(\.3) == cells.map(\.value))
      let bytes = written.array
      #expect(try answer.serializedBytes() as [UInt8] == bytes)
    }
  }

  // MARK: - Requests

  /// A message as a client of a later version might send it: with fields that nobody here knows.
  private static func sent(
    _ message: some Message, _ generator: inout SeededGenerator
  ) throws -> [UInt8] {
    var bytes: [UInt8] = try message.serializedBytes()
    // Fields 1,000: a number, and 1,001: bytes.
    if generator.chance(0.3) { bytes += [0xc0, 0x3e, 0x96, 0x01] }
    if generator.chance(0.3) { bytes += [0xca, 0x3e, 0x03, 1, 2, 3] }
    return bytes
  }

  private static func time(_ generator: inout SeededGenerator) -> Int64 {
    Int64.random(in: 0...1 << 40, using: &generator) * 1_000
  }

  /// A mutation, and what it does to a list.
  private static func mutation(
    _ list: inout MutationList, _ generator: inout SeededGenerator
  ) -> Google_Bigtable_V2_Mutation {
    let (family, qualifier) = (generator.chance(0.5) ? "a" : "family", bytes(30, &generator))
    let (value, time) = (bytes(300, &generator), time(&generator))
    let name = Array(family.utf8)
    return .with { mutation in
      ByteView.of(name) { name in
        ByteView.of(qualifier) { column in
          ByteView.of(value) { bytes in
            switch Int.random(in: 0...5, using: &generator) {
            case 0:
              mutation.setCell.familyName = family
              mutation.setCell.columnQualifier = Data(qualifier)
              mutation.setCell.timestampMicros = generator.chance(0.2) ? -1 : time
              mutation.setCell.value = Data(value)
              list.setCell(
                family: name, qualifier: column,
                timestamp: Timestamp(microseconds: mutation.setCell.timestampMicros),
                value: bytes)
            case 1:
              mutation.deleteFromColumn.familyName = family
              mutation.deleteFromColumn.columnQualifier = Data(qualifier)
              let isOpen = generator.chance(0.5)
              mutation.deleteFromColumn.timeRange.startTimestampMicros = time
              if !isOpen { mutation.deleteFromColumn.timeRange.endTimestampMicros = time + 5_000 }
              list.deleteFromColumn(
                family: name, qualifier: column, from: Timestamp(microseconds: time),
                to: isOpen ? nil : Timestamp(microseconds: time + 5_000))
            case 2:
              mutation.deleteFromFamily.familyName = family
              list.deleteFromFamily(name)
            case 3:
              mutation.deleteFromRow = Google_Bigtable_V2_Mutation.DeleteFromRow()
              list.deleteFromRow()
            case 4:
              let input = Int64.random(in: .min ... .max, using: &generator)
              mutation.addToCell.familyName = family
              mutation.addToCell.columnQualifier.rawValue = Data(qualifier)
              mutation.addToCell.timestamp.rawTimestampMicros = time
              mutation.addToCell.input.intValue = input
              list.addToCell(
                family: name, qualifier: column, timestamp: Timestamp(microseconds: time),
                input: input)
            default:
              mutation.mergeToCell.familyName = family
              mutation.mergeToCell.columnQualifier.rawValue = Data(qualifier)
              mutation.mergeToCell.timestamp.rawTimestampMicros = time
              mutation.mergeToCell.input.rawValue = Data(value)
              list.mergeToCell(
                family: name, qualifier: column, timestamp: Timestamp(microseconds: time),
                state: bytes)
            }
          }
        }
      }
    }
  }

  @Test(arguments: Array(1...60) as [UInt64])
  func `changes of a row are read as protoc's code wrote them`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<20 {
      let key = Self.bytes(40, &generator, from: 1)
      var expected = MutationList()
      ByteView.of(key) { expected.beginRow($0) }
      let mutations = (0...Int.random(in: 0...5, using: &generator)).map { _ in
        Self.mutation(&expected, &generator)
      }
      let single = Google_Bigtable_V2_MutateRowRequest.with {
        $0.tableName = BigtableWorld.table
        $0.rowKey = Data(key)
        $0.mutations = mutations
      }
      let entry = Google_Bigtable_V2_MutateRowsRequest.Entry.with {
        $0.rowKey = Data(key)
        $0.mutations = mutations
      }
      for (bytes, keyField, field) in [
        (try Self.sent(single, &generator), 2, 3), (try Self.sent(entry, &generator), 1, 2),
      ] as [([UInt8], UInt64, UInt64)] {
        var list = MutationList()
        try ByteView.of(bytes) { message in
          let request = try WireRowRequest(message, keyField: keyField, mutationFields: [field])
          #expect(request.key.array == key)
          if field == 3 { #expect(request.table.array == Array(BigtableWorld.table.utf8)) }
          try request.read(field, into: &list, within: nil)
        }
        #expect(list.encoded.array == expected.encoded.array)
      }
    }
  }

  /// A filter, and the one that is to become of it.
  private static func filter(
    _ depth: Int, _ generator: inout SeededGenerator
  ) -> (sent: Google_Bigtable_V2_RowFilter, read: RowFilter) {
    var sent = Google_Bigtable_V2_RowFilter()
    let number = Int.random(in: depth > 0 ? 0...16 : 3...16, using: &generator)
    let (low, high) = ([1] + bytes(5, &generator), [2] + bytes(5, &generator))
    switch number {
    case 0, 1:
      let parts = (0..<2).map { _ in filter(depth - 1, &generator) }
      if number == 0 {
        sent.chain.filters = parts.map(\.sent)
        return (sent, .chain(parts.map(\.read)))
      }
      sent.interleave.filters = parts.map(\.sent)
      return (sent, .interleave(parts.map(\.read)))
    case 2:
      let (predicate, then) = (filter(depth - 1, &generator), filter(depth - 1, &generator))
      sent.condition.predicateFilter = predicate.sent
      sent.condition.trueFilter = then.sent
      return (
        sent, .condition(predicate: predicate.read, then: then.read, otherwise: nil)
      )
    case 3...6:
      let subject: RegexSubject
      let pattern = "a.*[b-d]+"
      switch number {
      case 3: (subject, sent.rowKeyRegexFilter) = (.rowKey, Data(pattern.utf8))
      case 4: (subject, sent.familyNameRegexFilter) = (.family, pattern)
      case 5: (subject, sent.columnQualifierRegexFilter) = (.qualifier, Data(pattern.utf8))
      default: (subject, sent.valueRegexFilter) = (.value, Data(pattern.utf8))
      }
      let read = try? RowFilter.regex(subject, pattern: Array(pattern.utf8), field: "")
      return (sent, read ?? .blockAll)
    case 7:
      sent.columnRangeFilter.familyName = "a"
      sent.columnRangeFilter.startQualifierClosed = Data(low)
      sent.columnRangeFilter.endQualifierOpen = Data(high)
      return (sent, .columnRange(family: "a", from: low, to: high))
    case 8:
      let time = time(&generator)
      sent.timestampRangeFilter.startTimestampMicros = time
      sent.timestampRangeFilter.endTimestampMicros = time + 1_000
      return (sent, .timestampRange(from: time, to: time + 1_000))
    case 9:
      sent.valueRangeFilter.startValueOpen = Data(low)
      sent.valueRangeFilter.endValueClosed = Data(high)
      return (sent, .valueRange(from: low + [0], to: high + [0]))
    case 10:
      sent.cellsPerRowOffsetFilter = 300
      return (sent, .cellsPerRowOffset(300))
    case 11:
      sent.cellsPerRowLimitFilter = 2
      return (sent, .cellsPerRowLimit(2))
    case 12:
      sent.cellsPerColumnLimitFilter = 1
      return (sent, .cellsPerColumnLimit(1))
    case 13:
      sent.stripValueTransformer = true
      return (sent, .stripValue)
    case 14:
      sent.rowSampleFilter = 0.25
      return (sent, .rowSample(0.25))
    case 15:
      sent.blockAllFilter = true
      return (sent, .blockAll)
    default:
      sent.passAllFilter = true
      return (sent, .passAll)
    }
  }

  @Test(arguments: Array(1...60) as [UInt64])
  func `reads are understood as protoc's code wrote them`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<20 {
      let (low, high) = ([1] + Self.bytes(5, &generator), [2] + Self.bytes(5, &generator))
      let key = [3] + Self.bytes(5, &generator)
      let filter = Self.filter(3, &generator)
      let request = Google_Bigtable_V2_ReadRowsRequest.with {
        $0.tableName = BigtableWorld.table
        $0.rows.rowKeys = [Data(key)]
        $0.rows.rowRanges = [
          .with {
            $0.startKeyOpen = Data(low)
            $0.endKeyClosed = Data(high)
          }
        ]
        $0.rowsLimit = Int64.random(in: 0...1 << 40, using: &generator)
        $0.reversed = generator.chance(0.5)
        $0.filter = filter.sent
        if generator.chance(0.5) { $0.requestStatsView = .requestStatsFull }
      }
      try ByteView.of(Self.sent(request, &generator)) { message in
        let read = try WireReadRows(message)
        #expect(read.table.array == Array(BigtableWorld.table.utf8))
        #expect(
          read.ranges == [RowRange(from: low + [0], to: high + [0]), RowRange(only: key)])
        #expect(read.limit == Int(request.rowsLimit))
        #expect(read.isReversed == request.reversed)
        #expect(read.wantsStatistics == (request.requestStatsView == .requestStatsFull))
        #expect(read.options.filter == filter.read)
      }
    }
  }
}
