// JSON text: the readers agree on what is JSON, what was read is written and read back the same,
// and the compact form means the same. Base64 has one text a value.

import Bytes
import JSON

final class JSONTarget: FuzzTarget {
  private var written = ByteBuffer()
  private var again = ByteBuffer()

  func run(_ input: ByteView) throws(Finding) {
    let value = try? JSONValue(parsing: input)
    try require((value != nil) == skips(input), "the readers disagree on what is JSON")
    written.clear()
    let isCompacted = written.append(compactJSON: input)
    try require(isCompacted == (value != nil), "the compacter disagrees on what is JSON")
    if let value {
      try require(written.count <= input.count, "the compact form is longer")
      try require((try? JSONValue(parsing: written.view)) == value, "compact: \(written.view)")
      try checkWriting(value)
      try checkNumber(value, input)
    } else {
      try require(written.isEmpty, "something was written for what is no JSON")
    }
    try checkBase64(input)
  }

  private func skips(_ input: ByteView) -> Bool {
    var reader = JSONReader(input)
    do throws(JSONError) {
      try reader.skipValue()
      try reader.finish()
      return true
    } catch {
      return false
    }
  }

  private func checkWriting(_ value: JSONValue) throws(Finding) {
    written.clear()
    value.write(into: &written)
    guard let read = try? JSONValue(parsing: written.view) else {
      throw Finding("written and not read: \(written.view)")
    }
    try require(read == value, "another value: \(written.view)")
    again.clear()
    read.write(into: &again)
    // Strings compare by canonical equivalence; bytes do not.
    try require(again.view == written.view, "\(written.view), then \(again.view)")
  }

  private func checkNumber(_ value: JSONValue, _ input: ByteView) throws(Finding) {
    var reader = JSONReader(input)
    switch value {
    case .integer(let number):
      try require((try? reader.int64()) == number, "an integer, read as one")
    case .double(let number):
      try require((try? reader.int64()) == nil, "a double, read as an integer")
      reader.reset(to: input)
      try require((try? reader.double()) == number, "a double, read as one")
      let spelled = input.array.filter { $0 > 0x20 }
      try require(
        Double(String(decoding: spelled, as: UTF8.self)) == number, "not the nearest double")
    case .null, .boolean, .string, .array, .object: break
    }
  }

  private func checkBase64(_ input: ByteView) throws(Finding) {
    written.clear()
    if written.append(base64Decoding: input) {
      again.clear()
      again.append(base64Encoding: written.view)
      try require(again.view == input, "base64 of another text: \(again.view)")
    }
    again.clear()
    again.append(base64Encoding: input)
    written.clear()
    let isDecoded = written.append(base64Decoding: again.view)
    try require(isDecoded && written.view == input, "base64 is not read back")
  }
}
