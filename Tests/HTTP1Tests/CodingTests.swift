// The small codecs: percent-encoding, queries, dates, numbers.

import Bytes
import HTTP1
import Testing

@Suite struct CodingTests {
  private func decoded(_ text: String, plusIsSpace: Bool = false) -> [UInt8]? {
    ByteView.of(Array(text.utf8)) { view in
      var scratch = ByteBuffer(capacity: 64)
      scratch.reserve(view.count)
      do {
        return try PercentCoding.decode(view, plusIsSpace: plusIsSpace, into: &scratch).array
      } catch {
        return nil
      }
    }
  }

  @Test func `percent-encoded bytes are bytes, of any value`() {
    #expect(decoded("abc") == Array("abc".utf8))
    #expect(decoded("a%2Fb%2fc") == Array("a/b/c".utf8))
    #expect(decoded("%00%fF") == [0, 255])
    #expect(decoded("%25") == [0x25])
    #expect(decoded("a+b") == Array("a+b".utf8))
    #expect(decoded("a+b", plusIsSpace: true) == Array("a b".utf8))
    #expect(decoded("") == [])
  }

  @Test(arguments: ["%", "%2", "a%", "%zz", "%0g", "%%20", "abc%f"])
  func `a broken percent-encoding is refused`(text: String) {
    #expect(decoded(text) == nil)
  }

  @Test func `a query is pairs in order`() {
    func pairs(_ text: String) -> [String] {
      ByteView.of(Array(text.utf8)) { query in
        QueryPairs(query).map { "\($0.name)=\($0.value)" }
      }
    }
    #expect(pairs("") == [])
    #expect(pairs("a=1&b=&c&&d=x=y&") == ["a=1", "b=", "c=", "d=x=y"])
  }

  @Test(
    arguments: [
      (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
      (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
      (1_756_684_799, "Sun, 31 Aug 2025 23:59:59 GMT"),
      (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
    ] as [(Int64, String)])
  func `a date is the civil date`(second: Int64, text: String) {
    var date = HTTPDate()
    let shown = date.text(atMicroseconds: second * 1_000_000 + 999_999).array
    #expect(String(decoding: shown, as: UTF8.self) == text)
  }

  @Test func `numbers are written and read`() {
    var buffer = ByteBuffer()
    for value in [0, 7, 10, 1_234_567_890, Int.max, Int.min, -1] {
      buffer.clear()
      buffer.append(decimal: value)
      #expect(String(decoding: buffer.array, as: UTF8.self) == String(value))
    }
    for value in [0, 1, 15, 16, 0xdead_beef, UInt64.max] {
      buffer.clear()
      buffer.append(hexadecimal: value)
      #expect(String(decoding: buffer.array, as: UTF8.self) == String(value, radix: 16))
    }
    func decimal(_ text: String) -> Int? { ByteView.of(Array(text.utf8)) { $0.decimal() } }
    #expect(decimal("9223372036854775807") == .max)
    #expect(decimal("9223372036854775808") == nil)
    #expect(decimal("") == nil)
    #expect(decimal("-1") == nil)
    #expect(decimal("1 ") == nil)
  }

  @Test func `a chunk of nothing is not written, for it would end the body`() {
    var buffer = ByteBuffer()
    buffer.appendChunk(ByteView())
    let written = buffer.count
    #expect(written == 0)
    ByteView.of(Array(repeating: 0x61, count: 26)) { buffer.appendChunk($0) }
    buffer.appendLastChunk()
    let text = String(decoding: buffer.array, as: UTF8.self)
    #expect(text == "1a\r\n" + String(repeating: "a", count: 26) + "\r\n0\r\n\r\n")
  }
}
