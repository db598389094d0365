// The table files of one engine as files: opens them for reading and removes those that nothing
// needs any more, on a thread that may wait.

package import Runtime
package import VFS

/// Opens and removes table files. Safe for concurrent use.
package final class TableStore: Sendable {
  private let directory: String
  private let fileSystem: any FileSystem
  private let scheduler: any Scheduler
  private let cache: BlockCache
  private let cacheNamespace: UInt32
  private let removalFailed: @Sendable (EngineError) -> Void

  /// - Parameter removalFailed: Told when a file could not be removed; must not block.
  package init(
    directory: String, fileSystem: any FileSystem, scheduler: any Scheduler, cache: BlockCache,
    removalFailed: @escaping @Sendable (EngineError) -> Void
  ) {
    self.directory = directory
    self.fileSystem = fileSystem
    self.scheduler = scheduler
    self.cache = cache
    self.removalFailed = removalFailed
    cacheNamespace = cache.makeNamespace()
  }

  package func path(of number: FileNumber) -> String {
    FileName.table(number).path(in: directory)
  }

  /// Opens and checks a file that the manifest names.
  func open(_ metadata: TableMetadata) throws(EngineError) -> TableReader {
    let path = path(of: metadata.number)
    let file: any ReadableFile
    do throws(FileError) {
      file = try fileSystem.openForReading(path)
    } catch {
      throw EngineError(error)
    }
    guard file.byteCount == metadata.byteCount else {
      throw .corrupt(
        path: path, offset: file.byteCount,
        reason: "\(file.byteCount) bytes, the manifest says \(metadata.byteCount)")
    }
    let reader = try TableReader.open(file, id: cacheID(metadata.number), cache: cache)
    guard metadata.describes(reader.properties) else {
      throw .corrupt(
        path: path, offset: 0, reason: "a table file, but not the one that the manifest names")
    }
    return reader
  }

  /// Removes the file soon; called by whichever thread let go of it last. A file that cannot be
  /// removed now goes when the engine is next opened.
  func remove(_ number: FileNumber) {
    let path = path(of: number)
    let id = cacheID(number)
    scheduler.submit(to: .blocking) { [fileSystem, cache, removalFailed] in
      cache.removeFile(id)
      do throws(FileError) {
        try fileSystem.remove(path)
      } catch {
        // The engine may have been opened again, or its directory removed, meanwhile.
        if !error.isMissing { removalFailed(.file(error)) }
      }
    }
  }

  private func cacheID(_ number: FileNumber) -> CachedFileID {
    CachedFileID(namespace: cacheNamespace, number: number.rawValue)
  }
}
