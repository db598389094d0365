// The table files of one engine as files: opens them for reading and removes those that nothing
// needs any more, on a thread that may wait.

package import Runtime
internal import Synchronization
package import VFS

/// Opens and removes table files. Safe for concurrent use.
package final class TableStore: Sendable {
  private let directory: String
  private let fileSystem: any FileSystem
  private let removal: FileRemoval
  private let scheduler: any Scheduler
  private let cache: BlockCache
  private let cacheNamespace: UInt32
  private let removalFailed: @Sendable (EngineError) -> Void
  /// Readers of files that no version names yet.
  private let prepared = Mutex<[FileNumber: TableReader]>([:])

  /// - Parameter removalFailed: Told when a file could not be removed; must not block.
  package init(
    directory: String, fileSystem: any FileSystem, scheduler: any Scheduler, cache: BlockCache,
    removalFailed: @escaping @Sendable (EngineError) -> Void
  ) {
    self.directory = directory
    self.fileSystem = fileSystem
    removal = FileRemoval(fileSystem: fileSystem, scheduler: scheduler)
    self.scheduler = scheduler
    self.cache = cache
    self.removalFailed = removalFailed
    cacheNamespace = cache.makeNamespace()
  }

  package func path(of number: FileNumber) -> String {
    FileName.table(number).path(in: directory)
  }

  /// The place in the block cache of a file that is about to be written.
  func cached(_ number: FileNumber) -> CachedFile { CachedFile(cacheID(number), in: cache) }

  /// Opens and checks a file that was just written, so that nobody has to wait for that when a
  /// version names it.
  func prepare(_ metadata: TableMetadata) throws(EngineError) {
    let reader = try open(metadata)
    try reader.warm()
    prepared.withLock { $0[metadata.number] = reader }
  }

  /// Lets go of what was kept of a file that no version will name.
  func forget(_ number: FileNumber) {
    _ = takePrepared(number)
    cache.removeFile(cacheID(number))
  }

  /// The reader of a prepared file, for the version that names it from now on.
  func takePrepared(_ number: FileNumber) -> TableReader? {
    prepared.withLock { $0.removeValue(forKey: number) }
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
  ///
  /// - Parameter handle: Closed in the same place: the system frees a file when it is closed, and
  ///   the thread that lets go may be an event loop.
  func remove(_ table: TableMetadata, _ handle: TableHandle) {
    let path = path(of: table.number)
    let id = cacheID(table.number)
    scheduler.submit(to: .blocking) { [removal, cache, removalFailed] in
      cache.removeFile(id)
      do throws(FileError) {
        try withExtendedLifetime(handle) { () throws(FileError) in
          try removal.remove(path, byteCount: table.byteCount)
        }
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
