// A plain mutate request as the list that the general reader would make of it.

package import BinaryProtocol
package import Bytes
internal import DataModel

extension PlainMutations {
  /// The table's name and the rows; nil where the request is not plain, or longer than is taken.
  package static func readList(_ body: ByteView) -> (table: [UInt8], list: [UInt8])? {
    var plain = PlainMutations(body)
    var list = MutationList()
    while let key = plain.nextRow() {
      list.beginRow(key)
      while let cell = plain.nextCell() {
        list.setCell(
          family: cell.family, qualifier: cell.qualifier, timestamp: cell.timestamp,
          value: cell.value)
      }
    }
    guard plain.isPlain, list.mutationCount <= DataModelLimits.mutationCount else { return nil }
    return (plain.table.array, list.encoded.array)
  }
}
