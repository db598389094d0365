// What a fuzz target is: bytes in, checks on what a parser makes of them. The same bodies run
// under libFuzzer (`kvfuzz`) and, on the committed corpora, in the ordinary tests.

import Bytes
import TestSupport

/// A parser gave a wrong answer.
struct Finding: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// One parser under test. It may keep buffers and fixtures from input to input, but what it finds
/// depends on the input alone.
protocol FuzzTarget: AnyObject {
  /// A trap, a hang or a finding is a bug in the parser.
  func run(_ input: ByteView) throws(Finding)
}

/// Throws unless `condition` holds.
@inline(__always)
func require(_ condition: Bool, _ message: @autoclosure () -> String) throws(Finding) {
  if !condition { throw Finding(message()) }
}

/// Takes an input apart; past its end everything is zero.
struct FuzzInput {
  private var reader: ByteReader

  init(_ bytes: ByteView) { reader = ByteReader(bytes) }

  var isAtEnd: Bool { reader.isAtEnd }
  var rest: ByteView { reader.rest }

  mutating func byte() -> UInt8 { (try? reader.byte()) ?? 0 }
  mutating func number16() -> Int { Int(byte()) | Int(byte()) << 8 }
  mutating func number32() -> UInt32 { UInt32(number16()) | UInt32(number16()) << 16 }

  /// Up to `count` bytes.
  mutating func bytes(_ count: Int) -> ByteView {
    (try? reader.bytes(min(count, reader.remaining))) ?? ByteView()
  }
}

extension ByteView {
  /// From where two records of one input part.
  func difference(from other: ByteView) -> String {
    let start = Swift.max(0, sharedPrefixCount(with: other) - 20)
    return "\(dropFirst(start)) and \(other.dropFirst(start)), from byte \(start)"
  }

  /// Choices that a target makes beside the input's bytes, the same each time: where text is cut,
  /// which limits hold. So an input is nothing but the text.
  var choices: SeededGenerator { SeededGenerator(seed: persistedHash) }
}
