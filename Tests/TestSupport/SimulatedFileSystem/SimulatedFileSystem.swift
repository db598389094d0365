// A file system in memory that loses what a disk may lose: bytes that were not synced, names whose
// directory was not synced. Faults can be planted at any operation.

internal import Glibc
internal import Synchronization
package import VFS

/// Files in memory. Paths with or without a leading slash name the same file.
///
/// `@unchecked`: all state is used under `lock`.
package final class SimulatedFileSystem: FileSystem, @unchecked Sendable {
  /// Asked before each operation with its number, counted from 0: an errno makes it fail. Called
  /// without any lock held, so it may clone the file system. A failed write leaves half its
  /// bytes, a failed sync nothing that a later sync could save.
  package typealias FaultHook =
    @Sendable (_ operation: FileOperation, _ path: String, _ index: Int) -> Int32?

  private let lock = Mutex<Void>(())
  private let operations = Atomic<Int>(0)
  private let root: SimulatedDirectory
  private var hook: FaultHook?
  private var planState: FaultPlanState?
  private var trace = OperationTrace()
  private var faultCount = 0
  private var whenSlow: (@Sendable (UInt64) -> Void)?
  private var capacity = Int.max
  private var coldReads = false
  private var assignedID: Int?
  private var ignored: Set<FileOperation> = []

  package convenience init() { self.init(root: SimulatedDirectory()) }

  init(root: SimulatedDirectory) { self.root = root }

  /// Operations so far, failed ones included.
  package var operationCount: Int { operations.load(ordering: .sequentiallyConsistent) }

  package var fault: FaultHook? {
    get { locked { hook } }
    set { locked { hook = newValue } }
  }

  /// Faults by rules; asked after the hook. Setting it starts its counts anew.
  package var plan: FaultPlan? {
    get { locked { planState?.plan } }
    set { locked { planState = newValue.map { FaultPlanState($0) } } }
  }

  /// Called with the nanoseconds that a slow operation takes; a test's clock advances by them.
  package var onSlowOperation: (@Sendable (_ nanoseconds: UInt64) -> Void)? {
    get { locked { whenSlow } }
    set { locked { whenSlow = newValue } }
  }

  /// Operations that failed as planned or for want of space.
  package var failedOperationCount: Int { locked { faultCount } }

  /// Hash of all operations so far: kind, path, offset, byte count, result.
  package var traceHash: UInt64 { locked { trace.hash } }

  /// The operations themselves, one a line, while `keepsTraceText` is set.
  package var traceLines: [String] { locked { trace.lines } }
  package var keepsTraceText: Bool {
    get { locked { trace.keepsText } }
    set { locked { trace.keepsText = newValue } }
  }

  /// Bytes of all files together above which writing fails with ENOSPC.
  package var byteCapacity: Int {
    get { locked { capacity } }
    set { locked { capacity = newValue } }
  }

  /// Syncs that are acknowledged and not done: a broken disk, for showing that tests find it.
  package var ignoredSyncs: Set<FileOperation> {
    get { locked { ignored } }
    set { locked { ignored = newValue } }
  }

  /// While true, reads that may not wait find nothing in memory.
  package var readsWouldBlock: Bool {
    get { locked { coldReads } }
    set { locked { coldReads = newValue } }
  }

  /// Bytes of all files that have a name.
  package var usedByteCount: Int { locked { SimulatedFileSystem.byteCount(of: root) } }

  /// Bytes of the files in and below a directory.
  package func usedByteCount(in path: String) -> Int {
    locked { directory(at: path).map { SimulatedFileSystem.byteCount(of: $0) } ?? 0 }
  }

  /// Bytes of a file as readers see it; nil when there is none.
  package func byteCount(of path: String) -> Int? { locked { file(at: path)?.bytes.count } }

  /// The number under which SQLite is led to this file system; see `pathForSQLite`.
  var sqliteID: Int {
    if let id = locked({ assignedID }) { return id }
    let id = SimulatedSQLite.add(self)
    locked { assignedID = id }
    return id
  }

  deinit { if let assignedID { SimulatedSQLite.remove(assignedID) } }

  /// The bytes of a file as readers see them; nil when there is none.
  package func contents(of path: String) -> [UInt8]? { locked { file(at: path)?.bytes } }

  /// Puts a durable file there, whatever was there before; for planting damage.
  package func setContents(of path: String, to bytes: [UInt8]) {
    locked { () -> Void in
      guard let (directory, name) = parentAndName(of: path) else { return }
      let node = SimulatedNode.file(SimulatedFile(durable: bytes))
      directory.entries[name] = node
      directory.durableEntries[name] = node
    }
  }

  /// Does to a file what a failed sync does: what was not durable never will be.
  package func loseUnsynced(_ path: String) {
    locked { file(at: path)?.failSync(keeping: 0, seed: 0) }
  }

  /// What a machine finds after a power cut at this moment, as a file system of its own in which
  /// everything is durable, no fault planted and nothing locked.
  ///
  /// - Parameter share: How much of what was not synced survives nevertheless: 0 nothing, 1 all
  ///   (a killed process on a machine that lives on); between, what PowerCut says.
  package func crashClone(keeping share: Double = 0, seed: UInt64 = 0) -> SimulatedFileSystem {
    locked {
      var cut = PowerCut(share: share, seed: seed)
      return SimulatedFileSystem(root: cut.survivors(of: root))
    }
  }

  // MARK: - FileSystem

  package func createDirectory(_ path: String) throws(FileError) {
    try begin(.createDirectory, path)
    let failed = locked { () -> Int32? in
      var directory = root
      for name in SimulatedFileSystem.components(of: path) {
        switch directory.entries[name] {
        case .directory(let child): directory = child
        case .file: return ENOTDIR
        case nil:
          let child = SimulatedDirectory()
          directory.entries[name] = .directory(child)
          directory = child
        }
      }
      return nil
    }
    try end(.createDirectory, path, failed)
  }

  package func list(_ directory: String) throws(FileError) -> [String] {
    try begin(.list, directory)
    let names = locked { self.directory(at: directory)?.entries.keys.sorted() }
    try end(.list, directory, names == nil ? ENOENT : nil)
    return names ?? []
  }

  package func exists(_ path: String) throws(FileError) -> Bool {
    try begin(.stat, path)
    return locked {
      let isThere = node(at: path) != nil
      trace.addResult(isThere ? 1 : 0)
      return isThere
    }
  }

  package func openForReading(_ path: String) throws(FileError) -> any ReadableFile {
    try begin(.open, path)
    guard let file = locked({ file(at: path) }) else {
      locked { trace.addResult(Int(ENOENT)) }
      throw .io(path: path, operation: .open, errno: ENOENT)
    }
    return SimulatedReadableFile(path, file, self)
  }

  package func create(_ path: String) throws(FileError) -> any WritableFile {
    try begin(.create, path)
    let file = SimulatedFile()
    let failed = locked { () -> Int32? in
      guard let (directory, name) = parentAndName(of: path) else { return ENOENT }
      guard directory.entries[name] == nil else { return EEXIST }
      directory.entries[name] = .file(file)
      return nil
    }
    try end(.create, path, failed)
    return SimulatedWritableFile(path, file, self)
  }

  package func openForOverwriting(_ path: String) throws(FileError) -> any WritableFile {
    try begin(.open, path)
    guard let file = locked({ file(at: path) }) else {
      locked { trace.addResult(Int(ENOENT)) }
      throw .io(path: path, operation: .open, errno: ENOENT)
    }
    return SimulatedWritableFile(path, file, self)
  }

  package func remove(_ path: String) throws(FileError) {
    try begin(.remove, path)
    let failed = locked { () -> Int32? in
      guard let (directory, name) = parentAndName(of: path) else { return ENOENT }
      switch directory.entries[name] {
      case .file: directory.entries[name] = nil
      case .directory: return EISDIR
      case nil: return ENOENT
      }
      return nil
    }
    try end(.remove, path, failed)
  }

  package func removeTree(_ path: String) throws(FileError) {
    try begin(.remove, path)
    let failed = locked { () -> Int32? in
      guard let (directory, name) = parentAndName(of: path) else { return ENOENT }
      guard case .directory(let child) = directory.entries[name] else { return ENOENT }
      child.removeAll()
      directory.entries[name] = nil
      return nil
    }
    try end(.remove, path, failed)
  }

  package func syncDirectory(_ path: String) throws(FileError) {
    try begin(.syncDirectory, path)
    let failed = locked { () -> Int32? in
      guard let directory = directory(at: path) else { return ENOENT }
      if !ignored.contains(.syncDirectory) { directory.durableEntries = directory.entries }
      return nil
    }
    try end(.syncDirectory, path, failed)
  }

  package func lock(_ directory: String) throws(FileError) -> any DirectoryLock {
    try begin(.lock, directory)
    guard let found = locked({ self.directory(at: directory) }) else {
      throw .io(path: directory, operation: .lock, errno: ENOENT)
    }
    let isFree = locked { () -> Bool in
      defer { found.isLocked = true }
      return !found.isLocked
    }
    guard isFree else { throw .alreadyLocked(path: directory) }
    return SimulatedDirectoryLock(found, self)
  }

  package func availableByteCount(at path: String) throws(FileError) -> UInt64 {
    try begin(.stat, path)
    return locked { UInt64(max(0, capacity - SimulatedFileSystem.byteCount(of: root))) }
  }

  // MARK: - What the open files need

  func locked<Result>(_ body: () -> Result) -> Result {
    lock.withLock { _ in SimulatedBox(body()) }.value
  }

  /// How an operation begins: well, or with an error and what lands nevertheless.
  struct Verdict {
    var error: FileError?
    /// Share of a write's bytes; chance of each change that a sync should have made durable.
    var landing = 0.0
    var seed: UInt64 = 0
  }

  /// Counts and traces the operation; says what hook and plan make of it.
  func admit(
    _ operation: FileOperation, _ path: String, offset: UInt64 = 0, byteCount: Int = 0
  ) -> Verdict {
    let index = operations.add(1, ordering: .sequentiallyConsistent).oldValue
    var planted = fault?(operation, path, index).map { FaultPlan.Effect.fail(errno: $0) }
    let delay = locked { () -> UInt64? in
      planted = planted ?? planState?.effect(on: operation, path)
      trace.add(
        operation, path, offset: offset, byteCount: byteCount,
        fault: planted.map { " \($0)" })
      guard case .slow(let nanoseconds) = planted else { return nil }
      return nanoseconds
    }
    var verdict = Verdict(seed: UInt64(index))
    let errno: Int32
    switch planted {
    case nil: return verdict
    case .slow:
      if let delay { onSlowOperation?(delay) }
      return verdict
    case .fail(let reason):
      errno = reason
      verdict.landing = operation == .write ? 0.5 : 0
    case .partly(let share, let reason):
      errno = reason
      verdict.landing = share
    }
    locked { faultCount += 1 }
    verdict.error = .io(path: path, operation: operation, errno: errno)
    return verdict
  }

  /// Counts and traces the operation, and throws what is planted.
  func begin(
    _ operation: FileOperation, _ path: String, offset: UInt64 = 0, byteCount: Int = 0
  ) throws(FileError) {
    if let error = admit(operation, path, offset: offset, byteCount: byteCount).error {
      throw error
    }
  }

  func end(_ operation: FileOperation, _ path: String, _ failed: Int32?) throws(FileError) {
    guard let failed else { return }
    locked {
      trace.addResult(Int(failed))
      if failed == ENOSPC { faultCount += 1 }
    }
    throw .io(path: path, operation: operation, errno: failed)
  }

  /// Lock held: notes what a read answered.
  func traceResult(_ count: Int) { trace.addResult(count) }

  /// Lock held: whether the disk has room for this many more bytes.
  func hasRoom(for additional: Int) -> Bool {
    guard capacity < Int.max, additional > 0 else { return true }
    return SimulatedFileSystem.byteCount(of: root) + additional <= capacity
  }

  var isCold: Bool { locked { coldReads } }

  // MARK: - The tree; lock held

  private static func components(of path: String) -> [String] {
    path.split(separator: "/").map(String.init).filter { $0 != "." }
  }

  private func node(at path: String) -> SimulatedNode? {
    var node = SimulatedNode.directory(root)
    for name in SimulatedFileSystem.components(of: path) {
      guard case .directory(let directory) = node, let child = directory.entries[name] else {
        return nil
      }
      node = child
    }
    return node
  }

  private func file(at path: String) -> SimulatedFile? {
    guard case .file(let file)? = node(at: path) else { return nil }
    return file
  }

  private func directory(at path: String) -> SimulatedDirectory? {
    guard case .directory(let directory)? = node(at: path) else { return nil }
    return directory
  }

  private func parentAndName(of path: String) -> (SimulatedDirectory, String)? {
    let names = SimulatedFileSystem.components(of: path)
    guard let name = names.last else { return nil }
    let parent = names.dropLast().joined(separator: "/")
    return directory(at: parent).map { ($0, name) }
  }

  private static func byteCount(of directory: SimulatedDirectory) -> Int {
    directory.entries.values.reduce(0) { sum, node in
      switch node {
      case .file(let file): sum + file.bytes.count
      case .directory(let child): sum + byteCount(of: child)
      }
    }
  }
}

/// Carries a result out of the lock's closure. `@unchecked`: what it carries stays guarded by it.
private struct SimulatedBox<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}
