// Requests of Bigtable's API, taken apart by nghttp2 and by the generated messages.

import BigtableProto
import Bytes
import CNGHTTP2
import Foundation
import SwiftProtobuf
import Testing

@testable import kvbench

@Suite struct BigtableDialectTests {
  private let dialect = BigtableDialect(authority: "localhost:8086")
  private let table = "projects/bench/instances/bench/tables/bench_value"

  /// A call as a server sees it.
  private struct Call {
    var stream: UInt32
    var fields: [String: String] = [:]
    var message: [UInt8] = []
  }

  private func call(_ template: Template?, id: UInt64 = 7) throws -> Call {
    let template = try #require(template)
    var output = ByteBuffer()
    template.append(to: &output, id: id, nonce: 5, RowContents(), .ordered) { UInt64($0) }
    let bytes = output.array
    return ByteView.of(bytes) { view in
      let headerEnd = 9 + view.bigEndian24(at: 0)
      #expect(view[3] == 1 && view[4] == HTTP2Frame.endHeaders)
      var call = Call(stream: view.bigEndian32(at: 5))
      call.fields = fields(Array(bytes[9..<headerEnd]))
      let data = view.dropFirst(headerEnd)
      #expect(data[3] == 0 && data[4] == HTTP2Frame.endStream)
      #expect(data.bigEndian32(at: 5) == call.stream)
      #expect(data.count == 9 + data.bigEndian24(at: 0))
      #expect(data.bigEndian24(at: 0) <= 16_384)
      #expect(data[9] == 0)
      #expect(Int(data.bigEndian32(at: 10)) == data.count - 14)
      call.message = data.dropFirst(14).array
      return call
    }
  }

