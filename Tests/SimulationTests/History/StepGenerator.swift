// Draws histories: every kind of request, work in the background, time, schema changes, restarts,
// crashes and faults, all from one seed.

import DataModel
import LSM
import TestSupport

/// What a history may hold.
enum HistoryProfile: String, CaseIterable {
  /// No faults; crashes are kills: every option set gives the same answers.
  case plain
  /// No faults; crashes of every kind.
  case crashes
  /// Faults and crashes of every kind.
  case faults
}

/// Draws the steps of one history.
struct StepGenerator {
  private var random: SeededGenerator
  private let profile: HistoryProfile
  /// Tables as they would be if everything went well, so that most requests make sense.
  private var tables: [String: TableDefinition] = [:]
  private var wall: Int64 = 1_756_695_600_000_000
  private var mutations: MutationGenerator
  /// Few keys meet often, many make deep stores.
  private let keyCount: Int

  private static let names = ["t0", "t1", "t2"]
  private static let families: [FamilyDefinition] = [
    FamilyDefinition(name: "a"), FamilyDefinition(name: "b"), FamilyDefinition(name: "c"),
    FamilyDefinition(name: "g", gc: .maxVersions(2)),
    FamilyDefinition(name: "h", gc: .union([.maxAge(microseconds: 5_000_000), .maxVersions(4)])),
    FamilyDefinition(name: "n", aggregate: .sum), FamilyDefinition(name: "x", aggregate: .max),
    FamilyDefinition(name: "y", aggregate: .min),
  ]

  init(seed: UInt64, profile: HistoryProfile) {
    random = SeededGenerator(seed: seed)
    self.profile = profile
    mutations = MutationGenerator(seed: seed ^ 0x5eed)
    keyCount = seed % 4 == 3 ? 200 : 30
  }

  static func history(
    seed: UInt64, profile: HistoryProfile, stepCount: Int
  ) -> [StoreStep] {
    var generator = StepGenerator(seed: seed, profile: profile)
    return (0..<stepCount).map { generator.step($0) }
  }

  mutating func step(_ index: Int) -> StoreStep {
    let action = tables.isEmpty ? createTable() : anyAction()
    wall += 1_000
    defer { if case .pass(let milliseconds) = action { wall += Int64(milliseconds) * 1_000 } }
    return StoreStep(index: index, seed: random.next(), wall: wall, action: action)
  }

  private mutating func anyAction() -> StoreAction {
    switch random.below(200) {
    case 0..<70: return .mutate(request())
    case 70..<78: return .mutateTogether((0...random.below(5)).map { _ in request() })
    case 78..<88: return checkAndMutate()
    case 88..<98: return readModifyWrite()
    case 98..<122: return .read(table: table(), key: key(), options: options())
    case 122..<137: return scan()
    case 137: return .statistics
    case 138: return createTable()
    case 139: return dropTable()
    case 140..<145: return alterTable()
    case 145..<152: return .flush(table())
    case 152..<155: return .compact(table())
    case 155..<169: return .work(1 + random.below(4))
    case 169..<175: return .pass(milliseconds: [1, 250, 3_000, 100_000][random.below(4)])
    // Plain histories are long: with fewer restarts their stores grow deeper.
    case 175..<187 where profile == .plain && random.chance(0.75): return .mutate(request())
    case 175..<179: return .reopen(finishesWork: random.chance(0.4))
    case 179..<187: return crash()
    default: return fault()
    }
  }

  private mutating func crash() -> StoreAction {
    if profile == .plain { return .crash(share: 1) }
    return .crash(share: [0, 0.1, 0.5, 0.5, 0.9, 1][random.below(6)])
  }

  private mutating func fault() -> StoreAction {
    guard profile == .faults else { return .mutate(request()) }
    switch random.below(13) {
    case 0..<6: return .fault(.random(&random))
    case 6..<8: return .fillDisk(slack: [0, 100, 5_000, 30_000][random.below(4)])
    default: return .heal
    }
  }

  // MARK: Names and keys

