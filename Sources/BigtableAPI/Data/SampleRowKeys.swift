// SampleRowKeys: keys that cut a table into parts of like size, for clients that read it in
// parallel.

internal import BinaryProtocol
internal import Bytes
internal import DataModel
internal import GRPC
internal import Tablets

extension BigtableSession {
  /// Where table files end and where the table was said to be split; last the end of all, an empty
  /// key, with the bytes before it. Request: 1 table, 4 view, 5 materialized view, 6 range.
  func sampleRowKeys(_ call: GRPCCall, _ message: ByteView) throws(GRPCStatus) {
    var name = ByteView()
    var view = ByteView()
    var range = RowRange.all
    do throws(WireError) {
      var reader = ProtobufReader(message)
      while let number = try reader.next() {
        switch number {
        case 1: name = try reader.bytes()
        case 4: view = try reader.bytes()
        case 5: throw .malformed("materialized views are not served")
        case 6:
          let bounds = try WireBounds(
            try reader.bytes(), startClosed: 1, startOpen: 2, endClosed: 4, endOpen: 3,
            emptyIsOpen: true)
          range = RowRange(from: bounds.from, to: bounds.to)
        default: try reader.skip()
        }
      }
    } catch {
      throw GRPCStatus(error)
    }
    let (table, subset) = try target(name, view: view)
    let (samples, byteCount) = table.keySamples
    for sample in samples {
      ByteView.of(sample.key) { key in
        guard range.contains(key), subset?.contains(key: key) ?? true else { return }
        call.send { output in
          output.appendField(1, present: key)
          output.appendField(2, varint: sample.offset)
        }
      }
    }
    call.answer { $0.appendField(2, varint: byteCount) }
  }
}
