// The same values as messages of protoc's making, field by field.

import BinaryProtocol
import DataModel
import RegularExpressions
import Foundation
import StrataProto
import SwiftProtobuf

extension Strata_V1_RowFilter {
  init(_ filter: RowFilter) {
    self.init()
    switch filter {
    case .passAll: passAll = true
    case .blockAll: blockAll = true
    case .chain(let filters): chain.filters = filters.map { Strata_V1_RowFilter($0) }
    case .interleave(let filters): interleave.filters = filters.map { Strata_V1_RowFilter($0) }
    case .condition(let predicate, let then, let otherwise):
      condition.predicate = Strata_V1_RowFilter(predicate)
      if let then { condition.then = Strata_V1_RowFilter(then) }
      if let otherwise { condition.otherwise = Strata_V1_RowFilter(otherwise) }
    case .rowKeyPrefix(let bytes): rowKeyPrefix = Data(bytes)
    case .regex(.rowKey, let regex): rowKeyRegex = Data(regex.pattern)
    case .regex(.family, let regex): familyRegex = Data(regex.pattern)
    case .regex(.qualifier, let regex): qualifierRegex = Data(regex.pattern)
    case .regex(.value, let regex): valueRegex = Data(regex.pattern)
    case .family(let name): family = name
    case .qualifier(let bytes): qualifier = Data(bytes)
    case .qualifierPrefix(let bytes): qualifierPrefix = Data(bytes)
    case .columnRange(let name, let from, let to):
      columnRange.family = name
      if let from { columnRange.from = Data(from) }
      if let to { columnRange.to = Data(to) }
    case .timestampRange(let from, let to):
      timestampRange.fromMicros = from
      if let to { timestampRange.toMicros = to }
    case .value(let bytes): value = Data(bytes)
    case .valueRange(let from, let to):
      valueRange = Strata_V1_ValueRange()
      if let from { valueRange.from = Data(from) }
      if let to { valueRange.to = Data(to) }
    case .cellsPerRowOffset(let count): cellsPerRowOffset = UInt64(count)
    case .cellsPerRowLimit(let count): cellsPerRowLimit = UInt64(count)
    case .cellsPerColumnLimit(let count): cellsPerColumnLimit = UInt64(count)
    case .stripValue: stripValue = true
    case .rowSample(let probability): rowSample = probability
    case .label(let text): label = text
    case .sink: sink = true
    }
    // An empty list or condition is a kind of its own, though nothing was set in it.
    if kind == nil, case .chain = filter { chain = Strata_V1_RowFilterList() }
    if kind == nil, case .interleave = filter { interleave = Strata_V1_RowFilterList() }
  }
}

extension Strata_V1_ReadOptions {
  init(_ options: ReadOptions) {
    self.init()
    columns = options.columns.map { column in
      var selector = Strata_V1_ColumnSelector()
      selector.family = column.family
      if let qualifier = column.qualifier { selector.qualifier = Data(qualifier) }
      return selector
    }
    if options.versions != 1 { versions = UInt32(options.versions) }
    if let filter = options.filter { self.filter = Strata_V1_RowFilter(filter) }
  }
}

extension Strata_V1_RowRange {
  init(_ range: RowRange) {
    self.init()
    if let bound = range.lower { lower = Data(bound) }
    if let bound = range.upper { upper = Data(bound) }
  }
}

extension Strata_V1_Cell {
  /// The run of cells that a message holds.
  static func run(_ cells: [SampleCells.Cell]) -> [Strata_V1_Cell] {
    cells.indices.map { index in
      let cell = cells[index]
      let before = index > 0 ? cells[index - 1] : nil
      var message = Strata_V1_Cell()
      if before?.family != cell.family { message.family = SampleCells.families[cell.family] }
      if before?.family != cell.family || before?.qualifier != cell.qualifier {
        message.qualifier = Data(cell.qualifier)
      }
      message.timestampMicros = cell.timestamp
      message.value = Data(cell.value)
      if let label = cell.label { message.label = label }
      return message
    }
  }
}

extension Strata_V1_Mutation {
  init(_ mutation: SampleMutation) {
    self.init()
    switch mutation {
    case .setCell(let family, let qualifier, let timestamp, let value):
      setCell.family = family
      setCell.qualifier = Data(qualifier)
      if timestamp != .server { setCell.timestampMicros = timestamp.microseconds }
      setCell.value = Data(value)
    case .deleteFromColumn(let family, let qualifier, let from, let to):
      deleteFromColumn.family = family
      deleteFromColumn.qualifier = Data(qualifier)
      deleteFromColumn.fromMicros = from
      if let to { deleteFromColumn.toMicros = to }
    case .deleteFromFamily(let family): deleteFromFamily.family = family
    case .deleteFromRow: deleteFromRow = Strata_V1_DeleteFromRow()
    case .addToCell(let family, let qualifier, let timestamp, let input):
      addToCell.family = family
      addToCell.qualifier = Data(qualifier)
      if timestamp != .server { addToCell.timestampMicros = timestamp.microseconds }
      addToCell.input = input
    case .mergeToCell(let family, let qualifier, let timestamp, let state):
      mergeToCell.family = family
      mergeToCell.qualifier = Data(qualifier)
      if timestamp != .server { mergeToCell.timestampMicros = timestamp.microseconds }
      mergeToCell.state = Data(state)
    }
  }
}