  private mutating func table() -> String {
    let known = tables.keys.sorted()
    return known.isEmpty || random.chance(0.01)
      ? StepGenerator.names[random.below(3)] : known[random.below(known.count)]
  }

  private mutating func key() -> String {
    let number = random.below(keyCount)
    return number % 7 == 0 ? "row-with-a-longer-name-\(number)" : "r\(number)"
  }

  // MARK: Mutations

  /// Mutations of families that the table has, most of the time.
  private mutating func mutations(of table: String, limit: Int = 5) -> [TestMutation] {
    let families = tables[table]?.families ?? StepGenerator.families
    let plain = families.filter { $0.aggregate == nil }.map(\.name)
    let sums = families.filter { $0.aggregate != nil }.map(\.name)
    mutations.plainFamilies = plain.isEmpty || random.chance(0.005) ? ["a"] : plain
    mutations.sumFamilies = sums.isEmpty ? [] : sums
    mutations.valueByteLimit = random.chance(0.1) ? 900 : random.chance(0.3) ? 60 : 6
    return (0...random.below(limit)).map { _ in mutation(hasSums: !sums.isEmpty) }
  }

  private mutating func mutation(hasSums: Bool) -> TestMutation {
    if !hasSums { mutations.sumFamilies = mutations.plainFamilies }
    var mutation = mutations.mutation()
    if !hasSums, case .add(let family, let qualifier, let time, let input) = mutation {
      mutation = .set(family, qualifier, time, RowModel.bytes(input))
    } else if !hasSums, case .merge(let family, let qualifier, let time, _) = mutation {
      mutation = .set(family, qualifier, time, [])
    }
    guard random.chance(0.1) else { return mutation }
    switch mutation {
    case .set(let family, let qualifier, _, let value): return .set(family, qualifier, -1, value)
    case .add(let family, let qualifier, _, let input): return .add(family, qualifier, -1, input)
    default: return mutation
    }
  }

  private mutating func request() -> MutationRequest {
    let table = table()
    let rows = (0...random.below(random.chance(0.2) ? 8 : 2)).map { _ in
      RowChange(key: key(), mutations: mutations(of: table))
    }
    let durability =
      random.chance(0.15) ? Durability.allCases[random.below(Durability.allCases.count)] : nil
    return MutationRequest(table: table, rows: rows, durability: durability)
  }

  private mutating func checkAndMutate() -> StoreAction {
    let table = table()
    return .checkAndMutate(
      table: table, key: key(), predicate: random.chance(0.4) ? nil : filter(depth: 2),
      ifMatched: random.chance(0.1) ? [] : mutations(of: table),
      otherwise: random.chance(0.4) ? [] : mutations(of: table, limit: 2))
  }

  private mutating func readModifyWrite() -> StoreAction {
    let rules = (0...random.below(3)).map { _ in
      let family = ["a", "b", "c"][random.below(3)]
      return random.chance(0.6)
        ? ReadModifyWriteRule(
          family: family, qualifier: Array("log".utf8),
          change: .append([UInt8(random.below(256))]))
        : ReadModifyWriteRule(
          family: family, qualifier: Array("count".utf8),
          change: .increment(Int64(random.below(1_000)) - 500))
    }
    return .readModifyWrite(table: table(), key: key(), rules: rules)
  }

  // MARK: Reads

  private mutating func options() -> ReadOptions {
    var options = ReadOptions(versions: [0, 0, 1, 2][random.below(4)])
    if random.chance(0.3) {
      options.columns = (0...random.below(2)).map { _ in
        ColumnSelector(
          family: ["a", "b", "c", "n"][random.below(4)],
          qualifier: random.chance(0.5) ? Array(["", "q", "log"][random.below(3)].utf8) : nil)
      }
    }
    if random.chance(0.3) { options.filter = filter(depth: 3) }
    return options
  }

