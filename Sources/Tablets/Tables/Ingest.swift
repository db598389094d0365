// Streamed ingest, exactly once: a producer has a name and a position, and a batch's rows and the
// producer's new position are one commit. What is below the stored position is acknowledged and not
// applied again, so a producer that does not know what arrived sends it once more.

internal import Bytes
package import DataModel
package import LSM
internal import Runtime

/// A producer of a table.
package struct ProducerPosition: Sendable, Equatable {
  package var name: [UInt8]
  /// Position after the last one taken in.
  package var next: UInt64

  package init(name: [UInt8], next: UInt64) {
    self.name = name
    self.next = next
  }
}

/// What the rows of an ingested list are to their producer.
package struct IngestSource: Sendable {
  /// 1 to `Table.producerNameByteCount` bytes of UTF-8.
  package var producer: [UInt8]
  /// Position of the first line.
  package var first: UInt64
  /// Lines, those that are no rows included.
  package var lineCount: Int
  /// For each row the number of its line, ascending, counted from the first; nil when each line is
  /// a row.
  package var lines: [UInt32]?
  /// Where the list sent before this one ends: this one is refused when that one was not taken in,
  /// whatever the reason. 0 asks for nothing.
  package var previousEnd: UInt64 = 0
  /// The producer is done: its position is forgotten with this commit.
  package var isLast = false
  /// Do not commit a list of which rows are refused: answer first (`IngestReceipt.isWithheld`).
  package var withholdsRefused = false

  package init(producer: [UInt8], first: UInt64, lineCount: Int, lines: [UInt32]? = nil) {
    self.producer = producer
    self.first = first
    self.lineCount = lineCount
    self.lines = lines
  }

  /// Position after the last line.
  package var end: UInt64 { first + UInt64(lineCount) }

  /// The first row that is not below `next`.
  func firstRow(notBelow next: UInt64, rowCount: Int) -> Int {
    guard next > first else { return 0 }
    let line = next - first
    guard let lines else { return Int(min(line, UInt64(rowCount))) }
    return lines.firstIndex { UInt64($0) >= line } ?? rowCount
  }
}

/// What an ingested list came to.
package struct IngestReceipt: Sendable {
  /// Rows of the list (by position) that were refused; the producer's position is past them too.
  package var rejected: [(row: Int, error: TableServiceError)] = []
  /// Rows at the list's start that had been taken in before.
  package var repeatedRowCount = 0
  /// Rows that are durable and visible because of this list.
  package var appliedRowCount = 0
  /// The producer's position: everything below is taken in.
  package var next: UInt64 = 0
  /// Nothing was committed, as `IngestSource.withholdsRefused` asked.
  package var isWithheld = false
}

extension Table {
  /// Bytes of a producer's name.
  package static let producerNameByteCount = 128
  /// Producers of one table: with the longest names and positions the entry has 140 KB.
  package static let producerCount = 1_000

  /// Takes a list in: rows from the producer's position on, and the new position, in one commit.
  /// `completion` is called once, from any thread, when the outcome is durable.
  package func ingest(
    _ list: consuming MutationList, from source: IngestSource, durability: Durability? = nil,
    completion: @escaping @Sendable (Result<IngestReceipt, TableServiceError>) -> Void
  ) {
    ingest(HeldMutations(list), from: source, durability: durability, completion: completion)
  }

  /// The same for a list that may have to be handed in twice.
  package func ingest(
    _ held: HeldMutations, from source: IngestSource, durability: Durability? = nil,
    completion: @escaping @Sendable (Result<IngestReceipt, TableServiceError>) -> Void
  ) {
    do throws(TableServiceError) {
      try checkAlive()
      if held.list.rowCount > 0 { try Table.check(held.list) }
      try Table.check(source)
    } catch {
      return completion(.failure(error))
    }
    let decision = Decision(IngestReceipt())
    engine.commit(
      CommitRequest(
        durability: durability, expectedByteCount: held.list.byteCount,
        deciding: { [self] reader, batch in
          try checkAlive()
          try decide(held, source, reader, decision, &batch)
        },
        completion: { [self] result in
          switch result {
          case .success:
            if decision.entryCount > 0 {
              counters.committed(
                decision.tally, entryCount: decision.entryCount, now: time.wallMicroseconds)
            }
            completion(.success(decision.value))
          case .failure(let error): completion(.failure(fold(error)))
          }
        }))
  }

