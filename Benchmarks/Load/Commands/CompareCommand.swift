// kvbench compare: two reports side by side.

import ArgumentParser

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compares two reports, run by run.",
    discussion: """
      Ratios are after / before. What got slower by more than --fail-above is named in the last
      column, and the exit code is then 1.

      EXAMPLES
        kvbench compare before.json after.json
        kvbench compare before.json after.json --fail-above 10%
      """)

  @Argument(help: "Report of the first run.")
  var before: String

  @Argument(help: "Report of the second.")
  var after: String

  @Option(name: .customLong("fail-above"), help: "Loss that is too much (default: only mark 10%).")
  var failAbove: ShareArgument?

  func run() throws {
    let comparison = Comparison(
      try RunReport(readingFrom: before), try RunReport(readingFrom: after))
    guard !comparison.runs.isEmpty else {
      throw BenchmarkFailure("The reports have no run in common.")
    }
    let share = failAbove?.share ?? 0.1
    print(comparison.table(markingAbove: share))
    let count = comparison.regressions(above: share)
    if failAbove != nil, count > 0 {
      throw BenchmarkFailure(
        "\(count) of \(comparison.runs.count) runs got slower by more than \(Int(share * 100)) %.")
    }
  }
}
