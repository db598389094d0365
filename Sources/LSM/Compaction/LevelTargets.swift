// How large each level should be, computed from the last level upwards: level n holds a
// `levelMultiplier`-th of level n + 1, so that whatever is above the last level is at most 0.111
// of it, and space amplification stays below 1.12. The first level that is used, the base, is the
// one whose target falls to `baseLevelByteCount`; a small store is level 0 and the last level.
// Idea: dynamic level sizes as in RocksDB (Dong et al., CIDR 2017).

/// Target sizes of the levels of one version.
struct LevelTargets {
  static let last = Limits.levelCount - 1

  /// Where level 0 is merged to.
  let baseLevel: Int
  /// By level; 0 above the base. The last level's means nothing: it is as large as it is.
  let byteCounts: [UInt64]

  init(_ version: Version, _ options: EngineOptions) {
    // Before data has come down, the largest level stands for the last.
    var size = version.levels.dropFirst().map(\.byteCount).max() ?? 0
    var base = LevelTargets.last
    let multiplier = Swift.max(2, options.levelMultiplier)
    while size > options.baseLevelByteCount, base > 1 {
      size /= multiplier
      base -= 1
    }
    var targets = [UInt64](repeating: 0, count: Limits.levelCount)
    for level in base..<Limits.levelCount {
      targets[level] = Swift.max(1, size)
      size = size.multipliedReportingOverflow(by: multiplier).partialValue
    }
    byteCounts = targets
    // Nothing may jump over a level that holds files: they are older than level 0 and newer than
    // the base.
    let occupied = version.levels[1...].firstIndex { !$0.files.isEmpty } ?? base
    baseLevel = Swift.min(base, occupied)
  }

  /// Bytes of a level against its target; a level that should be empty is far above.
  func score(_ level: Int, byteCount: UInt64) -> Double {
    guard level < LevelTargets.last, byteCount > 0 else { return 0 }
    return Double(byteCount) / Double(Swift.max(1, byteCounts[level]))
  }
}
