// Rows of a range as JSON, under whichever schema each was read.

internal import Bytes
internal import DataModel
internal import RowText
internal import Tablets

/// Writes the rows of one read. Used by one thread at a time.
final class RowWriter {
  private let table: Table
  private let shape: RowShape
  private let keysOnly: Bool
  private var schema: TableSchema
  private var textSchema: RowTextSchema

  init(table: Table, shape: RowShape, keysOnly: Bool = false) {
    self.table = table
    self.shape = shape
    self.keysOnly = keysOnly
    schema = table.schema
    textSchema = RowTextSchema(schema)
  }

  convenience init(_ question: RangeQuestion) {
    self.init(
      table: question.table, shape: question.query.shape, keysOnly: question.query.keysOnly)
  }

  func write(_ row: RowBuffer, into output: inout ByteBuffer) {
    if keysOnly {
      output.append("{\"key\":")
      ValueText.append(row.key, as: nil, into: &output)
      output.append("}")
      return
    }
    if let read = row.schema, read !== schema {
      schema = read
      textSchema = RowTextSchema(read)
    }
    RowJSONWriter.write(row, textSchema, shape: shape, into: &output)
  }
}
