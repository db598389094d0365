// The engine as its callers see it, in a simulated world.

import Bytes
import LSM
import TestSupport
import Testing
import VFS

@Suite struct EngineTests {
  @Test func `what was committed is read back, and after a clean reopening too`() throws {
    let world = try EngineWorld()
    var engine = try world.open()
    try engine.write(.put, "a", "1")
    try engine.write(.put, "b", "2")
    try engine.write(.merge, "a", "+")
    try engine.write(.delete, "b")
    for _ in 0..<2 {
      #expect(try engine.text(of: "a") == "1+")
      #expect(try engine.text(of: "b") == nil)
      #expect(engine.snapshot().sequence == SequenceNumber(4))
      try engine.close()
      engine = try world.open()
    }
  }

  @Test func `a cursor that takes over another's parts sees its own snapshot alone`() throws {
    let world = try EngineWorld()
    let engine = try world.open()
    for number in 0..<200 { try engine.write(.put, "k\(1_000 + number)", "old") }
    try engine.flush()
    world.scheduler.runReady()
    var snapshots = [(engine.snapshot(), "old", 200)]
    for number in 0..<200 { try engine.write(.put, "k\(1_000 + number)", "new") }
    snapshots.append((engine.snapshot(), "new", 200))
    for number in 0..<100 { try engine.write(.delete, "k\(1_000 + number)") }
    snapshots.append((engine.snapshot(), "new", 100))
    var held: [KeyCursor] = []
    for round in 0..<30 {
      let (snapshot, text, count) = snapshots[round * 7 % 3]
      let cursor = engine.cursor(from: nil, to: nil, at: snapshot)
      #expect(!cursor.isValid)
      // Whoever had the parts before may have waited for nothing, and stood anywhere.
      #expect(cursor.wait == .allowed)
      try cursor.seekToFirst()
      var seen = 0
      while cursor.isValid {
        expectSame(cursor.operands.map(\.value.array), [Array(text.utf8)], "round \(round)")
        seen += 1
        try cursor.next()
      }
      expectSame(seen, count, "round \(round)")
      if round % 4 == 0 { try cursor.seekToFirst() }
      cursor.wait = .forbidden
      if round % 3 == 0 { held.append(cursor) }
      if held.count > 6 { held.removeAll() }
    }
  }

  @Test func `a synced commit survives a power cut`() throws {
    let world = try EngineWorld()
    var engine = try world.open()
    for round in 0..<5 {
      try engine.write(.put, "k\(round)", "v")
      world.crash()
      engine = try world.open()
      for earlier in 0...round { #expect(try engine.text(of: "k\(earlier)") == "v") }
    }
    #expect(engine.snapshot().sequence == SequenceNumber(5))
  }
}
