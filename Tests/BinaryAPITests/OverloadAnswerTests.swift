// The refusal that is copied, against the one that is written; and which frames it may answer.

import BinaryProtocol
import Bytes
import Testing

@testable import BinaryAPI

@Suite struct OverloadAnswerTests {
  private static func refuse(_ input: [UInt8]) -> (used: Int, count: Int, output: [UInt8]) {
    var output = ByteBuffer()
    let refused = ByteView.of(input) { OverloadAnswer.refuse($0, into: &output) }
    return (refused.used, refused.count, output.array)
  }

  @Test func `every request of a pipeline gets the refusal it would have been written`() {
    let sheddable = BinaryProtocol.Operation.allCases.filter(\.isSheddable)
    var input: [UInt8] = []
    var expected = ByteBuffer()
    for (index, operation) in sheddable.enumerated() {
      let id = UInt64(index) + 7
      input += ClientBytes.frame(operation.rawValue, id: id, [UInt8](repeating: 1, count: index))
      AnswerWriter(bodyLimit: 1 << 20)
        .refusal(.overloaded, to: operation.rawValue, id, into: &expected)
    }
    let refused = Self.refuse(input)
    #expect(refused.used == input.count)
    #expect(refused.count == sheddable.count)
    #expect(refused.output == expected.array)
    #expect(sheddable.count == 6)
  }

  @Test(
    "frames that need a judgement are left to it",
    arguments: [
      ClientBytes.frame(1), ClientBytes.frame(35), ClientBytes.frame(19), ClientBytes.frame(20),
      ClientBytes.frame(99), ClientBytes.frame(16, id: 0), ClientBytes.frame(16, flags: 1),
      ClientBytes.frame(16, flags: 8), ClientBytes.frame(16, status: 1),
      ClientBytes.frame(16, declaring: .max), ClientBytes.frame(16, declaring: 1),
      Array(ClientBytes.frame(16).dropLast()), [],
    ])
  func judged(frame: [UInt8]) {
    let first = ClientBytes.frame(16, id: 3, [1, 2])
    #expect(Self.refuse(frame).used == 0)
    #expect(Self.refuse(first + frame).used == first.count)
  }
}
