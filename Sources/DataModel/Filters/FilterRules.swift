// What a filter tree may be (Bigtable's rules), checked before any row is read.

extension RowFilter {
  /// Checks depth, size, ranges and numbers.
  package func validate() throws(DataModelError) {
    var nodeCount = 0
    try validate(depth: 1, nodeCount: &nodeCount)
    guard labelCount <= 1 else {
      throw invalid("a chain labels the same cells more than once")
    }
  }

  /// How many labels a cell may be given on its way.
  private var labelCount: Int {
    switch self {
    case .label: 1
    case .chain(let filters): filters.reduce(0) { $0 + $1.labelCount }
    case .interleave(let filters): filters.map(\.labelCount).max() ?? 0
    case .condition(let predicate, let then, let otherwise):
      max(predicate.labelCount, then?.labelCount ?? 0, otherwise?.labelCount ?? 0)
    default: 0
    }
  }

  private var hasSink: Bool {
    switch self {
    case .sink: true
    case .chain(let filters), .interleave(let filters): filters.contains(where: \.hasSink)
    default: false
    }
  }

  private func validate(depth: Int, nodeCount: inout Int) throws(DataModelError) {
    nodeCount += 1
    guard depth <= DataModelLimits.filterDepth else {
      throw invalid("a filter nests more than \(DataModelLimits.filterDepth) deep")
    }
    guard nodeCount <= DataModelLimits.filterNodeCount else {
      throw invalid("a filter has more than \(DataModelLimits.filterNodeCount) parts")
    }
    switch self {
    case .passAll, .blockAll, .rowKeyPrefix, .regex, .family, .qualifier, .qualifierPrefix,
      .value, .stripValue, .sink:
      break
    case .rowSample(let probability):
      guard probability > 0, probability < 1 else {
        throw invalid("a row sample's probability must be between 0 and 1, neither of them")
      }
    case .label(let text):
      guard (1...DataModelLimits.labelByteCount).contains(text.utf8.count),
        text.utf8.allSatisfy({ byte in
          (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
        })
      else {
        throw invalid(
          "a label must be 1 to \(DataModelLimits.labelByteCount) of a-z, 0-9 and -")
      }
    case .chain(let filters), .interleave(let filters):
      guard filters.count >= 2 else {
        throw invalid("a chain or interleave must contain at least two filters")
      }
      for filter in filters { try filter.validate(depth: depth + 1, nodeCount: &nodeCount) }
    case .condition(let predicate, let then, let otherwise):
      guard ![predicate, then, otherwise].contains(where: { $0?.hasSink ?? false }) else {
        throw invalid("a sink stands inside a condition")
      }
      try predicate.validate(depth: depth + 1, nodeCount: &nodeCount)
      try then?.validate(depth: depth + 1, nodeCount: &nodeCount)
      try otherwise?.validate(depth: depth + 1, nodeCount: &nodeCount)
    case .columnRange(let family, let from, let to):
      guard !family.isEmpty else { throw invalid("a column range names no family") }
      try checkOrder(from, to, "column range")
    case .valueRange(let from, let to):
      try checkOrder(from, to, "value range")
    case .timestampRange(let from, let to):
      guard from >= 0, from % 1_000 == 0, to.map({ $0 >= 0 && $0 % 1_000 == 0 }) ?? true else {
        throw invalid("a timestamp range's bounds must be whole milliseconds, not negative")
      }
      guard to.map({ from <= $0 }) ?? true else {
        throw invalid("a timestamp range ends before it starts")
      }
    case .cellsPerRowOffset(let count), .cellsPerRowLimit(let count),
      .cellsPerColumnLimit(let count):
      guard count >= 0 else { throw invalid("a filter counts \(count) cells") }
    }
  }

  private func checkOrder(
    _ from: [UInt8]?, _ to: [UInt8]?, _ what: String
  ) throws(DataModelError) {
    guard let from, let to, to.lexicographicallyPrecedes(from) else { return }
    throw invalid("a \(what) ends before it starts")
  }

  private func invalid(_ message: String) -> DataModelError {
    DataModelError(code: "invalid_filter", message: message)
  }
}
