// What may be written through an authorized view.

internal import Bytes
internal import DataModel
internal import GRPC

extension TableSubset {
  static let outside = GRPCStatus(
    .permissionDenied, "the request changes cells outside the Authorized View")

  func admits(_ key: ByteView, _ family: String, _ qualifier: ByteView) -> Bool {
    contains(key: key) && (families[family]?.contains(qualifier) ?? false)
  }

  func admit(_ key: ByteView, _ family: String, _ qualifier: ByteView) throws(GRPCStatus) {
    guard admits(key, family, qualifier) else { throw TableSubset.outside }
  }
}
