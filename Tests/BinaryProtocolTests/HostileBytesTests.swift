// Bytes that a peer may send by mistake or malice: every decoder answers with a value or an error.

import BinaryProtocol
import Bytes
import DataModel
import TestSupport
import Testing

@Suite struct HostileBytesTests {
  /// Every decoder; what they make of the bytes does not matter here.
  private static func decodeAll(_ bytes: [UInt8]) {
    ByteView.of(bytes) { body in
      _ = try? GetRequestView(body)
      _ = try? BatchGetRequestView(body)
      _ = try? ScanRequestView(body)
      _ = try? ScanCredit(wire: body)
      _ = try? ReadOptions(wire: body)
      _ = try? RowFilter(wire: body)
      _ = try? RowRange(wire: body)
      if let view = try? MutateRequestView(body) { _ = view.takeList().mutationCount }
      if let view = try? MutateRequestView(body, isStream: true) { _ = view.takeList().rowCount }
      if let view = try? CheckAndMutateRequestView(body) {
        _ = view.withLists { $0.rowCount + $1.rowCount }
      }
      _ = try? ReadModifyWriteRequestView(body)
      _ = try? MutateResponse(wire: body)
      _ = try? MutateStreamResponse(wire: body)
      _ = try? ErrorMessage(wire: body)
      _ = try? SchemaMessages.readDefinition(body)
      _ = try? SchemaMessages.readList(body)
      _ = try? SchemaMessages.readAlter(body)
      _ = try? SchemaMessages.readName(body)
      _ = try? SchemaMessages.readFlag(body)
      _ = try? SchemaMessages.readBytes(body)
      _ = try? SchemaMessages.readReports(body)
      _ = try? ClientHello.read(body)
      _ = try? ServerHello.read(body)
      _ = FrameHeader(body)
      var decoder = RowDecoder(TableDefinition(name: "t", families: []))
      _ = try? decoder.read(cells: body, into: RowBuffer())
      var rows = RowDecoder(TableDefinition(name: "t", families: []))
      _ = try? rows.read(row: body, into: RowBuffer())
    }
  }

  /// One whole message of each kind.
  private static func samples(_ seed: UInt64) -> [[UInt8]] {
    var generator = SeededGenerator(seed: seed)
    var samples: [[UInt8]] = []
    func add(_ write: (inout ByteBuffer) -> Void) {
      var buffer = ByteBuffer()
      write(&buffer)
      if buffer.count < 4_000 { samples.append(buffer.array) }
    }
    let (key, options) = (generator.bytes(), generator.readOptions())
    add { ReadRequestEncoder.get("scores", key: key, options: options, into: &$0) }
    let keys = generator.many(4) { $0.bytes() }
    add { ReadRequestEncoder.batchGet("scores", keys: keys, options: options, into: &$0) }
    let scan = ScanRequest(range: generator.rowRange(), limit: 9, options: options)
    add { ReadRequestEncoder.scan("scores", scan, creditByteCount: 1, into: &$0) }
    let list = SampleRow.list(generator.many(3) { SampleRow(&$0) })
    var mutate = ByteBuffer()
    WriteRequestEncoder.mutate("scores", list, into: &mutate)
    if mutate.count < 4_000 { samples.append(mutate.array) }
    let rules = generator.many(3) { $0.readModifyWriteRule() }
    add { WriteRequestEncoder.readModifyWrite("scores", key: key, rules: rules, into: &$0) }
    let (definition, changes) = (generator.definition(), generator.many(3) { $0.change() })
    add { SchemaMessages.write(definition, into: &$0) }
    add { SchemaMessages.writeAlter("scores", changes, into: &$0) }
    let reports = generator.many(2) { $0.report() }
    add { SchemaMessages.write(reports, into: &$0) }
    let row = SampleCells(&generator).buffer(key: key)
    add { _ = RowEncoder.append(row, from: 0, withKey: true, limit: .max, as: 1, to: &$0) }
    add { ClientHello().encode(into: &$0) }
    add { ServerHello().encode(into: &$0) }
    return samples
  }

