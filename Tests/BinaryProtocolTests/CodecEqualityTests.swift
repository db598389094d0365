// The hand-written codec writes what protoc's code writes, byte for byte, and reads it back.

import BinaryProtocol
import Bytes
import DataModel
import Foundation
import StrataProto
import SwiftProtobuf
import TestSupport
import Testing

private func written(_ write: (inout ByteBuffer) -> Void) -> [UInt8] {
  var buffer = ByteBuffer()
  write(&buffer)
  return buffer.array
}

private func serialized(_ message: any Message) throws -> [UInt8] {
  try message.serializedBytes()
}

@Suite struct CodecEqualityTests {
  static let seeds: [UInt64] = Array(1...60)

  @Test("reads are equal both ways", arguments: seeds)
  func reads(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let (table, key, options) = (generator.text(), generator.bytes(), generator.readOptions())
    let keys = generator.many(5) { $0.bytes() }
    var get = Strata_V1_GetRequest()
    get.table = table
    get.key = Data(key)
    if options != ReadOptions() { get.options = Strata_V1_ReadOptions(options) }
    let getBytes = try serialized(get)
    #expect(
      written { ReadRequestEncoder.get(table, key: key, options: options, into: &$0) } == getBytes)
    try ByteView.of(getBytes) { body in
      let view = try GetRequestView(body)
      #expect(view.table.array == Array(table.utf8))
      #expect(view.key.array == key)
      #expect(try ReadOptions(wire: view.options) == options)
    }
    var batch = Strata_V1_BatchGetRequest()
    batch.table = table
    batch.keys = keys.map { Data($0) }
    if options != ReadOptions() { batch.options = Strata_V1_ReadOptions(options) }
    let batchBytes = try serialized(batch)
    #expect(
      written { ReadRequestEncoder.batchGet(table, keys: keys, options: options, into: &$0) }
        == batchBytes)
    try ByteView.of(batchBytes) { body in
      let view = try BatchGetRequestView(body)
      #expect(view.keys.map(\.array) == keys)
      #expect(try ReadOptions(wire: view.options) == options)
    }
  }

  @Test("scans are equal both ways", arguments: seeds)
  func scans(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let table = generator.text()
    let request = ScanRequest(
      range: generator.rowRange(), reversed: generator.chance(2), limit: generator.count(),
      options: generator.readOptions())
    let credit = generator.number()
    var message = Strata_V1_ScanRequest()
    message.table = table
    if request.range != .all { message.range = Strata_V1_RowRange(request.range) }
    message.reversed = request.reversed
    message.limit = UInt64(request.limit)
    if request.options != ReadOptions() { message.options = Strata_V1_ReadOptions(request.options) }
    message.creditByteCount = credit
    let bytes = try serialized(message)
    #expect(
      written { ReadRequestEncoder.scan(table, request, creditByteCount: credit, into: &$0) }
        == bytes)
    try ByteView.of(bytes) { body in
      let view = try ScanRequestView(body)
      #expect(view.request.range == request.range)
      #expect(view.request.reversed == request.reversed)
      #expect(view.request.limit == request.limit)
      #expect(view.request.options == request.options)
      #expect(view.creditByteCount == credit)
    }
    let grant = try serialized(Strata_V1_ScanCredit.with { $0.byteCount = credit })
    #expect(written { ScanCredit(byteCount: credit).encode(into: &$0) } == grant)
    #expect(try ByteView.of(grant) { try ScanCredit(wire: $0) }.byteCount == credit)
  }

  @Test("rows are equal both ways", arguments: seeds)
  func rows(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let (key, sample) = (generator.bytes(), SampleCells(&generator))
    let row = sample.buffer(key: key)
    var get = Strata_V1_GetResponse()
    get.cells = Strata_V1_Cell.run(sample.cells)
    let cells = try serialized(get)
    var cellEnd: Int?
    let appended = written { cellEnd = appendCells(row, &$0) }
    #expect(cellEnd == row.cells.count)
    #expect(appended == cells)
    #expect(RowEncoder.measure(row, from: 0, limit: .max).byteCount == cells.count)
    var scan = Strata_V1_ScanResponse()
    scan.rows = [
      Strata_V1_Row.with {
        $0.key = Data(key)
        $0.cells = Strata_V1_Cell.run(sample.cells)
      }
    ]
    let rows = try serialized(scan)
    var end = 0
    let whole = written {
      end = RowEncoder.append(row, from: 0, withKey: true, limit: .max, as: 1, to: &$0)
    }
    #expect(end == row.cells.count)
    #expect(whole == rows)
    // A decoder that knows the families, and one that learns them.
    for families in [SampleCells.definition.families, []] {
      var decoder = RowDecoder(TableDefinition(name: "t", families: families))
      let read = RowBuffer()
      try ByteView.of(cells) { try decoder.read(cells: $0, into: read) }
      ByteView.of(cells) { _ in #expect(SampleCells(read).cells == sample.cells) }
    }
  }

  private func appendCells(
    _ row: RowBuffer, from start: Int = 0, limit: Int = .max, most: Int = .max,
    _ buffer: inout ByteBuffer
  ) -> Int? {
    RowEncoder.append(cellsOf: row, from: start, limit: limit, most: most, as: 1, to: &buffer)
  }

  @Test("cells in pieces come back whole", arguments: seeds)
  func cellPieces(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let sample = SampleCells(&generator)
    let row = sample.buffer(key: [1])
    var decoder = RowDecoder(SampleCells.definition)
    var cells: [SampleCells.Cell] = []
    while cells.count < row.cells.count {
      let start = cells.count
      var end = start
      let piece = written { end = appendCells(row, from: start, limit: 200, &$0) ?? start }
      let read = RowBuffer()
      try ByteView.of(piece) {
        try decoder.read(cells: $0, into: read)
        cells += SampleCells(read).cells
      }
      try #require(end > start && cells.count == end)
      #expect(piece.count <= 200 || end == start + 1)
      // One that is longer than anybody takes is not begun.
      let tooLong = written {
        #expect(appendCells(row, from: start, limit: 1, most: 1, &$0) == nil)
      }
      #expect(tooLong.isEmpty)
    }
    #expect(cells == sample.cells)
  }

  @Test("a row in pieces comes back whole", arguments: seeds)
  func pieces(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let (key, sample) = (generator.bytes(), SampleCells(&generator))
    let row = sample.buffer(key: key)
    var decoder = RowDecoder(TableDefinition(name: "t", families: []))
    let read = RowBuffer()
    var pieces = ByteBuffer()
    var start = 0
    repeat {
      start = RowEncoder.append(
        row, from: start, withKey: start == 0, limit: 200, as: 1, to: &pieces)
    } while start < row.cells.count
    let response = try Strata_V1_ScanResponse(serializedBytes: pieces.array)
    let finished = response.rows.map { !$0.unfinished }
    #expect(finished.last == true)
    #expect(!finished.dropLast().contains(true))
    var reader = ProtobufReader(pieces.view)
    while try reader.next() != nil { _ = try decoder.read(row: try reader.bytes(), into: read) }
    #expect(read.key.array == key)
    #expect(SampleCells(read).cells == sample.cells)
  }

  @Test("mutations are equal both ways", arguments: seeds)
  func mutations(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let (table, sequence) = (generator.text(), generator.number())
    let rows = generator.many(4) { SampleRow(&$0) }
    let list = SampleRow.list(rows)
    var mutate = Strata_V1_MutateRequest()
    mutate.table = table
    mutate.rows = rows.map { Strata_V1_RowMutations($0) }
    let bytes = try serialized(mutate)
    var encoded = ByteBuffer()
    WriteRequestEncoder.mutate(table, list, into: &encoded)
    #expect(encoded.array == bytes)
    try ByteView.of(bytes) { body in
      let view = try MutateRequestView(body)
      let (name, sent) = (view.table.array, list.encoded.array)
      #expect(name == Array(table.utf8))
      let back = view.takeList()
      let (same, rowCount) = (back.encoded.array == sent, back.rowCount)
      #expect(same)
      #expect(rowCount == rows.count)
    }
    var frame = Strata_V1_MutateStreamRequest()
    frame.table = table
    frame.sequence = sequence
    frame.rows = mutate.rows
    frame.producer = generator.text()
    frame.position = generator.number()
    frame.forgetProducer = generator.chance(2)
    encoded.clear()
    WriteRequestEncoder.mutateStream(
      table, sequence: sequence, producer: frame.producer.isEmpty ? nil : frame.producer,
      position: frame.position, forgetsProducer: frame.forgetProducer, list, into: &encoded)
    let frameBytes = try serialized(frame)
    // A table named "" is absent in protoc's form and present in ours, which says the same.
    if !table.isEmpty { #expect(encoded.array == frameBytes) }
    try ByteView.of(frameBytes) { body in
      let view = try MutateRequestView(body, isStream: true)
      let found = (view.sequence, view.producer.array, view.position, view.forgetsProducer)
      #expect(found.0 == sequence && found.1 == Array(frame.producer.utf8))
      #expect(found.2 == frame.position && found.3 == frame.forgetProducer)
      let same = view.takeList().encoded.array == list.encoded.array
      #expect(same)
    }
  }

  @Test("conditional mutations and rules are equal both ways", arguments: seeds)
  func conditional(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let (table, key) = (generator.text(), generator.bytes())
    let predicate = generator.maybe { $0.filter() }
    let first = generator.many(3) { SampleMutation(&$0) }
    let second = generator.many(3) { SampleMutation(&$0) }
    var message = Strata_V1_CheckAndMutateRequest()
    message.table = table
    message.key = Data(key)
    if let predicate { message.predicate = Strata_V1_RowFilter(predicate) }
    message.ifMatched = first.map { Strata_V1_Mutation($0) }
    message.otherwise = second.map { Strata_V1_Mutation($0) }
    let bytes = try serialized(message)
    let lists = (CodecEqualityTests.list(key, first), CodecEqualityTests.list(key, second))
    var encoded = ByteBuffer()
    WriteRequestEncoder.checkAndMutate(
      table, key: key, predicate: predicate, ifMatched: lists.0.list, otherwise: lists.1.list,
      into: &encoded)
    #expect(encoded.array == bytes)
    try ByteView.of(bytes) { body in
      let view = try CheckAndMutateRequestView(body)
      let (foundKey, foundPredicate) = (view.key, view.predicate)
      #expect(foundKey == key)
      #expect(foundPredicate == predicate)
      let back = view.withLists { [$0.encoded.array, $1.encoded.array] }
      #expect(back == [lists.0.list.encoded.array, lists.1.list.encoded.array])
    }
    let rules = generator.many(3) { $0.readModifyWriteRule() }
    var request = Strata_V1_ReadModifyWriteRequest()
    request.table = table
    request.key = Data(key)
    request.rules = rules.map { Strata_V1_ReadModifyWriteRule($0) }
    let requestBytes = try serialized(request)
    #expect(
      written { WriteRequestEncoder.readModifyWrite(table, key: key, rules: rules, into: &$0) }
        == requestBytes)
    #expect(try ByteView.of(requestBytes) { try ReadModifyWriteRequestView($0) }.rules == rules)
  }

  /// A list in a box: expectations cannot hold what is not copyable.
  private final class Boxed {
    var list = MutationList()
  }

  private static func list(_ key: [UInt8], _ mutations: [SampleMutation]) -> Boxed {
    let boxed = Boxed()
    guard !mutations.isEmpty else { return boxed }
    ByteView.of(key) { boxed.list.beginRow($0) }
    for mutation in mutations { mutation.append(to: &boxed.list) }
    return boxed
  }

  @Test("answers to writes are equal both ways", arguments: seeds)
  func writeAnswers(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let response = MutateResponse(rejected: generator.many(4) { $0.rejectedRow() })
    var message = Strata_V1_MutateResponse()
    message.rejected = response.rejected.map { Strata_V1_RejectedRow($0) }
    let bytes = try serialized(message)
    #expect(written { response.encode(into: &$0) } == bytes)
    #expect(try ByteView.of(bytes) { try MutateResponse(wire: $0) } == response)

    var stream = MutateStreamResponse()
    stream.acknowledged = generator.number()
    stream.rejected = generator.many(4) { ($0.number(), $0.rejectedRow()) }
    var streamMessage = Strata_V1_MutateStreamResponse()
    streamMessage.acknowledged = stream.acknowledged
    stream.nextPosition = generator.number()
    streamMessage.nextPosition = stream.nextPosition
    streamMessage.rejected = stream.rejected.map { rejected in
      Strata_V1_RejectedStreamRow.with {
        $0.sequence = rejected.sequence
        $0.rejected = Strata_V1_RejectedRow(rejected.row)
      }
    }
    let streamBytes = try serialized(streamMessage)
    #expect(written { stream.encode(into: &$0) } == streamBytes)
    #expect(try ByteView.of(streamBytes) { try MutateStreamResponse(wire: $0) } == stream)

    var error = ErrorMessage(code: generator.text(), message: generator.text())
    error.retryAfterMilliseconds = UInt32(truncatingIfNeeded: generator.number())
    let errorBytes = try serialized(
      Strata_V1_Error.with {
        $0.code = error.code
        $0.message = error.message
        $0.retryAfterMilliseconds = error.retryAfterMilliseconds
      })
    #expect(written { error.encode(into: &$0) } == errorBytes)
    #expect(try ByteView.of(errorBytes) { try ErrorMessage(wire: $0) } == error)
    for flag in [true, false] {
      let bytes = try serialized(Strata_V1_CheckAndMutateResponse.with { $0.matched = flag })
      #expect(written { SchemaMessages.write(flag: flag, into: &$0) } == bytes)
      #expect(try ByteView.of(bytes) { try SchemaMessages.readFlag($0) } == flag)
    }
  }

  @Test("tables are equal both ways", arguments: seeds)
  func tables(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let definitions = generator.many(3) { $0.definition() }
    var list = Strata_V1_ListTablesResponse()
    list.tables = definitions.map { Strata_V1_TableDefinition($0) }
    let bytes = try serialized(list)
    #expect(written { SchemaMessages.write(definitions, into: &$0) } == bytes)
    #expect(try ByteView.of(bytes) { try SchemaMessages.readList($0) } == definitions)

    let definition = generator.definition()
    let create = try serialized(
      Strata_V1_CreateTableRequest.with { $0.definition = Strata_V1_TableDefinition(definition) })
    #expect(written { SchemaMessages.write(definition, into: &$0) } == create)
    #expect(try ByteView.of(create) { try SchemaMessages.readDefinition($0) } == definition)

    let (name, changes) = (generator.text(), generator.many(3) { $0.change() })
    var alter = Strata_V1_AlterTableRequest()
    alter.table = name
    alter.changes = changes.map { Strata_V1_TableChange($0) }
    let alterBytes = try serialized(alter)
    #expect(written { SchemaMessages.writeAlter(name, changes, into: &$0) } == alterBytes)
    let read = try ByteView.of(alterBytes) { try SchemaMessages.readAlter($0) }
    #expect(read.table == name)
    #expect(read.changes == changes)

    let drop = try serialized(Strata_V1_DropTableRequest.with { $0.table = name })
    #expect(written { SchemaMessages.writeName(name, into: &$0) } == drop)
    #expect(try ByteView.of(drop) { try SchemaMessages.readName($0) } == name)
  }

  @Test("statistics, pings and greetings are equal both ways", arguments: seeds)
  func connection(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let reports = generator.many(3) { $0.report() }
    var statistics = Strata_V1_StatisticsResponse()
    statistics.tables = reports.map { Strata_V1_TableStatistics($0) }
    let bytes = try serialized(statistics)
    #expect(written { SchemaMessages.write(reports, into: &$0) } == bytes)
    #expect(try ByteView.of(bytes) { try SchemaMessages.readReports($0) } == reports)

    let payload = generator.bytes()
    let ping = try serialized(Strata_V1_PingRequest.with { $0.payload = Data(payload) })
    #expect(
      written { buffer in
        ByteView.of(payload) { SchemaMessages.write(bytes: $0, into: &buffer) }
      } == ping)
    #expect(try ByteView.of(ping) { try SchemaMessages.readBytes($0).array } == payload)

    var client = ClientHello()
    client.clientName = generator.text()
    client.features = generator.number()
    client.maxBodyByteCount = ProtocolLimits.smallestBodyByteCount + generator.count()
    let clientBody = try serialized(
      Strata_V1_ClientHello.with {
        $0.clientName = client.clientName
        $0.features = client.features
        $0.maxBodyByteCount = UInt32(client.maxBodyByteCount)
      })
    #expect(Array(written { client.encode(into: &$0) }[16...]) == clientBody)
    var server = ServerHello()
    server.serverName = generator.text()
    server.features = generator.number()
    server.maxBodyByteCount = 1 + generator.count()
    server.maxRequestsInFlight = UInt32(generator.count())
    server.maxBytesInFlight = generator.number()
    let serverBody = try serialized(
      Strata_V1_ServerHello.with {
        $0.serverName = server.serverName
        $0.features = server.features
        $0.maxBodyByteCount = UInt32(server.maxBodyByteCount)
        $0.maxRequestsInFlight = server.maxRequestsInFlight
        $0.maxBytesInFlight = server.maxBytesInFlight
      })
    let greeting = written { server.encode(into: &$0) }
    #expect(Array(greeting[16...]) == serverBody)
    #expect(
      try ByteView.of(greeting) { try ServerHello.read($0) }?.answer == .welcome(server))
  }
}
