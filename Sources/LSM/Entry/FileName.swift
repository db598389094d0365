// Names of the files in an engine's directory, and the numbers behind them.
//
//   000042.table      a table file; the number is its FileNumber
//   000007.log        a log file; the number is its slot, kept when the file is recycled
//   manifest-000003   a manifest; the highest complete one counts
//
// Six digits at least, more when needed. Any other name in the directory is not ours.

/// The number of a table file, log slot or manifest; never given out twice in one engine.
package struct FileNumber: Comparable, Hashable, Sendable {
  package let rawValue: UInt64
  package init(_ rawValue: UInt64) { self.rawValue = rawValue }
  package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What a file in the directory is.
package enum FileName: Equatable, Sendable {
  case table(FileNumber)
  case log(FileNumber)
  case manifest(FileNumber)

  /// Reads a name; nil when it is not one of ours.
  package init?(_ name: String) {
    if name.hasPrefix("manifest-"), let number = FileName.number(name.dropFirst(9)) {
      self = .manifest(number)
    } else if name.hasSuffix(".table"), let number = FileName.number(name.dropLast(6)) {
      self = .table(number)
    } else if name.hasSuffix(".log"), let number = FileName.number(name.dropLast(4)) {
      self = .log(number)
    } else {
      return nil
    }
  }

  /// The name without its directory.
  package var name: String {
    switch self {
    case .table(let number): "\(FileName.digits(number)).table"
    case .log(let number): "\(FileName.digits(number)).log"
    case .manifest(let number): "manifest-\(FileName.digits(number))"
    }
  }

  package func path(in directory: String) -> String { "\(directory)/\(name)" }

  private static func digits(_ number: FileNumber) -> String {
    let text = String(number.rawValue)
    return String(repeating: "0", count: max(0, 6 - text.utf8.count)) + text
  }

  /// Only the spelling that `digits` gives, so that a number has one name.
  private static func number(_ text: Substring) -> FileNumber? {
    guard text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let value = UInt64(text) else {
      return nil
    }
    let number = FileNumber(value)
    return digits(number) == text ? number : nil
  }
}
