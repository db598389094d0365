// The data directory: whose it is, and that it is ours alone.
//
//   DIR/STRATA            "strata data directory\nversion 1\n": what tells it from any other
//   DIR/catalog.sqlite    the catalog (Catalog.swift), with SQLite's -wal and -shm beside it
//   DIR/tables/ID/        one engine a table, by the catalog's id
//
// The lock is held on DIR itself. A directory of a newer version, and one that has files in it but
// no STRATA, are refused untouched.

internal import Bytes
internal import VFS

/// An opened and locked data directory.
struct DataDirectory {
  static let version: UInt64 = 1
  private static let magic = "strata data directory"
  /// More than any version of the marker will need.
  private static let markerByteLimit = 256
  /// What a fresh disk may hold before anybody has used it.
  private static let ignored: Set<String> = ["lost+found"]

  let path: String
  private let fileSystem: any FileSystem

  init(path: String, fileSystem: any FileSystem) {
    self.path = path
    self.fileSystem = fileSystem
  }

  var catalogPath: String { path + "/catalog.sqlite" }
  var tablesPath: String { path + "/tables" }
  func tablePath(_ id: Int64) -> String { "\(tablesPath)/\(id)" }

  /// Takes the directory, creating it if it is not there or empty; ours as long as the lock lives.
  static func open(
    _ path: String, _ fileSystem: any FileSystem
  ) throws(TableServiceError) -> (directory: DataDirectory, lock: any DirectoryLock) {
    let lock = try folding { () throws(FileError) in
      try create(path, fileSystem)
      return try fileSystem.lock(path)
    }
    let directory = DataDirectory(path: path, fileSystem: fileSystem)
    let names = Set(try folding { () throws(FileError) in try fileSystem.list(path) })
    if names.contains("STRATA") {
      try directory.checkMarker()
    } else {
      let foreign = names.subtracting(ignored)
      if let name = foreign.min() {
        throw .conflict(
          code: "not_a_data_directory",
          message: "\(path) is not a Strata data directory: it holds \"\(name)\" and no STRATA "
            + "file. Choose an empty directory")
      }
      try folding { () throws(FileError) in try makeNameDurable(path, fileSystem) }
      try directory.writeMarker()
    }
    try folding { () throws(FileError) in
      try fileSystem.createDirectory(directory.tablesPath)
      try fileSystem.syncDirectory(path)
    }
    return (directory, lock)
  }

  /// Creates the directory and missing parents.
  private static func create(_ path: String, _ fileSystem: any FileSystem) throws(FileError) {
    if try !fileSystem.exists(path), let parent = parent(of: path) {
      try create(parent, fileSystem)
    }
    try fileSystem.createDirectory(path)
  }

  /// Makes the directory's name durable, and those of its parents that may be no older: this start
  /// made them, or an earlier one that failed or was killed here.
  private static func makeNameDurable(
    _ path: String, _ fileSystem: any FileSystem
  ) throws(FileError) {
    var name = path
    while true {
      let parent = parent(of: name) ?? "."
      do throws(FileError) {
        try fileSystem.syncDirectory(parent)
        // One that holds more than this is somebody else's.
        guard ![".", "/"].contains(parent), try fileSystem.list(parent).count == 1 else { return }
        name = parent
      } catch  where error.isForbidden {
        // We may not read it, so we did not make it.
        return
      }
    }
  }

  /// nil for the root and for the working directory's own entries.
  private static func parent(of path: String) -> String? {
    var rest = Substring(path)
    while rest.count > 1, rest.hasSuffix("/") { rest.removeLast() }
    guard rest != "/", let slash = rest.lastIndex(of: "/") else { return nil }
    return slash == rest.startIndex ? "/" : String(rest[..<slash])
  }

  /// Makes the directory's entries durable: the catalog's file is new.
  func sync() throws(TableServiceError) {
    try DataDirectory.folding { () throws(FileError) in try fileSystem.syncDirectory(path) }
  }