  private func fields(_ block: [UInt8]) -> [String: String] {
    var inflater: OpaquePointer?
    nghttp2_hd_inflate_new(&inflater)
    defer { nghttp2_hd_inflate_del(inflater) }
    var fields: [String: String] = [:]
    var at = 0
    while true {
      var field = nghttp2_nv()
      var flags: Int32 = 0
      let used = block.withUnsafeBufferPointer { bytes in
        nghttp2_hd_inflate_hd2(
          inflater, &field, &flags, bytes.baseAddress?.advanced(by: at), bytes.count - at, 1)
      }
      guard used >= 0 else { break }
      at += used
      guard flags & Int32(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 else { break }
      let name = UnsafeRawBufferPointer(start: field.name, count: field.namelen)
      let value = UnsafeRawBufferPointer(start: field.value, count: field.valuelen)
      fields[String(decoding: name, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
    }
    #expect(at == block.count)
    // Nothing was indexed: a call's bytes mean the same wherever they stand.
    #expect(nghttp2_hd_inflate_get_num_table_entries(inflater) == 61)
    return fields
  }

  private func key(_ number: Int) -> Data {
    let digits = "\(number)"
    return Data((String(repeating: "0", count: 14 - digits.count) + digits).utf8)
  }

  @Test func `a read is a call of ReadRows`() throws {
    let call = try call(dialect.read(.value), id: 0x1234_5679)
    #expect(call.stream == 0x1234_5679)
    #expect(
      call.fields == [
        ":method": "POST", ":scheme": "http", ":path": "/google.bigtable.v2.Bigtable/ReadRows",
        ":authority": "localhost:8086", "content-type": "application/grpc", "te": "trailers",
      ])
    let request = try Google_Bigtable_V2_ReadRowsRequest(serializedBytes: call.message)
    #expect(request.tableName == table)
    #expect(request.rows.rowKeys == [key(0)])
    #expect(request.filter.cellsPerColumnLimitFilter == 1)
    #expect(request.unknownFields.data.isEmpty)
  }

  @Test func `ranges, batches and whole tables are calls of ReadRows`() throws {
    let range = try Google_Bigtable_V2_ReadRowsRequest(
      serializedBytes: try call(dialect.range(.value, limit: 100)).message)
    #expect(range.rowsLimit == 100)
    #expect(range.rows.rowRanges.map(\.startKeyClosed) == [key(0)])
    #expect(range.rows.rowRanges.allSatisfy { $0.endKey == nil })
    let closed = try Google_Bigtable_V2_ReadRowsRequest(
      serializedBytes: try call(dialect.closedRange(.value, limit: 100)).message)
    #expect(closed.rowsLimit == 100)
    #expect(closed.rows.rowRanges.map(\.startKeyClosed) == [key(0)])
    #expect(closed.rows.rowRanges.map(\.endKeyOpen) == [key(1)])
    let poll = try Google_Bigtable_V2_ReadRowsRequest(
      serializedBytes: try call(dialect.poll(.value, limit: 100)).message)
    #expect(poll.rows.rowRanges.map(\.startKeyClosed) == [key(0)])
    #expect(poll.rows.rowRanges.map(\.endKeyOpen) == [key(1)])
    let batch = try Google_Bigtable_V2_ReadRowsRequest(
      serializedBytes: try call(dialect.batchGet(.value, count: 100)).message)
    #expect(batch.rows.rowKeys == (0..<100).map { key($0) })
    let scan = try Google_Bigtable_V2_ReadRowsRequest(
      serializedBytes: try call(dialect.fullScan(.value)).message)
    #expect(scan.rows.rowRanges.map(\.startKeyClosed) == [Data("0".utf8)])
  }

  private func expectCells(
    _ mutations: [Google_Bigtable_V2_Mutation], _ columns: Range<Int>, _ key: Data
  ) {
    let shape = RowShape.ycsb
    #expect(mutations.count == columns.count)
    for (column, mutation) in zip(columns, mutations) {
      let cell = mutation.setCell
      #expect(cell.familyName == "f" && cell.timestampMicros == -1)
      #expect(cell.columnQualifier == Data(shape.qualifier(column).utf8))
      #expect(cell.value.count == shape.valueByteCount)
      let isRight = Array(key).withUnsafeBytes { key in
        Array(cell.value).withUnsafeBytes { value in
          guard let key = key.baseAddress, let value = value.baseAddress else { return false }
          return RowContents().isValue(value, cell.value.count, key: key, column: column)
        }
      }
      #expect(isRight)
    }
  }

  @Test func `writes are calls of MutateRow, of several rows MutateRows`() throws {
    let one = try call(dialect.write(.ycsb, columns: 3..<5, rows: 1))
    #expect(one.fields[":path"] == "/google.bigtable.v2.Bigtable/MutateRow")
    let request = try Google_Bigtable_V2_MutateRowRequest(serializedBytes: one.message)
    #expect(request.tableName == "projects/bench/instances/bench/tables/bench_ycsb")
    #expect(request.rowKey == key(0))
    expectCells(request.mutations, 3..<5, key(0))
    let many = try call(dialect.write(.ycsb, columns: 0..<10, rows: 9))
    #expect(many.fields[":path"] == "/google.bigtable.v2.Bigtable/MutateRows")
    let batch = try Google_Bigtable_V2_MutateRowsRequest(serializedBytes: many.message)
    #expect(batch.entries.map(\.rowKey) == (0..<9).map { key($0) })
    for (number, entry) in batch.entries.enumerated() {
      expectCells(entry.mutations, 0..<10, key(number))
    }
  }

  @Test func `a fill's requests fit a frame, longer ones are not made`() throws {
    for shape in [RowShape.value, .score, .wide, .ordered, .ycsb, .page] {
      let rows = BigtableDialect.rowsPerRequest(shape)
      #expect(rows > 1)
      let template = dialect.write(shape, columns: 0..<shape.columnCount, rows: rows)
      #expect(try call(template).message.count > 8_000)
    }
    #expect(dialect.write(.wide, columns: 0..<50, rows: 10) == nil)
  }

  @Test func `tables are made with one family of which one version is kept`() throws {
    let message = dialect.createTableMessage(.value).bytes
    let request = try Google_Bigtable_Admin_V2_CreateTableRequest(serializedBytes: message)
    #expect(request.parent == "projects/bench/instances/bench")
    #expect(request.tableID == "bench_value")
    #expect(request.table.columnFamilies.keys.sorted() == ["f"])
    #expect(request.table.columnFamilies["f"]?.gcRule.maxNumVersions == 1)
    let gone = try Google_Bigtable_Admin_V2_DeleteTableRequest(
      serializedBytes: dialect.deleteTableMessage(.value).bytes)
    #expect(gone.name == table)
    let note = try Google_Bigtable_V2_MutateRowRequest(
      serializedBytes: dialect.noteMessage(.value, key: "!fill", "text").bytes)
    #expect(note.rowKey == Data("!fill".utf8))
    #expect(note.mutations.map(\.setCell.value) == [Data("text".utf8)])
  }

  @Test func `long names of servers keep their length`() throws {
    let host = String(repeating: "h", count: 300)
    let call = try call(BigtableDialect(authority: host, isSecure: true).read(.value))
    #expect(call.fields[":authority"] == host)
    #expect(call.fields[":scheme"] == "https")
  }

  @Test func `numbers of calls grow, are odd, and pass over those in flight`() throws {
    var numbers = CallNumbers(depth: 3)
    defer { numbers.deallocate() }
    let places = (0..<3).map { _ in numbers.open() }
    #expect(places.map { numbers.number(at: $0) } == [1, 3, 5])
    #expect(numbers.place(of: 3) == places[1])
    for stray in [0, 2, 7, UInt64.max] { #expect(numbers.place(of: stray) == nil) }
    numbers.close(places[0])
    numbers.close(places[2])
    let next = [numbers.open(), numbers.open()]
    #expect(next.map { numbers.number(at: $0) } == [7, 11])
    #expect(numbers.place(of: 1) == nil)
    #expect(numbers.place(of: 3) == places[1])
  }
}
