// The key cursor against a model: what is visible, within bounds, both ways, through refusals.

import Bytes
import LSM
import Testing
import TestSupport
import VFS

@Suite struct KeyCursorTests {
  private typealias Row = (key: [UInt8], operands: [TestEntry])

  private func expectAt(
    _ cursor: KeyCursor, _ row: Row?, _ what: @autoclosure () -> String,
    at location: SourceLocation = #_sourceLocation
  ) {
    expectSame(cursor.isValid, row != nil, what(), at: location)
    guard let row, cursor.isValid else { return }
    let found = cursor.operands.map { TestEntry(cursor.key.array, $0.kind, $0.value.array) }
    expectSame(found, row.operands, what(), at: location)
  }

  /// Repeats a step that was refused, where waiting is allowed.
  private func insisting(
    _ cursor: KeyCursor, _ refusals: inout Int, _ step: () throws(EngineError) -> Void
  ) throws {
    cursor.wait = .forbidden
    do throws(EngineError) {
      try step()
    } catch .wouldBlock {
      refusals += 1
      expectSame(cursor.isValid, false, "no position after a refusal")
      cursor.wait = .allowed
      try step()
    }
  }

  @Test(arguments: Array(0..<30) as [UInt64])
  func `visible keys within bounds, both ways, whatever is refused`(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let world = MergeWorld(sourceCount: Int(seed % 6) + 1, keyCount: 90, seed: seed)
    let fixture = TableFixture(cacheByteCount: seed % 2 == 0 ? 0 : 1 << 20)
    var refusals = 0
    for _ in 0..<5 {
      let lower: [UInt8]? =
        generator.chance(0.5) ? [0, .random(in: 0...60, using: &generator)] : nil
      let upper: [UInt8]? =
        generator.chance(0.5) ? [0, .random(in: 30...99, using: &generator)] : nil
      let rows = world.visible.filter { row in
        lower.map { !(row.key < $0) } ?? true && upper.map { row.key < $0 } ?? true
      }
      let cursor = KeyCursor(
        CursorParts(try world.sources(in: fixture, refusing: seed)), from: lower, to: upper,
        pin: nil)
      try scan(cursor, rows, &refusals)
      for _ in 0..<25 { try wander(cursor, rows, &refusals, &generator) }
    }
    #expect(refusals > 50)
  }

  private func scan(_ cursor: KeyCursor, _ rows: [Row], _ refusals: inout Int) throws {
    try insisting(cursor, &refusals) { () throws(EngineError) in try cursor.seekToFirst() }
    for index in rows.indices {
      expectAt(cursor, rows[index], "forwards \(index)")
      guard cursor.isValid else { return }
      try insisting(cursor, &refusals) { () throws(EngineError) in try cursor.next() }
    }
    expectAt(cursor, nil, "after the last")
    try insisting(cursor, &refusals) { () throws(EngineError) in try cursor.seekToLast() }
    for index in rows.indices.reversed() {
      expectAt(cursor, rows[index], "backwards \(index)")
      guard cursor.isValid else { return }
      try insisting(cursor, &refusals) { () throws(EngineError) in try cursor.previous() }
    }
    expectAt(cursor, nil, "before the first")
  }

  private func wander(
    _ cursor: KeyCursor, _ rows: [Row], _ refusals: inout Int,
    _ generator: inout SeededGenerator
  ) throws {
    let probe = OwnedBytes([0, UInt8.random(in: 0...99, using: &generator)])
    var at = rows.firstIndex { !($0.key < probe.view.array) } ?? rows.count
    if generator.chance(0.5) {
      try insisting(cursor, &refusals) { () throws(EngineError) in
        try cursor.seek(to: probe.view)
      }
    } else {
      try insisting(cursor, &refusals) { () throws(EngineError) in
        try cursor.seek(before: probe.view)
      }
      at -= 1
    }
    for _ in 0..<6 {
      expectAt(cursor, rows.indices.contains(at) ? rows[at] : nil, "row \(at) of \(rows.count)")
      guard cursor.isValid else { return }
      if generator.chance(0.5) {
        try insisting(cursor, &refusals) { () throws(EngineError) in try cursor.next() }
        at += 1
      } else {
        try insisting(cursor, &refusals) { () throws(EngineError) in try cursor.previous() }
        at -= 1
      }
    }
  }

  @Test func `pinned operands outlive the move though nothing is cached`() throws {
    let world = MergeWorld(sourceCount: 4, keyCount: 500, seed: 3)
    let fixture = TableFixture(cacheByteCount: 0)
    let cursor = KeyCursor(
      CursorParts(try world.sources(in: fixture)), from: nil, to: nil, pin: nil)
    var pins: [AnyObject] = []
    var kept: [Operand] = []
    try cursor.seekToFirst()
    while cursor.isValid {
      kept += cursor.operands
      cursor.pinCurrent(into: &pins)
      try cursor.next()
    }
    expectSame(kept.map(\.value.array), world.visible.flatMap(\.operands).map(\.value), "values")
  }

  @Test func `the cursor holds its pin, and a step without a position is refused`() throws {
    var object: OwnedBytes? = OwnedBytes([1])
    weak let watched = object
    var cursor: KeyCursor? = KeyCursor(CursorParts([]), from: nil, to: nil, pin: object)
    object = nil
    #expect(watched != nil)
    #expect(throws: EngineError.self) { try cursor?.next() }
    cursor = nil
    #expect(watched == nil)
  }

  @Test func `an operand list is done with the first operand that hides older ones`() {
    let list = OperandList()
    let pin = OwnedBytes([1, 2])
    list.append(kind: .merge, value: pin.view, pin: pin)
    #expect(!list.isComplete)
    list.append(kind: .put, value: pin.view.prefix(1), pin: pin)
    #expect(list.isComplete && list.operands.count == 2 && list.pins.count == 1)
    list.clear()
    #expect(list.isEmpty && list.pins.isEmpty && !list.isComplete)
  }
}
