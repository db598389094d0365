// Mutations on the wire, parsed straight into a MutationList and written straight from one (its
// in-memory format is drawn in MutationList.swift).

package import Bytes
package import DataModel

/// Reads RowMutations and Mutation messages into lists.
package enum MutationDecoder {
  /// Appends a RowMutations message as a row of the list.
  package static func read(
    row message: ByteView, into list: inout MutationList
  ) throws(WireError) {
    guard list.rowCount < DataModelLimits.mutationCount else {
      throw .tooLarge("more than \(DataModelLimits.mutationCount) rows in one request")
    }
    // The key may follow the mutations, and the list wants it first.
    var key = ByteView()
    var keys = ProtobufReader(message)
    while let number = try keys.next() {
      if number == 1 { key = try keys.bytes() } else { try keys.skip() }
    }
    list.beginRow(key)
    var reader = ProtobufReader(message)
    while let number = try reader.next() {
      if number == 2 {
        try read(mutation: try reader.bytes(), into: &list)
      } else {
        try reader.skip()
      }
    }
  }

  /// Appends a Mutation message to the list's last row.
  package static func read(
    mutation message: ByteView, into list: inout MutationList
  ) throws(WireError) {
    guard list.mutationCount < DataModelLimits.mutationCount else {
      throw .tooLarge("more than \(DataModelLimits.mutationCount) mutations in one request")
    }
    var reader = ProtobufReader(message)
    var kind: UInt64 = 0
    var body = ByteView()
    while let number = try reader.next() {
      if (1...6).contains(number) {
        kind = number
        body = try reader.bytes()
      } else {
        try reader.skip()
      }
    }
    let fields = try Fields(body, of: kind)
    // Before it is copied: the table would refuse it too.
    guard fields.bytes.count <= DataModelLimits.valueByteCount else {
      throw .tooLarge("a value of more than \(DataModelLimits.valueByteCount) bytes")
    }
    switch kind {
    case 1:
      list.setCell(
        family: fields.family, qualifier: fields.qualifier,
        timestamp: fields.timestamp ?? .server, value: fields.bytes)
    case 2:
      list.deleteFromColumn(
        family: fields.family, qualifier: fields.qualifier,
        from: fields.timestamp ?? Timestamp(microseconds: 0), to: fields.end)
    case 3: list.deleteFromFamily(fields.family)
    case 4: list.deleteFromRow()
    case 5:
      list.addToCell(
        family: fields.family, qualifier: fields.qualifier,
        timestamp: fields.timestamp ?? .server, input: fields.input)
    case 6:
      list.mergeToCell(
        family: fields.family, qualifier: fields.qualifier,
        timestamp: fields.timestamp ?? .server, state: fields.bytes)
    default: throw .malformed("a mutation of a kind this server does not know")
    }
  }

  /// The fields that all kinds share, by number.
  private struct Fields {
    var family = ByteView()
    var qualifier = ByteView()
    var timestamp: Timestamp?
    var end: Timestamp?
    var bytes = ByteView()
    var input: Int64 = 0

    init(_ body: ByteView, of kind: UInt64) throws(WireError) {
      var reader = ProtobufReader(body)
      while let number = try reader.next() {
        switch number {
        case 1: family = try reader.bytes()
        case 2: qualifier = try reader.bytes()
        case 3: timestamp = Timestamp(microseconds: try reader.sfixed64())
        case 4:
          switch kind {
          case 1, 6: bytes = try reader.bytes()
          case 2: end = Timestamp(microseconds: try reader.sfixed64())
          case 5: input = try reader.sint64()
          default: try reader.skip()
          }
        default: try reader.skip()
        }
      }
    }
  }
}

