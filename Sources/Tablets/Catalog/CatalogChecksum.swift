// A checksum over everything that the catalog says, kept in the catalog. SQLite finds damage in the
// structure of its pages and none in what they hold; a table that vanished from them would have its
// directory removed at the next start.

internal import Bytes

extension SQLiteDatabase {
  /// Each gives one text a row, in an order of its own.
  private static func contents(version: Int64) -> [String] {
    let gcSince = version >= 2 ? " || quote(gc_since)" : ""
    let settings = version >= 4 ? " || quote(deletion_protection)" : ""
    let contents = [
      """
      SELECT quote(id) || quote(name) || quote(gc_on_read) || quote(schema_version)
        || quote(next_family_id)\(settings) FROM tables ORDER BY id
      """,
      """
      SELECT quote(table_id) || quote(id) || quote(name) || quote(gc) || quote(type)
        || quote(aggregate)\(gcSince) FROM families ORDER BY table_id, id
      """,
      """
      SELECT quote(table_id) || quote(family_id) || quote(qualifier) || quote(type)
        FROM column_types ORDER BY table_id, family_id, qualifier
      """,
      """
      SELECT quote(table_id) || quote(puts) || quote(deletes) || quote(last_write_us)
        || quote(max_cell_timestamp_us) FROM totals ORDER BY table_id
      """,
      "SELECT quote(seq) FROM sqlite_sequence WHERE name = 'tables'",
    ]
    guard version >= 4 else { return contents }
    return contents + [
      "SELECT quote(table_id) || quote(key) FROM splits ORDER BY table_id, key",
      """
      SELECT quote(table_id) || quote(name) || quote(version) || quote(deletion_protection)
        FROM views ORDER BY table_id, name
      """,
      """
      SELECT quote(table_id) || quote(view) || quote(kind) || quote(family) || quote(bytes)
        FROM view_parts ORDER BY table_id, view, kind, family, bytes
      """,
      "SELECT quote(name) || quote(message) FROM app_profiles ORDER BY name",
    ]
  }

  /// Makes a change and seals the catalog as it is then, in one transaction, and moves it from the
  /// write-ahead log into the file: what stays in the log could be cut off unnoticed.
  func sealedTransaction(_ body: () throws(SQLiteFailure) -> Void) throws(SQLiteFailure) {
    try transaction { () throws(SQLiteFailure) in
      try body()
      try run("INSERT OR REPLACE INTO checksum VALUES (1, ?)", .integer(try contentsChecksum()))
    }
    // Not while an operator's shell reads: then the next change does it.
    try? execute("PRAGMA busy_timeout=0; PRAGMA wal_checkpoint(TRUNCATE)")
    try execute("PRAGMA busy_timeout=\(SQLiteDatabase.busyMilliseconds)")
  }

  /// What is wrong with the catalog, in words; nil when nothing is.
  func damage() throws(SQLiteFailure) -> String? {
    var verdict = "ok"
    try query("PRAGMA integrity_check(1)") { verdict = $0.text(0) ?? "" }
    if verdict != "ok" {
      if let failure = unreadable(verdict) { throw failure }
      return "not whole: \(verdict)"
    }
    guard try integer("SELECT count(*) FROM sqlite_schema WHERE name = 'checksum'") == 1,
      try integer("SELECT count(*) FROM checksum") == 1
    else { return "its checksum is missing" }
    let stored = try integer("SELECT crc32c FROM checksum")
    let computed = try contentsChecksum()
    guard stored == computed else {
      return "its checksum is \(String(stored, radix: 16)), of the contents it is "
        + String(computed, radix: 16)
    }
    return nil
  }

  /// A page that could not be read is no damage; the check reports it in its text all the same.
  private func unreadable(_ verdict: String) -> SQLiteFailure? {
    guard let (_, found) = verdict.firstMatch(of: /error code=(\d+)/)?.output,
      let code = Int32(found)
    else { return nil }
    let failure = SQLiteFailure(path: path, code: code, message: verdict)
    return failure.isDamage ? nil : failure
  }

  private func contentsChecksum() throws(SQLiteFailure) -> Int64 {
    var checksum: UInt32 = 0
    let version = try integer("PRAGMA user_version")
    for query in SQLiteDatabase.contents(version: version) {
      try self.query(query) { row in
        // A missing text is not an empty one.
        let text = (row.text(0) ?? "\u{0}") + "\n"
        checksum = ByteView.of(text) { CRC32C.checksum($0, seed: checksum) }
      }
    }
    return Int64(checksum)
  }
}
