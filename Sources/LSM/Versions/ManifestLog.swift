// Writes a manifest: the commit point of flushes and compactions. The format is in ManifestFormat.
//
// How one manifest follows another, without a file that names the current one and without rename:
//   1. create manifest N+1, write header and an edit that adds everything, sync it;
//   2. sync the directory;
//   3. remove manifest N, sync the directory;
//   4. only then append edits to N+1.
// Recovery takes the highest manifest with a whole first edit. If N is still there, N+1 has no
// further edits, so falling back to N when N+1 is not whole loses nothing.

internal import Bytes
internal import VFS

/// An open manifest. One writer at a time.
final class ManifestLog {
  let number: FileNumber
  private(set) var byteCount: UInt64 = 0
  private let file: any WritableFile
  private var reservedByteCount: UInt64 = 0
  /// A write or sync failed: what reached the disk is unknown, so nothing more is written.
  private var failure: FileError?

  /// Bytes reserved at a time, so that an append needs no new space for long.
  private static let reservationByteCount: UInt64 = 64 << 10

  private init(_ file: any WritableFile, number: FileNumber) {
    self.file = file
    self.number = number
  }

  /// Steps 1 and 2: a durable manifest that holds `snapshot`.
  ///
  /// - Throws: `.full` when there was no room and no whole manifest can be left; after anything
  ///   else one may be there.
  static func create(
    _ number: FileNumber, in directory: String, fileSystem: any FileSystem, snapshot: VersionEdit
  ) throws(EngineError) -> ManifestLog {
    let path = FileName.manifest(number).path(in: directory)
    var bytes = ByteBuffer(capacity: 4096)
    ManifestFormat.appendHeader(number: number, to: &bytes)
    ManifestFormat.appendRecord(snapshot, number: number, to: &bytes)
    var log: ManifestLog?
    do throws(FileError) {
      let created = ManifestLog(try fileSystem.create(path), number: number)
      log = created
      try created.write(bytes.view)
      try fileSystem.syncDirectory(directory)
      return created
    } catch {
      if let log, log.byteCount == 0, log.failure == nil {
        // Only the reservation failed: the file is empty and in the way of the next attempt.
        try? fileSystem.remove(path)
        throw EngineError(error)
      }
      throw log == nil ? EngineError(error) : .file(error)
    }
  }

  /// Appends an edit; durable on return. `.full` leaves the manifest as it was and may be tried
  /// again; after any other failure all further calls throw `.readOnly`.
  func append(_ edit: VersionEdit) throws(EngineError) {
    if let failure { throw .readOnly(cause: "manifest \(file.path): \(failure)") }
    var bytes = ByteBuffer(capacity: 1024)
    ManifestFormat.appendRecord(edit, number: number, to: &bytes)
    do throws(FileError) {
      try write(bytes.view)
    } catch {
      let refused = EngineError(error)
      if failure == nil, case .full = refused { throw refused }
      throw .readOnly(cause: "manifest \(file.path): \(error)")
    }
  }

  func close() throws(EngineError) {
    do throws(FileError) { try file.close() } catch { throw EngineError(error) }
  }

  private func write(_ bytes: ByteView) throws(FileError) {
    let end = byteCount + UInt64(bytes.count)
    if end > reservedByteCount {
      // Nothing has been written yet when this throws for lack of space.
      let target = end + ManifestLog.reservationByteCount
      try file.preallocate(target)
      reservedByteCount = target
    }
    do throws(FileError) {
      try file.write(bytes.buffer, at: byteCount)
      try file.sync()
    } catch {
      failure = error
      throw error
    }
    byteCount = end
  }
}
