// The engine as its callers see it, in a simulated world.

import LSM
import TestSupport
import Testing

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
