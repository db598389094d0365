// What the Bigtable API says of tables beyond their families, and its application profiles.
//
//   splits(table_id, key)                                     as the table was made
//   views(table_id, name, version, deletion_protection)
//   view_parts(table_id, view, kind, family, bytes)           kind: row_prefix (no family), family
//                                  (no bytes), qualifier, qualifier_prefix
//   app_profiles(name, message)                               google.bigtable.admin.v2.AppProfile

internal import DataModel

extension Catalog {
  static let settingsTables = """
    CREATE TABLE splits (
      table_id INTEGER NOT NULL REFERENCES tables(id) ON DELETE CASCADE, key BLOB NOT NULL,
      PRIMARY KEY (table_id, key));
    CREATE TABLE views (
      table_id INTEGER NOT NULL REFERENCES tables(id) ON DELETE CASCADE, name TEXT NOT NULL,
      version INTEGER NOT NULL, deletion_protection INTEGER NOT NULL,
      PRIMARY KEY (table_id, name));
    CREATE TABLE view_parts (
      table_id INTEGER NOT NULL, view TEXT NOT NULL, kind TEXT NOT NULL, family TEXT NOT NULL,
      bytes BLOB NOT NULL, PRIMARY KEY (table_id, view, kind, family, bytes),
      FOREIGN KEY (table_id, view) REFERENCES views(table_id, name) ON DELETE CASCADE);
    CREATE TABLE app_profiles (name TEXT PRIMARY KEY, message BLOB NOT NULL);
    """

  private enum Part: String {
    case rowPrefix = "row_prefix"
    case family
    case qualifier
    case qualifierPrefix = "qualifier_prefix"
  }

  func loadSettings(of table: Int64) throws(SQLiteFailure) -> TableSettings {
    var settings = TableSettings()
    settings.isProtected =
      try database.integer(
        "SELECT deletion_protection FROM tables WHERE id = \(table)") != 0
    try database.query("SELECT key FROM splits WHERE table_id = ? ORDER BY key", .integer(table)) {
      settings.splits.append($0.blob(0))
    }
    try database.query(
      "SELECT name, version, deletion_protection FROM views WHERE table_id = ? ORDER BY name",
      .integer(table)
    ) { row in
      settings.views.append(
        AuthorizedView(
          name: row.text(0) ?? "", subset: TableSubset(), isProtected: row.integer(2) != 0,
          version: row.integer(1)))
    }
    for index in settings.views.indices {
      try loadParts(of: table, into: &settings.views[index])
    }
    return settings
  }

  private func loadParts(
    of table: Int64, into view: inout AuthorizedView
  ) throws(SQLiteFailure) {
    var subset = TableSubset()
    try database.query(
      """
      SELECT kind, family, bytes FROM view_parts WHERE table_id = ? AND view = ?
      ORDER BY kind, family, bytes
      """, .integer(table), .text(view.name)
    ) { row in
      let family = row.text(1) ?? ""
      switch Part(rawValue: row.text(0) ?? "") {
      case .rowPrefix: subset.rowPrefixes.append(row.blob(2))
      case .family: subset.families[family] = TableSubset.Columns()
      case .qualifier: subset.families[family, default: .init()].qualifiers.append(row.blob(2))
      case .qualifierPrefix: subset.families[family, default: .init()].prefixes.append(row.blob(2))
      // None was ever written.
      case nil: break
      }
    }
    view.subset = subset
  }

  func writeSettings(of row: CatalogTable) throws(SQLiteFailure) {
    let table = row.id
    let settings = row.schema.definition.settings
    try database.run(
      "UPDATE tables SET deletion_protection = ? WHERE id = ?",
      .integer(settings.isProtected ? 1 : 0), .integer(table))
    try database.run("DELETE FROM splits WHERE table_id = ?", .integer(table))
    for split in settings.splits {
      try database.run("INSERT INTO splits VALUES (?, ?)", .integer(table), .blob(split))
    }
    try database.run("DELETE FROM views WHERE table_id = ?", .integer(table))
    for view in settings.views {
      try database.run(
        "INSERT INTO views VALUES (?, ?, ?, ?)", .integer(table), .text(view.name),
        .integer(view.version), .integer(view.isProtected ? 1 : 0))
      for part in Catalog.parts(of: view.subset) {
        try database.run(
          "INSERT OR REPLACE INTO view_parts VALUES (?, ?, ?, ?, ?)", .integer(table),
          .text(view.name), .text(part.kind.rawValue), .text(part.family), .blob(part.bytes))
      }
    }
  }

  private static func parts(
    of subset: TableSubset
  ) -> [(kind: Part, family: String, bytes: [UInt8])] {
    var parts = subset.rowPrefixes.map { (kind: Part.rowPrefix, family: "", bytes: $0) }
    for (family, columns) in subset.families {
      parts.append((.family, family, []))
      parts += columns.qualifiers.map { (.qualifier, family, $0) }
      parts += columns.prefixes.map { (.qualifierPrefix, family, $0) }
    }
    return parts
  }

  // MARK: - Application profiles

  func appProfiles() throws(TableServiceError) -> [(name: String, message: [UInt8])] {
    var profiles: [(name: String, message: [UInt8])] = []
    try guarded { () throws(SQLiteFailure) in
      try database.query("SELECT name, message FROM app_profiles ORDER BY name") { row in
        profiles.append((row.text(0) ?? "", row.blob(1)))
      }
    }
    return profiles
  }

  /// - Parameter message: nil removes it.
  func setAppProfile(_ name: String, _ message: [UInt8]?) throws(TableServiceError) {
    try guarded { () throws(SQLiteFailure) in
      try database.sealedTransaction { () throws(SQLiteFailure) in
        if let message {
          try database.run(
            "INSERT OR REPLACE INTO app_profiles VALUES (?, ?)", .text(name), .blob(message))
        } else {
          try database.run("DELETE FROM app_profiles WHERE name = ?", .text(name))
        }
      }
    }
  }
}
