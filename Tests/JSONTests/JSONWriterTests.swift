// Written numbers, strings and base64 read back the same.

import Bytes
import JSON
import Runtime
import Testing

@Suite struct JSONWriterTests {
  private func text(_ body: (inout ByteBuffer) -> Void) -> String {
    var buffer = ByteBuffer()
    body(&buffer)
    return String(decoding: buffer.view.buffer, as: UTF8.self)
  }

  @Test(arguments: [
    0, 1, -1, 9, 10, 99, 100, 12_345, Int64.max, Int64.min, 1_000_000_000_000_000_000,
    -999_999_999_999_999_999, 712,
  ])
  func `integers are their decimal digits`(value: Int64) {
    #expect(text { $0.append(decimal: value) } == String(value))
  }

  @Test func `doubles read back bit for bit`() throws {
    var generator = SplitMix64(seed: 7)
    var values: [Double] = [
      0, -0.0, 1, -1, 0.1, 1e15, 1e16, 123_456_789.125, .pi, .leastNonzeroMagnitude,
      .greatestFiniteMagnitude,
      .leastNormalMagnitude, 1e22, 1e23, 9_007_199_254_740_994,
    ]
    while values.count < 20_000 {
      let value = Double(bitPattern: generator.next())
      if value.isFinite { values.append(value) }
    }
    for value in values {
      let written = text { $0.append(decimal: value) }
      try ByteView.of(written) { (view: ByteView) throws in
        var reader = JSONReader(view)
        let read = try reader.double()
        try reader.finish()
        #expect(read.bitPattern == value.bitPattern, "\(written)")
      }
      #expect(written.contains(".") || written.contains("e"), "\(written)")
    }
  }

  @Test func `strings of every length and special byte read back`() throws {
    for count in 0..<40 {
      for special in ["\"", "\\", "\n", "\u{1}", "é", "😀", "/", "\u{7f}"] {
        for position in 0...count {
          var string = String(repeating: "a", count: count)
          string.insert(
            contentsOf: special, at: string.index(string.startIndex, offsetBy: position))
          let written = text { $0.append(jsonString: string) }
          try ByteView.of(written) { (view: ByteView) throws in
            var reader = JSONReader(view)
            #expect(String(decoding: try reader.string().buffer, as: UTF8.self) == string)
            try reader.finish()
          }
        }
      }
    }
  }

  @Test func `base64 of every length reads back`() {
    for count in 0..<70 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
      var encoded = ByteBuffer()
      ByteView.of(bytes) { encoded.append(base64Encoding: $0) }
      var decoded = ByteBuffer()
      let isDecoded = decoded.append(base64Decoding: encoded.view)
      #expect(isDecoded)
      #expect(decoded.array == bytes)
    }
    #expect(text { out in ByteView.of("foob") { out.append(base64Encoding: $0) } } == "Zm9vYg==")
  }

  @Test(arguments: [
    "A", "AA", "AAA", "A===", "AA=A", "====", "AB==", "AAB=", "AA-_", "AAAA=", "A AA",
  ])
  func `wrong base64 is refused and leaves nothing`(digits: String) {
    var decoded = ByteBuffer()
    let isDecoded = ByteView.of(digits) { decoded.append(base64Decoding: $0) }
    let count = decoded.count
    #expect(!isDecoded && count == 0)
  }

  @Test(arguments: [
    ("{ \"a b\" : [ 1 , \"x \\\" y\" ] }", "{\"a b\":[1,\"x \\\" y\"]}"), ("[1,2]", "[1,2]"),
    ("\n3\n", "3"),
  ])
  func `whitespace between tokens goes`(given: String, compact: String) {
    #expect(text { out in _ = ByteView.of(given) { out.append(compactJSON: $0) } } == compact)
    #expect(text { out in _ = ByteView.of("[1,") { out.append(compactJSON: $0) } } == "")
  }
}
