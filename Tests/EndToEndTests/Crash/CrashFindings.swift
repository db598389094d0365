// What a look at a restarted server found wrong, and how much there was to be wrong.

/// What a verification found.
struct CrashFindings {
  /// Acknowledged and not there any more.
  var lost: [String] = []
  /// There, and never sent, or not as it was sent.
  var invented: [String] = []
  /// Requests and rows of which a part is there.
  var torn: [String] = []
  /// Operations that a server refused which nobody had told to stop.
  var refused: [String] = []
  var verifiedCount = 0

  var isClean: Bool { lost.isEmpty && invented.isEmpty && torn.isEmpty && refused.isEmpty }

  static func += (left: inout CrashFindings, right: CrashFindings) {
    left.lost += right.lost
    left.invented += right.invented
    left.torn += right.torn
    left.refused += right.refused
    left.verifiedCount += right.verifiedCount
  }
}

extension CrashFindings: CustomStringConvertible {
  var description: String {
    func part(_ name: String, _ list: [String]) -> String {
      list.isEmpty
        ? "" : "\n\(list.count) \(name): " + list.prefix(10).joined(separator: "; ")
    }
    return "\(verifiedCount) rows looked at" + part("lost", lost) + part("invented", invented)
      + part("torn", torn) + part("refused", refused)
  }
}

/// One kind of load with the oracle of what became of it.
///
/// `load` runs on one thread while the server lives; everything else, after it, on another.
protocol CrashLane: AnyObject, Sendable {
  /// Operations sent and acknowledged so far.
  var sentCount: Int { get }
  var acknowledgedCount: Int { get }
  /// Makes the lane's tables where they are missing.
  func prepare(_ server: ServerAddresses) throws
  /// Sends until the server is gone or `isOver`.
  func load(_ server: ServerAddresses, until isOver: @Sendable () -> Bool)
  /// Compares all of the lane's rows with the oracle. What was in doubt is settled by what is
  /// there: it must stay so.
  func verify(_ server: ServerAddresses) throws -> CrashFindings
}
