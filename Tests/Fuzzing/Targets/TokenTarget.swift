// Page tokens and entity tags: what is taken is what the server writes, byte for byte; what was
// written is read back; one changed character is noticed.

import Bytes
import Tablets

@testable import HTTPAPI

final class TokenTarget: FuzzTarget {
  private var written = ByteBuffer()

  func run(_ input: ByteView) throws(Finding) {
    if let token = PageToken(input) {
      written.clear()
      token.write(into: &written)
      try require(written.view == input, "the token is written as \(written.view)")
    }
    try checkTag(input)
    try checkOwnToken(input)
  }

  /// A token of the input's bytes, then with one character changed.
  private func checkOwnToken(_ input: ByteView) throws(Finding) {
    var parts = FuzzInput(input)
    let fingerprint = UInt64(parts.number32()) << 32 | UInt64(parts.number32())
    let place = parts.number16()
    let change = parts.byte()
    let key = parts.rest
    guard !key.isEmpty, key.count <= 4_096 else { return }
    let token = PageToken(fingerprint: fingerprint, key: key.array)
    written.clear()
    token.write(into: &written)
    try require(PageToken(written.view) == token, "a token is not read back")
    let index = place % written.count
    guard change != written.view[index] else { return }
    ByteView.of([change]) { written.overwrite($0, at: index) }
    try require(PageToken(written.view) == nil, "a changed token is taken: \(written.view)")
  }

  private func checkTag(_ input: ByteView) throws(Finding) {
    if let tag = EntityTag(input) {
      written.clear()
      tag.write(into: &written)
      try require(EntityTag(written.view) == tag, "the tag is written as \(written.view)")
      try require(
        EntityTag.matching(tag.fingerprint, in: input) == tag, "a tag is not in its own list")
    }
    if let tag = EntityTag.matching(1, in: input) {
      try require(tag.fingerprint == 1, "a tag of another question matches")
    }
  }
}
