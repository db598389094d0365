// What a test run is told from outside.

import Glibc

enum ProcessEnvironment {
  /// `STRATA_SEEDS`: how many seeds each model test runs.
  static var seedCount: UInt64? {
    guard let text = getenv("STRATA_SEEDS") else { return nil }
    return UInt64(String(cString: text))
  }
}
