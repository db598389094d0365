// What the targets of text share: a table with a family of each type.

import DataModel
import RowText
import TestSupport

enum TextWorld {
  static let definition = TypedTable.definition
  static let schema = RowTextSchema(definition)
}
