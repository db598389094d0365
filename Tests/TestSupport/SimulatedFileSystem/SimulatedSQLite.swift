// SQLite on a simulated file system: the catalog then lives, fails and crashes with the tables.
//
// SQLite asks its default VFS for every file. A VFS that stands before the machine's own is
// registered once; it takes paths that begin with /simulated/N/, where N stands for a simulated
// file system, and hands all others on. One connection a file: locks are always granted, and the
// index of the write-ahead log, which connections share, is plain memory.

internal import CSQLite
internal import Glibc
internal import Synchronization
internal import VFS

extension SimulatedFileSystem {
  /// The name under which SQLite finds this file.
  package func pathForSQLite(_ path: String) -> String {
    SimulatedSQLite.register()
    return "\(SimulatedSQLite.prefix)\(sqliteID)/\(path.drop { $0 == "/" })"
  }
}

/// Which file systems SQLite can be led to.
enum SimulatedSQLite {
  static let prefix = "/simulated/"
  private struct Entry: Sendable { weak var files: SimulatedFileSystem? }
  private static let known = Mutex<(next: Int, entries: [Int: Entry])>((1, [:]))

  /// A number for the file system; nothing of it is kept alive.
  static func add(_ files: SimulatedFileSystem) -> Int {
    known.withLock { known in
      defer { known.next += 1 }
      known.entries[known.next] = Entry(files: files)
      return known.next
    }
  }

  static func remove(_ id: Int) { known.withLock { $0.entries[id] = nil } }

  /// File system and path of a name; nil for the machine's own files.
  static func resolve(_ name: UnsafePointer<CChar>?) -> (SimulatedFileSystem, String)? {
    guard let name, strncmp(name, prefix, prefix.utf8.count) == 0 else { return nil }
    let rest = String(cString: name).dropFirst(prefix.count)
    guard let slash = rest.firstIndex(of: "/"), let id = Int(rest[..<slash]),
      let files = known.withLock({ $0.entries[id]?.files })
    else { return nil }
    return (files, String(rest[slash...]))
  }

  /// Puts the VFS before the machine's. Later calls do nothing.
  static func register() { _ = registered }

  private static let registered: Bool = {
    guard let machine = sqlite3_vfs_find(nil) else { return false }
    let copy = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
    copy.initialize(to: machine.pointee)
    copy.pointee.pNext = nil
    copy.pointee.zName = UnsafePointer(strdup("strata-simulated"))
    copy.pointee.szOsFile = max(
      machine.pointee.szOsFile, Int32(MemoryLayout<SQLiteFile>.size))
    copy.pointee.xOpen = { _, name, file, flags, answered in
      SimulatedSQLite.open(name, file, flags, answered)
    }
    copy.pointee.xDelete = { _, name, syncsDirectory in
      guard let (files, path) = SimulatedSQLite.resolve(name) else {
        return SimulatedSQLite.machine?.pointee.xDelete(
          SimulatedSQLite.machine, name, syncsDirectory) ?? SQLITE_ERROR
      }
      return SimulatedSQLite.code(IOFailure.delete) { () throws(FileError) in
        try files.remove(path)
        if syncsDirectory != 0 { try files.syncDirectory(SimulatedSQLite.parent(of: path)) }
      }
    }
    copy.pointee.xAccess = { _, name, flags, answer in
      guard let (files, path) = SimulatedSQLite.resolve(name) else {
        return SimulatedSQLite.machine?.pointee.xAccess(
          SimulatedSQLite.machine, name, flags, answer) ?? SQLITE_ERROR
      }
      return SimulatedSQLite.code(IOFailure.access) { () throws(FileError) in
        answer?.pointee = try files.exists(path) ? 1 : 0
      }
    }
    copy.pointee.xFullPathname = { _, name, room, full in
      guard let name, SimulatedSQLite.resolve(name) != nil else {
        return SimulatedSQLite.machine?.pointee.xFullPathname(
          SimulatedSQLite.machine, name, room, full) ?? SQLITE_ERROR
      }
      guard let full, strlen(name) < Int(room) else { return SQLITE_CANTOPEN }
      strcpy(full, name)
      return SQLITE_OK
    }
    machineAddress.store(UInt(bitPattern: machine), ordering: .sequentiallyConsistent)
    return sqlite3_vfs_register(copy, 1) == SQLITE_OK
  }()

