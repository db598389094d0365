// Memory that is taken in chunks, handed out in order and given back all at once. One thread
// allocates; what it hands out may be read by any thread as long as the arena lives.

internal import CLinux
internal import Glibc
internal import Synchronization

/// A bump allocator whose chunks are accounted in the process's memory budget.
struct Arena: ~Copyable {
  /// The first chunk: small, because a process may have a thousand memtables that hold nothing.
  private static let firstChunkByteCount = 64 << 10
  /// Later chunks: mapped, so that freeing one gives its pages back at once.
  private static let chunkByteCount = 1 << 20
  /// Chunks of a large arena: a huge page each, because a search touches pages all over it.
  private static let hugeChunkByteCount = MemoryBudget.spareByteCount
  /// Bytes from which on an arena is large.
  private static let hugeFromByteCount = 4 << 20

  private static let lineByteCount = 64
  /// Whole cache lines are set aside for this many bytes at a time.
  private static let linesByteCount = 2 << 10

  private struct Chunk {
    let base: UnsafeMutableRawPointer
    let byteCount: Int
    let isMapped: Bool

    func free() {
      if isMapped { strata_unmap_memory(base, byteCount) } else { Glibc.free(base) }
    }
  }

  /// Behind a pointer, so that allocating does not mutate the arena for readers beside it.
  private struct State {
    var next: UnsafeMutableRawPointer
    var remaining: Int
    /// Set aside for whole lines.
    var nextLine: UnsafeMutableRawPointer
    var remainingLines: Int
    var chunks: [Chunk]
  }

  private let state: UnsafeMutablePointer<State>
  private let used = Atomic<Int>(0)
  private let memory: MemoryBudget

  init(memory: MemoryBudget) {
    self.memory = memory
    let first = Arena.takeChunk(Arena.firstChunkByteCount, memory)
    state = .allocate(capacity: 1)
    state.initialize(
      to: State(
        next: first.base, remaining: first.byteCount, nextLine: first.base, remainingLines: 0,
        chunks: [first]))
  }

  deinit {
    for chunk in state.pointee.chunks {
      // Spare ones are the next memtable's.
      let isKept =
        chunk.byteCount == MemoryBudget.spareByteCount && memory.keepSpare(chunk.base)
      if !isKept { chunk.free() }
      memory.memtablesChanged(by: -chunk.byteCount)
    }
    state.deinitialize(count: 1)
    state.deallocate()
  }

  /// Bytes taken from the budget. For the allocating thread, or once it has stopped.
  var allocatedByteCount: Int { state.pointee.chunks.reduce(0) { $0 + $1.byteCount } }

  /// Bytes handed out.
  var usedByteCount: Int { used.load(ordering: .relaxed) }

  /// `byteCount` bytes, at a multiple of 8, with unspecified contents. One thread at a time.
  @inline(__always)
  func allocate(_ byteCount: Int) -> UnsafeMutableRawPointer {
    let rounded = (byteCount + 7) & ~7
    // One writer: a load and a store do.
    used.store(used.load(ordering: .relaxed) &+ rounded, ordering: .relaxed)
    guard rounded <= state.pointee.remaining else { return allocateFromNewChunk(rounded) }
    let pointer = state.pointee.next
    state.pointee.next = pointer + rounded
    state.pointee.remaining &-= rounded
    return pointer
  }

  /// So many whole cache lines. One thread at a time.
  func allocate(lines count: Int) -> UnsafeMutableRawPointer {
    if count > state.pointee.remainingLines {
      let area = allocate(Arena.linesByteCount + Arena.lineByteCount)
      state.pointee.nextLine = area.alignedUp(toMultipleOf: Arena.lineByteCount)
      state.pointee.remainingLines = Arena.linesByteCount / Arena.lineByteCount
      precondition(count <= state.pointee.remainingLines, "few lines at a time")
    }
    let pointer = state.pointee.nextLine
    state.pointee.nextLine = pointer + count * Arena.lineByteCount
    state.pointee.remainingLines &-= count
    return pointer
  }

  @inline(never)
  private func allocateFromNewChunk(_ byteCount: Int) -> UnsafeMutableRawPointer {
    if byteCount > Arena.chunkByteCount / 4 {
      // A chunk of its own; the current one goes on being filled.
      let page = 4_096
      let own = Arena.takeChunk((byteCount + page - 1) & ~(page - 1), memory)
      state.pointee.chunks.append(own)
      return own.base
    }
    let isLarge = used.load(ordering: .relaxed) >= Arena.hugeFromByteCount
    let chunk = Arena.takeChunk(
      isLarge ? Arena.hugeChunkByteCount : Arena.chunkByteCount, memory)
    state.pointee.chunks.append(chunk)
    state.pointee.next = chunk.base + byteCount
    state.pointee.remaining = chunk.byteCount - byteCount
    return chunk.base
  }

  private static func takeChunk(_ byteCount: Int, _ memory: MemoryBudget) -> Chunk {
    memory.memtablesChanged(by: byteCount)
    if byteCount == hugeChunkByteCount, let spare = memory.takeSpare() {
      return Chunk(base: spare, byteCount: byteCount, isMapped: true)
    }
    if byteCount < chunkByteCount {
      let base = malloc(byteCount)
      precondition(base != nil, "memory for a memtable chunk")
      return Chunk(base: base.unsafelyUnwrapped, byteCount: byteCount, isMapped: false)
    }
    let base =
      byteCount >= hugeChunkByteCount
      ? strata_map_memory(byteCount)
      : mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    precondition(base != MAP_FAILED && base != nil, "memory for a memtable chunk")
    return Chunk(base: base.unsafelyUnwrapped, byteCount: byteCount, isMapped: true)
  }
}
