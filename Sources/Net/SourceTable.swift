// Which epoll token means which socket. A token is slot and generation, never a descriptor or an
// address: after a close the slot's generation grows, so an event of the same batch that was meant
// for the closed socket finds nothing, whoever has the descriptor by then.

/// Something epoll watches on a loop.
protocol EventSource: AnyObject {
  /// Epoll reported these events.
  func handle(events: UInt32)
  /// The loop takes nothing new from now on.
  func beginShutDown()
  /// Closes at once.
  func close()
}

/// Sources by token.
struct SourceTable {
  private struct Slot {
    var source: (any EventSource)?
    var generation: UInt32 = 0
  }

  private var slots: [Slot] = []
  private var free: [Int] = []

  /// Sources in no order, for going over all of them.
  var all: [any EventSource] { slots.compactMap(\.source) }

  mutating func insert(_ source: any EventSource) -> UInt64 {
    let slot: Int
    if let reused = free.popLast() {
      slot = reused
    } else {
      slot = slots.count
      slots.append(Slot())
    }
    slots[slot].source = source
    return UInt64(slots[slot].generation) << 32 | UInt64(slot)
  }

  mutating func remove(_ token: UInt64) {
    let slot = Int(token & 0xffff_ffff)
    precondition(self[token] != nil, "a source is removed once")
    slots[slot].source = nil
    slots[slot].generation &+= 1
    free.append(slot)
  }

  subscript(token: UInt64) -> (any EventSource)? {
    let slot = Int(token & 0xffff_ffff)
    guard slot < slots.count, slots[slot].generation == UInt32(token >> 32) else { return nil }
    return slots[slot].source
  }
}