  private static let machineAddress = Atomic<UInt>(0)
  static var machine: UnsafeMutablePointer<sqlite3_vfs>? {
    UnsafeMutablePointer(bitPattern: machineAddress.load(ordering: .sequentiallyConsistent))
  }

  /// Extended result codes, which Swift does not import.
  enum IOFailure {
    static let read = SQLITE_IOERR | 1 << 8
    static let shortRead = SQLITE_IOERR | 2 << 8
    static let write = SQLITE_IOERR | 3 << 8
    static let sync = SQLITE_IOERR | 4 << 8
    static let truncate = SQLITE_IOERR | 6 << 8
    static let delete = SQLITE_IOERR | 10 << 8
    static let access = SQLITE_IOERR | 13 << 8
    static let missing = SQLITE_IOERR | 23 << 8
  }

  static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
    return String(path[..<slash])
  }

  /// Runs `body`; a failure is `failure`, or what SQLite tells apart.
  static func code(_ failure: Int32, _ body: () throws(FileError) -> Void) -> Int32 {
    do throws(FileError) {
      try body()
      return SQLITE_OK
    } catch {
      if error.isOutOfSpace { return SQLITE_FULL }
      return error.isMissing && failure == IOFailure.delete ? IOFailure.missing : failure
    }
  }

  private static func open(
    _ name: UnsafePointer<CChar>?, _ file: UnsafeMutablePointer<sqlite3_file>?, _ flags: Int32,
    _ answered: UnsafeMutablePointer<Int32>?
  ) -> Int32 {
    guard let (files, path) = resolve(name) else {
      return machine?.pointee.xOpen(machine, name, file, flags, answered) ?? SQLITE_ERROR
    }
    guard let file else { return SQLITE_ERROR }
    file.pointee.pMethods = nil
    let opened = code(SQLITE_CANTOPEN) { () throws(FileError) in
      var isNew = false
      if try !files.exists(path) {
        guard flags & SQLITE_OPEN_CREATE != 0 else {
          throw .io(path: path, operation: .open, errno: ENOENT)
        }
        _ = try files.create(path)
        isNew = flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL) != 0
      }
      let handle = SQLiteHandle(
        files, path, writable: try files.openForOverwriting(path),
        readable: try files.openForReading(path), syncsDirectory: isNew)
      let place = UnsafeMutableRawPointer(file).assumingMemoryBound(to: SQLiteFile.self)
      place.pointee.handle = Unmanaged.passRetained(handle).toOpaque()
      file.pointee.pMethods = SQLiteHandle.methods
    }
    answered?.pointee = flags
    return opened
  }
}

/// What SQLite allocates for an open file.
struct SQLiteFile {
  var methods: UnsafePointer<sqlite3_io_methods>?
  var handle: UnsafeMutableRawPointer?
}

/// One file that SQLite has open. One thread at a time, as the connection that owns it.
private final class SQLiteHandle {
  let files: SimulatedFileSystem
  let path: String
  let writable: any WritableFile
  let readable: any ReadableFile
  /// A log's name has to be as durable as what it says.
  var syncsDirectory: Bool
  var shared: [UnsafeMutableRawPointer] = []

  init(
    _ files: SimulatedFileSystem, _ path: String, writable: any WritableFile,
    readable: any ReadableFile, syncsDirectory: Bool
  ) {
    self.files = files
    self.path = path
    self.writable = writable
    self.readable = readable
    self.syncsDirectory = syncsDirectory
  }

  deinit { for region in shared { free(region) } }

  static func of(_ file: UnsafeMutablePointer<sqlite3_file>?) -> SQLiteHandle? {
    guard let file else { return nil }
    let place = UnsafeMutableRawPointer(file).assumingMemoryBound(to: SQLiteFile.self)
    return place.pointee.handle.map {
      Unmanaged<SQLiteHandle>.fromOpaque($0).takeUnretainedValue()
    }
  }

