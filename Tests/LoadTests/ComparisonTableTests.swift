// What the engine benchmark makes of measurements, and the rows it draws.

import Bytes
import Testing

@testable import kvenginebench

@Suite struct ComparisonTableTests {
  private func measurement(
    _ engine: EngineName, _ workload: Workload, rate: Double, cpu: Double
  ) -> Measurement {
    var measurement = Measurement(engine: engine.rawValue, workload: workload.rawValue)
    measurement.operationsPerSecond = rate
    measurement.cpuMicrosecondsPerOperation = cpu
    return measurement
  }

  /// The cells of the table's lines that begin with `title`.
  private func cells(_ text: String, _ title: String) -> [[Substring]] {
    text.split(separator: "\n").filter { $0.hasPrefix(title) }
      .map { $0.dropFirst(title.count).split(separator: " ") }
  }

  @Test func `ratios above one are in our favour, whatever is better`() {
    let table = ComparisonTable(
      engines: [.strata, .rocksdb, .leveldb, .lmdb],
      measurements: [
        measurement(.strata, .read, rate: 600_000, cpu: 2),
        measurement(.rocksdb, .read, rate: 300_000, cpu: 3),
        measurement(.leveldb, .read, rate: 400_000, cpu: 4),
        measurement(.lmdb, .read, rate: 1_200_000, cpu: 1),
      ])
    let lines = cells(table.text, Workload.read.title)
    #expect(lines.count == 2)
    #expect(
      lines.first == ["600,000", "300,000", "400,000", "1,200,000", "1.50", "0.50"])
    #expect(lines.last == ["2.00", "3.00", "4.00", "1.00", "1.50", "0.50"])
  }

  @Test func `whole rows have a line of their own, and what is missing is a dash`() {
    let table = ComparisonTable(
      engines: [.strata, .rows, .rocksdb],
      measurements: [
        measurement(.rows, .wideRead, rate: 90_000, cpu: 2),
        measurement(.rocksdb, .wideRead, rate: 30_000, cpu: 3),
      ])
    #expect(cells(table.text, Workload.wideRead.title).first == ["–", "30,000", "–", "–"])
    #expect(
      cells(table.text, "… by Strata's rows").first == ["90,000", "30,000", "3.00", "–"])
  }

  @Test func `each workload belongs to a stage that runs`() {
    for workload in Workload.allCases {
      let stages = Campaign(
        engines: [.strata], workloads: [workload], size: SizeOptions(), directory: "/"
      ).stages
      #expect(stages.last == workload.stage)
      #expect(stages.contains(.fill) == (workload.stage == .fill || workload.stage.needsFill))
      #expect(stages.contains(.load) == (workload == .recover))
    }
  }

  @Test func `keys are eighteen bytes in the order of their rows`() {
    let text = KeyText()
    #expect(text.key(12_345_678_901_234, column: 7).array == Array("12345678901234:c07".utf8))
    #expect(text.key(42).array == Array("00000000000042:c00".utf8))
    #expect(text.prefix(42).array == Array("00000000000042:".utf8))
  }

  @Test func `rows that are asked for as absent are not written`() {
    let present = Set((0..<20_000).map { RowNumber.present($0) })
    #expect(present.count == 20_000)
    #expect((0..<20_000).allSatisfy { !present.contains(RowNumber.absent($0)) })
  }

  @Test func `a tenth of the draws ask for a handful of hot rows`() {
    let rows = HotRows(entryCount: 100_000)
    var counts: [UInt64: Int] = [:]
    for step in 0..<100_000 as Range<UInt64> {
      let row = rows.row(step)
      #expect(row < 100_000)
      counts[row, default: 0] += 1
    }
    // Of zipfian ranks of 100,000 with exponent 0.99 the first has one draw in 12.8.
    let hottest = counts.values.max() ?? 0
    #expect((7_000...8_700).contains(hottest), "\(hottest)")
    #expect(counts.count > 20_000)
  }
}
