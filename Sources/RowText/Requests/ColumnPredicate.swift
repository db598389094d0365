// The predicate most people want, without a filter tree:
//
//   {"family": F, "qualifier": Q}                 the column has a cell
//   {"family": F, "qualifier": Q, "value": V}     its newest value is V, by its declared type
//
// Everything else is a filter (RowFilterJSON).

internal import Bytes
internal import DataModel
internal import JSON

enum ColumnPredicate {
  /// The filter for a predicate in either form.
  static func filter(from value: JSONValue, _ schema: RowTextSchema) throws -> RowFilter {
    guard case .object(let members) = value, members.count > 1,
      case .string(let family)? = value["family"],
      case .string(let qualifier)? = value["qualifier"],
      members.allSatisfy({ ["family", "qualifier", "value"].contains($0.name) })
    else { return try RowFilterJSON.filter(from: value) }
    var qualifierBytes = ByteBuffer()
    guard
      let name = ByteView.of(
        qualifier, { ValueText.qualifier($0, into: &qualifierBytes)?.array })
    else { throw RowTextError(.invalidFilter, "predicate.qualifier: not base64 after 'base64:'") }
    var chain: [RowFilter] = [.family(family), .qualifier(name), .cellsPerColumnLimit(1)]
    if let wanted = value["value"] {
      chain.append(.value(try bytes(of: wanted, family, name, schema)))
    }
    return .chain(chain)
  }

  private static func bytes(
    of value: JSONValue, _ family: String, _ qualifier: [UInt8], _ schema: RowTextSchema
  ) throws -> [UInt8] {
    try ByteView.of(Array(family.utf8)) { family throws in
      guard let index = schema.familyIndex(named: family) else {
        throw RowTextError(.unknownFamily, schema.unknownFamily(family))
      }
      return try ByteView.of(qualifier) { qualifier throws in
        try ByteView.of(value.text) { text throws in
          var reader = JSONReader(text)
          var scratch = ByteBuffer()
          do {
            return try ValueText.read(
              schema.type(familyIndex: index, qualifier: qualifier),
              of: ColumnName(family: family, qualifier: qualifier), from: &reader, into: &scratch
            ).array
          } catch {
            // The place would be one in the value's own text.
            throw RowTextError(.wrongValueType, RowTextError.folded(error).message)
          }
        }
      }
    }
  }
}
