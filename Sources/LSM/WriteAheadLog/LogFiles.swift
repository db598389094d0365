// The log files of one engine: the one being written, those whose entries are not yet all in table
// files, and those that wait to be used again. A recycled file keeps its name and its blocks.
//
// Only files of this process are recycled. After a sync that failed in an earlier one, the kernel
// may show a length that no sync brings to the disk any more.

internal import Bytes
internal import Runtime
internal import Synchronization
internal import VFS

/// What recovery found of logs.
struct RecoveredLogs {
  /// Replayed, and needed until their entries are in table files; oldest first.
  var live: [(number: LogNumber, slot: FileNumber, byteCount: UInt64)] = []
  /// Where the newest of them ended, durably.
  var end: LogEnd?
  var free: [FileNumber] = []
  /// Above every number ever used.
  var nextNumber = LogNumber(1)
  var nextSlot: UInt64 = 1
}

/// The logs of one engine.
///
/// `writer` and `roll` belong to whoever may commit; everything else is safe from any thread.
/// `@unchecked`: `writer` and `random` change hands with the right to commit.
final class LogFiles: @unchecked Sendable {
  /// A log whose entries may be needed at recovery.
  private struct Live {
    var number: LogNumber
    var slot: FileNumber
    var byteCount: UInt64
    /// Bytes the file has, durably; nil for a file of an earlier process.
    var reservedByteCount: UInt64?
  }

  /// A file that holds nothing; its name is durable.
  private struct Free {
    var slot: FileNumber
    /// Bytes it has, durably, as far as is known.
    var reservedByteCount: UInt64 = 0
  }

  private struct State {
    /// Oldest first; the last is the one being written.
    var live: [Live] = []
    var free: [Free]
    var nextSlot: UInt64
    /// Somebody makes a file; opened when done.
    var preparing: Latch?
    var isClosed = false
    var finishedByteCount: UInt64 = 0
  }

  /// Free files kept for recycling while there are writes; more are removed. As many as a steady
  /// stream of writes frees with a memtable: filling a new file costs a tenth of a flush.
  private static let freeLimit = 4
  /// First size of a log: a table that is hardly written holds little disk space.
  private static let smallestByteCount: UInt64 = 1 << 20

  private let directory: String
  private let fileSystem: any FileSystem
  private let byteCountLimit: UInt64
  private var random: SplitMix64
  private let state: Mutex<State>
  /// The log that `syncFromAside` syncs; the lock keeps it open meanwhile.
  private let syncable: Mutex<LogWriter>
  private(set) var writer: LogWriter

  /// Starts a log in a new file, and removes those that recovery found free.
  init(
    directory: String, fileSystem: any FileSystem, byteCountLimit: UInt64, randomSeed: UInt64,
    found: RecoveredLogs
  ) throws(EngineError) {
    self.directory = directory
    self.fileSystem = fileSystem
    self.byteCountLimit = byteCountLimit
    var random = SplitMix64(seed: randomSeed)
    var initial = State(free: [], nextSlot: found.nextSlot + 1)
    initial.live = found.live.map {
      Live(number: $0.number, slot: $0.slot, byteCount: $0.byteCount)
    }
    do throws(FileError) {
      let slot = FileNumber(found.nextSlot)
      try LogFiles.create(slot, in: directory, fileSystem)
      let file = try fileSystem.openForOverwriting(FileName.log(slot).path(in: directory))
      let capacity = Swift.min(LogFiles.smallestByteCount, byteCountLimit)
      writer = try LogWriter(
        file, number: found.nextNumber, salt: UInt32(truncatingIfNeeded: random.next()),
        previous: found.end, capacity: capacity)
      initial.live.append(
        Live(number: found.nextNumber, slot: slot, byteCount: 0, reservedByteCount: capacity))
    } catch {
      throw EngineError(error)
    }
    // One that stays is found and removed at the next opening.
    for slot in found.free {
      try? fileSystem.remove(FileName.log(slot).path(in: directory))
    }
    self.random = random
    state = Mutex(initial)
    syncable = Mutex(writer)
  }

  // MARK: For the committing thread

  /// Goes on in the next file. The old log is durable before the new one begins.
  ///
  /// - Throws: `.full` when nothing has changed and the old log goes on; anything else means that
  ///   no log can be trusted to take more.
  func roll() throws(EngineError) {
    let free = try takeFreeFile()
    let file: any WritableFile
    let capacity = nextCapacity
    let isReserved = free.reservedByteCount >= capacity
    do throws(FileError) {
      file = try fileSystem.openForOverwriting(FileName.log(free.slot).path(in: directory))
      if !isReserved { try file.preallocate(capacity) }
    } catch {
      state.withLock { $0.free.append(free) }
      throw EngineError(error)
    }
    let old = writer
    let salt = UInt32(truncatingIfNeeded: random.next())
    do throws(FileError) {
      // Most of it without the lock; under it only what came meanwhile is left to sync.
      try old.sync()
      let next = try syncable.withLock { (syncable) throws(FileError) -> LogWriter in
        let end = try old.finish()
        let next = try LogWriter(
          file, number: LogNumber(old.number.rawValue + 1), salt: salt, previous: end,
          capacity: capacity, isReserved: isReserved)
        try old.seal(by: next.number)
        syncable = next
        try old.close()
        return next
      }
      writer = next
    } catch {
      throw .file(error)
    }
    state.withLock { state in
      state.live[state.live.count - 1].byteCount = old.byteCount
      state.finishedByteCount += old.byteCount
      state.live.append(
        Live(
          number: writer.number, slot: free.slot, byteCount: 0,
          reservedByteCount: max(capacity, free.reservedByteCount)))
    }
  }

