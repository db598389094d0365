// What a test run is told from outside.

internal import Glibc

package enum ProcessEnvironment {
  /// `STRATA_SEEDS`: how many seeds each model test runs.
  package static var seedCount: UInt64? { number("STRATA_SEEDS").map { UInt64($0) } }

  /// A number in the environment; nil when it is not set, or is none.
  package static func number(_ name: String) -> Int? { text(name).flatMap { Int($0) } }

  package static func text(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }
}

/// Seeds of a model test: 1 to `STRATA_SEEDS`, else to `count`.
package func seeds(_ count: UInt64) -> ClosedRange<UInt64> {
  1...max(1, ProcessEnvironment.seedCount ?? count)
}