extension Strata_V1_RowMutations {
  init(_ row: SampleRow) {
    self.init()
    key = Data(row.key)
    mutations = row.mutations.map { Strata_V1_Mutation($0) }
  }
}

extension Strata_V1_ReadModifyWriteRule {
  init(_ rule: ReadModifyWriteRule) {
    self.init()
    family = rule.family
    qualifier = Data(rule.qualifier)
    switch rule.change {
    case .append(let bytes): append = Data(bytes)
    case .increment(let amount): increment = amount
    }
  }
}

extension Strata_V1_RejectedRow {
  init(_ rejected: RejectedRow) {
    self.init()
    row = rejected.row
    status = UInt32(rejected.status)
    error = Strata_V1_Error()
    error.code = rejected.error.code
    error.message = rejected.error.message
  }
}

extension Strata_V1_GCRule {
  init(_ rule: GCRule) {
    self.init()
    switch rule {
    case .maxVersions(let count): maxVersions = Int64(count)
    case .maxAge(let age): maxAgeMicros = age
    case .union(let rules):
      kind = .union(Strata_V1_GCRuleList.with { $0.rules = rules.map { Strata_V1_GCRule($0) } })
    case .intersection(let rules):
      kind = .intersection(
        Strata_V1_GCRuleList.with { $0.rules = rules.map { Strata_V1_GCRule($0) } })
    }
  }
}

extension Strata_V1_ValueType {
  init(_ type: ValueType?) {
    switch type {
    case nil: self = .undeclared
    case .utf8: self = .utf8
    case .int64: self = .int64
    case .float64: self = .float64
    case .json: self = .json
    case .bytes: self = .bytes
    }
  }
}

extension Strata_V1_FamilyDefinition {
  init(_ family: FamilyDefinition) {
    self.init()
    name = family.name
    if let rule = family.gc { gc = Strata_V1_GCRule(rule) }
    type = Strata_V1_ValueType(family.type)
    columns = family.columns.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map { column in
      var message = Strata_V1_ColumnType()
      message.qualifier = Data(column.key)
      message.type = Strata_V1_ValueType(column.value)
      return message
    }
    switch family.aggregate {
    case nil: aggregate = .none
    case .sum: aggregate = .sum
    case .min: aggregate = .min
    case .max: aggregate = .max
    }
  }
}

extension Strata_V1_TableDefinition {
  init(_ definition: TableDefinition) {
    self.init()
    name = definition.name
    families = definition.families.map { Strata_V1_FamilyDefinition($0) }
    gcOnRead = definition.gcOnRead
    deletionProtection = definition.settings.isProtected
  }
}

extension Strata_V1_TableChange {
  init(_ change: TableChange) {
    self.init()
    switch change {
    case .createFamily(let family): createFamily = Strata_V1_FamilyDefinition(family)
    case .updateFamily(let family): updateFamily = Strata_V1_FamilyDefinition(family)
    case .dropFamily(let name): dropFamily = name
    case .setGCOnRead(let isOn): setGcOnRead = isOn
    case .setProtection(let isOn): setDeletionProtection = isOn
    }
  }
}

extension Strata_V1_TableStatistics {
  init(_ report: TableReport) {
    self.init()
    name = report.name
    approximateRows = report.approximateRows
    approximateCells = report.approximateCells
    byteCount = report.byteCount
    if let time = report.lastWriteMicroseconds { lastWriteMicros = time }
    if let time = report.maxCellTimestamp { maxCellTimestampMicros = time }
    putsTotal = report.putsTotal
    deletesTotal = report.deletesTotal
    levels = report.levels.map { level in
      Strata_V1_LevelStatistics.with {
        $0.fileCount = level.fileCount
        $0.byteCount = level.byteCount
        $0.entryCount = level.entryCount
      }
    }
    memtableByteCount = report.memtableByteCount
    sealedMemtableCount = report.sealedMemtableCount
    logByteCount = report.logByteCount
    compactionDebtByteCount = report.compactionDebtByteCount
    bytesCommitted = report.bytesCommitted
    bytesLogged = report.bytesLogged
    bytesFlushed = report.bytesFlushed
    bytesCompacted = report.bytesCompacted
    commits = report.commits
    longestCommitNanos = report.longestCommitNanoseconds
    lastSequence = report.lastSequence
  }
}
