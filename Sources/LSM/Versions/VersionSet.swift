// The current version and how it changes: edit → manifest, durable → new version. Files that an
// edit removes are marked; they go when the last holder of an older version lets go.

internal import Synchronization
internal import VFS

/// The current version of one engine. Safe for concurrent use; edits take turns.
package final class VersionSet: Sendable {
  private struct State: ~Copyable {
    var version: Version
    var manifest: ManifestLog
    var oldestLogNumber: UInt64
    var begunLogNumber: UInt64?
    var lastSequence: SequenceNumber
    var snapshotByteCount: UInt64
    /// Why no edit may be made durable any more.
    var failure: String?
  }

  private let directory: String
  private let fileSystem: any FileSystem
  let store: TableStore
  private let nextNumber: Atomic<UInt64>
  private let state: Mutex<State>

  /// A manifest is rewritten when it is this much, and four times its first edit.
  private let manifestByteCount: UInt64

  /// Starts a new manifest with `recovered`, so that nothing is ever appended behind a torn tail,
  /// and removes the manifests in `older`.
  init(
    _ recovered: ManifestState, manifestNumber: FileNumber, older: [FileNumber], store: TableStore,
    directory: String, fileSystem: any FileSystem, manifestByteCount: UInt64
  ) throws(EngineError) {
    self.directory = directory
    self.fileSystem = fileSystem
    self.store = store
    self.manifestByteCount = manifestByteCount
    nextNumber = Atomic(recovered.nextFileNumber.rawValue)
    let version = Version(
      files: recovered.tables.map { level in level.values.map { TableFile($0, in: store) } })
    if let reason = version.brokenInvariant {
      let path = FileName.manifest(manifestNumber).path(in: directory)
      throw .corrupt(path: path, offset: 0, reason: reason)
    }
    let manifest = try VersionSet.replace(
      older, by: manifestNumber, snapshot: recovered.snapshot, in: directory, fileSystem)
    state = Mutex(
      State(
        version: version, manifest: manifest, oldestLogNumber: recovered.oldestLogNumber,
        begunLogNumber: recovered.begunLogNumber, lastSequence: recovered.lastSequence,
        snapshotByteCount: manifest.byteCount,
        failure: nil))
  }

  package var current: Version { state.withLock { $0.version } }
  package var oldestLogNumber: UInt64 { state.withLock { $0.oldestLogNumber } }
  /// The newest log known to have begun; nil in an engine's first life.
  package var begunLogNumber: UInt64? { state.withLock { $0.begunLogNumber } }
  /// The highest number whose entry is in a table file.
  package var lastSequence: SequenceNumber { state.withLock { $0.lastSequence } }

  /// A number for a new file; never given out again, also not after a crash (an unused file that
  /// has it is removed before the number can come back).
  package func newFileNumber() -> FileNumber {
    FileNumber(nextNumber.wrappingAdd(1, ordering: .relaxed).oldValue)
  }

  /// Makes the edit durable, then current. Table files it adds must be durable already.
  ///
  /// - Throws: `.full` when nothing has changed and the edit may be tried again; `.readOnly` when
  ///   the manifest can take no more edits.
  package func install(_ edit: VersionEdit) throws(EngineError) -> Version {
    var edit = edit
    edit.nextFileNumber = FileNumber(nextNumber.load(ordering: .relaxed))
    let result = state.withLock { (state) -> Result<Version, EngineError> in
      do throws(EngineError) {
        return .success(try install(edit, &state))
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }

  private func install(_ edit: VersionEdit, _ state: inout State) throws(EngineError) -> Version {
    if let failure = state.failure { throw .readOnly(cause: failure) }
    let next = state.version.applying(edit) { TableFile($0, in: store) }
    if let reason = next.brokenInvariant { throw .readOnly(cause: "wrong edit: \(reason)") }
    try rotateIfLarge(&state)
    try state.manifest.append(edit)
    state.oldestLogNumber = edit.oldestLogNumber ?? state.oldestLogNumber
    state.begunLogNumber = edit.begunLogNumber ?? state.begunLogNumber
    state.lastSequence = edit.lastSequence ?? state.lastSequence
    markRemoved(by: edit, from: state.version)
    state.version = next
    return next
  }

  private func markRemoved(by edit: VersionEdit, from version: Version) {
    let moved = Set(edit.additions.map(\.table.number))
    for removal in edit.removals where !moved.contains(removal.number) {
      let file = version.levels[removal.level].files.first { $0.number == removal.number }
      file?.markObsolete()
    }
  }

  /// When there is no space for a new manifest, the old one takes the edit. After any other
  /// failure the new one may be whole on disk, so the old one must not go on.
  private func rotateIfLarge(_ state: inout State) throws(EngineError) {
    let limit = max(manifestByteCount, 4 * state.snapshotByteCount)
    guard state.manifest.byteCount > limit else { return }
    var snapshot = VersionEdit()
    snapshot.oldestLogNumber = state.oldestLogNumber
    snapshot.begunLogNumber = state.begunLogNumber
    snapshot.nextFileNumber = FileNumber(nextNumber.load(ordering: .relaxed))
    snapshot.lastSequence = state.lastSequence
    state.version.forEachFile { level, file in snapshot.add(file.metadata, toLevel: level) }
    let old = state.manifest
    do throws(EngineError) {
      let number = FileNumber(old.number.rawValue + 1)
      state.manifest = try VersionSet.replace(
        [old.number], by: number, snapshot: snapshot, in: directory, fileSystem)
      state.snapshotByteCount = state.manifest.byteCount
      try old.close()
    } catch {
      if case .full = error { return }
      let cause = "manifest rotation: \(error)"
      state.failure = cause
      throw .readOnly(cause: cause)
    }
  }

  /// The steps of ManifestLog's header.
  private static func replace(
    _ older: [FileNumber], by number: FileNumber, snapshot: VersionEdit, in directory: String,
    _ fileSystem: any FileSystem
  ) throws(EngineError) -> ManifestLog {
    let manifest = try ManifestLog.create(
      number, in: directory, fileSystem: fileSystem, snapshot: snapshot)
    do throws(FileError) {
      for old in older { try fileSystem.remove(FileName.manifest(old).path(in: directory)) }
      if !older.isEmpty { try fileSystem.syncDirectory(directory) }
    } catch {
      throw EngineError(error)
    }
    return manifest
  }

  func close() throws(EngineError) {
    let result = state.withLock { (state) -> Result<Void, EngineError> in
      do throws(EngineError) {
        return .success(try state.manifest.close())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }
}

extension Version {
  /// The version after `edit`. A file that moves keeps its object.
  func applying(_ edit: VersionEdit, opening open: (TableMetadata) -> TableFile) -> Version {
    var kept: [FileNumber: TableFile] = [:]
    var files = levels.map(\.files)
    for removal in edit.removals {
      files[removal.level].removeAll { file in
        guard file.number == removal.number else { return false }
        kept[file.number] = file
        return true
      }
    }
    for addition in edit.additions {
      files[addition.level].append(kept[addition.table.number] ?? open(addition.table))
    }
    return Version(files: files)
  }
}
