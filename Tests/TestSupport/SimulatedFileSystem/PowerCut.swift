// What a power cut leaves of a simulated disk. Everything synced is there; what was not synced is
// there as chance has it, in any mixture that a real disk could show.
//
//   a name           a new one may be there or not, a removed one may be back, each by itself
//   a write          whole, in some of its sectors, as a length without its bytes (zeros, or what
//                    was there before), or not at all
//   a resize         there or not
//   their order      none: a later change may be there without an earlier one; where two changed
//                    the same sector, the later one wins if it is there

/// One cut. With a share of 1 it is none: a process was killed, and the machine lives on.
struct PowerCut {
  private static let sectorByteCount = 512

  private let share: Double
  private var random: SeededGenerator

  init(share: Double, seed: UInt64) {
    self.share = share
    random = SeededGenerator(seed: seed)
  }

  /// The directory as it is found; everything in it is durable.
  mutating func survivors(of directory: SimulatedDirectory) -> SimulatedDirectory {
    var names = directory.durableEntries
    for name in directory.unsyncedNames where share > 0 && random.chance(share) {
      names[name] = directory.entries[name]
    }
    let copy = SimulatedDirectory()
    for name in names.keys.sorted() {
      switch names[name] {
      case .file(let file):
        copy.entries[name] = .file(SimulatedFile(durable: bytes(of: file)))
      case .directory(let child): copy.entries[name] = .directory(survivors(of: child))
      case nil: break
      }
    }
    copy.durableEntries = copy.entries
    return copy
  }

  private mutating func bytes(of file: SimulatedFile) -> [UInt8] {
    // All of it is what readers saw, also what a failed sync lost for the disk.
    if share >= 1 { return file.bytes }
    var survivors = file.durableBytes
    if share <= 0 { return survivors }
    for change in file.unsynced {
      if random.chance(share) {
        SimulatedFile.apply(change, to: &survivors)
      } else if case .write(let offset, let bytes) = change {
        tear(bytes, at: offset, in: &survivors)
      }
    }
    return survivors
  }

  /// A write that is not wholly there.
  private mutating func tear(_ bytes: [UInt8], at offset: Int, in survivors: inout [UInt8]) {
    let fate = random.below(10)
    if fate >= 6 { return }
    if fate >= 4 {
      let end = offset + bytes.count
      if end > survivors.count { SimulatedFile.apply(.resize(end), to: &survivors) }
      return
    }
    var start = 0
    while start < bytes.count {
      let room = PowerCut.sectorByteCount - (offset + start) % PowerCut.sectorByteCount
      let end = min(bytes.count, start + room)
      if random.chance(0.5) {
        SimulatedFile.apply(
          .write(offset: offset + start, bytes: Array(bytes[start..<end])), to: &survivors)
      }
      start = end
    }
  }
}