  func read(_ buffer: UnsafeMutableRawPointer, _ count: Int, _ offset: Int64) -> Int32 {
    var filled = 0
    let result = SimulatedSQLite.code(SimulatedSQLite.IOFailure.read) { () throws(FileError) in
      filled =
        try readable.read(
          into: UnsafeMutableRawBufferPointer(start: buffer, count: count),
          at: UInt64(max(0, offset)), wait: .allowed) ?? 0
    }
    guard result == SQLITE_OK, filled < count else { return result }
    memset(buffer + filled, 0, count - filled)
    return SimulatedSQLite.IOFailure.shortRead
  }

  func sync() -> Int32 {
    SimulatedSQLite.code(SimulatedSQLite.IOFailure.sync) { () throws(FileError) in
      try writable.sync()
      if syncsDirectory { try files.syncDirectory(SimulatedSQLite.parent(of: path)) }
      syncsDirectory = false
    }
  }

  /// Region `index` of the log's index.
  func region(_ index: Int, _ byteCount: Int, extend: Bool) -> UnsafeMutableRawPointer? {
    while shared.count <= index, extend, let memory = calloc(1, byteCount) {
      shared.append(memory)
    }
    return index < shared.count ? shared[index] : nil
  }

  nonisolated(unsafe) static let methods: UnsafePointer<sqlite3_io_methods> = {
    var methods = sqlite3_io_methods()
    methods.iVersion = 2
    methods.xClose = { file in
      guard let file else { return SQLITE_OK }
      let place = UnsafeMutableRawPointer(file).assumingMemoryBound(to: SQLiteFile.self)
      if let handle = place.pointee.handle {
        Unmanaged<SQLiteHandle>.fromOpaque(handle).release()
      }
      place.pointee.handle = nil
      return SQLITE_OK
    }
    methods.xRead = { file, buffer, count, offset in
      guard let handle = of(file), let buffer else { return SQLITE_ERROR }
      return handle.read(buffer, Int(count), offset)
    }
    methods.xWrite = { file, bytes, count, offset in
      guard let handle = of(file), let bytes else { return SQLITE_ERROR }
      return SimulatedSQLite.code(SimulatedSQLite.IOFailure.write) { () throws(FileError) in
        try handle.writable.write(
          UnsafeRawBufferPointer(start: bytes, count: Int(count)), at: UInt64(max(0, offset)))
      }
    }
    methods.xTruncate = { file, byteCount in
      guard let handle = of(file) else { return SQLITE_ERROR }
      return SimulatedSQLite.code(SimulatedSQLite.IOFailure.truncate) { () throws(FileError) in
        try handle.writable.truncate(to: UInt64(max(0, byteCount)))
      }
    }
    methods.xSync = { file, _ in of(file)?.sync() ?? SQLITE_ERROR }
    methods.xFileSize = { file, answer in
      guard let handle = of(file) else { return SQLITE_ERROR }
      answer?.pointee = Int64(handle.files.byteCount(of: handle.path) ?? 0)
      return SQLITE_OK
    }
    methods.xLock = { _, _ in SQLITE_OK }
    methods.xUnlock = { _, _ in SQLITE_OK }
    methods.xCheckReservedLock = { _, answer in
      answer?.pointee = 0
      return SQLITE_OK
    }
    methods.xFileControl = { _, _, _ in SQLITE_NOTFOUND }
    methods.xSectorSize = { _ in 512 }
    methods.xDeviceCharacteristics = { _ in SQLITE_IOCAP_POWERSAFE_OVERWRITE }
    methods.xShmMap = { file, index, byteCount, extend, answer in
      guard let handle = of(file) else { return SQLITE_ERROR }
      answer?.pointee = handle.region(Int(index), Int(byteCount), extend: extend != 0)
      return SQLITE_OK
    }
    methods.xShmLock = { _, _, _, _ in SQLITE_OK }
    methods.xShmBarrier = { _ in }
    methods.xShmUnmap = { file, _ in
      guard let handle = of(file) else { return SQLITE_ERROR }
      for region in handle.shared { free(region) }
      handle.shared = []
      return SQLITE_OK
    }
    let place = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
    place.initialize(to: methods)
    return UnsafePointer(place)
  }()
}
