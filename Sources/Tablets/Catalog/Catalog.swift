// The catalog: tables, families, rules and value types in SQLite, so that an operator can read it
// with the sqlite3 shell while the server runs. A change is durable when its call returns.
//
//   tables(id, name, gc_on_read, schema_version, next_family_id, deletion_protection)
//   families(table_id, id, name, gc, type, aggregate, gc_since)
//                 gc as GCRule.text, NULL keeps all; gc_since is the newest commit before that rule
//   column_types(table_id, family_id, qualifier, type)
//   totals(table_id, puts, deletes, last_write_us, max_cell_timestamp_us)
//   splits, views, view_parts, app_profiles       what Bigtable's clients say: CatalogSettings
//   checksum(id, crc32c)      one row: of all the others, see CatalogChecksum
//
// application_id 0x53545241 ("STRA"), user_version is the format's: 4. Ids are never reused.
// 2 added gc_since; 3 changed nothing here: from then on an engine may hold ProducerPositions,
// which an older program would take for a row. 4 added what CatalogSettings holds.

internal import DataModel
internal import LSM
internal import Synchronization

/// The catalog of one data directory. Safe for concurrent use: one call at a time.
final class Catalog: @unchecked Sendable {
  // Sendable: `database` is only used under `lock`.
  static let formatVersion: Int64 = 4
  private static let applicationID: Int64 = 0x5354_5241

  private let lock = Mutex<Void>(())
  let database: SQLiteDatabase
  private let path: String

