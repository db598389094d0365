// The fuzz targets in small: every committed input and a few thousand mutations of them, from a
// seed. `make fuzz` runs the same targets under libFuzzer for as long as one likes. A failure names
// the target, the seed and the number of the input.

import Bytes
import Foundation
import TestSupport
import Testing

@Suite struct FuzzTests {
  /// Mutated inputs a target: STRATA_FUZZ_INPUTS, from the seed STRATA_FUZZ_SEED; of one target
  /// where STRATA_FUZZ_TARGET names it.
  private static let inputCount = number("STRATA_FUZZ_INPUTS") ?? 2_000
  private static let seed = UInt64(number("STRATA_FUZZ_SEED") ?? 1)

  private static func number(_ name: String) -> Int? {
    ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
  }

  private static var targets: [FuzzTargetName] {
    let name = ProcessInfo.processInfo.environment["STRATA_FUZZ_TARGET"]
    return FuzzTargetName.allCases.filter { name == nil || name == $0.rawValue }
  }

  @Test("committed inputs and mutations of them find nothing", arguments: targets)
  func findsNothing(name: FuzzTargetName) throws {
    let corpus = try Corpus.inputs(of: name)
    #expect(corpus.count >= 4, "the corpus of \(name) is small")
    let target = try name.make()
    for (file, input) in corpus { try check(target, input, "\(name)/\(file)") }
    var mutator = Mutator(corpus.map(\.input), seed: FuzzTests.seed)
    for number in 0..<FuzzTests.inputCount {
      let input = mutator.next()
      try check(target, input, "\(name), seed \(FuzzTests.seed), input \(number)")
    }
  }

  private func check(_ target: any FuzzTarget, _ input: [UInt8], _ place: String) throws {
    do throws(Finding) {
      try ByteView.of(input) { (input) throws(Finding) in try target.run(input) }
    } catch {
      Issue.record("\(place): \(error)\ninput: \(Data(input).base64EncodedString())")
    }
  }

  @Test func `the corpora are small`() throws {
    for name in FuzzTargetName.allCases {
      let byteCount = try Corpus.inputs(of: name).reduce(0) { $0 + $1.input.count }
      #expect(byteCount < 32 << 10, "\(name): \(byteCount) bytes")
    }
  }
}

/// The committed inputs.
enum Corpus {
  static func inputs(of name: FuzzTargetName) throws -> [(file: String, input: [UInt8])] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../Corpora/\(name.rawValue)").standardized
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    return try files.map { file in
      (file, Array(try Data(contentsOf: folder.appending(path: file))))
    }
  }
}

/// Makes new inputs of old ones: bytes changed, cut out, doubled, swapped between two of them.
struct Mutator {
  private let corpus: [[UInt8]]
  private var random: SeededGenerator

  init(_ corpus: [[UInt8]], seed: UInt64) {
    self.corpus = corpus
    random = SeededGenerator(seed: seed)
  }

  mutating func next() -> [UInt8] {
    var input = choose(corpus)
    for _ in 0...Int.random(in: 0..<4, using: &random) { mutate(&input) }
    return Array(input.prefix(4_096))
  }

  private mutating func mutate(_ input: inout [UInt8]) {
    guard !input.isEmpty else {
      input = choose(corpus)
      return
    }
    let place = Int.random(in: 0..<input.count, using: &random)
    let end = min(input.count, place + Int.random(in: 1...12, using: &random))
    switch Int.random(in: 0..<7, using: &random) {
    case 0: input[place] = UInt8.random(in: 0...255, using: &random)
    case 1: input[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 2: input[place] = choose([0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x22, 0x2c, 0x5c])
    case 3: input.removeSubrange(place..<end)
    case 4: input.insert(contentsOf: input[place..<end], at: place)
    case 5: input.removeLast(input.count - place)
    default:
      let other = choose(corpus)
      input.replaceSubrange(place..<input.count, with: other.suffix(other.count / 2))
    }
  }

  private mutating func choose<Element>(_ elements: [Element]) -> Element {
    elements[Int.random(in: 0..<elements.count, using: &random)]
  }
}
