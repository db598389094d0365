// Stored rows and batches; the first byte chooses. Any bytes are read, merged and walked without a
// trap; a merge of readable rows is readable; rows that the encoder made read the same before and
// after they are merged.

import Bytes
import DataModel
import JSON
import LSM
import Runtime
import TestSupport

@testable import Tablets

final class RowTarget: FuzzTarget {
  private let plain = RowTarget.rules(gc: nil, onRead: false)
  private let collecting = RowTarget.rules(gc: .maxVersions(1), onRead: true)
  private let plainMerger: RowMerger
  private let collectingMerger: RowMerger
  private let encoder = MutationEncoder()
  private let row = RowBuffer()
  private var output = MergeOutput()
  private var list = MutationList()

  init() {
    plainMerger = RowTarget.merger(plain)
    collectingMerger = RowTarget.merger(collecting)
  }

  private static func merger(_ rules: RowRules) -> RowMerger {
    RowMerger(
      rules: CurrentRules(rules), time: ManualClock(), sizes: RowSizes(rowByteCount: 1 << 20))
  }

  /// Families a, b, c and the sum family n; ids not in name order.
  private static func rules(gc: GCRule?, onRead: Bool) -> RowRules {
    let definition = TableDefinition(
      name: "t",
      families: [
        FamilyDefinition(name: "a", gc: gc), FamilyDefinition(name: "b"),
        FamilyDefinition(name: "c", gc: gc),
        FamilyDefinition(name: "n", gc: gc, aggregate: .sum),
      ], gcOnRead: onRead)
    return RowRules(TableSchema(definition: definition, familyIDs: [7, 2, 300, 4], version: 1))
  }

  func run(_ input: ByteView) throws(Finding) {
    var parts = FuzzInput(input)
    let kind = parts.byte()
    switch kind {
    case UInt8(ascii: "r"): try readStored([parts.rest])
    case UInt8(ascii: "s"):
      let count = Int(parts.byte())
      let newer = parts.bytes(count)
      try readStored([newer, parts.rest])
    case UInt8(ascii: "b"): try readBatch(parts.rest)
    case UInt8(ascii: "m"): try mutate(&parts)
    default: break
    }
  }

  // MARK: - Any bytes

  private func readStored(_ rows: [ByteView]) throws(Finding) {
    let operands = rows.map { Operand(kind: .merge, value: $0) }
    let isReadable = rows.allSatisfy { MergeWork.isReadable($0) }
    _ = cells(of: operands, plain)
    _ = cells(of: operands, collecting)
    for merger in [plainMerger, collectingMerger] {
      for isOldest in [false, true] {
        output.clear()
        let outcome = merger.merge(
          key: ByteView("row" as StaticString), operands: operands, isOldest: isOldest,
          newer: .none, into: &output)
        guard isReadable, outcome == .put || outcome == .merge else { continue }
        let merged = output.bytes.view
        try require(MergeWork.isReadable(merged), "the merge cannot be read: \(merged)")
      }
    }
  }

  private func readBatch(_ encoded: ByteView) throws(Finding) {
    var batch = WriteBatch()
    var entries = WriteBatchReader(encoded)
    var read: [(EntryKind, ByteView, ByteView)] = []
    do throws(ByteReadError) {
      while let entry = try entries.next() {
        batch.append(entry.kind, key: entry.key, value: entry.value)
        read.append((entry.kind, entry.key, entry.value))
      }
    } catch {
      return
    }
    var again = WriteBatchReader(batch.encoded)
    for entry in read {
      guard let same = try? again.next() else { throw Finding("a batch is not read back") }
      try require(same == entry, "an entry of \(batch.encoded)")
    }
  }

  // MARK: - Mutations

  /// Two changes of a row out of the input's bytes.
  private func mutate(_ parts: inout FuzzInput) throws(Finding) {
    var batch = WriteBatch()
    list.clear()
    for _ in 0..<2 {
      list.beginRow(RowTarget.names.prefix(1))
      for _ in 0..<Int(parts.byte() & 7) { addMutation(&parts) }
    }
    var reader = MutationListReader(list.encoded)
    while !reader.isAtEnd {
      try? encoder.encodeRow(&reader, plain, now: 5_000, into: &batch)
    }
    var operands: [Operand] = []
    var entries = WriteBatchReader(batch.encoded)
    while let entry = try? entries.next() {
      operands.insert(Operand(kind: entry.kind, value: entry.value), at: 0)
    }
    try checkMerge(operands)
  }

  private func checkMerge(_ operands: [Operand]) throws(Finding) {
    guard let newest = operands.first else { return }
    let visible = newest.kind.hidesOlder ? [newest] : operands
    guard let before = cells(of: visible, plain) else {
      throw Finding("a row that was encoded cannot be read: \(newest.value)")
    }
    for isOldest in [false, true] {
      output.clear()
      let outcome = plainMerger.merge(
        key: ByteView("row" as StaticString), operands: visible, isOldest: isOldest, newer: .none,
        into: &output)
      let merged: [Operand] =
        switch outcome {
        case .unchanged: [visible[0]]
        case .put: [Operand(kind: .put, value: output.bytes.view)]
        case .merge: [Operand(kind: .merge, value: output.bytes.view)]
        case .delete, .nothing: []
        }
      try require(cells(of: merged, plain) == before, "\(outcome): \(output.bytes.view)")
      _ = collectingMerger.merge(
        key: ByteView("row" as StaticString), operands: visible, isOldest: isOldest, newer: .none,
        into: &output)
    }
  }

  private static let names = ByteView("abcnzq" as StaticString)

  private func addMutation(_ parts: inout FuzzInput) {
    let names = RowTarget.names
    let (kind, place) = (parts.byte(), Int(parts.byte()))
    let family = names[place & 3..<(place & 3) + 1]
    let qualifier = names[0..<place >> 2 & 3]
    let time = Timestamp(microseconds: Int64(parts.byte() & 15) * 1_000)
    switch kind & 7 {
    case 0, 1, 2:
      let count = Int(parts.byte() & 15)
      list.setCell(
        family: family, qualifier: qualifier, timestamp: time, value: parts.bytes(count))
    case 3:
      let end = Int64(parts.byte() & 15)
      list.deleteFromColumn(
        family: family, qualifier: qualifier, from: time,
        to: end == 0 ? nil : Timestamp(microseconds: end * 1_000))
    case 4: list.deleteFromFamily(family)
    case 5: list.deleteFromRow()
    case 6:
      list.addToCell(
        family: names[3..<4], qualifier: qualifier, timestamp: time, input: Int64(place))
    default:
      let count = Int(parts.byte() & 15)
      list.mergeToCell(
        family: names[3..<4], qualifier: qualifier, timestamp: time, state: parts.bytes(count))
    }
  }

  /// What a read of the entries gives, in bytes; nil when it says that they are no row.
  private func cells(of operands: [Operand], _ rules: RowRules) -> [UInt8]? {
    row.clear()
    let reader = RowReader.of(row)
    var seen = ByteBuffer()
    guard let plan = try? reader.plan(ReadOptions(versions: 0), rules),
      (try? reader.read(RowTarget.names, operands, plan, now: 20_000, into: row)) != nil
    else { return nil }
    for cell in row.cells {
      seen.append(varint: cell.familyIndex)
      seen.append(lengthPrefixed: cell.qualifier)
      seen.append(varint: UInt64(bitPattern: cell.timestamp.microseconds))
      seen.append(lengthPrefixed: cell.value)
    }
    return seen.array
  }
}
