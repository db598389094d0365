// Every byte flipped, every length cut, files lost, doubled, swapped and zeroed: what was written
// is served, or the damage is refused with file and offset, or the byte is one that nobody reads.
// One test run takes a sample; STRATA_DAMAGE=all takes everything (make damage-sweep).

import Bytes
import Foundation
import TestSupport
import Testing
import VFS

@testable import LSM

@Suite struct DamageSweepTests {
  private static let environment = ProcessInfo.processInfo.environment
  static let isWhole = environment["STRATA_DAMAGE"] == "all"
  static let seed = environment["STRATA_SEED"].flatMap { UInt64($0) } ?? 1
  /// Damages in bytes that are read and in bytes that are not, of one kind of file, when only a
  /// sample is taken.
  private static let usedSampleCount = 250
  private static let unusedSampleCount = 40

  private let fixture: DamageFixture
  private let judge: DamageJudge

  init() throws {
    fixture = try DamageFixture(seed: Self.seed)
    judge = DamageJudge(fixture: fixture)
  }

  /// All places of all files of a kind, or a sample of them that begins where the seed says.
  private func places(in kind: FileKind) -> [(file: FixtureFile, offset: Int, region: Region)] {
    var used: [(file: FixtureFile, offset: Int, region: Region)] = []
    var unused = used
    for file in fixture.files(kind) {
      for region in file.regions {
        let all = region.range.map { (file: file, offset: $0, region: region) }
        if region.isUsed { used += all } else { unused += all }
      }
    }
    return sample(used, Self.usedSampleCount) + sample(unused, Self.unusedSampleCount)
  }

  private func sample<Place>(_ places: [Place], _ count: Int) -> [Place] {
    let step = Self.isWhole ? 1 : max(1, places.count / count)
    return stride(from: Int(Self.seed) % step, to: places.count, by: step).map { places[$0] }
  }

  /// Plants one damage and judges it.
  private func plant(
    _ bytes: [UInt8]?, in file: FixtureFile, at place: Region, _ what: String
  ) throws -> DamageTally.Ending {
    let disk = try judge.disk(with: bytes, at: file.path)
    let problems = judge.check(disk)
    let context = "seed \(Self.seed): \(file.path): \(what), in \(place.name)"
    switch try judge.judge(disk) {
    case .refused(let error, let atOpen):
      // An edit that is gone shows by what it has removed, a log cut to nothing by its neighbour.
      let isMissing = bytes?.isEmpty == true && "\(error)".contains("is missing")
      let isTold =
        error.path == file.path || isMissing
        || (file.kind == .manifest && error.path?.hasSuffix(".table") == true)
      #expect(isTold, "\(context): refused as \(error)")
      #expect(
        problems.contains { $0.contains(isMissing ? "is missing" : file.path) },
        "\(context): the check says \(problems)")
      return atOpen ? .foundAtOpen : .foundAtRead
    case .same:
      if !problems.isEmpty { return .foundByCheck }
      #expect(!place.isUsed || place.name == "last edit", "\(context): nobody noticed")
      return .unused(place.name)
    case .lastRecordsDropped(let count):
      #expect(
        place.name == "last record" && count == 1, "\(context): \(count) last records dropped")
      return .lastRecord
    case .wrong(let reason):
      Issue.record("\(context): \(reason)")
      return .wrong
    }
  }

  @Test func `the fixture has everything that can be damaged`() throws {
    #expect(fixture.files(.tableFile).count >= 6)
    #expect(fixture.files(.manifest).count == 1)
    #expect(fixture.files(.olderLog).count >= 2)
    #expect(fixture.files(.newestLog).count == 1)
    #expect(fixture.files(.spareLog).count >= 1)
    let newest = try #require(fixture.files(.newestLog).first)
    let behind = try #require(newest.regions.last).range
    #expect(newest.bytes[behind].contains { $0 != 0 }, "there is rubble of an earlier life")
    #expect(judge.check(fixture.disk) == [])
    guard case .same = try judge.judge(fixture.disk.crashClone(keeping: 1)) else {
      Issue.record("the undamaged directory is not what was written")
      return
    }
  }

  @Test(arguments: FileKind.allCases)
  func `a flipped bit is found, or nobody reads it`(kind: FileKind) throws {
    var tally = DamageTally()
    for (file, offset, region) in places(in: kind) {
      // The long run takes all eight bits where they are read, one where they are not.
      let bits = Self.isWhole && region.isUsed ? Array(0..<8) : [(offset &+ Int(Self.seed)) % 8]
      for bit in bits {
        var bytes = file.bytes
        bytes[offset] ^= 1 << UInt8(bit)
        tally.count(try plant(bytes, in: file, at: region, "bit \(bit) of byte \(offset)"))
      }
    }
    print(tally.line("flipped bits, \(kind.rawValue)"))
    #expect(tally.wrong == 0)
  }

  @Test(arguments: FileKind.allCases)
  func `a cut is found, or nobody reads what is gone`(kind: FileKind) throws {
    var tally = DamageTally()
    for (file, length, region) in places(in: kind) {
      let bytes = Array(file.bytes[..<length])
      tally.count(try plant(bytes, in: file, at: region, "cut to \(length)"))
    }
    print(tally.line("cut lengths, \(kind.rawValue)"))
    #expect(tally.wrong == 0)
  }

  @Test func `a compaction gives no damage a new checksum`() throws {
    var tally = DamageTally()
    for (file, offset, region) in places(in: .tableFile) where offset % 7 == 0 || Self.isWhole {
      var bytes = file.bytes
      bytes[offset] ^= 0x10
      let disk = try judge.disk(with: bytes, at: file.path)
      switch try judge.judge(disk, compacting: true) {
      case .refused: tally.count(.foundAtRead)
      case .same: tally.count(.unused("\(region.name): filters, indexes and moves"))
      case .lastRecordsDropped: tally.count(.wrong)
      case .wrong(let reason):
        tally.count(.wrong)
        Issue.record("seed \(Self.seed): \(file.path), byte \(offset): \(reason)")
      }
    }
    print(tally.line("flipped bits before a compaction, table file"))
    #expect(tally.wrong == 0 && tally.found > 0)
  }

  /// The control: damage that a checksum does not show must be seen as a wrong answer.
  @Test func `a reader that ignores checksums would be noticed`() throws {
    var noticed = 0
    // Not every fixture has a plain block whose first value is the newest of its key.
    for seed in Self.seed..<Self.seed + 8 where noticed == 0 {
      let fixture = try DamageFixture(seed: seed)
      let judge = DamageJudge(fixture: fixture)
      for file in fixture.files(.tableFile) {
        guard let forged = ForgedBlock.flippingValue(in: file.bytes) else { continue }
        let disk = try judge.disk(with: forged, at: file.path)
        switch try judge.judge(disk) {
        case .wrong, .lastRecordsDropped: noticed += 1
        case .same: break
        case .refused(let error, _):
          Issue.record("\(file.path) was forged, and refused: \(error)")
        }
      }
    }
    #expect(noticed > 0, "no forged block changed an answer")
  }
}
