// Counts what came of every damage, by kind of file, and prints one line a kind.

@testable import LSM

/// What one sweep found.
struct DamageTally {
  /// Damages planted, by how they ended.
  private(set) var planted = 0
  private(set) var atOpen = 0
  private(set) var atRead = 0
  /// Reads never touched it; the offline check did.
  private(set) var byCheckOnly = 0
  /// Nobody reads these bytes, by what they are.
  private(set) var unused: [String: Int] = [:]
  /// The last record of the newest log, which nothing vouches for.
  private(set) var lastRecord = 0
  private(set) var wrong = 0

  mutating func count(_ ending: Ending) {
    planted += 1
    switch ending {
    case .foundAtOpen: atOpen += 1
    case .foundAtRead: atRead += 1
    case .foundByCheck: byCheckOnly += 1
    case .unused(let name): unused[name, default: 0] += 1
    case .lastRecord: lastRecord += 1
    case .wrong: wrong += 1
    }
  }

  enum Ending {
    case foundAtOpen, foundAtRead, foundByCheck
    case unused(String)
    case lastRecord
    case wrong
  }

  var found: Int { atOpen + atRead + byCheckOnly }

  func line(_ what: String) -> String {
    let rest = unused.sorted { $0.key < $1.key }.map { "\($0.value) in \($0.key)" }
    return "damage: \(what): \(planted) planted, \(found) found "
      + "(\(atOpen) at open, \(atRead) read, "
      + "\(byCheckOnly) by check only), unused \(rest.isEmpty ? "0" : rest.joined(separator: ", "))"
      + ", last record \(lastRecord), wrong \(wrong)"
  }
}
