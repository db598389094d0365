// kvctl demo: fills a running server with the demo tables.

import ArgumentParser
import Client
import DataModel
import DemoData

/// `kvctl demo`.
struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo", abstract: "Fills the server with synthetic companies and scores.",
    discussion: """
      Creates the tables companies, score_events, installments and by_tier where they are missing \
      and writes the same rows every time; nothing else in them is touched. Their newest day is \
      2025-09-01; score_events keeps two years, so its older rows are collected soon.

      Examples:
        kvctl demo
        kvctl demo --companies 100000
        kvctl scan by_tier --prefix A# --limit 10
      """)

  @Option(name: .long, help: "How many companies.")
  var companies = DemoGenerator.defaultCompanyCount
  @Option(name: .long, help: "Another seed gives other companies.")
  var seed = DemoGenerator.defaultSeed
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    guard (1...10_000_000).contains(companies) else {
      throw ValidationError("--companies is from 1 to 10000000.")
    }
  }

  func run() throws {
    let client = try connection.connect()
    let known = Set(try client.tables().map(\.name))
    for definition in DemoTables.definitions where !known.contains(definition.name) {
      try client.createTable(definition)
    }
    let writer = DemoWriter(client)
    var generator = DemoGenerator(companyCount: companies, seed: seed)
    var batch = DemoBatch()
    while generator.next(50, into: &batch) {
      try writer.send(batch.companies, to: DemoTables.companies)
      try writer.send(batch.scoreEvents, to: DemoTables.scoreEvents)
      try writer.send(batch.installments, to: DemoTables.installments)
      try writer.send(batch.byTier, to: DemoTables.byTier)
    }
    try writer.finish()
    var out = OutputStream()
    for (table, count) in writer.rowCounts.sorted(by: { $0.key < $1.key }) {
      try out.line("\(table): \(count) rows")
    }
    try out.flush()
  }
}

/// A mutation stream for each demo table.
private final class DemoWriter {
  private let client: StoreClient
  private var streams: [String: MutationStream] = [:]
  private var firstRefusal: (code: String, message: String)?
  private(set) var rowCounts: [String: Int] = [:]

  init(_ client: StoreClient) { self.client = client }

  func send(_ list: borrowing MutationList, to table: String) throws {
    if list.isEmpty { return }
    let stream: MutationStream
    if let open = streams[table] {
      stream = open
    } else {
      stream = try client.mutationStream(table, window: 8)
      stream.onAcknowledged = { [unowned self] answer in
        if firstRefusal == nil, let first = answer.rejected.first {
          firstRefusal = (first.code, first.message)
        }
      }
      streams[table] = stream
    }
    _ = try stream.send(list)
    rowCounts[table, default: 0] += list.rowCount
    try check()
  }

  func finish() throws {
    for stream in streams.values { try stream.finish() }
    try check()
  }

  private func check() throws {
    if let firstRefusal {
      throw ClientError.refused(code: firstRefusal.code, message: firstRefusal.message)
    }
  }
}
