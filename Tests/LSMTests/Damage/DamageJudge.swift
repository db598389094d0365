// Opens a damaged directory, reads everything, checks it offline, and says what came of it.

import Bytes
import TestSupport
import VFS

@testable import LSM

/// What reading a damaged directory gave.
enum DamageOutcome {
  /// Refused when opened or when read.
  case refused(EngineError, atOpen: Bool)
  /// Every answer is what it was.
  case same
  /// So many of the last commits are gone, and nothing else.
  case lastRecordsDropped(Int)
  /// An answer is wrong, in words.
  case wrong(String)
}

/// Judges damaged copies of one fixture.
struct DamageJudge {
  let fixture: DamageFixture

  /// The disk with other bytes in one file; nil removes it.
  func disk(with bytes: [UInt8]?, at path: String) throws -> SimulatedFileSystem {
    let disk = fixture.disk.crashClone(keeping: 1)
    if let bytes {
      disk.setContents(of: path, to: bytes)
    } else {
      try disk.remove(path)
      try disk.syncDirectory(fixture.directory)
    }
    return disk
  }

  /// Problems that the offline check finds. It must leave the disk as it is.
  func check(_ disk: SimulatedFileSystem) -> [String] {
    EngineCheck(fixture.directory, fileSystem: disk).problems
  }

  /// - Parameter compacting: Rewrite everything before reading: damage must not get a new checksum.
  func judge(_ disk: SimulatedFileSystem, compacting: Bool = false) throws -> DamageOutcome {
    let world = try EngineWorld(seed: fixture.seed)
    world.options = fixture.options
    world.files = disk
    let engine: Engine
    do throws(EngineError) {
      engine = try world.open()
    } catch {
      return .refused(error, atOpen: true)
    }
    defer { try? engine.close() }
    do throws(EngineError) {
      if compacting { try engine.compactAll() }
      return try read(engine)
    } catch {
      return .refused(error, atOpen: false)
    }
  }

  /// Forwards, backwards, and key by key, also keys that are not there.
  private func read(_ engine: Engine) throws(EngineError) -> DamageOutcome {
    let forwards = try engine.pairs()
    let backwards = try engine.pairs(reversed: true)
    guard forwards == Array(backwards.reversed()) else { return .wrong("two ways, two answers") }
    var gotten: [String] = []
    for number in 99...FixtureLife.keyLimit {
      let key = "key-\(number)"
      if let value = try engine.text(of: key) { gotten.append("\(key)=\(value)") }
    }
    guard forwards == gotten else { return .wrong("a scan and reads by key differ") }
    if forwards == fixture.pairs { return .same }
    if let index = fixture.earlierPairs.firstIndex(of: forwards) {
      return .lastRecordsDropped(index + 1)
    }
    return .wrong("\(forwards.count) keys, not the \(fixture.pairs.count) that were written")
  }
}

extension EngineError {
  /// The file that the error names; nil when it names none.
  var path: String? {
    switch self {
    case .corrupt(let path, _, _), .unsupportedVersion(let path, _, _), .full(let path): path
    case .file(.io(let path, _, _)): path
    default: nil
    }
  }
}
