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
/// `writer`, `roll` and `wantsNext` belong to whoever may commit; everything else is safe from any
/// thread. `@unchecked`: `writer` and `hasAskedForNext` change hands with the right to commit.
final class LogFiles: @unchecked Sendable {
  /// A log whose entries may be needed at recovery.
  private struct Live {
    var number: LogNumber
    var file: Slot
    var byteCount: UInt64
  }

  /// A file.
  private struct Slot {
    var number: FileNumber
    /// Bytes it has, durably; nil for a file of an earlier process.
    var reservedByteCount: UInt64?
    /// Bytes that were written in any of its lives: a sync of those changes no record of the file
    /// system.
    var writtenByteCount: UInt64 = 0
  }

  private struct State {
    /// Oldest first; the last is the one being written.
    var live: [Live] = []
    /// Hold nothing; their names are durable.
    var free: [Slot] = []
    var nextSlot: UInt64
    /// The log to go on in: its header is durable.
    var ready: (writer: LogWriter, file: Slot)?
    /// Somebody makes one ready, of which there may be one alone: they have one number. Opened when
    /// that is done.
    var preparing: Latch?
    /// Somebody was asked to, and is not done yet.
    var isNextComing = false
    /// Why no log may begin any more: one is lost, or its number may or may not have been used.
    var failure: EngineError?
    var isClosed = false
    var finishedByteCount: UInt64 = 0
    var random: SplitMix64
  }

  /// Free files kept for recycling while there are writes; more are removed. As many as a steady
  /// stream of writes frees with a memtable.
  private static let freeLimit = 4
  /// First size of a log: a table that is hardly written holds little disk space.
  private static let smallestByteCount: UInt64 = 1 << 20

  private let directory: String
  private let fileSystem: any FileSystem
  private let byteCountLimit: UInt64
  /// Most commits are not synced.
  private let isMapped: Bool
  private let state: Mutex<State>
  /// The log being written, for those who may not commit.
  private let current: Mutex<LogWriter>
  private(set) var writer: LogWriter
  private var hasAskedForNext = false
  private let hasSyncedCommits = Atomic<Bool>(false)

  /// Starts a log in a new file, and removes those that recovery found free.
  init(
    directory: String, fileSystem: any FileSystem, byteCountLimit: UInt64, durability: Durability,
    randomSeed: UInt64, found: RecoveredLogs
  ) throws(EngineError) {
    self.directory = directory
    self.fileSystem = fileSystem
    self.byteCountLimit = byteCountLimit
    isMapped = durability != .sync
    var random = SplitMix64(seed: randomSeed)
    let salt = UInt32(truncatingIfNeeded: random.next())
    var initial = State(nextSlot: found.nextSlot + 1, random: random)
    initial.live = found.live.map {
      Live(number: $0.number, file: Slot(number: $0.slot), byteCount: $0.byteCount)
    }
    do throws(FileError) {
      let slot = FileNumber(found.nextSlot)
      try LogFiles.create(slot, in: directory, fileSystem)
      let file = try fileSystem.openForOverwriting(FileName.log(slot).path(in: directory))
      let capacity = Swift.min(LogFiles.smallestByteCount, byteCountLimit)
      writer = try LogWriter(
        file, number: found.nextNumber, salt: salt,
        previous: found.end.map { .ended($0) } ?? .none, capacity: capacity)
      if isMapped { file.mapForWriting(capacity) }
      initial.live.append(
        Live(
          number: found.nextNumber, file: Slot(number: slot, reservedByteCount: capacity),
          byteCount: 0))
    } catch {
      throw EngineError(error)
    }
    // One that stays is found and removed at the next opening.
    for slot in found.free {
      try? fileSystem.remove(FileName.log(slot).path(in: directory))
    }
    state = Mutex(initial)
    current = Mutex(writer)
  }

  // MARK: For the committing thread

  /// Goes on in the next file, which stands ready unless writers were faster than the disk. The end
  /// of the old log is made durable by the next sync.
  ///
  /// - Throws: `.full` when nothing has changed and the old log goes on; anything else means that
  ///   no log can be trusted to take more.
  func roll() throws(EngineError) {
    let next = try takeReady()
    let old = writer
    do throws(FileError) { try old.seal(by: next.writer.number) } catch { throw .file(error) }
    next.writer.follow(old)
    writer = next.writer
    current.withLock { $0 = next.writer }
    hasAskedForNext = false
    state.withLock { state in
      let last = state.live.count - 1
      state.live[last].byteCount = old.byteCount
      state.live[last].file.writtenByteCount = Swift.max(
        state.live[last].file.writtenByteCount, old.byteCount)
      state.finishedByteCount += old.byteCount
      state.live.append(Live(number: next.writer.number, file: next.file, byteCount: 0))
    }
  }

