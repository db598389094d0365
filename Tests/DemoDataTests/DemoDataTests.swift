// The demo data: its tax ids, its size, and its bytes, which never change.

import Bytes
import DataModel
import DemoData
import Testing

@Suite struct DemoDataTests {
  /// Size and content of what a generator gives, independent of the batch size.
  struct Digest: Equatable {
    var companies = 0
    var events = 0
    var installments = 0
    var ranks = 0
    var hash: UInt64 = 0

    init(companyCount: Int, seed: UInt64, batchSize: Int) {
      var generator = DemoGenerator(companyCount: companyCount, seed: seed)
      var batch = DemoBatch()
      var hashes: [UInt64] = [0, 0, 0, 0]
      while generator.next(batchSize, into: &batch) {
        companies += batch.companies.rowCount
        events += batch.scoreEvents.rowCount
        installments += batch.installments.rowCount
        ranks += batch.byTier.rowCount
        hashes[0] = Self.extend(hashes[0], batch.companies.encoded)
        hashes[1] = Self.extend(hashes[1], batch.scoreEvents.encoded)
        hashes[2] = Self.extend(hashes[2], batch.installments.encoded)
        hashes[3] = Self.extend(hashes[3], batch.byTier.encoded)
      }
      for part in hashes { hash = hash &* 0x100_0000_01b3 ^ part }
    }

    /// FNV-1a over 64 bits, byte by byte, so that batches can be cut anywhere.
    static func extend(_ hash: UInt64, _ bytes: ByteView) -> UInt64 {
      var state = hash == 0 ? 0xcbf2_9ce4_8422_2325 : hash
      for byte in bytes.buffer { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
      return state
    }
  }

  @Test func `five thousand companies give the promised rows and always the same bytes`() {
    let digest = Digest(companyCount: 5_000, seed: DemoGenerator.defaultSeed, batchSize: 100)
    #expect(digest.companies == 5_000)
    #expect(digest.events == 120_000)
    #expect(digest.ranks == 5_000)
    #expect((82_000...90_000).contains(digest.installments), "\(digest.installments)")
    #expect(digest.hash == 10_982_900_351_149_109_889)
  }

  @Test func `the batch size changes nothing`() {
    let whole = Digest(companyCount: 50, seed: 7, batchSize: 50)
    #expect(whole == Digest(companyCount: 50, seed: 7, batchSize: 7))
    #expect(whole != Digest(companyCount: 50, seed: 8, batchSize: 50))
  }

  @Test("published check digits hold", arguments: ["11222333000181", "12ABC34501DE35"])
  func checkDigits(identifier: String) {
    #expect(TaxIdentifier.isValid(identifier))
    #expect(!TaxIdentifier.isValid(String(identifier.dropLast()) + "9"))
  }

  @Test func `every demo tax id is valid`() {
    for index in 0..<5_000 { #expect(TaxIdentifier.isValid(TaxIdentifier.synthetic(index))) }
  }

  @Test(
    "dates convert both ways",
    arguments: [
      (1970, 1, 1, 0), (2000, 2, 29, 11_016), (2024, 12, 31, 20_088), (2025, 9, 1, 20_332),
    ])
  func dates(year: Int, month: Int, day: Int, number: Int) {
    let date = CivilDate(year: year, month: month, day: day)
    #expect(date.dayNumber == number)
    #expect(date.components == (year, month, day))
  }
}
