// Files of an engine's directory lost, doubled, swapped, zeroed, or joined by strangers.

import Bytes
import TestSupport
import Testing
import VFS

@testable import LSM

@Suite struct DamagedDirectoryTests {
  private let fixture: DamageFixture
  private let judge: DamageJudge

  init() throws {
    fixture = try DamageFixture(seed: DamageSweepTests.seed)
    judge = DamageJudge(fixture: fixture)
  }

  @Test func `a lost file is missed, unless it held nothing`() throws {
    for file in fixture.files {
      let disk = try judge.disk(with: nil, at: file.path)
      let problems = judge.check(disk)
      switch try judge.judge(disk) {
      case .refused(let error, _):
        #expect(!problems.isEmpty, "\(file.path): \(error), and the check says nothing")
      case .same: #expect(file.kind == .spareLog, "\(file.path) was not missed")
      case .lastRecordsDropped, .wrong: Issue.record("\(file.path) is gone, and nobody noticed")
      }
    }
  }

  @Test func `a stretch of zeros is found, or nobody reads it`() throws {
    for file in fixture.files {
      for length in DamageSweepTests.isWhole ? [8, 16, 64, 512, 4_096] : [512] {
        for start in stride(from: 0, to: file.bytes.count, by: length) {
          let end = min(file.bytes.count, start + length)
          var bytes = file.bytes
          for offset in start..<end { bytes[offset] = 0 }
          if bytes == file.bytes { continue }
          let disk = try judge.disk(with: bytes, at: file.path)
          let problems = judge.check(disk)
          let touched = file.regions.filter { $0.range.overlaps(start..<end) && $0.isUsed }
          switch try judge.judge(disk) {
          case .refused(let error, _):
            #expect(!problems.isEmpty, "\(file.path), zeros from \(start): \(error)")
          case .same:
            #expect(
              touched.isEmpty || !problems.isEmpty || touched.allSatisfy { $0.name == "last edit" },
              "\(file.path): nobody noticed zeros from \(start)")
          case .lastRecordsDropped(let count):
            // A tail of zeros is what a crash leaves of records that were not synced.
            let records = touched.filter { $0.name.hasSuffix("record") }
            #expect(
              file.kind == .newestLog && records.last?.name == "last record"
                && records.count == count,
              "\(file.path), zeros from \(start): \(count) records dropped")
          case .wrong(let reason):
            Issue.record("\(file.path), zeros from \(start): \(reason)")
          }
        }
      }
    }
  }

  @Test func `two files that have changed places are told apart, or are the same to us`() throws {
    let step = DamageSweepTests.isWhole ? 1 : 3
    for (index, left) in fixture.files.enumerated() {
      for right in fixture.files.indices.dropFirst(index + 1).filter({ ($0 + index) % step == 0 })
        .map({ fixture.files[$0] })
      {
        let disk = try judge.disk(with: right.bytes, at: left.path)
        disk.setContents(of: right.path, to: left.bytes)
        // A log is known by its header, whatever the file is called.
        let areLogs = left.path.hasSuffix(".log") && right.path.hasSuffix(".log")
        let problems = judge.check(disk)
        switch try judge.judge(disk) {
        case .refused: #expect(!problems.isEmpty, "\(left.path) and \(right.path)")
        case .same: #expect(areLogs, "\(left.path) and \(right.path) swapped: nobody noticed")
        case .lastRecordsDropped, .wrong:
          Issue.record("\(left.path) and \(right.path) swapped: wrong answers")
        }
      }
    }
  }

  @Test func `table files of one size that have changed places are told apart`() throws {
    let world = try EngineWorld()
    world.options.compress = false
    world.options.levelZeroTrigger = 8
    let engine = try world.open()
    for name in ["a", "b"] {
      for index in 0..<9 { try engine.write(.put, "\(name)\(index)", "value \(index)") }
      try engine.flush()
    }
    try engine.close()
    let paths = try world.files.list(world.directory).filter { $0.hasSuffix(".table") }.sorted()
      .map { "\(world.directory)/\($0)" }
    let contents = paths.map { world.files.contents(of: $0) ?? [] }
    try #require(paths.count == 2 && contents[0].count == contents[1].count)
    world.files.setContents(of: paths[0], to: contents[1])
    world.files.setContents(of: paths[1], to: contents[0])
    #expect(EngineCheck(world.directory, fileSystem: world.files).problems.count == 2)
    let again = try world.open()
    for key in ["a1", "b1"] {
      let error = #expect(throws: EngineError.self) { try again.text(of: key) }
      #expect(error?.path.map(paths.contains) == true, "\(String(describing: error))")
    }
    try? again.close()
  }

  @Test func `a doubled file is refused, or nobody needs it`() throws {
    for file in fixture.files {
      let name =
        switch file.kind {
        case .manifest: "manifest-000777"
        case .tableFile: "000777.table"
        default: "000777.log"
        }
      let disk = try judge.disk(with: file.bytes, at: "\(fixture.directory)/\(name)")
      switch try judge.judge(disk) {
      case .refused(let error, let atOpen):
        #expect(atOpen && error.path?.isEmpty == false, "\(error)")
        #expect(![.tableFile, .spareLog].contains(file.kind), "a second \(file.path): \(error)")
        #expect(judge.check(try judge.disk(with: file.bytes, at: error.path ?? "")) != [])
      case .same:
        #expect([.tableFile, .spareLog].contains(file.kind), "a second \(file.path) was read")
      case .lastRecordsDropped, .wrong: Issue.record("a second \(file.path) gave wrong answers")
      }
    }
  }

  @Test func `a foreign name is refused and named`() throws {
    for name in ["notes.txt", "manifest-1", "000001.tables", ".hidden", "000001.log.bak"] {
      let disk = try judge.disk(with: [1, 2, 3], at: "\(fixture.directory)/\(name)")
      guard case .refused(let error, true) = try judge.judge(disk) else {
        Issue.record("\(name) was not refused")
        continue
      }
      #expect(error.explanation.contains(name))
    }
  }

  @Test func `any file is dumped, damaged ones too`() throws {
    var random = SeededGenerator(seed: DamageSweepTests.seed)
    for file in fixture.files {
      for _ in 0..<(DamageSweepTests.isWhole ? 4_000 : 12) {
        var bytes = file.bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
          let offset = Int.random(in: 0..<bytes.count, using: &random)
          bytes[offset] = UInt8.random(in: 0...255, using: &random)
        }
        if random.chance(0.3) {
          bytes.removeLast(Int.random(in: 0...bytes.count, using: &random))
        }
        let disk = try judge.disk(with: bytes, at: file.path)
        var lines = 0
        do {
          try FileDump.write(file.path, fileSystem: disk, entryLimit: .max) { _ in lines += 1 }
          #expect(lines > 0)
        } catch let error as EngineError {
          #expect(error.path == file.path, "\(error)")
        }
      }
    }
  }
}
