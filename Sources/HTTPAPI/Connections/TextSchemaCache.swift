// The text form of schemas, made once a schema and loop instead of once a request.

internal import DataModel
internal import RowText

/// The schemas used lately, newest first.
struct TextSchemaCache {
  /// Tables in use at once on one loop, more or less; a longer list would cost more than it saves.
  private static let limit = 32

  private var entries: ContiguousArray<(schema: TableSchema, text: RowTextSchema)> = []

  mutating func of(_ schema: TableSchema) -> RowTextSchema {
    // The schema is held, so that its identity is not given to another one.
    if let index = entries.firstIndex(where: { $0.schema === schema }) {
      if index > 0 { entries.swapAt(index, index - 1) }
      return entries[index > 0 ? index - 1 : 0].text
    }
    let text = RowTextSchema(schema)
    if entries.count == Self.limit { entries.removeLast() }
    entries.insert((schema, text), at: 0)
    return text
  }
}
