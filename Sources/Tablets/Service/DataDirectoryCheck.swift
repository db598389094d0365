// Checks what a data directory holds beside its engines, while nobody has it open: the marker, the
// catalog, and that every table has its directory and every directory its table. Writes nothing
// there: the catalog is read in a copy, for opening it may already change it.

internal import DataModel
package import VFS

/// What a check of a data directory found. `EngineCheck` checks each of `tablePaths`.
package struct DataDirectoryCheck: Sendable {
  /// Damage, with the file.
  package private(set) var problems: [String] = []
  /// Worth knowing, and no damage.
  package private(set) var notes: [String] = []
  /// Directories of the tables that the catalog names.
  package private(set) var tablePaths: [String] = []

  private static let known: Set<String> = [
    "STRATA", "catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm", "tables", "lost+found",
  ]

  private let directory: DataDirectory
  private let fileSystem: any FileSystem
  private let scratch: String

  /// Whether the directory is a data directory or what is left of one.
  package static func isDataDirectory(
    _ path: String, fileSystem: any FileSystem
  ) throws(FileError) -> Bool {
    let names = try fileSystem.list(path)
    return names.contains("STRATA") || names.contains("catalog.sqlite")
  }

  /// - Parameter scratch: An empty directory of the machine for the catalog's copy.
  package init(_ path: String, fileSystem: any FileSystem, scratch: String) {
    directory = DataDirectory(path: path, fileSystem: fileSystem)
    self.fileSystem = fileSystem
    self.scratch = scratch
    do throws(TableServiceError) {
      try run()
    } catch {
      problems.append(error.message)
    }
  }

  private mutating func run() throws(TableServiceError) {
    let names = try list(directory.path)
    for name in names where !DataDirectoryCheck.known.contains(name) {
      notes.append("\(directory.path)/\(name): not ours")
    }
    do throws(TableServiceError) {
      if try directory.readMarker() != .whole {
        problems.append(
          "\(directory.path)/STRATA, offset 0: not what a data directory of this version has there")
      }
    } catch {
      problems.append(error.message)
    }
    guard names.contains("catalog.sqlite") else {
      problems.append("\(directory.catalogPath), offset 0: no such file")
      return
    }
    try copyCatalog(names)
    let catalog = try Catalog(path: scratch + "/catalog.sqlite", named: directory.catalogPath)
    try checkTables(try catalog.load(), highestID: try catalog.highestID())
  }

  private mutating func checkTables(
    _ rows: [CatalogTable], highestID: Int64
  ) throws(TableServiceError) {
    let names = try list(directory.tablesPath)
    for name in names {
      guard let id = Int64(name) else {
        notes.append("\(directory.tablesPath)/\(name): not ours")
        continue
      }
      if id > highestID {
        problems.append("\(directory.tablePath(id)): a table that the catalog has never named")
      } else if !rows.contains(where: { $0.id == id }) {
        notes.append(
          "\(directory.tablePath(id)): in no catalog: dropped, or not quite created; goes at the "
            + "next start")
      }
    }
    for row in rows {
      let path = directory.tablePath(row.id)
      let files = names.contains("\(row.id)") ? try list(path) : []
      if files.contains(where: { $0.hasPrefix("manifest-") }) {
        tablePaths.append(path)
      } else {
        problems.append("\(path), offset 0: the files of table \"\(row.name)\" are gone")
      }
    }
  }

  private func list(_ path: String) throws(TableServiceError) -> [String] {
    do throws(FileError) {
      return try fileSystem.list(path).sorted()
    } catch {
      throw TableServiceError(error)
    }
  }

  private func copyCatalog(_ names: [String]) throws(TableServiceError) {
    do throws(FileError) {
      for name in ["catalog.sqlite", "catalog.sqlite-wal"] where names.contains(name) {
        try copy("\(directory.path)/\(name)", to: "\(scratch)/\(name)")
      }
    } catch {
      throw TableServiceError(error)
    }
  }

  private func copy(_ source: String, to target: String) throws(FileError) {
    let reader = try fileSystem.openForReading(source)
    let writer = try PosixFileSystem().create(target)
    try reader.copy(0..<reader.byteCount, to: writer)
    try writer.close()
  }
}

extension CatalogTable {
  fileprivate var name: String { schema.definition.name }
}
