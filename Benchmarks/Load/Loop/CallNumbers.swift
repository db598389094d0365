// Numbers of calls on one connection: streams of HTTP/2, odd and growing. Each of the connection's
// places for calls has every `depth`th number, so that a number tells its place.

/// Confined to its thread.
struct CallNumbers {
  /// In flight at each place; 0 where there is none.
  private let streams: UnsafeMutablePointer<UInt32>
  private let depth: Int
  /// The next stream's number, halved.
  private var next: UInt32 = 0

  init(depth: Int) {
    self.depth = depth
    streams = .allocate(capacity: depth)
    streams.initialize(repeating: 0, count: depth)
  }

  func deallocate() { streams.deallocate() }

  @inline(__always)
  static func place(of stream: UInt32, depth: Int) -> Int { Int(stream >> 1) % depth }

  /// No number is left: a connection has half of 2³¹ of them.
  var areUsedUp: Bool { next >= 0x3fff_0000 }

  /// A number whose place is free, and that place. Those of others that are still in flight are
  /// passed over: numbers need not be neighbours.
  @inline(__always)
  mutating func open() -> Int {
    while true {
      let stream = next << 1 | 1
      let place = CallNumbers.place(of: stream, depth: depth)
      next &+= 1
      if streams[place] == 0 {
        streams[place] = stream
        return place
      }
    }
  }

  /// The number in flight at a place.
  @inline(__always)
  func number(at place: Int) -> UInt32 { streams[place] }

  /// Nil where that number is not in flight.
  @inline(__always)
  func place(of stream: UInt64) -> Int? {
    guard stream > 0, stream <= 0x7fff_ffff else { return nil }
    let place = CallNumbers.place(of: UInt32(stream), depth: depth)
    return UInt64(streams[place]) == stream ? place : nil
  }

  @inline(__always)
  func close(_ place: Int) { streams[place] = 0 }
}