/// Writes lists as RowMutations and Mutation messages.
package enum MutationEncoder {
  /// Appends each row of the list as field `number`.
  package static func append(
    rows list: borrowing MutationList, as number: UInt64, to buffer: inout ByteBuffer
  ) {
    var cursor = ListCursor(list.encoded)
    while let row = cursor.nextRow() {
      var measuring = row.mutations
      var byteCount = row.key.isEmpty ? 0 : ProtobufWriter.size(bytes: row.key.count)
      while let mutation = measuring.nextMutation() {
        byteCount += ProtobufWriter.size(bytes: mutation.byteCount)
      }
      buffer.reserve(byteCount + 12)
      buffer.appendTag(number, .bytes)
      buffer.append(varint: byteCount)
      buffer.appendField(1, bytes: row.key)
      var writing = row.mutations
      while let mutation = writing.nextMutation() { mutation.append(as: 2, to: &buffer) }
    }
  }

  /// Appends the mutations of the list, whichever row they belong to, as field `number`.
  package static func append(
    mutations list: borrowing MutationList, as number: UInt64, to buffer: inout ByteBuffer
  ) {
    var cursor = ListCursor(list.encoded)
    while let row = cursor.nextRow() {
      var mutations = row.mutations
      while let mutation = mutations.nextMutation() { mutation.append(as: number, to: &buffer) }
    }
  }

  /// One mutation of a list, as views into it.
  private struct ListedMutation {
    var kind: UInt8
    var family = ByteView()
    var qualifier = ByteView()
    var time: Int64 = 0
    var end: Int64 = 0
    var bytes = ByteView()

    private var hasTime: Bool {
      switch kind {
      case 1, 5, 6: time != Timestamp.server.microseconds
      case 2: time != 0
      default: false
      }
    }

    private var innerByteCount: Int {
      var total = hasTime ? 9 : 0
      if !family.isEmpty { total += ProtobufWriter.size(bytes: family.count) }
      if !qualifier.isEmpty { total += ProtobufWriter.size(bytes: qualifier.count) }
      switch kind {
      case 1, 6: if !bytes.isEmpty { total += ProtobufWriter.size(bytes: bytes.count) }
      case 2: if end != .max { total += 9 }
      case 5: if end != 0 { total += 1 + ProtobufWriter.size(varint: ByteBuffer.zigzag(end)) }
      default: break
      }
      return total
    }

    /// Bytes of the Mutation message.
    var byteCount: Int { ProtobufWriter.size(bytes: innerByteCount) }

    func append(as number: UInt64, to buffer: inout ByteBuffer) {
      let inner = innerByteCount
      buffer.reserve(inner + 24)
      buffer.appendTag(number, .bytes)
      buffer.append(varint: ProtobufWriter.size(bytes: inner))
      buffer.appendTag(UInt64(kind), .bytes)
      buffer.append(varint: inner)
      buffer.appendField(1, bytes: family)
      buffer.appendField(2, bytes: qualifier)
      if hasTime { buffer.appendField(3, presentFixed: time) }
      switch kind {
      case 1, 6: buffer.appendField(4, bytes: bytes)
      case 2: if end != .max { buffer.appendField(4, presentFixed: end) }
      case 5: if end != 0 { buffer.appendField(4, presentSigned: end) }
      default: break
      }
    }
  }

  /// Walks the in-memory form of a list. It is our own, so an end in the middle is only the end.
  private struct ListCursor {
    private var reader: ByteReader

    init(_ bytes: ByteView) { reader = ByteReader(bytes) }

    /// The next row's key and a cursor over its mutations.
    mutating func nextRow() -> (key: ByteView, mutations: ListCursor)? {
      while nextMutation() != nil {}
      guard !reader.isAtEnd, (try? reader.byte()) == 0, let key = try? reader.lengthPrefixed()
      else { return nil }
      return (key, ListCursor(reader.rest))
    }

    /// The next mutation of this row; nil where the next row begins.
    mutating func nextMutation() -> ListedMutation? {
      let rest = reader.rest
      guard !rest.isEmpty, rest[0] != 0 else { return nil }
      do throws(ByteReadError) {
        var mutation = ListedMutation(kind: try reader.byte())
        if mutation.kind != 4 { mutation.family = try reader.lengthPrefixed() }
        guard mutation.kind != 3, mutation.kind != 4 else { return mutation }
        mutation.qualifier = try reader.lengthPrefixed()
        mutation.time = Int64(bitPattern: try reader.littleEndian64())
        if mutation.kind == 1 || mutation.kind == 6 {
          mutation.bytes = try reader.lengthPrefixed()
        } else {
          mutation.end = Int64(bitPattern: try reader.littleEndian64())
        }
        return mutation
      } catch {
        return nil
      }
    }
  }
}
