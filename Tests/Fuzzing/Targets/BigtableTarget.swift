// Targets of the Bigtable front: bodies of requests, which of them the first byte says.

import Bytes
import DataModel
import GRPC

@testable import BigtableAPI

final class BigtableTarget: FuzzTarget {
  private var list = MutationList()

  func run(_ input: ByteView) throws(Finding) {
    guard !input.isEmpty else { return }
    let body = input.dropFirst(1)
    switch input[0] % 5 {
    case 0: try checkFilter(body)
    case 1: try checkRows(body)
    case 2: try checkMutation(body)
    case 3:
      guard let request = try? WireReadRows(body) else { return }
      try require(request.limit >= 0, "limit \(request.limit)")
      try checkOrder(request.ranges)
    default:
      _ = try? TableName.table(of: body)
      _ = try? TableName(String(decoding: body.buffer, as: UTF8.self))
      _ = try? WireRowRequest(body, mutationFields: [4, 5], filterField: 6)
    }
  }

  private func checkFilter(_ body: ByteView) throws(Finding) {
    guard let filter = try? RowFilter(bigtable: body) else { return }
    try require((try? filter.validate()) != nil, "a filter that was taken is not valid")
    // On a row of two cells, a family each.
    ByteView.of("value") { value in
      var cells: FilterEvaluation.Cells = []
      for family in 0..<2 {
        cells.append(
          CellView(
            familyIndex: family, qualifier: value, timestamp: Timestamp(microseconds: 1_000),
            value: value))
      }
      var evaluation = FilterEvaluation(key: value, familyNames: [[97], [98]])
      _ = try? evaluation.apply(filter, to: &cells)
    }
  }

  private func checkRows(_ body: ByteView) throws(Finding) {
    guard let rows = try? WireRowSet(body) else { return }
    try checkOrder(rows.merged)
  }

  /// Ascending, and no key in two of them.
  private func checkOrder(_ ranges: [RowRange]) throws(Finding) {
    for (left, right) in zip(ranges, ranges.dropFirst()) {
      guard let end = left.upper, let start = right.lower else {
        throw Finding("an open end inside of \(ranges.count) ranges")
      }
      try require(!start.lexicographicallyPrecedes(end), "ranges overlap")
    }
  }

  /// A refused mutation is taken back by whoever reads its row.
  private func checkMutation(_ body: ByteView) throws(Finding) {
    list.clear()
    ByteView.of("key") { list.beginRow($0) }
    let mark = list.mark
    let count = list.mutationCount
    if (try? WireMutation.read(body, into: &list)) == nil { list.rollBack(to: mark) }
    try require(list.mutationCount <= count + 1, "one mutation became several")
  }
}
