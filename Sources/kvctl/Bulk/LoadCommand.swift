// kvctl load.

import ArgumentParser
import Client
import DataModel
import RowText

/// `kvctl load`.
struct LoadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "load", abstract: "Loads rows from NDJSON or CSV, durably.",
    discussion: """
      NDJSON: one row a line, {"key": "k", "families": {"s": {"score": 712}}}; "timestamp" beside \
      "key" (microseconds) holds for the line's cells, "delete": true deletes the row first. CSV: \
      a \
      header key,s:score,s:model; an empty field writes nothing, "" an empty value.

      A file's rows are written exactly once: a load that was cut off, by whatever, goes on where \
      it stopped when it is started again with the same unchanged file. --producer names the \
      load, for pipes too; then the position is kept, and what was loaded under that name is \
      passed over ever after. Files packed with gzip are unpacked on the way.

      A line that cannot be taken is refused with its place and the load goes on; it then exits \
      with 1. Ctrl-C stops sending, waits for what is on its way and says how far the load came \
      (exit 1); Ctrl-C again ends at once.

      Examples:
        kvctl load scores scores.ndjson
        kvctl load scores scores.csv --rejects refused.ndjson
        kvctl load scores scores.ndjson.gz
        produce | kvctl load scores - --producer scores-2026-11
        kvctl load scores scores.ndjson --timestamp 2025-09-01T00:00:00Z   (run again: same cells)
        kvctl load scores scores.ndjson --dry-run
      """)

  @Argument(help: "The table.") var table: String
  @Argument(help: "A file; - is standard input.") var file: String
  @Option(name: .long, help: "ndjson or csv (default: csv for *.csv, else ndjson).")
  var format: FileFormat?
  @Option(
    name: .long,
    help: "Time of cells without their own: RFC 3339 or microseconds (default: the server's clock)."
  )
  var timestamp: TimestampArgument?
  @Option(name: .long, help: "Collect refused lines here, as NDJSON with line, reason and text.")
  var rejects: String?
  @Option(name: .long, help: "Give up after more refused lines than this.")
  var maxRejects: Int?
  @Option(
    name: .long,
    help: "The load's name: its lines are written once, however often they are sent (1–128 bytes).")
  var producer: String?
  @Option(name: .long, help: "Requests on their way at a time.") var window = 8
  @Flag(name: .long, help: "Read and check the lines, send nothing.") var dryRun = false
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    guard (1...256).contains(window) else { throw ValidationError("--window is from 1 to 256.") }
    if let producer, !(1...128).contains(producer.utf8.count) {
      throw ValidationError("--producer has 1 to 128 bytes.")
    }
    if let maxRejects, maxRejects < 0 { throw ValidationError("--max-rejects is 0 or more.") }
  }

  func run() throws {
    let input = try LoadInput(path: file)
    let client = try connection.connect()
    let schema = RowTextSchema(try client.table(table))
    let ownProducer = input.identity.map { "kvctl load \($0)" }
    let isCSV = (format ?? FileFormat(path: file)) == .csv
    let loader = Loader(
      schema, isCSV ? .csv : .ndjson, timestamp: timestamp?.timestamp ?? .server,
      to: dryRun
        ? nil
        : try client.mutationStream(table, window: window, producer: producer ?? ownProducer),
      rejects: try RejectLog(path: rejects))
    var progress = LoadProgress(total: input.byteCount)
    Interruption.listen()
    do {
      try loader.run(input, maxRejects: maxRejects ?? .max) { loader in
        progress.update(rows: loader.committedRows, bytes: loader.committedBytes)
      }
    } catch {
      progress.clear()
      try loader.rejects.finish()
      summarize(loader, progress)
      throw error
    }
    progress.clear()
    try loader.rejects.finish()
    summarize(loader, progress)
    // What was loaded is said before the position goes: who is cut off in between is told again.
    try loader.finish(forgetsProducer: producer == nil)
    try judge(loader)
  }

  private func summarize(_ loader: Loader, _ progress: LoadProgress) {
    let seconds = progress.seconds
    let rate = DisplayText.grouped(Int(Double(loader.committedRows) / max(seconds, 1e-6)))
    StandardError.write(
      "\(dryRun ? "checked" : "committed") \(DisplayText.grouped(loader.committedRows)) rows "
        + "(through line \(DisplayText.grouped(loader.committedLine))), "
        + "\(DisplayText.bytes(loader.committedBytes)) in \(DisplayText.decimal(seconds, 2)) s, "
        + "\(rate) rows/s\n")
    guard loader.skippedCount > 0 else { return }
    StandardError.write(
      "\(DisplayText.grouped(Int(clamping: loader.skippedCount))) records had been loaded before\n")
  }

  private func judge(_ loader: Loader) throws {
    let count = loader.rejects.count
    if Interruption.isRequested { throw CommandFailure.refused("the load was interrupted") }
    if let maxRejects, count > maxRejects {
      throw CommandFailure.refused("gave up: more than \(maxRejects) lines were refused")
    }
    guard count > 0 else { return }
    let place = rejects.map { "; they are in \($0)" } ?? ""
    throw CommandFailure.refused(
      "\(DisplayText.grouped(count)) \(count == 1 ? "line was" : "lines were") refused\(place)")
  }
}

/// `--format`.
enum FileFormat: String, ExpressibleByArgument, CaseIterable {
  case ndjson, csv

  /// The format of a file by its name.
  init(path: String) {
    let name = path.lowercased()
    self = name.hasSuffix(".csv") || name.hasSuffix(".csv.gz") ? .csv : .ndjson
  }
}