  @Test("no truncation traps", arguments: UInt64(1)...3)
  func truncations(seed: UInt64) {
    for sample in HostileBytesTests.samples(seed) {
      for count in stride(from: 0, to: sample.count, by: max(sample.count / 400, 1)) {
        HostileBytesTests.decodeAll(Array(sample[..<count]))
      }
    }
  }

  @Test("no flipped byte traps", arguments: UInt64(1)...3)
  func flips(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for sample in HostileBytesTests.samples(seed) {
      for index in stride(from: 0, to: sample.count, by: max(sample.count / 200, 1)) {
        for mask in [0x01, 0x80, 0xff, UInt8.random(in: 1...255, using: &generator)] {
          var bytes = sample
          bytes[index] ^= mask
          HostileBytesTests.decodeAll(bytes)
        }
      }
    }
  }

  @Test("no random bytes trap", arguments: UInt64(1)...3)
  func noise(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<400 {
      // Small numbers are likely tags and lengths.
      let count = Int.random(in: 0...60, using: &generator)
      HostileBytesTests.decodeAll(
        (0..<count).map { _ in
          UInt8.random(in: generator.chance(3) ? 0...255 : 0...26, using: &generator)
        })
    }
  }

  @Test func `filters and rules nested too deep are refused, not followed`() {
    var filter: [UInt8] = [0x08, 1]
    for depth in 1...60 {
      var outer = ByteBuffer()
      outer.append(0x0a as UInt8)
      outer.append(varint: filter.count)
      outer.append(filter)
      var chain = ByteBuffer()
      chain.append(0x1a as UInt8)
      chain.append(lengthPrefixed: outer.view)
      filter = chain.array
      let bytes = filter
      let read = Result { try ByteView.of(bytes) { try RowFilter(wire: $0) } }
      if depth < DataModelLimits.filterDepth {
        #expect(throws: Never.self) { try read.get() }
      } else {
        #expect(throws: WireError.tooLarge("filters nested deeper than 20")) { try read.get() }
      }
    }
  }

  @Test func `too many mutations are refused while reading`() {
    var row = ByteBuffer()
    for _ in 0...DataModelLimits.mutationCount {
      row.append([0x12, 0x02, 0x22, 0x00])
    }
    var body = ByteBuffer()
    body.append(0x12 as UInt8)
    body.append(lengthPrefixed: row.view)
    let refusal = WireError.tooLarge("more than 100000 mutations in one request")
    #expect(throws: refusal) {
      let view = try MutateRequestView(body.view)
      _ = view.takeList().rowCount
    }
  }

  @Test func `unknown fields are passed over`() throws {
    // Field 99 as each wire type, then a table's name.
    let bytes: [UInt8] =
      [0x98, 0x06, 0x05] + [0x99, 0x06, 1, 2, 3, 4, 5, 6, 7, 8] + [0x9a, 0x06, 2, 9, 9]
      + [0x9d, 0x06, 1, 2, 3, 4] + [0x0a, 1, 0x74]
    let name = try ByteView.of(bytes) { try SchemaMessages.readName($0) }
    #expect(name == "t")
  }

  @Test func `a cell without family, and one of another wire type, are refused`() {
    let orphan: [UInt8] = [0x0a, 3, 0x22, 1, 0x76]
    var decoder = RowDecoder(TableDefinition(name: "t", families: []))
    #expect(throws: WireError.malformed("the first cell names no family")) {
      try ByteView.of(orphan) { try decoder.read(cells: $0, into: RowBuffer()) }
    }
    #expect(throws: WireError.malformed("bytes were expected")) {
      try ByteView.of([0x08, 1]) { _ = try GetRequestView($0) }
    }
  }
}
