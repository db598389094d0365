// Messages of the binary protocol; the first byte chooses the kind. What is read is written and
// read back the same.

import BinaryProtocol
import Bytes
import DataModel
import TestSupport

final class MessageTarget: FuzzTarget {
  private var written = ByteBuffer()

  func run(_ input: ByteView) throws(Finding) {
    var parts = FuzzInput(input)
    let kind = parts.byte()
    let body = parts.rest
    written.clear()
    switch kind {
    case UInt8(ascii: "A")...UInt8(ascii: "E"): try checkRead(kind - UInt8(ascii: "A"), body)
    case UInt8(ascii: "F"): try checkMutate(body, isStream: false)
    case UInt8(ascii: "G"): try checkMutate(body, isStream: true)
    case UInt8(ascii: "H"): try checkConditional(body)
    case UInt8(ascii: "I"): try checkRules(body)
    case UInt8(ascii: "J")...UInt8(ascii: "M"): try checkSchema(kind - UInt8(ascii: "J"), body)
    case UInt8(ascii: "N")...UInt8(ascii: "Q"): try checkAnswer(kind - UInt8(ascii: "N"), body)
    case UInt8(ascii: "R"): try checkRow(body)
    default: break
    }
  }

  // MARK: - Requests that read

  private func checkRead(_ kind: UInt8, _ body: ByteView) throws(Finding) {
    switch kind {
    case 0:
      guard let get = try? GetRequestView(body), let table = try? wireString(get.table),
        let options = try? ReadOptions(wire: get.options)
      else { return }
      ReadRequestEncoder.get(table, key: get.key.array, options: options, into: &written)
      let again = try? GetRequestView(written.view)
      try require(again?.table == get.table && again?.key == get.key, "get: \(written.view)")
      let read = try? ReadOptions(wire: again?.options ?? ByteView())
      try require(read == options, "options: \(written.view)")
    case 1:
      guard let batch = try? BatchGetRequestView(body), let table = try? wireString(batch.table),
        let options = try? ReadOptions(wire: batch.options)
      else { return }
      ReadRequestEncoder.batchGet(
        table, keys: batch.keys.map(\.array), options: options, into: &written)
      let again = try? BatchGetRequestView(written.view)
      try require(again?.keys == batch.keys, "batch get: \(written.view)")
    case 2:
      guard let scan = try? ScanRequestView(body), let table = try? wireString(scan.table) else {
        return
      }
      ReadRequestEncoder.scan(
        table, scan.request, creditByteCount: scan.creditByteCount, into: &written)
      guard let again = try? ScanRequestView(written.view) else { throw Finding("scan") }
      try require(
        again.request.range == scan.request.range && again.request.limit == scan.request.limit
          && again.request.options == scan.request.options
          && again.request.reversed == scan.request.reversed
          && again.creditByteCount == scan.creditByteCount, "scan: \(written.view)")
    case 3:
      guard let filter = try? RowFilter(wire: body) else { return }
      filter.encode(into: &written)
      try require((try? RowFilter(wire: written.view)) == filter, "filter: \(written.view)")
      _ = try? filter.validate()
    default:
      guard let credit = try? ScanCredit(wire: body) else { return }
      credit.encode(into: &written)
      try require((try? ScanCredit(wire: written.view)) == credit, "credit: \(written.view)")
    }
  }

  // MARK: - Requests that write

  private func checkMutate(_ body: ByteView, isStream: Bool) throws(Finding) {
    if !isStream { try checkPlain(body) }
    guard let view = try? MutateRequestView(body, isStream: isStream),
      let table = try? wireString(view.table)
    else { return }
    let (sequence, position, forgets) = (view.sequence, view.position, view.forgetsProducer)
    guard let producer = try? wireString(view.producer) else { return }
    let list = view.takeList()
    if isStream {
      WriteRequestEncoder.mutateStream(
        table, sequence: sequence, producer: producer.isEmpty ? nil : producer, position: position,
        forgetsProducer: forgets, list, into: &written)
    } else {
      WriteRequestEncoder.mutate(table, list, into: &written)
    }
    guard let again = try? MutateRequestView(written.view, isStream: isStream) else {
      throw Finding("mutate, written and not read: \(written.view)")
    }
    try require(
      again.sequence == sequence && again.position == position
        && again.forgetsProducer == forgets && again.producer.array == Array(producer.utf8),
      "sequence and producer: \(written.view)")
    let read = again.takeList()
    try require(read.encoded == list.encoded, "\(list.encoded) then \(read.encoded)")
  }

  /// What passes for plain is what the general reader makes of it.
  private func checkPlain(_ body: ByteView) throws(Finding) {
    guard let plain = PlainMutations.readList(body) else { return }
    guard let view = try? MutateRequestView(body) else { throw Finding("plain only: \(body)") }
    try require(view.table.array == plain.table, "table: \(body)")
    let read = view.takeList()
    try require(read.encoded.array == plain.list, "\(plain.list) and \(read.encoded)")
  }

