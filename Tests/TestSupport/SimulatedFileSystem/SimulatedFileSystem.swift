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
  private var capacity = Int.max
  private var coldReads = false

  package convenience init() { self.init(root: SimulatedDirectory()) }

  init(root: SimulatedDirectory) { self.root = root }

  /// Operations so far, failed ones included.
  package var operationCount: Int { operations.load(ordering: .sequentiallyConsistent) }

  package var fault: FaultHook? {
    get { locked { hook } }
    set { locked { hook = newValue } }
  }

  /// Bytes of all files together above which writing fails with ENOSPC.
  package var byteCapacity: Int {
    get { locked { capacity } }
    set { locked { capacity = newValue } }
  }

  /// While true, reads that may not wait find nothing in memory.
  package var readsWouldBlock: Bool {
    get { locked { coldReads } }
    set { locked { coldReads = newValue } }
  }

  /// Bytes of all files that have a name.
  package var usedByteCount: Int { locked { SimulatedFileSystem.byteCount(of: root) } }

  /// The bytes of a file as readers see them; nil when there is none.
  package func contents(of path: String) -> [UInt8]? { locked { file(at: path)?.bytes } }

  /// Puts a durable file there, whatever was there before; for planting damage.
  package func setContents(of path: String, to bytes: [UInt8]) {
    locked {
      guard let (directory, name) = parentAndName(of: path) else { return }
      let node = SimulatedNode.file(SimulatedFile(durable: bytes))
      directory.entries[name] = node
      directory.durableEntries[name] = node
    }
  }

  /// Does to a file what a failed sync does: what was not durable never will be.
  package func loseUnsynced(_ path: String) { locked { file(at: path)?.failSync() } }

  /// What a machine finds after a power cut at this moment, as a file system of its own in which
  /// everything is durable, no fault planted and nothing locked.
  ///
  /// - Parameter share: How much of what was not synced survives nevertheless: 0 nothing, 1 all
  ///   (a killed process on a machine that lives on); between, each write and each name by chance,
  ///   writes also torn at sectors.
  package func crashClone(keeping share: Double = 0, seed: UInt64 = 0) -> SimulatedFileSystem {
    locked {
      var random = SeededGenerator(seed: seed)
      return SimulatedFileSystem(
        root: SimulatedFileSystem.survivors(of: root, keeping: share, &random))
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
    guard let names = locked({ self.directory(at: directory)?.entries.keys.sorted() }) else {
      throw .io(path: directory, operation: .list, errno: ENOENT)
    }
    return names
  }

  package func exists(_ path: String) throws(FileError) -> Bool {
    try begin(.stat, path)
    return locked { node(at: path) != nil }
  }

  package func openForReading(_ path: String) throws(FileError) -> any ReadableFile {
    try begin(.open, path)
    guard let file = locked({ file(at: path) }) else {
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
      guard case .directory = directory.entries[name] else { return ENOENT }
      directory.entries[name] = nil
      return nil
    }
    try end(.remove, path, failed)
  }

  package func syncDirectory(_ path: String) throws(FileError) {
    try begin(.syncDirectory, path)
    let failed = locked { () -> Int32? in
      guard let directory = directory(at: path) else { return ENOENT }
      directory.durableEntries = directory.entries
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

  /// Counts the operation and throws what the hook plants.
  func begin(_ operation: FileOperation, _ path: String) throws(FileError) {
    let index = operations.add(1, ordering: .sequentiallyConsistent).oldValue
    if let planted = fault?(operation, path, index) {
      throw .io(path: path, operation: operation, errno: planted)
    }
  }

  private func end(
    _ operation: FileOperation, _ path: String, _ failed: Int32?
  ) throws(FileError) {
    if let failed { throw .io(path: path, operation: operation, errno: failed) }
  }

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

  private static func survivors(
    of directory: SimulatedDirectory, keeping share: Double, _ random: inout SeededGenerator
  ) -> SimulatedDirectory {
    var names = directory.durableEntries
    for name in directory.unsyncedNames where share > 0 && random.chance(share) {
      names[name] = directory.entries[name]
    }
    let copy = SimulatedDirectory()
    for name in names.keys.sorted() {
      switch names[name] {
      case .file(let file):
        // All of it is what readers saw, also what a failed sync lost for the disk.
        let bytes = share >= 1 ? file.bytes : file.crashBytes(keeping: share, &random)
        copy.entries[name] = .file(SimulatedFile(durable: bytes))
      case .directory(let child):
        copy.entries[name] = .directory(survivors(of: child, keeping: share, &random))
      case nil: break
      }
    }
    copy.durableEntries = copy.entries
    return copy
  }
}

/// Carries a result out of the lock's closure. `@unchecked`: what it carries stays guarded by it.
private struct SimulatedBox<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}