  /// Removes directories of tables that the catalog has dropped: the drop was interrupted.
  ///
  /// - Throws: `.conflict`, and removes nothing, when the catalog has never given a directory's id:
  ///   then it is not this directory's catalog, or not its newest.
  func removeTables(
    except known: Set<Int64>, givenUpTo highest: Int64
  ) throws(TableServiceError) {
    let ids = try DataDirectory.folding { () throws(FileError) in
      try fileSystem.list(tablesPath).compactMap { Int64($0) }
    }
    if let foreign = ids.filter({ $0 > highest }).min() {
      throw .conflict(
        code: "wrong_catalog",
        message: "\(tablePath(foreign)) is no table that \(catalogPath) has ever named: put the "
          + "directory's own catalog.sqlite back, or move that table's directory away")
    }
    try DataDirectory.folding { () throws(FileError) in
      for id in ids where !known.contains(id) { try fileSystem.removeTree(tablePath(id)) }
    }
  }

  func removeTable(_ id: Int64) throws(TableServiceError) {
    try DataDirectory.folding { () throws(FileError) in
      try fileSystem.removeTree(tablePath(id))
      try fileSystem.syncDirectory(tablesPath)
    }
  }

  /// What the marker says.
  func readMarker() throws(TableServiceError) -> Marker {
    try DataDirectory.folding { () throws(FileError) in
      let file = try fileSystem.openForReading(markerPath)
      var bytes = ByteBuffer()
      _ = try bytes.append(capacity: DataDirectory.markerByteLimit) { (space) throws(FileError) in
        try file.read(into: space, at: 0, wait: .allowed) ?? 0
      }
      return Marker(String(decoding: bytes.array, as: UTF8.self))
    }
  }

  private var markerPath: String { path + "/STRATA" }

  private func checkMarker() throws(TableServiceError) {
    switch try readMarker() {
    case .whole where try isUnused(), .beginning where try isUnused():
      // A crash between making the file and its sync, which may leave a length without bytes; or a
      // sync that failed or never came, after which the page cache may show what no disk has.
      try writeMarker()
    case .whole: return
    case .newer(let version):
      throw .conflict(
        code: "newer_version",
        message: "\(path) was written by a newer Strata (version \(version)); this program knows "
          + "up to \(DataDirectory.version). Use the newer program")
    case .beginning, .foreign:
      throw .conflict(
        code: "not_a_data_directory",
        message: "\(markerPath) is not what a Strata data directory has there")
    }
  }

  /// What a marker's text says.
  enum Marker: Equatable {
    case whole
    /// The first bytes of a marker, none, or zeros.
    case beginning
    case newer(UInt64)
    case foreign

    init(_ text: String) {
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      if text == DataDirectory.markerText {
        self = .whole
      } else if lines.count >= 2, lines[0] == DataDirectory.magic, lines[1].hasPrefix("version "),
        let version = UInt64(lines[1].dropFirst(8)), version > DataDirectory.version
      {
        self = .newer(version)
      } else {
        let isBegun =
          DataDirectory.markerText.hasPrefix(text) || text.utf8.allSatisfy { $0 == 0 }
        self = isBegun ? .beginning : .foreign
      }
    }
  }

  private static var markerText: String { "\(magic)\nversion \(version)\n" }

  /// Nothing but a marker has ever been written here.
  private func isUnused() throws(TableServiceError) -> Bool {
    try DataDirectory.folding { () throws(FileError) in
      let names = Set(try fileSystem.list(path)).subtracting(DataDirectory.ignored)
      guard names.isSubset(of: ["STRATA", "tables"]) else { return false }
      guard names.contains("tables") else { return true }
      return try fileSystem.list(tablesPath).isEmpty
    }
  }

  private func writeMarker() throws(TableServiceError) {
    let text = DataDirectory.markerText
    try DataDirectory.folding { () throws(FileError) in
      let file =
        try fileSystem.exists(markerPath)
        ? fileSystem.openForOverwriting(markerPath) : fileSystem.create(markerPath)
      try ByteView.of(text) { (bytes) throws(FileError) in try file.write(bytes.buffer, at: 0) }
      try file.sync()
      try file.close()
      // Before anything else is made here: without its marker a directory is nobody's.
      try fileSystem.syncDirectory(path)
    }
  }

  private static func folding<Result>(
    _ body: () throws(FileError) -> Result
  ) throws(TableServiceError) -> Result {
    do throws(FileError) { return try body() } catch { throw TableServiceError(error) }
  }
}
