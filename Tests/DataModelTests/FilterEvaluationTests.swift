// Every filter on one row, as Bigtable defines it.

import Bytes
import DataModel
import Testing

/// Cells that own their bytes for as long as the world lives.
private final class FilterWorld {
  let row = RowBuffer()
  private var storage: [UnsafeMutableRawBufferPointer] = []
  deinit { for bytes in storage { bytes.deallocate() } }

  func view(_ text: String) -> ByteView {
    let bytes = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, text.utf8.count), alignment: 1)
    bytes.copyBytes(from: text.utf8)
    storage.append(bytes)
    return ByteView(UnsafeRawBufferPointer(bytes)).prefix(text.utf8.count)
  }

  /// Row "row-1": a:x@3="1", a:x@1="2", a:xy@2="", b:x@3="1", b:z@0="zz".
  init() {
    row.key = view("row-1")
    for (family, qualifier, time, value) in [
      (0, "x", 3, "1"), (0, "x", 1, "2"), (0, "xy", 2, ""), (1, "x", 3, "1"), (1, "z", 0, "zz"),
    ] as [(Int, String, Int64, String)] {
      row.cells.append(
        CellView(
          familyIndex: family, qualifier: view(qualifier),
          timestamp: Timestamp(microseconds: time * 1_000), value: view(value)))
    }
  }

  func apply(_ filter: RowFilter, randomness: UInt64 = 0) throws -> String {
    try filter.validate()
    var evaluation = FilterEvaluation(
      key: row.key, familyNames: [Array("a".utf8), Array("b".utf8)], randomness: randomness)
    var cells = row.cells
    try evaluation.apply(filter, to: &cells)
    return cells.map { cell in
      "\(["a", "b"][cell.familyIndex]):\(cell.qualifier)@\(cell.timestamp.microseconds / 1_000)="
        + "\(cell.value)" + (cell.label > 0 ? "#" + evaluation.labels[Int(cell.label) - 1] : "")
    }.joined(separator: " ")
  }
}

private let everything = "a:x@3=1 a:x@1=2 a:xy@2= b:x@3=1 b:z@0=zz"

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

private func regex(_ subject: RegexSubject, _ pattern: String) -> RowFilter {
  (try? .regex(subject, pattern: bytes(pattern), field: "")) ?? .blockAll
}

@Suite struct FilterEvaluationTests {
  static let cases: [(RowFilter, String)] = [
    (.passAll, everything),
    (.blockAll, ""),
    (.chain([.family("a"), .qualifier(bytes("x"))]), "a:x@3=1 a:x@1=2"),
    (.chain([.blockAll, .passAll]), ""),
    (
      .interleave([.family("b"), .qualifier(bytes("x"))]),
      "a:x@3=1 a:x@1=2 b:x@3=1 b:x@3=1 b:z@0=zz"
    ),
    (.interleave([.blockAll, .family("b")]), "b:x@3=1 b:z@0=zz"),
    (
      .condition(predicate: .value(bytes("zz")), then: .family("a"), otherwise: .family("b")),
      "a:x@3=1 a:x@1=2 a:xy@2="
    ),
    (
      .condition(predicate: .value(bytes("none")), then: .family("a"), otherwise: .family("b")),
      "b:x@3=1 b:z@0=zz"
    ),
    (.condition(predicate: .passAll, then: nil, otherwise: .passAll), ""),
    (.condition(predicate: .chain([.passAll, .blockAll]), then: .passAll, otherwise: nil), ""),
    (.rowKeyPrefix(bytes("row-")), everything),
    (.rowKeyPrefix(bytes("row-12")), ""),
    (regex(.rowKey, "row-[0-9]"), everything),
    (regex(.rowKey, "row-"), ""),
    (regex(.family, "b|c"), "b:x@3=1 b:z@0=zz"),
    (regex(.qualifier, "x.|z"), "a:xy@2= b:z@0=zz"),
    (regex(.value, "1|z*"), "a:x@3=1 a:xy@2= b:x@3=1 b:z@0=zz"),
    (.family("b"), "b:x@3=1 b:z@0=zz"),
    (.family("nobody"), ""),
    (.qualifier(bytes("x")), "a:x@3=1 a:x@1=2 b:x@3=1"),
    (.qualifierPrefix(bytes("x")), "a:x@3=1 a:x@1=2 a:xy@2= b:x@3=1"),
    (.columnRange(family: "a", from: bytes("xa"), to: nil), "a:xy@2="),
    (.columnRange(family: "b", from: nil, to: bytes("z")), "b:x@3=1"),
    (.columnRange(family: "nobody", from: nil, to: nil), ""),
    (.timestampRange(from: 1_000, to: 3_000), "a:x@1=2 a:xy@2="),
    (.timestampRange(from: 2_000, to: nil), "a:x@3=1 a:xy@2= b:x@3=1"),
    (.value(bytes("1")), "a:x@3=1 b:x@3=1"),
    (.value([]), "a:xy@2="),
    (.valueRange(from: bytes("2"), to: nil), "a:x@1=2 b:z@0=zz"),
    (.valueRange(from: bytes("1"), to: bytes("2")), "a:x@3=1 b:x@3=1"),
    (.cellsPerRowOffset(3), "b:x@3=1 b:z@0=zz"),
    (.cellsPerRowOffset(9), ""),
    (.cellsPerRowLimit(2), "a:x@3=1 a:x@1=2"),
    (.cellsPerRowLimit(0), ""),
    (.cellsPerColumnLimit(1), "a:x@3=1 a:xy@2= b:x@3=1 b:z@0=zz"),
    (
      .chain([.interleave([.passAll, .passAll]), .cellsPerColumnLimit(2), .family("a")]),
      "a:x@3=1 a:x@3=1 a:xy@2= a:xy@2="
    ),
    (.chain([.stripValue, .family("b")]), "b:x@3= b:z@0="),
    (.chain([.family("b"), .label("x-1")]), "b:x@3=1#x-1 b:z@0=zz#x-1"),
    (
      .chain([
        .interleave([
          .chain([.family("b"), .label("one")]), .chain([.qualifier(bytes("z")), .label("two")]),
        ]), .stripValue,
      ]), "b:x@3=#one b:z@0=#one b:z@0=#two"
    ),
    (.sink, everything),
    (.chain([.family("b"), .sink, .family("a")]), "b:x@3=1 b:z@0=zz"),
    (
      // The example of Bigtable's own documentation, in small: what sinks is past the label.
      .chain([
        .family("b"),
        .interleave([.passAll, .chain([.label("foo"), .sink])]), .qualifier(bytes("z")),
      ]), "b:x@3=1#foo b:z@0=zz b:z@0=zz#foo"
    ),
    (
      .interleave([.chain([.family("a"), .sink]), .cellsPerRowLimit(1)]),
      "a:x@3=1 a:x@3=1 a:x@1=2 a:xy@2="
    ),
    (.condition(predicate: .cellsPerRowOffset(5), then: .passAll, otherwise: .blockAll), ""),
  ]