  private mutating func filter(depth: Int) -> RowFilter {
    switch random.below(depth > 0 ? 18 : 14) {
    case 0: return .passAll
    case 1: return random.chance(0.2) ? .blockAll : .family("c")
    case 2: return .family(["a", "b", "n"][random.below(3)])
    case 3: return .qualifier(Array(["", "q"][random.below(2)].utf8))
    case 4: return .qualifierPrefix(Array("q".utf8))
    case 5: return .columnRange(family: "a", from: Array("q".utf8), to: nil)
    case 6: return .timestampRange(from: 2_000, to: random.chance(0.5) ? 4_000 : nil)
    case 7: return .valueRange(from: [UInt8(random.below(200))], to: nil)
    case 8: return .cellsPerRowOffset(random.below(4))
    case 9: return .cellsPerRowLimit(random.below(4))
    case 10: return .cellsPerColumnLimit(random.below(3))
    // A label more than once on a way, or a sink in a condition, is refused: alone they are not.
    case 11 where depth == 3: return .interleave([.sink, .chain([.family("a"), .label("x")])])
    case 11: return .rowKeyPrefix(Array("r1".utf8))
    case 12: return random.chance(0.5) ? .stripValue : .value([])
    case 13: return regex()
    case 14: return .chain([filter(depth: depth - 1), filter(depth: depth - 1)])
    case 15: return .interleave([filter(depth: depth - 1), filter(depth: depth - 1)])
    default:
      return .condition(
        predicate: filter(depth: depth - 1), then: filter(depth: depth - 1),
        otherwise: random.chance(0.5) ? filter(depth: depth - 1) : nil)
    }
  }

  private mutating func regex() -> RowFilter {
    let choice: (subject: RegexSubject, pattern: String) =
      [(.rowKey, "r[12].*"), (.family, "a|n"), (.qualifier, "q?"), (.value, "\\C{0,3}")][
        random.below(4)]
    return (try? .regex(choice.subject, pattern: Array(choice.pattern.utf8), field: ""))
      ?? .passAll
  }

  private mutating func scan() -> StoreAction {
    let bounds = [key(), key()].sorted().map { Array($0.utf8) }
    let range =
      random.chance(0.4)
      ? RowRange.all : RowRange(from: bounds[0], to: random.chance(0.8) ? bounds[1] : nil)
    return .scan(
      table: table(),
      request: ScanRequest(
        range: range, reversed: random.chance(0.5),
        limit: random.chance(0.5) ? 0 : 1 + random.below(6), options: options()))
  }

  // MARK: Schema

  private mutating func createTable() -> StoreAction {
    let name = StepGenerator.names[random.below(3)]
    var families = StepGenerator.families.filter { _ in random.chance(0.6) }
    if families.isEmpty { families = [StepGenerator.families[0]] }
    let definition = TableDefinition(
      name: name, families: families, gcOnRead: random.chance(0.3))
    if tables[name] == nil { tables[name] = definition }
    return .createTable(definition)
  }

  private mutating func dropTable() -> StoreAction {
    let name = table()
    tables[name] = nil
    return .dropTable(name)
  }

  private mutating func alterTable() -> StoreAction {
    let name = table()
    var families = tables[name]?.families ?? []
    var changes: [TableChange] = []
    for _ in 0...random.below(2) {
      let family = StepGenerator.families[random.below(StepGenerator.families.count)]
      let isThere = families.contains { $0.name == family.name }
      switch random.below(10) {
      case 0..<4 where isThere && families.count > 1:
        changes.append(.dropFamily(family.name))
        families.removeAll { $0.name == family.name }
      case 4 where isThere && family.aggregate == nil, 5 where isThere && family.aggregate == nil:
        var changed = family
        changed.gc =
          [
            nil, .maxVersions(1), .maxVersions(3), .maxAge(microseconds: 2_000_000),
            .intersection([.maxVersions(1), .maxAge(microseconds: 1_000_000)]),
          ][random.below(5)]
        changes.append(.updateFamily(changed))
      case 6: changes.append(.setGCOnRead(random.chance(0.5)))
      default:
        changes.append(.createFamily(family))
        if !isThere { families.append(family) }
      }
    }
    if let table = tables[name] {
      tables[name] = TableDefinition(
        name: name, families: families, gcOnRead: table.gcOnRead)
    }
    return .alterTable(name, changes)
  }
}
