// Levelled compaction: level 0 is merged into the base level when it has too many files (or into
// fewer, while they are small), each further level gives its cheapest file to the next when it is
// above its target. In order:
//
//   1. what is above its target, the worst first (reads and space suffer);
//   2. what somebody asked to have rewritten;
//   3. files of mostly tombstones (they hide what they do not free, and scans walk over them);
//   4. files that the merger has not seen for long, where the situation names a time;
//   5. when idle, what is above the last level, until it is at most a tenth of it.

internal import Bytes

/// The policy of all engines. Without state.
package struct LeveledPolicy: CompactionPolicy {
  package init() {}

  package func choose(_ situation: CompactionSituation) -> CompactionChoice? {
    let plan = LeveledPlan(situation)
    return plan.overfullLevel() ?? plan.requestedRewrite() ?? plan.tombstones() ?? plan.aged()
      ?? plan.settling()
  }

  package func debtByteCount(_ version: Version, _ options: EngineOptions) -> UInt64 {
    let targets = LevelTargets(version, options)
    var debt: UInt64 = 0
    var arriving: UInt64 = 0
    if version.levels[0].files.count >= options.levelZeroTrigger {
      arriving = version.levels[0].byteCount
      debt = arriving &+ version.levels[targets.baseLevel].byteCount
    }
    for level in targets.baseLevel..<LevelTargets.last {
      let size = version.levels[level].byteCount &+ arriving
      arriving = size > targets.byteCounts[level] ? size - targets.byteCounts[level] : 0
      guard arriving > 0 else { break }
      // Each byte that moves down rewrites what it overlaps there.
      let below = version.levels[level + 1].byteCount
      let overlap = Swift.min(below / Swift.max(1, size), options.levelMultiplier)
      debt &+= arriving &* (1 &+ overlap)
    }
    return debt
  }
}

/// One look at one situation.
private struct LeveledPlan {
  let situation: CompactionSituation
  let version: Version
  let options: EngineOptions
  let targets: LevelTargets

  /// Bytes that a job takes from one level beyond its first file, when they cost nothing more.
  private var expansionByteCount: UInt64 { 4 &* UInt64(options.tableFileByteCount) }

  /// Bytes rewritten for each byte that arrives above which level 0 gathers first; and how much
  /// larger than all newer files one may be to take part. Gathering writes a byte again about once
  /// for each factor of this by which files differ.
  private static let gatherRatio: UInt64 = 4

  init(_ situation: CompactionSituation) {
    self.situation = situation
    version = situation.version
    options = situation.options
    targets = LevelTargets(situation.version, situation.options)
  }

  // MARK: 1 Levels above their target

  func overfullLevel() -> CompactionChoice? {
    let levelZero = version.levels[0].files
    var scores = [(0, Double(levelZero.count) / Double(Swift.max(1, options.levelZeroTrigger)))]
    for level in 1..<LevelTargets.last {
      scores.append((level, targets.score(level, byteCount: version.levels[level].byteCount)))
    }
    // Stable: of equals the upper level, whose files every read must look at.
    for (level, _) in scores.filter({ $0.1 >= 1 }).sorted(by: { $0.1 > $1.1 }) {
      let choice =
        level == 0
        ? gatherLevelZero() ?? mergeLevelZero(.levelZero)
        : push(from: level, .levelSize) { _ in true }
      if let choice { return choice }
    }
    return nil
  }

  /// All of level 0 into the base level.
  private func mergeLevelZero(_ reason: CompactionReason) -> CompactionChoice? {
    let files = version.levels[0].files
    guard !files.isEmpty else { return nil }
    let below = overlapping(files, inLevel: targets.baseLevel)
    let isMove = below.isEmpty && areDisjoint(files) && mayMove(files, reason)
    return CompactionChoice(
      inputs: [.init(level: 0, files: files), .init(level: targets.baseLevel, files: below)],
      outputLevel: targets.baseLevel, reason: reason, isTrivialMove: isMove)
  }