  private func takeFreeFile() throws(EngineError) -> Free {
    if let free = state.withLock({ $0.free.popLast() }) { return free }
    return Free(slot: try createSlot())
  }

  private func createSlot() throws(EngineError) -> FileNumber {
    let slot = state.withLock { state in
      defer { state.nextSlot += 1 }
      return FileNumber(state.nextSlot)
    }
    do throws(FileError) {
      try LogFiles.create(slot, in: directory, fileSystem)
      return slot
    } catch {
      throw EngineError(error)
    }
  }

  private static func create(
    _ slot: FileNumber, in directory: String, _ fileSystem: any FileSystem
  ) throws(FileError) {
    let file = try fileSystem.create(FileName.log(slot).path(in: directory))
    try file.close()
    try fileSystem.syncDirectory(directory)
  }

  /// Logs grow with what is written: half of all so far, up to the limit.
  private var nextCapacity: UInt64 {
    let written = state.withLock { $0.finishedByteCount } + writer.byteCount
    return Swift.min(byteCountLimit, Swift.max(LogFiles.smallestByteCount, written / 2))
  }

  // MARK: From any thread

  /// Makes what has been appended durable, beside the committing thread.
  func syncFromAside() throws(EngineError) {
    do throws(FileError) {
      try syncable.withLock { (writer) throws(FileError) in try writer.sync() }
    } catch {
      throw .file(error)
    }
  }

  /// Makes a file ready for the next `roll`, so that no commit waits for it. What fails here is
  /// tried again, and reported, by `roll`.
  func prepareNext() {
    let done = Latch()
    let isNeeded = state.withLock { state in
      guard state.free.isEmpty, state.preparing == nil, !state.isClosed else { return false }
      state.preparing = done
      return true
    }
    guard isNeeded else { return }
    let slot = try? createSlot()
    let isReady = slot.map { fill($0) } ?? false
    state.withLock { state in
      state.preparing = nil
      if let slot, isReady {
        state.free.append(Free(slot: slot, reservedByteCount: byteCountLimit))
      }
    }
    done.open()
  }

  /// Gives a new file its blocks, durably. A file that fails here is not used.
  ///
  /// - Returns: False when it failed; the file is gone then, or goes at the next opening.
  private func fill(_ slot: FileNumber) -> Bool {
    let path = FileName.log(slot).path(in: directory)
    do throws(FileError) {
      let file = try fileSystem.openForOverwriting(path)
      try file.preallocate(byteCountLimit)
      try LogFiles.fillWithZeros(file, byteCountLimit)
      try file.sync()
      try file.close()
      return true
    } catch {
      try? fileSystem.remove(path)
      return false
    }
  }

  /// Writes the reserved blocks once: a sync of blocks that were only reserved has to change the
  /// file system's records, and waits for whatever else those records are waiting for.
  private static func fillWithZeros(
    _ file: any WritableFile, _ byteCount: UInt64
  ) throws(FileError) {
    // In small pieces: the page cache keeps each write in one stretch of memory, and a later small
    // append into a long one costs ext4 a look at all of its blocks.
    let zeros = [UInt8](repeating: 0, count: 4 << 10)
    let stretch: UInt64 = 1 << 20
    var offset: UInt64 = 0
    while offset < byteCount {
      let count = Swift.min(byteCount - offset, UInt64(zeros.count))
      try ByteView.of(zeros) { (view) throws(FileError) in
        try file.write(view.prefix(Int(count)).buffer, at: offset)
      }
      offset += count
      if offset % stretch == 0 { file.beginWriteback(offset - stretch..<offset) }
    }
  }

  /// Recycles or removes logs below `oldest`, which the manifest no longer needs.
  ///
  /// - Parameter isQuiet: Nobody writes now: half as many are enough.
  func release(below oldest: LogNumber, isQuiet: Bool) {
    let limit = isQuiet ? LogFiles.freeLimit / 2 : LogFiles.freeLimit
    let surplus = state.withLock { state -> [FileNumber] in
      var surplus: [FileNumber] = []
      while let first = state.live.first, first.number < oldest, state.live.count > 1 {
        if let reserved = first.reservedByteCount {
          state.free.append(Free(slot: first.slot, reservedByteCount: reserved))
        } else {
          surplus.append(first.slot)
        }
        state.live.removeFirst()
      }
      surplus += state.free.dropLast(limit).map(\.slot)
      state.free = state.free.suffix(limit)
      return surplus
    }
    // One that stays is found and removed at the next opening.
    for slot in surplus { try? fileSystem.remove(FileName.log(slot).path(in: directory)) }
  }

  /// Bytes that recovery would have to read.
  var liveByteCount: UInt64 {
    let finished = state.withLock { $0.live.dropLast().reduce(0) { $0 &+ $1.byteCount } }
    return finished + syncable.withLock { $0.byteCount }
  }

  /// Bytes written to logs since opening.
  var writtenByteCount: UInt64 {
    state.withLock { $0.finishedByteCount } + syncable.withLock { $0.byteCount }
  }

  func close() throws(EngineError) {
    let preparing = state.withLock { state in
      state.isClosed = true
      return state.preparing
    }
    // Afterwards the directory may be somebody else's.
    preparing?.wait()
    do throws(FileError) {
      try syncable.withLock { (writer) throws(FileError) in
        try writer.sync()
        try writer.close()
      }
    } catch {
      throw EngineError(error)
    }
  }
}
