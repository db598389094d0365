// The table files of one engine as files: opens them for reading and removes those that nothing
// needs any more, on a thread that may wait.

internal import Runtime
internal import VFS

/// Opens and removes table files. Safe for concurrent use.
package final class TableStore: Sendable {
  private let directory: String
  private let environment: EngineEnvironment
  private let cacheNamespace: UInt32

  package init(directory: String, environment: EngineEnvironment) {
    self.directory = directory
    self.environment = environment
    cacheNamespace = environment.cache.makeNamespace()
  }

  package func path(of number: FileNumber) -> String {
    FileName.table(number).path(in: directory)
  }

  /// Opens and checks a file that the manifest names.
  func open(_ metadata: TableMetadata) throws(EngineError) -> TableReader {
    let path = path(of: metadata.number)
    let file: any ReadableFile
    do throws(FileError) {
      file = try environment.fileSystem.openForReading(path)
    } catch {
      throw EngineError(error)
    }
    guard file.byteCount == metadata.byteCount else {
      throw .corrupt(
        path: path, offset: file.byteCount,
        reason: "\(file.byteCount) bytes, the manifest says \(metadata.byteCount)")
    }
    return try TableReader.open(file, id: cacheID(metadata.number), cache: environment.cache)
  }

  /// Removes the file soon; called by whichever thread let go of it last. A file that cannot be
  /// removed now goes when the engine is next opened.
  func remove(_ number: FileNumber) {
    let environment = environment
    let directory = directory
    let id = cacheID(number)
    environment.scheduler.submit(to: .blocking) {
      environment.cache.removeFile(id)
      do throws(FileError) {
        try environment.fileSystem.remove(FileName.table(number).path(in: directory))
      } catch {
        environment.events(
          .backgroundFailed(directory: directory, job: "remove", error: EngineError(error)))
      }
    }
  }

  private func cacheID(_ number: FileNumber) -> CachedFileID {
    CachedFileID(namespace: cacheNamespace, number: number.rawValue)
  }
}
