// How far each producer has come: one entry of the engine, under the empty key, which no row can
// have. It is committed in one batch with the rows it speaks of.
//
//   value    := producer*                       names ascend, no name twice
//   producer := nameCount: varint │ name │ next: varint
//
// `next` is the position after the last one taken in; 0 says that the producer is forgotten. Each
// commit writes a change (a `merge`) with its own producer only; of many changes the newest one
// counts, name by name.

internal import Bytes
internal import LSM

/// The producers of a table at one moment.
struct ProducerPositions {
  /// The key of the engine's entry.
  static var key: ByteView { ByteView() }

  private var producers: [(name: ByteView, next: UInt64)] = []

  /// What the operands, newest first, come to. Views are of their bytes.
  init(_ operands: [Operand]) throws(ByteReadError) {
    for operand in operands {
      try add(operand.value)
      if operand.kind.hidesOlder { break }
    }
  }

  var count: Int { producers.reduce(0) { $0 + ($1.next > 0 ? 1 : 0) } }

  /// Position after the last one taken in; 0 when there is none.
  func next(of name: ByteView) -> UInt64 {
    let index = index(of: name)
    return index < producers.count && producers[index].name == name ? producers[index].next : 0
  }

  /// Those that are not forgotten, by name.
  var all: [ProducerPosition] {
    producers.filter { $0.next > 0 }.map {
      ProducerPosition(name: $0.name.array, next: $0.next)
    }
  }

  /// Appends one producer in the entry's form.
  static func append(_ name: ByteView, next: UInt64, to output: inout ByteBuffer) {
    output.append(lengthPrefixed: name)
    output.append(varint: next)
  }

  /// Combines changes as `ValueMerger` asks for.
  static func merge(
    _ operands: [Operand], isOldest: Bool, into output: inout ByteBuffer
  ) -> MergeOutcome {
    let isWhole = isOldest || operands.contains { $0.kind.hidesOlder }
    if operands.count == 1, !isOldest { return .unchanged }
    do throws(ByteReadError) {
      for producer in try ProducerPositions(operands).producers
      where !isWhole || producer.next > 0 {
        append(producer.name, next: producer.next, to: &output)
      }
      return isOldest && output.isEmpty ? .nothing : isWhole ? .put : .merge
    } catch {
      // Passed its checksum and yet cannot be read: kept, so that every use reports it.
      output.clear()
      let damaged = operands.first { (try? ProducerPositions([$0])) == nil }
      output.append((damaged ?? operands[0]).value)
      return isWhole ? .put : .merge
    }
  }

  /// Adds what an older change says of producers not met yet.
  private mutating func add(_ value: ByteView) throws(ByteReadError) {
    var reader = ByteReader(value)
    var last: ByteView?
    while !reader.isAtEnd {
      let name = try reader.lengthPrefixed()
      let next = try reader.varint()
      if let last, last >= name { throw ByteReadError.lengthOutOfRange }
      last = name
      let index = index(of: name)
      if index < producers.count, producers[index].name == name { continue }
      producers.insert((name: name, next: next), at: index)
    }
  }

  /// Where the name is or belongs.
  private func index(of name: ByteView) -> Int {
    var low = 0
    var high = producers.count
    while low < high {
      let middle = (low + high) / 2
      if producers[middle].name < name { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
