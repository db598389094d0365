// A kind of request with its templates, and what its answers must look like.

/// Why a run cannot be, or did not go well.
struct BenchmarkFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// What the answers of one kind look like, learnt from the first of them, which is checked whole.
struct AnswerLayout {
  /// Of an answer; nil until one has been seen.
  var bodyByteCount: Int?
  /// Where the columns of the first row are.
  var columns: [Int] = []
  /// From one row to the next.
  var stride = 0
  /// Of scans, by their limit.
  var bodyByteCounts: [Int] = []
}

/// One kind of request. Polls are told apart in reports by whether their range had changed.
struct OperationKind {
  let name: String
  let action: Action
  /// Alternatives: by column, by limit.
  let templates: [Template]
  /// What follows the first answer.
  var followUps: [Template] = []
  let shape: RowShape
  /// Rows an answer brings.
  var rowCount = 1
  var expectsRows = true
  var layout = AnswerLayout()

  init(_ portion: Portion, _ shape: RowShape, _ dialect: any Dialect) throws {
    name = portion.name
    action = portion.action
    self.shape = shape
    let columns = 0..<shape.columnCount
    let each = columns.map { dialect.write(shape, columns: $0..<($0 + 1), rows: 1) }
    var made: [Template?]
    switch portion.action {
    case .read: made = [dialect.read(shape)]
    case .updateOne: made = each
    case .updateAll, .insert: made = [dialect.write(shape, columns: columns, rows: 1)]
    case .fill(let rows): made = [dialect.write(shape, columns: columns, rows: rows)]
    case .batchGet(let count): made = [dialect.batchGet(shape, count: count)]
    case .range(let limit, let isOpen):
      made = [
        isOpen ? dialect.range(shape, limit: limit) : dialect.closedRange(shape, limit: limit)
      ]
    case .shortScan(let limit):
      made = (1...limit).map { dialect.range(shape, limit: $0) }
      layout.bodyByteCounts = Array(repeating: 0, count: limit + 1)
    case .readModifyWrite:
      made = [dialect.read(shape)]
      followUps = each.compactMap(\.self)
    case .poll(let limit):
      let change = dialect.write(shape, columns: columns, rows: 1)
      made = [dialect.poll(shape, limit: limit), change]
    case .fullScan: made = [dialect.fullScan(shape)]
    case .stream(let rows):
      made = [
        dialect.stream(shape, rows: rows, isFirst: true),
        dialect.stream(shape, rows: rows, isFirst: false),
      ]
    }
    templates = made.compactMap(\.self)
    guard templates.count == made.count else {
      throw BenchmarkFailure("This protocol has no request for \(portion.name).")
    }
    switch portion.action {
    case .batchGet(let count), .range(let count, _), .poll(let count): rowCount = count
    case .updateOne, .updateAll, .insert, .stream, .fill: expectsRows = false
    default: break
    }
  }
}