  /// The newest files of level 0 into one, while all of them are too little to be worth the way
  /// down: memtables that short memory seals early would each rewrite the base level.
  private func gatherLevelZero() -> CompactionChoice? {
    let files = version.levels[0].files
    let arriving = version.levels[0].byteCount
    guard arriving < UInt64(options.memtableByteCount) else { return nil }
    let rewritten = overlapping(files, inLevel: targets.baseLevel)
      .reduce(0) { $0 &+ $1.metadata.byteCount }
    guard rewritten > LeveledPlan.gatherRatio &* arriving else { return nil }
    var taken: [TableFile] = []
    var total: UInt64 = 0
    for file in files {
      // One that is much larger than all newer ones together was gathered before.
      if !taken.isEmpty, file.metadata.byteCount > LeveledPlan.gatherRatio &* total { break }
      taken.append(file)
      total &+= file.metadata.byteCount
    }
    guard taken.count > 1 else { return nil }
    return CompactionChoice(
      inputs: [.init(level: 0, files: taken)], outputLevel: 0, reason: .withinLevelZero)
  }

  // MARK: 2 to 5

  func requestedRewrite() -> CompactionChoice? {
    guard let request = situation.rewrite else { return nil }
    return rewrite(.rewrite) { level, file in request.isPending(file.metadata, level: level) }
  }

  func tombstones() -> CompactionChoice? {
    if let choice = tombstonesOfLevelZero() { return choice }
    for level in 1..<LevelTargets.last {
      if let choice = push(from: level, .tombstones, where: isMostlyTombstones) { return choice }
    }
    return nil
  }

  /// Level 0 on its way down before it is full, where that costs little or nobody writes: a stream
  /// of deletions must not rewrite the base level with each flush.
  private func tombstonesOfLevelZero() -> CompactionChoice? {
    let files = version.levels[0].files
    guard files.contains(where: isMostlyTombstones) else { return nil }
    let rewritten = overlapping(files, inLevel: targets.baseLevel)
      .reduce(0) { $0 &+ $1.metadata.byteCount }
    guard
      situation.isIdle
        || rewritten <= LeveledPlan.gatherRatio &* version.levels[0].byteCount
    else { return nil }
    return mergeLevelZero(.tombstones)
  }

  private func isMostlyTombstones(_ file: TableFile) -> Bool {
    file.metadata.tombstoneCount &* 2 > file.metadata.entryCount
  }

  func aged() -> CompactionChoice? {
    guard let time = situation.rewriteWrittenBefore else { return nil }
    return rewrite(.age) { _, file in file.metadata.creationMicroseconds < time }
  }

  func settling() -> CompactionChoice? {
    guard situation.isIdle else { return nil }
    let last = version.levels[LevelTargets.last].byteCount
    guard (version.byteCount - last) > last / 10 else { return nil }
    if let choice = mergeLevelZero(.settle) { return choice }
    for level in 1..<LevelTargets.last {
      if let choice = push(from: level, .settle, where: { _ in true }) { return choice }
    }
    return nil
  }

  /// Sends the first due file down, or rewrites it where there is no way down.
  private func rewrite(
    _ reason: CompactionReason, where isDue: (Int, TableFile) -> Bool
  ) -> CompactionChoice? {
    if version.levels[0].files.contains(where: { isDue(0, $0) }),
      let choice = mergeLevelZero(reason)
    {
      return choice
    }
    for level in 1..<LevelTargets.last {
      if let choice = push(from: level, reason, where: { isDue(level, $0) }) { return choice }
    }
    return rewriteInPlace(reason) { isDue(LevelTargets.last, $0) }
  }

  /// Due neighbours in the last level, the oldest file among them.
  private func rewriteInPlace(
    _ reason: CompactionReason, where isDue: (TableFile) -> Bool
  ) -> CompactionChoice? {
    let files = version.levels[LevelTargets.last].files
    let free = files.indices.filter { isDue(files[$0]) }
    guard let first = free.min(by: { files[$0].number < files[$1].number }) else { return nil }
    var end = first
    var total: UInt64 = 0
    while end < files.count, isDue(files[end]) {
      total &+= files[end].metadata.byteCount
      if end > first, total > expansionByteCount { break }
      end += 1
    }
    return CompactionChoice(
      inputs: [.init(level: LevelTargets.last, files: Array(files[first..<end]))],
      outputLevel: LevelTargets.last, reason: reason)
  }

  // MARK: One level into the next