  /// Goes on in as little space as a new engine has, so that the old log can go: nobody has written
  /// for a while. Logs of synced commits stay as they are: their blocks were written before.
  ///
  /// - Throws: As `roll`.
  func rest() throws(EngineError) {
    guard !hasSyncedCommits.load(ordering: .relaxed) else { return }
    if isWorthLeaving, isNextReady { try roll() }
    writer.shrink(to: LogFiles.smallestByteCount)
    state.withLock { state in
      let last = state.live.count - 1
      if let reserved = state.live[last].file.reservedByteCount {
        state.live[last].file.reservedByteCount = Swift.min(reserved, writer.capacity)
      }
    }
  }

  private func takeReady() throws(EngineError) -> (writer: LogWriter, file: Slot) {
    while true {
      let done = Latch()
      let (ready, preparing) = state.withLock { state in
        defer { state.ready = nil }
        if state.ready == nil, state.preparing == nil {
          state.preparing = done
          return (state.ready, Latch?.none)
        }
        return (state.ready, state.preparing)
      }
      if let ready { return ready }
      if let preparing {
        preparing.wait()
        continue
      }
      defer {
        state.withLock { $0.preparing = nil }
        done.open()
      }
      return try makeReady(mayFill: false)
    }
  }

  /// Does the next log stand ready, so that going on in it waits for nothing?
  var isNextReady: Bool { state.withLock { $0.ready != nil } }

  /// True once when it is time for `prepareNext`: half of the log is full.
  var wantsNext: Bool {
    guard !hasAskedForNext, writer.byteCount > writer.capacity / 2 else { return false }
    hasAskedForNext = true
    state.withLock { $0.isNextComing = true }
    return true
  }

  /// Should the present log grow a little? The next one is on its way, and whoever commits would
  /// have to wait for it.
  var shouldGrow: Bool {
    writer.mayGrow && state.withLock { $0.ready == nil && $0.isNextComing }
  }

  /// A commit has been synced before it was answered: more of them will come.
  func noteSyncedCommit() {
    if !hasSyncedCommits.load(ordering: .relaxed) {
      hasSyncedCommits.store(true, ordering: .relaxed)
    }
  }

  // MARK: The next log

  /// Would an idle engine hold less with a new log? Then `prepareNext`, and `rest`.
  /// From any thread.
  var isWorthLeaving: Bool {
    !hasSyncedCommits.load(ordering: .relaxed)
      && current.withLock { $0.byteCount }
        > Swift.min(LogFiles.smallestByteCount, byteCountLimit / 4)
  }

  /// Makes the next log ready, so that no commit waits for it. What fails without effect is tried
  /// again, and reported, by `roll`.
  ///
  /// - Throws: When no log can be trusted to take more.
  func prepareNext() throws(EngineError) {
    defer { state.withLock { $0.isNextComing = false } }
    let done = Latch()
    let isNeeded = state.withLock { state in
      guard state.ready == nil, state.preparing == nil, !state.isClosed else { return false }
      state.preparing = done
      return true
    }
    guard isNeeded else { return }
    defer { done.open() }
    do throws(EngineError) {
      let ready = try makeReady(mayFill: true)
      state.withLock { state in
        state.ready = ready
        state.preparing = nil
      }
    } catch {
      let failure = state.withLock { state in
        state.preparing = nil
        return state.failure
      }
      if let failure { throw failure }
    }
  }

  /// A log behind the present one, its header durable.
  private func makeReady(mayFill: Bool) throws(EngineError) -> (writer: LogWriter, file: Slot) {
    if let failure = state.withLock({ $0.failure }) { throw failure }
    let current = current.withLock { $0 }
    // A log that has two behind it is durable to its end: recovery relies on that.
    do throws(FileError) { try current.syncPredecessor() } catch { throw fail(error) }
    let capacity = nextCapacity(behind: current)
    let (file, slot) = try reserveFile(capacity, mayFill: mayFill)
    let salt = state.withLock { UInt32(truncatingIfNeeded: $0.random.next()) }
    do throws(FileError) {
      let writer = try LogWriter(
        file, number: LogNumber(current.number.rawValue + 1), salt: salt,
        previous: .open(current.number), capacity: capacity, isReserved: true)
      if isMapped { file.mapForWriting(capacity) }
      return (writer, slot)
    } catch {
      throw fail(error)
    }
  }

  private func fail(_ error: FileError) -> EngineError {
    state.withLock { $0.failure = .file(error) }
    return .file(error)
  }

  /// Each log is larger than the one before, up to the limit: a fast writer fills a small one in
  /// some milliseconds, and to make one ready takes as long.
  private func nextCapacity(behind current: LogWriter) -> UInt64 {
    Swift.min(byteCountLimit, Swift.max(LogFiles.smallestByteCount, 4 * current.capacity))
  }