  private func checkConditional(_ body: ByteView) throws(Finding) {
    guard let view = try? CheckAndMutateRequestView(body),
      let table = try? wireString(view.table)
    else { return }
    let key = view.key
    let predicate = view.predicate
    let lists = view.withLists { matched, otherwise in
      WriteRequestEncoder.checkAndMutate(
        table, key: key, predicate: predicate, ifMatched: matched, otherwise: otherwise,
        into: &written)
      return (matched.encoded.array, otherwise.encoded.array)
    }
    guard let again = try? CheckAndMutateRequestView(written.view) else {
      throw Finding("conditional, written and not read: \(written.view)")
    }
    try require(again.key == key && again.predicate == predicate, "conditional: \(written.view)")
    let read = again.withLists { ($0.encoded.array, $1.encoded.array) }
    try require(read == lists, "lists: \(written.view)")
  }

  private func checkRules(_ body: ByteView) throws(Finding) {
    guard let view = try? ReadModifyWriteRequestView(body),
      let table = try? wireString(view.table)
    else { return }
    WriteRequestEncoder.readModifyWrite(table, key: view.key, rules: view.rules, into: &written)
    let again = try? ReadModifyWriteRequestView(written.view)
    try require(again?.rules == view.rules && again?.key == view.key, "rules: \(written.view)")
  }

  // MARK: - Schemas

  private func checkSchema(_ kind: UInt8, _ body: ByteView) throws(Finding) {
    switch kind {
    case 0:
      guard let definition = try? SchemaMessages.readDefinition(body) else { return }
      SchemaMessages.write(definition, into: &written)
      let again = try? SchemaMessages.readDefinition(written.view)
      try require(again == definition, "definition: \(written.view)")
      _ = try? definition.validate()
    case 1:
      guard let list = try? SchemaMessages.readList(body) else { return }
      SchemaMessages.write(list, into: &written)
      try require((try? SchemaMessages.readList(written.view)) == list, "list: \(written.view)")
    case 2:
      guard let alter = try? SchemaMessages.readAlter(body) else { return }
      SchemaMessages.writeAlter(alter.table, alter.changes, into: &written)
      let again = try? SchemaMessages.readAlter(written.view)
      try require(
        again?.changes == alter.changes && again?.table == alter.table, "alter: \(written.view)")
    default:
      guard let reports = try? SchemaMessages.readReports(body) else { return }
      SchemaMessages.write(reports, into: &written)
      let again = try? SchemaMessages.readReports(written.view)
      try require(again == reports, "reports: \(written.view)")
    }
  }

  // MARK: - Answers

  private func checkAnswer(_ kind: UInt8, _ body: ByteView) throws(Finding) {
    switch kind {
    case 0:
      guard let answer = try? MutateResponse(wire: body) else { return }
      answer.encode(into: &written)
      try require((try? MutateResponse(wire: written.view)) == answer, "\(written.view)")
    case 1:
      guard let answer = try? MutateStreamResponse(wire: body) else { return }
      answer.encode(into: &written)
      guard let again = try? MutateStreamResponse(wire: written.view) else {
        throw Finding("stream answer: \(written.view)")
      }
      try require(again == answer, "stream answer: \(written.view)")
    case 2:
      guard let error = try? ErrorMessage(wire: body) else { return }
      error.encode(into: &written)
      try require((try? ErrorMessage(wire: written.view)) == error, "error: \(written.view)")
    default:
      _ = try? SchemaMessages.readName(body)
      _ = try? SchemaMessages.readFlag(body)
      _ = try? SchemaMessages.readBytes(body)
      var decoder = RowDecoder(TableDefinition(name: "t", families: []))
      _ = try? decoder.read(cells: body, into: RowBuffer())
    }
  }

  private func checkRow(_ body: ByteView) throws(Finding) {
    var decoder = RowDecoder(TableDefinition(name: "t", families: [FamilyDefinition(name: "f")]))
    let row = RowBuffer()
    guard let isUnfinished = try? decoder.read(row: body, into: row), !isUnfinished else { return }
    _ = RowEncoder.append(row, from: 0, withKey: true, limit: .max, as: 1, to: &written)
    var reader = ProtobufReader(written.view)
    guard (try? reader.next()) == 1, let message = try? reader.bytes() else {
      throw Finding("a row, written and not read: \(written.view)")
    }
    var second = RowDecoder(decoder.schema.definition)
    let again = RowBuffer()
    _ = try? second.read(row: message, into: again)
    try require(again.key == row.key && again.cells.count == row.cells.count, "\(written.view)")
    for (left, right) in zip(row.cells, again.cells) {
      try require(
        left.familyIndex == right.familyIndex && left.qualifier == right.qualifier
          && left.timestamp == right.timestamp && left.value == right.value,
        "a cell of \(written.view)")
    }
  }
}