  /// - Parameters:
  ///   - path: A file of the machine, or `:memory:`.
  ///   - name: The path that errors name where `path` is a copy.
  /// - Throws: `.conflict` for a newer version, a foreign file or no permission.
  init(path: String, named name: String? = nil) throws(TableServiceError) {
    self.path = name ?? path
    do throws(SQLiteFailure) {
      database = try SQLiteDatabase(path: path)
    } catch {
      throw TableServiceError(error)
    }
    try guarded { () throws(SQLiteFailure) in
      try database.execute(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON")
    }
    try checkVersion()
    try checkContents()
    try upgrade()
  }

  private func checkVersion() throws(TableServiceError) {
    var application: Int64 = 0
    var version: Int64 = 0
    try guarded { () throws(SQLiteFailure) in
      application = try database.integer("PRAGMA application_id")
      version = try database.integer("PRAGMA user_version")
    }
    if application == 0, version == 0 { return try create() }
    guard application == Catalog.applicationID else {
      throw .conflict(
        code: "not_a_data_directory", message: "\(path) is a database, but not Strata's catalog")
    }
    guard version <= Catalog.formatVersion else {
      throw .conflict(
        code: "newer_version",
        message: "\(path) has format version \(version); this program knows up to "
          + "\(Catalog.formatVersion). Use the newer program")
    }
  }

  private func create() throws(TableServiceError) {
    try guarded { () throws(SQLiteFailure) in
      try database.sealedTransaction { () throws(SQLiteFailure) in
        try database.execute(
          """
          CREATE TABLE tables (
            id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
            gc_on_read INTEGER NOT NULL, schema_version INTEGER NOT NULL,
            next_family_id INTEGER NOT NULL, deletion_protection INTEGER NOT NULL DEFAULT 0);
          CREATE TABLE families (
            table_id INTEGER NOT NULL REFERENCES tables(id) ON DELETE CASCADE,
            id INTEGER NOT NULL, name TEXT NOT NULL, gc TEXT, type TEXT, aggregate TEXT,
            gc_since INTEGER NOT NULL,
            PRIMARY KEY (table_id, id), UNIQUE (table_id, name));
          CREATE TABLE column_types (
            table_id INTEGER NOT NULL, family_id INTEGER NOT NULL, qualifier BLOB NOT NULL,
            type TEXT NOT NULL, PRIMARY KEY (table_id, family_id, qualifier),
            FOREIGN KEY (table_id, family_id) REFERENCES families(table_id, id) ON DELETE CASCADE);
          CREATE TABLE totals (
            table_id INTEGER PRIMARY KEY REFERENCES tables(id) ON DELETE CASCADE,
            puts INTEGER NOT NULL, deletes INTEGER NOT NULL, last_write_us INTEGER,
            max_cell_timestamp_us INTEGER);
          CREATE TABLE checksum (
            id INTEGER PRIMARY KEY CHECK (id = 1), crc32c INTEGER NOT NULL);
          \(Catalog.settingsTables)
          PRAGMA application_id = \(Catalog.applicationID);
          PRAGMA user_version = \(Catalog.formatVersion);
          """)
      }
    }
  }

  /// Refuses contents that nobody here has written: SQLite itself would take a flipped bit in a
  /// name or a rule for what somebody meant.
  private func checkContents() throws(TableServiceError) {
    var damage: String?
    try guarded { () throws(SQLiteFailure) in damage = try database.damage() }
    if let damage { throw .corruptData(message: "\(path): \(damage)") }
  }

  /// Brings a catalog of an older version, once it is known to be whole, to this one.
  private func upgrade() throws(TableServiceError) {
    try guarded { () throws(SQLiteFailure) in
      let version = try database.integer("PRAGMA user_version")
      guard version < Catalog.formatVersion else { return }
      try database.sealedTransaction { () throws(SQLiteFailure) in
        if version < 2 {
          // When the rules were made is not known: as late as can be.
          try database.execute(
            "ALTER TABLE families ADD COLUMN gc_since INTEGER NOT NULL DEFAULT \(Int64.max)")
        }
        if version < 4 {
          try database.execute(
            """
            ALTER TABLE tables ADD COLUMN deletion_protection INTEGER NOT NULL DEFAULT 0;
            \(Catalog.settingsTables)
            """)
        }
        try database.execute("PRAGMA user_version = \(Catalog.formatVersion)")
      }
    }
  }

  /// The highest id ever given to a table, dropped ones included; 0 for none.
  func highestID() throws(TableServiceError) -> Int64 {
    var id: Int64 = 0
    try guarded { () throws(SQLiteFailure) in
      id = try database.integer(
        "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'tables'")
    }
    return id
  }

  /// All tables.
  func load() throws(TableServiceError) -> [CatalogTable] {
    var tables: [CatalogTable] = []
    var damage: String?
    try guarded { () throws(SQLiteFailure) in
      var rows: [(id: Int64, name: String, gcOnRead: Bool, version: UInt64, next: UInt32)] = []
      try database.query(
        "SELECT id, name, gc_on_read, schema_version, next_family_id FROM tables ORDER BY id"
      ) { row in
        rows.append(
          (
            row.integer(0), row.text(1) ?? "", row.integer(2) != 0,
            UInt64(clamping: row.integer(3)),
            UInt32(clamping: row.integer(4))
          ))
      }
      for row in rows {
        let families = try loadFamilies(of: row.id, &damage)
        let definition = TableDefinition(
          name: row.name, families: families.map(\.definition), gcOnRead: row.gcOnRead,
          settings: try loadSettings(of: row.id))
        let ids = Dictionary(
          families.map { ($0.definition.name, $0.id) }, uniquingKeysWith: { first, _ in first })
        let schema = TableSchema(
          definition: definition, familyIDs: definition.families.map { ids[$0.name] ?? 0 },
          version: row.version)
        var table = CatalogTable(id: row.id, schema: schema, nextFamilyID: row.next)
        for family in families { table.gcSince[family.id] = family.gcSince }
        table.totals = try loadTotals(of: row.id)
        tables.append(table)
      }
    }
    if let damage { throw .corruptData(message: "\(path): \(damage)") }
    return tables
  }

  private func loadFamilies(
    of table: Int64, _ damage: inout String?
  ) throws(SQLiteFailure) -> [LoadedFamily] {
    var families: [LoadedFamily] = []
    var wrong: String?
    try database.query(
      "SELECT id, name, gc, type, aggregate, gc_since FROM families WHERE table_id = ?",
      .integer(table)
    ) { row in
      var family = FamilyDefinition(name: row.text(1) ?? "")
      if let text = row.text(2) {
        family.gc = GCRule(text: text)
        if family.gc == nil { wrong = "family \(family.name) has an unknown rule: \(text)" }
      }
      if let text = row.text(3) {
        family.type = ValueType(rawValue: text)
        if family.type == nil { wrong = "family \(family.name) has an unknown type: \(text)" }
      }
      if let text = row.text(4) {
        family.aggregate = AggregateKind(rawValue: text)
        if family.aggregate == nil {
          wrong = "family \(family.name) has an unknown aggregate: \(text)"
        }
      }
      families.append(
        LoadedFamily(
          id: UInt32(clamping: row.integer(0)), definition: family,
          gcSince: SequenceNumber(UInt64(clamping: row.integer(5)))))
    }
    for index in families.indices {
      try database.query(
        "SELECT qualifier, type FROM column_types WHERE table_id = ? AND family_id = ?",
        .integer(table), .integer(Int64(families[index].id))
      ) { row in
        guard let text = row.text(1), let type = ValueType(rawValue: text) else {
          wrong = "a column of family \(families[index].definition.name) has an unknown type"
          return
        }
        families[index].definition.columns[row.blob(0)] = type
      }
    }
    if let wrong { damage = wrong }
    return families
  }

  private func loadTotals(of table: Int64) throws(SQLiteFailure) -> TableTotals {
    var totals = TableTotals()
    try database.query(
      """
      SELECT puts, deletes, last_write_us, max_cell_timestamp_us, last_write_us IS NULL,
        max_cell_timestamp_us IS NULL
      FROM totals WHERE table_id = ?
      """, .integer(table)
    ) { row in
      totals.puts = UInt64(clamping: row.integer(0))
      totals.deletes = UInt64(clamping: row.integer(1))
      if row.integer(4) == 0 { totals.lastWrite = row.integer(2) }
      if row.integer(5) == 0 { totals.maxCellTimestamp = row.integer(3) }
    }
    return totals
  }

  /// The row of a new table, under an id that no other table gets any more. The table is there when
  /// the row is inserted; a directory of a reserved id without a row is an interrupted creation.
  func reserve(_ definition: TableDefinition) throws(TableServiceError) -> CatalogTable {
    let ids = definition.families.indices.map { UInt32($0 + 1) }
    let schema = TableSchema(definition: definition, familyIDs: ids, version: 1)
    var id: Int64 = 0
    try guarded { () throws(SQLiteFailure) in
      try database.sealedTransaction { () throws(SQLiteFailure) in
        try database.execute(
          """
          INSERT INTO sqlite_sequence (name, seq) SELECT 'tables', 0
            WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'tables');
          UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'tables';
          """)
        id = try database.integer("SELECT seq FROM sqlite_sequence WHERE name = 'tables'")
      }
    }
    return CatalogTable(id: id, schema: schema, nextFamilyID: UInt32(ids.count + 1))
  }

  /// Writes a new table whose directory is there.
  func insert(_ table: CatalogTable) throws(TableServiceError) {
    let definition = table.schema.definition
    try guarded { () throws(SQLiteFailure) in
      try database.sealedTransaction { () throws(SQLiteFailure) in
        try database.run(
          """
          INSERT INTO tables (id, name, gc_on_read, schema_version, next_family_id)
          VALUES (?, ?, ?, ?, ?)
          """,
          .integer(table.id), .text(definition.name), .integer(definition.gcOnRead ? 1 : 0),
          .integer(Int64(table.schema.version)), .integer(Int64(table.nextFamilyID)))
        try writeFamilies(of: table)
        try writeSettings(of: table)
      }
    }
  }

  /// Replaces a table's definition.
  func update(_ table: CatalogTable) throws(TableServiceError) {
    try guarded { () throws(SQLiteFailure) in
      try database.sealedTransaction { () throws(SQLiteFailure) in
        try database.run(
          "UPDATE tables SET gc_on_read = ?, schema_version = ?, next_family_id = ? WHERE id = ?",
          .integer(table.schema.definition.gcOnRead ? 1 : 0),
          .integer(Int64(table.schema.version)), .integer(Int64(table.nextFamilyID)),
          .integer(table.id))
        try database.run("DELETE FROM families WHERE table_id = ?", .integer(table.id))
        try writeFamilies(of: table)
        try writeSettings(of: table)
      }
    }
  }

  func drop(_ id: Int64) throws(TableServiceError) {
    try guarded { () throws(SQLiteFailure) in
      try database.sealedTransaction { () throws(SQLiteFailure) in
        try database.run("DELETE FROM tables WHERE id = ?", .integer(id))
      }
    }
  }

  /// Saves totals of tables; of no importance for what is stored.
  func save(_ totals: [(id: Int64, totals: TableTotals)]) throws(TableServiceError) {
    try guarded { () throws(SQLiteFailure) in
      try database.sealedTransaction { () throws(SQLiteFailure) in
        for (id, totals) in totals {
          try database.run(
            """
            INSERT OR REPLACE INTO totals
              (table_id, puts, deletes, last_write_us, max_cell_timestamp_us) VALUES (?, ?, ?, ?, ?)
            """, .integer(id),
            .integer(Int64(clamping: totals.puts)), .integer(Int64(clamping: totals.deletes)),
            totals.lastWrite.map { .integer($0) } ?? .null,
            totals.maxCellTimestamp.map { .integer($0) } ?? .null)
        }
      }
    }
  }

  private func writeFamilies(of row: CatalogTable) throws(SQLiteFailure) {
    let table = row.id
    for (family, id) in zip(row.schema.definition.families, row.schema.familyIDs) {
      try database.run(
        "INSERT INTO families VALUES (?, ?, ?, ?, ?, ?, ?)", .integer(table),
        .integer(Int64(id)), .text(family.name), .optional(family.gc?.text),
        .optional(family.type?.rawValue), .optional(family.aggregate?.rawValue),
        .integer(Int64(clamping: (row.gcSince[id] ?? .zero).rawValue)))
      for (qualifier, type) in family.columns {
        try database.run(
          "INSERT INTO column_types VALUES (?, ?, ?, ?)", .integer(table), .integer(Int64(id)),
          .blob(qualifier), .text(type.rawValue))
      }
    }
  }

  func guarded(_ body: () throws(SQLiteFailure) -> Void) throws(TableServiceError) {
    do throws(SQLiteFailure) {
      try lock.withLock { (_) throws(SQLiteFailure) in try body() }
    } catch {
      throw TableServiceError(error)
    }
  }
}

/// A family as its row says.
private struct LoadedFamily {
  let id: UInt32
  var definition: FamilyDefinition
  let gcSince: SequenceNumber
}