  /// The producer's position as of all commits before this call; 0 when it has none.
  package func producerPosition(
    _ name: [UInt8], completion: @escaping @Sendable (Result<UInt64, TableServiceError>) -> Void
  ) {
    let source = IngestSource(producer: name, first: 0, lineCount: 0)
    ingest(MutationList(), from: source) { completion($0.map { $0.next }) }
  }

  /// All producers, by name.
  package func producers(
    completion: @escaping @Sendable (Result<[ProducerPosition], TableServiceError>) -> Void
  ) {
    let decision = Decision([ProducerPosition]())
    engine.commit(
      CommitRequest(
        deciding: { [self] reader, _ in
          try checkAlive()
          decision.value = try positions(reader).all
        },
        completion: { [self] result in
          switch result {
          case .success: completion(.success(decision.value))
          case .failure(let error): completion(.failure(fold(error)))
          }
        }))
  }

  /// Forgets a producer: what it sends again is applied again. Answers whether it was known.
  package func forgetProducer(
    _ name: [UInt8], completion: @escaping @Sendable (Result<Bool, TableServiceError>) -> Void
  ) {
    var source = IngestSource(producer: name, first: 0, lineCount: 0)
    source.isLast = true
    ingest(MutationList(), from: source) { completion($0.map { $0.next > 0 }) }
  }

  private func positions(_ reader: any CommitReader) throws -> ProducerPositions {
    let operands = try reader.operands(of: ProducerPositions.key)
    do throws(ByteReadError) { return try ProducerPositions(operands) } catch {
      throw TableServiceError.corruptData(
        message: "table \"\(name)\": the entry of its producers cannot be read")
    }
  }

  private func decide(
    _ held: HeldMutations, _ source: IngestSource, _ reader: any CommitReader,
    _ decision: Decision<IngestReceipt>, _ batch: inout WriteBatch
  ) throws {
    let positions = try positions(reader)
    let stored = ByteView.of(source.producer) { positions.next(of: $0) }
    decision.entryCount = 0
    var receipt = IngestReceipt()
    receipt.next = stored
    defer { decision.value = receipt }
    let rowCount = held.list.rowCount
    let isNew = source.lineCount > 0 && source.end > stored
    receipt.repeatedRowCount =
      isNew ? source.firstRow(notBelow: stored, rowCount: rowCount) : rowCount
    guard isNew || source.isLast && stored > 0 else { return }
    guard stored >= source.previousEnd else {
      throw TableServiceError.conflict(
        code: "position_gap",
        message: "the producer's position is \(stored), and the list before this one ends at "
          + "\(source.previousEnd): it was not taken in. Ask for the position and send from there")
    }
    if stored == 0, positions.count >= Table.producerCount {
      throw TableServiceError.invalid(
        code: "too_many_producers",
        message: "table \"\(name)\" has \(positions.count) producers, which is the limit; "
          + "forget those that are done")
    }
    if receipt.repeatedRowCount < rowCount {
      let encoded = encode(
        held.list, from: receipt.repeatedRowCount, into: &batch, asking: reader)
      receipt.rejected = encoded.receipt.rejected
      if source.withholdsRefused, !receipt.rejected.isEmpty {
        batch.clear()
        receipt.isWithheld = true
        return
      }
      decision.tally = encoded.tally
      decision.entryCount = batch.count
      receipt.appliedRowCount = rowCount - receipt.repeatedRowCount - receipt.rejected.count
    }
    if isNew { receipt.next = source.end }
    var entry = ByteBuffer(capacity: source.producer.count + 12)
    ByteView.of(source.producer) {
      ProducerPositions.append($0, next: source.isLast ? 0 : source.end, to: &entry)
    }
    batch.append(.merge, key: ProducerPositions.key, value: entry.view)
  }

  private static func check(_ source: IngestSource) throws(TableServiceError) {
    guard (1...producerNameByteCount).contains(source.producer.count),
      String(validating: source.producer, as: UTF8.self) != nil
    else {
      throw .invalid(
        code: "invalid_producer",
        message: "a producer's name has 1 to \(producerNameByteCount) bytes of UTF-8")
    }
    // Positions are counted up to here; a sum cannot pass 64 bits.
    guard source.first <= UInt64(Int64.max) else {
      throw .invalid(
        code: "invalid_sequence", message: "a position is at most \(Int64.max)")
    }
  }
}