  @Test(arguments: 0..<cases.count)
  func `every filter lets the right cells pass`(index: Int) throws {
    let (filter, expected) = FilterEvaluationTests.cases[index]
    #expect(try FilterWorld().apply(filter) == expected, "\(filter)")
  }

  @Test func `filters that make no sense are refused`() {
    func nested(_ depth: Int) -> RowFilter {
      depth == 1 ? .passAll : .chain([.passAll, nested(depth - 1)])
    }
    let wrong: [RowFilter] = [
      .chain([]), .chain([.passAll]), .interleave([.passAll]),
      .columnRange(family: "", from: nil, to: nil),
      .columnRange(family: "a", from: bytes("b"), to: bytes("a")),
      .valueRange(from: bytes("b"), to: bytes("a")),
      .timestampRange(from: 1, to: nil), .timestampRange(from: -1_000, to: nil),
      .timestampRange(from: 0, to: 1_500), .timestampRange(from: 2_000, to: 1_000),
      .cellsPerRowOffset(-1), .cellsPerRowLimit(-1), .cellsPerColumnLimit(-1),
      .condition(predicate: .chain([]), then: nil, otherwise: nil),
      .condition(predicate: .passAll, then: .chain([]), otherwise: nil),
      .condition(predicate: .passAll, then: nil, otherwise: .chain([])),
      .rowSample(0), .rowSample(1), .rowSample(.nan), .label(""), .label("UP"), .label("é"),
      .label("1234567890123456"), .chain([.label("a"), .label("b")]),
      .chain([.label("a"), .interleave([.passAll, .label("b")])]),
      .condition(predicate: .sink, then: nil, otherwise: nil),
      .condition(predicate: .passAll, then: .chain([.passAll, .sink]), otherwise: nil),
      nested(21), .interleave([RowFilter](repeating: .passAll, count: 1_000)),
    ]
    for filter in wrong {
      let error = #expect(throws: DataModelError.self) { try filter.validate() }
      #expect(error?.code == "invalid_filter", "\(filter)")
    }
    #expect(throws: Never.self) { try nested(20).validate() }
  }

  @Test func `a sample takes rows whole, and about as many as it says`() throws {
    let world = FilterWorld()
    var taken = 0
    for row in 0..<10_000 {
      let cells = try world.apply(.rowSample(0.3), randomness: UInt64(row))
      #expect(cells == "" || cells == everything)
      if cells != "" { taken += 1 }
    }
    // Three standard deviations are 138.
    #expect((2_800...3_200).contains(taken), "\(taken) of 10,000")
    let twice = try (0..<1_000).filter { row in
      try !world.apply(
        .chain([.rowSample(0.5), .rowSample(0.5)]), randomness: UInt64(row)
      ).isEmpty
    }
    #expect((200...300).contains(twice.count), "draws of one row depend on each other")
  }

  @Test func `a filter that multiplies cells without end is stopped`() throws {
    let twice = RowFilter.interleave([.passAll, .passAll])
    let filter = RowFilter.chain([RowFilter](repeating: twice, count: 40))
    #expect(throws: DataModelError.self) { _ = try FilterWorld().apply(filter) }
  }
}
