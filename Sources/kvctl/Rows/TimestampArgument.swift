// A timestamp as an option of the command line.

import ArgumentParser
import DataModel
import RowText

/// `--timestamp`.
struct TimestampArgument: ExpressibleByArgument {
  let timestamp: Timestamp

  init?(argument: String) {
    guard let timestamp = TimestampText.parse(argument) else { return nil }
    self.timestamp = timestamp
  }
}