  /// An open file of that many bytes, durably, that holds no log.
  private func reserveFile(
    _ capacity: UInt64, mayFill: Bool
  ) throws(EngineError) -> (any WritableFile, Slot) {
    var slot = try takeFreeSlot()
    let path = FileName.log(slot.number).path(in: directory)
    do throws(FileError) {
      let file = try fileSystem.openForOverwriting(path)
      let isLarger = capacity > slot.reservedByteCount ?? 0
      if isLarger { try file.preallocate(capacity) }
      let isFilled =
        mayFill && hasSyncedCommits.load(ordering: .relaxed) && capacity > slot.writtenByteCount
      if isFilled {
        try LogFiles.fillWithZeros(file, slot.writtenByteCount..<capacity)
        slot.writtenByteCount = capacity
      }
      // The length is durable before the header that states it, so a short log is a damaged one.
      if isLarger || isFilled { try file.sync() }
      if isLarger { slot.reservedByteCount = capacity }
      return (file, slot)
    } catch {
      if error.isOutOfSpace {
        state.withLock { $0.free.append(slot) }
      } else {
        // Not to be trusted again.
        try? fileSystem.remove(path)
      }
      throw EngineError(error)
    }
  }

  private func takeFreeSlot() throws(EngineError) -> Slot {
    let (free, next) = state.withLock { state in
      let free = state.free.popLast()
      defer { if free == nil { state.nextSlot += 1 } }
      return (free, FileNumber(state.nextSlot))
    }
    if let free { return free }
    do throws(FileError) {
      try LogFiles.create(next, in: directory, fileSystem)
      return Slot(number: next, reservedByteCount: 0)
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

  /// Writes reserved blocks once: a sync of blocks that were only reserved has to change the file
  /// system's records, and waits for whatever else those records are waiting for.
  private static func fillWithZeros(
    _ file: any WritableFile, _ range: Range<UInt64>
  ) throws(FileError) {
    // In small pieces: the page cache keeps each write in one stretch of memory, and a later small
    // append into a long one costs ext4 a look at all of its blocks.
    let zeros = [UInt8](repeating: 0, count: 4 << 10)
    let stretch: UInt64 = 1 << 20
    var offset = range.lowerBound
    while offset < range.upperBound {
      let count = Swift.min(range.upperBound - offset, UInt64(zeros.count))
      try ByteView.of(zeros) { (view) throws(FileError) in
        try file.write(view.prefix(Int(count)).buffer, at: offset)
      }
      offset += count
      if offset % stretch == 0 { file.beginWriteback(offset - stretch..<offset) }
    }
  }

  // MARK: From any thread

  /// Makes what has been appended durable, beside the committing thread.
  func syncFromAside() throws(EngineError) {
    let writer = current.withLock { $0 }
    do throws(FileError) { try writer.sync() } catch { throw .file(error) }
  }

  /// Is anything appended and not durable?
  var isUnsynced: Bool {
    let writer = current.withLock { $0 }
    return writer.byteCount > writer.syncedByteCount
  }

  /// Is there any log below `oldest`?
  func hasLogs(below oldest: LogNumber) -> Bool {
    state.withLock { state in state.live.first.map { $0.number < oldest } ?? false }
  }

  /// Recycles or removes logs below `oldest`, which the manifest no longer needs.
  ///
  /// - Parameter isQuiet: Nobody writes now: few are enough.
  func release(below oldest: LogNumber, isQuiet: Bool) {
    // Blocks that were written before make syncs cheaper; nothing else is worth the space.
    let quietLimit = hasSyncedCommits.load(ordering: .relaxed) ? LogFiles.freeLimit / 2 : 0
    let limit = isQuiet ? quietLimit : LogFiles.freeLimit
    let surplus = state.withLock { state -> [FileNumber] in
      var surplus: [FileNumber] = []
      while let first = state.live.first, first.number < oldest, state.live.count > 1 {
        if first.file.reservedByteCount != nil {
          state.free.append(first.file)
        } else {
          surplus.append(first.file.number)
        }
        state.live.removeFirst()
      }
      surplus += state.free.dropLast(limit).map(\.number)
      state.free = state.free.suffix(limit)
      return surplus
    }
    // One that stays is found and removed at the next opening.
    for slot in surplus { try? fileSystem.remove(FileName.log(slot).path(in: directory)) }
  }

  /// Bytes that recovery would have to read.
  var liveByteCount: UInt64 {
    let finished = state.withLock { $0.live.dropLast().reduce(0) { $0 &+ $1.byteCount } }
    return finished + current.withLock { $0.byteCount }
  }

  /// Bytes written to logs since opening.
  var writtenByteCount: UInt64 {
    state.withLock { $0.finishedByteCount } + current.withLock { $0.byteCount }
  }

  func close() throws(EngineError) {
    let preparing = state.withLock { state in
      state.isClosed = true
      return state.preparing
    }
    // Afterwards the directory may be somebody else's.
    preparing?.wait()
    let ready = state.withLock { state in
      defer { state.ready = nil }
      return state.ready
    }
    let writer = current.withLock { $0 }
    do throws(FileError) {
      try ready?.writer.close()
      try writer.sync()
      writer.shrink(to: 0)
      try writer.close()
    } catch {
      throw EngineError(error)
    }
  }
}