  /// The file of a sorted level whose way down costs least, with what it overlaps there.
  private func push(
    from level: Int, _ reason: CompactionReason, where isWanted: (TableFile) -> Bool
  ) -> CompactionChoice? {
    let files = version.levels[level].files
    var best: (index: Int, cost: Double)?
    for index in files.indices where isWanted(files[index]) {
      let below = overlapping([files[index]], inLevel: level + 1)
      let cost = LeveledPlan.cost(files[index].metadata, below)
      if best.map({ cost < $0.cost }) ?? true { best = (index, cost) }
    }
    guard let best else { return nil }
    let below = overlapping([files[best.index]], inLevel: level + 1)
    let taken = expanded(best.index, in: files, below: below, level: level)
    return CompactionChoice(
      inputs: [.init(level: level, files: taken), .init(level: level + 1, files: below)],
      outputLevel: level + 1, reason: reason,
      isTrivialMove: below.isEmpty && mayMove(taken, reason))
  }

  /// Bytes rewritten for each byte that moves, less for what gets smaller on the way: entries that
  /// disappear into older ones.
  private static func cost(_ table: TableMetadata, _ below: [TableFile]) -> Double {
    let rewritten = below.reduce(0) { $0 + Double($1.metadata.byteCount) }
    let entries = Double(Swift.max(1, table.entryCount))
    let vanishing = (Double(table.tombstoneCount) + Double(table.mergeCount) / 4) / entries
    return rewritten / Double(Swift.max(1, table.byteCount)) * (1 - Swift.min(0.9, vanishing / 2))
      - vanishing / 100
  }

  /// Neighbours that overlap nothing more below come for free.
  private func expanded(
    _ index: Int, in files: [TableFile], below: [TableFile], level: Int
  ) -> [TableFile] {
    var range = index...index
    var total = files[index].metadata.byteCount
    let numbers = Set(below.map(\.number))
    func isFree(_ candidate: Int) -> Bool {
      guard files.indices.contains(candidate) else { return false }
      let size = files[candidate].metadata.byteCount
      let overlap = overlapping([files[candidate]], inLevel: level + 1)
      // Also between the neighbours: an output may hold keys of both, and so span what lies there.
      let spanned = overlapping(Array(files[range]) + [files[candidate]], inLevel: level + 1)
      guard total &+ size <= expansionByteCount, !overlap.isEmpty || below.isEmpty,
        spanned.allSatisfy({ numbers.contains($0.number) })
      else { return false }
      total &+= size
      return true
    }
    while isFree(range.upperBound + 1) { range = range.lowerBound...(range.upperBound + 1) }
    while isFree(range.lowerBound - 1) { range = (range.lowerBound - 1)...range.upperBound }
    return Array(files[range])
  }

  private func overlapping(_ files: [TableFile], inLevel level: Int) -> [TableFile] {
    guard let span = KeySpan(files.map(\.metadata)) else { return [] }
    return ByteView.of(span.smallest) { smallest in
      ByteView.of(span.largest) { version.files(inLevel: level, overlapping: smallest, $0) }
    }
  }

  private func areDisjoint(_ files: [TableFile]) -> Bool {
    let sorted = files.map(\.metadata).sorted {
      $0.smallestKey.lexicographicallyPrecedes($1.smallestKey)
    }
    return zip(sorted, sorted.dropFirst()).allSatisfy {
      $0.largestKey.lexicographicallyPrecedes($1.smallestKey)
    }
  }

  /// A file that is due for the merger, or has tombstones that could go, is rewritten instead.
  private func mayMove(_ files: [TableFile], _ reason: CompactionReason) -> Bool {
    switch reason {
    case .rewrite, .age, .tombstones, .withinLevelZero: false
    case .levelZero, .levelSize, .settle: files.allSatisfy { $0.metadata.tombstoneCount == 0 }
    }
  }
}

/// The keys from the smallest to the largest of some files.
struct KeySpan {
  let smallest: [UInt8]
  let largest: [UInt8]

  init?(_ tables: [TableMetadata]) {
    guard var smallest = tables.first?.smallestKey, var largest = tables.first?.largestKey else {
      return nil
    }
    for table in tables {
      if table.smallestKey.lexicographicallyPrecedes(smallest) { smallest = table.smallestKey }
      if largest.lexicographicallyPrecedes(table.largestKey) { largest = table.largestKey }
    }
    self.smallest = smallest
    self.largest = largest
  }
}
