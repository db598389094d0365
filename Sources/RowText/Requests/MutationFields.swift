// The members of one mutation as JSON, in any order; values stay where they are until their
// column, and so their type, is known.

internal import Bytes
internal import DataModel
internal import JSON

extension MutationJSONReader {
  /// What a mutation's object holds. Views live as long as the reader's text.
  struct Fields {
    struct Names: OptionSet {
      let rawValue: Int
      static let family = Names(rawValue: 1)
      static let qualifier = Names(rawValue: 2)
      static let timestamp = Names(rawValue: 4)
      static let start = Names(rawValue: 8)
      static let end = Names(rawValue: 16)
      static let value = Names(rawValue: 32)
      static let input = Names(rawValue: 64)
      static let state = Names(rawValue: 128)
      static let append = Names(rawValue: 256)
      static let increment = Names(rawValue: 512)
    }

    static let none: Names = []

    /// Where the object begins.
    let offset: Int
    private(set) var names: Names = []
    private(set) var family: ByteView?
    private(set) var qualifier: ByteView?
    private(set) var timestamp = Timestamp.server
    private(set) var start: Timestamp?
    private(set) var end: Timestamp?
    /// Offsets of values.
    private(set) var value: Int?
    private(set) var input: Int?
    private(set) var state: Int?
    private(set) var append: Int?
    private(set) var increment: Int?

    init(from reader: inout JSONReader) throws {
      _ = try reader.peek()
      offset = reader.offset
      try reader.beginObject()
      while let name = try reader.nextMember() {
        guard let known = Fields.name(name), !names.contains(known) else {
          throw reader.refusal(
            .invalidMutation, at: reader.offset,
            "'\(name)' is no member of a mutation, or is given twice")
        }
        names.insert(known)
        try read(known, from: &reader)
      }
    }

    private static func name(_ text: ByteView) -> Names? {
      let known: [(StaticString, Names)] = [
        ("family", .family), ("qualifier", .qualifier), ("timestamp", .timestamp),
        ("start", .start), ("end", .end), ("value", .value), ("input", .input),
        ("state", .state), ("append", .append), ("increment", .increment),
      ]
      return known.first { text.spells($0.0) }?.1
    }

    private mutating func read(_ name: Names, from reader: inout JSONReader) throws {
      switch name {
      case .family: family = try reader.string()
      case .qualifier: qualifier = try reader.string()
      case .timestamp: timestamp = try ValueText.readTimestamp(from: &reader)
      case .start: start = try ValueText.readTimestamp(from: &reader)
      case .end: end = try ValueText.readTimestamp(from: &reader)
      default:
        let offset = reader.offset
        switch name {
        case .value: value = offset
        case .input: input = offset
        case .state: state = offset
        case .append: append = offset
        default: increment = offset
        }
        try reader.skipValue()
      }
    }

    /// Refuses members that this kind of mutation does not have.
    func allow(_ allowed: Names, _ reader: borrowing JSONReader) throws {
      guard names.isSubset(of: allowed) else {
        throw reader.refusal(
          .invalidMutation, at: offset, "a member that this kind of mutation does not have")
      }
    }
  }
}
