// Files and directories in memory as a disk has them: what is durable, and what only the page cache
// knows.

/// A file or directory.
enum SimulatedNode {
  case file(SimulatedFile)
  case directory(SimulatedDirectory)
}

/// Names in a directory. `@unchecked`: used under the file system's lock.
final class SimulatedDirectory: @unchecked Sendable {
  var entries: [String: SimulatedNode] = [:]
  /// The names that survive a power cut.
  var durableEntries: [String: SimulatedNode] = [:]
  var isLocked = false

  /// Removes everything within, as removing a tree does name by name.
  func removeAll() {
    for case .directory(let child) in entries.values { child.removeAll() }
    entries = [:]
  }

  /// Names whose presence or node is not durable, in order.
  var unsyncedNames: [String] {
    Set(entries.keys).union(durableEntries.keys)
      .filter { name in
        switch (entries[name], durableEntries[name]) {
        case (.file(let now)?, .file(let durable)?): now !== durable
        case (.directory(let now)?, .directory(let durable)?): now !== durable
        default: true
        }
      }
      .sorted()
  }
}

/// Bytes of a file. `@unchecked`: used under the file system's lock.
final class SimulatedFile: @unchecked Sendable {
  /// A change that the disk may or may not have seen.
  enum Change {
    case write(offset: Int, bytes: [UInt8])
    case resize(Int)
  }

  /// What readers see.
  private(set) var bytes: [UInt8] = []
  /// What survives a power cut.
  private(set) var durableBytes: [UInt8] = []
  private(set) var unsynced: [Change] = []

  init() {}

  /// A file whose bytes are all durable.
  init(durable: [UInt8]) {
    bytes = durable
    durableBytes = durable
  }

  func apply(_ change: Change) {
    SimulatedFile.apply(change, to: &bytes)
    unsynced.append(change)
  }

  func sync() {
    for change in unsynced { SimulatedFile.apply(change, to: &durableBytes) }
    unsynced = []
  }

  /// A sync that failed as Linux fails: the pages count as clean from now on, so what has not
  /// reached the disk never will, and the next sync succeeds (Rebello et al., USENIX ATC 2020).
  ///
  /// - Parameter share: Chance of each change to have reached it.
  func failSync(keeping share: Double, seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    for change in unsynced where share > 0 && random.chance(share) {
      SimulatedFile.apply(change, to: &durableBytes)
    }
    unsynced = []
  }

  static func apply(_ change: Change, to bytes: inout [UInt8]) {
    switch change {
    case .write(let offset, let new):
      resize(&bytes, to: max(bytes.count, offset + new.count))
      // One copy: element by element takes seconds in a debug build.
      bytes.withUnsafeMutableBytes { target in
        UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + new.count])
          .copyBytes(from: new)
      }
    case .resize(let count): resize(&bytes, to: count)
    }
  }

  private static func resize(_ bytes: inout [UInt8], to count: Int) {
    if count < bytes.count {
      bytes.removeLast(bytes.count - count)
    } else if count > bytes.count {
      bytes += [UInt8](repeating: 0, count: count - bytes.count)
    }
  }
}
