// The little of SQLite that the catalog needs: open, run, query, transactions. Statements are
// prepared anew each time; schema changes are rare.

internal import CSQLite

/// What SQLite said no with.
struct SQLiteFailure: Error {
  let path: String
  /// The extended result code.
  let code: Int32
  let message: String

  /// No space left.
  var isFull: Bool { code & 0xff == SQLITE_FULL }
  /// The file is no database, or a damaged one.
  var isDamage: Bool { code & 0xff == SQLITE_CORRUPT || code & 0xff == SQLITE_NOTADB }
  var isPermission: Bool {
    let primary = code & 0xff
    return primary == SQLITE_CANTOPEN || primary == SQLITE_READONLY || primary == SQLITE_PERM
  }
}

/// A value bound to a statement.
enum SQLiteValue {
  case integer(Int64)
  case text(String)
  case blob([UInt8])
  case null

  static func optional(_ text: String?) -> SQLiteValue { text.map { .text($0) } ?? .null }
}

/// One connection. Not safe for concurrent use.
struct SQLiteDatabase: ~Copyable {
  private let handle: OpaquePointer
  let path: String
  /// Tells SQLite to copy what is bound.
  private static let copying = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
  /// Milliseconds to wait for an operator's shell that holds the file.
  static let busyMilliseconds: Int32 = 5_000

  init(path: String) throws(SQLiteFailure) {
    var opened: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX
    let code = sqlite3_open_v2(path, &opened, flags, nil)
    guard let opened else {
      throw SQLiteFailure(path: path, code: code, message: "cannot be opened")
    }
    guard code == SQLITE_OK else {
      let failure = SQLiteDatabase.failure(opened, path)
      sqlite3_close_v2(opened)
      throw failure
    }
    sqlite3_extended_result_codes(opened, 1)
    sqlite3_busy_timeout(opened, SQLiteDatabase.busyMilliseconds)
    handle = opened
    self.path = path
  }

  deinit { sqlite3_close_v2(handle) }

  /// Runs statements that answer nothing of interest.
  func execute(_ sql: String) throws(SQLiteFailure) {
    guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else {
      throw SQLiteDatabase.failure(handle, path)
    }
  }

  /// Runs one statement with values for its question marks.
  func run(_ sql: String, _ values: SQLiteValue...) throws(SQLiteFailure) {
    let statement = try prepare(sql, values)
    defer { sqlite3_finalize(statement) }
    guard sqlite3_step(statement) == SQLITE_DONE else {
      throw SQLiteDatabase.failure(handle, path)
    }
  }

  /// Calls `row` for each row of the answer.
  func query(
    _ sql: String, _ values: SQLiteValue..., row: (SQLiteRow) -> Void
  ) throws(SQLiteFailure) {
    let statement = try prepare(sql, values)
    defer { sqlite3_finalize(statement) }
    while true {
      switch sqlite3_step(statement) {
      case SQLITE_ROW: row(SQLiteRow(statement: statement))
      case SQLITE_DONE: return
      default: throw SQLiteDatabase.failure(handle, path)
      }
    }
  }

  /// The first column of the answer's only row.
  func integer(_ sql: String) throws(SQLiteFailure) -> Int64 {
    var answer: Int64 = 0
    try query(sql) { answer = $0.integer(0) }
    return answer
  }

  /// Runs `body` in a transaction: all of it is durable on return, or none of it happened.
  func transaction(_ body: () throws(SQLiteFailure) -> Void) throws(SQLiteFailure) {
    try execute("BEGIN IMMEDIATE")
    do throws(SQLiteFailure) {
      try body()
      try execute("COMMIT")
    } catch {
      // After some failures SQLite has rolled back by itself; then this answers an error of no
      // interest.
      sqlite3_exec(handle, "ROLLBACK", nil, nil, nil)
      throw error
    }
  }

  private func prepare(
    _ sql: String, _ values: [SQLiteValue]
  ) throws(SQLiteFailure) -> OpaquePointer {
    var prepared: OpaquePointer?
    guard sqlite3_prepare_v2(handle, sql, -1, &prepared, nil) == SQLITE_OK, let prepared else {
      throw SQLiteDatabase.failure(handle, path)
    }
    for (index, value) in values.enumerated() {
      let place = Int32(index + 1)
      let code =
        switch value {
        case .integer(let integer): sqlite3_bind_int64(prepared, place, integer)
        case .text(let text):
          sqlite3_bind_text(prepared, place, text, -1, SQLiteDatabase.copying)
        case .blob(let bytes):
          // A zero-length blob from a null pointer would be NULL.
          bytes.isEmpty
            ? sqlite3_bind_zeroblob(prepared, place, 0)
            : sqlite3_bind_blob(
              prepared, place, bytes, Int32(bytes.count), SQLiteDatabase.copying)
        case .null: sqlite3_bind_null(prepared, place)
        }
      if code != SQLITE_OK {
        let failure = SQLiteDatabase.failure(handle, path)
        sqlite3_finalize(prepared)
        throw failure
      }
    }
    return prepared
  }

  private static func failure(_ handle: OpaquePointer, _ path: String) -> SQLiteFailure {
    SQLiteFailure(
      path: path, code: sqlite3_extended_errcode(handle),
      message: String(cString: sqlite3_errmsg(handle)))
  }
}

/// The current row of an answer; valid within the callback.
struct SQLiteRow {
  let statement: OpaquePointer

  func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }

  func text(_ column: Int32) -> String? {
    sqlite3_column_text(statement, column).map { String(cString: $0) }
  }

  func blob(_ column: Int32) -> [UInt8] {
    let count = Int(sqlite3_column_bytes(statement, column))
    guard count > 0, let start = sqlite3_column_blob(statement, column) else { return [] }
    return [UInt8](UnsafeRawBufferPointer(start: start, count: count))
  }
}
