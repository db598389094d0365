// One row: GET (the hot path: on the loop, nothing allocated but what the answer needs), PUT
// (replace), PATCH (set cells; null deletes a column), DELETE.

internal import Bytes
internal import DataModel
internal import Fronts
internal import HTTP1
internal import RowText
internal import Runtime
internal import Tablets
internal import VFS

enum RowRoutes {
  /// Reads a row with what is in memory, else hands over to a worker.
  static func get(_ request: Request, on connection: HTTPConnection) throws(Problem) {
    let context = connection.context
    context.decoded.clear()
    context.decoded.reserve(request.head.byteCount)
    let table = try Routes.table(request, on: connection)
    let key = try Routes.key(request, on: connection)
    let query =
      request.query.isEmpty
      ? plain : try ReadQuery(request.query, isRange: false, decoded: &context.decoded)
    let options = request.query.isEmpty ? plainOptions : query.options
    let fingerprint = Self.fingerprint(table, key, query, isPlain: request.query.isEmpty)
    // Taken before the read: what is committed in between makes the tag too old, never too new.
    let tag = EntityTag(version: table.version(of: .all), fingerprint: fingerprint)
    if let conditions = request.field(.ifNoneMatch),
      let known = EntityTag.matching(fingerprint, in: conditions)
    {
      let poll = Poll(table: table, range: RowRange(only: key.array), known: known, now: tag)
      if poll.isUnchanged {
        let key = key.array
        return HeldRead.answer(poll, request, on: connection) {
          RowRead(table: table, key: key, query: query, fingerprint: fingerprint)
        }
      }
    }
    do throws(TableServiceError) {
      let isFound = try table.read(key, options, wait: .forbidden, into: context.row)
      defer { context.row.clear() }
      guard isFound else { throw RowRead.absent(key) }
      context.body.clear()
      let schema = context.textSchema(of: context.row, table)
      RowJSONWriter.write(context.row, schema, shape: query.shape, into: &context.body)
      context.body.append(0x0a as UInt8)
      connection.send(Reply(200, etag: tag), context.body.view, request.facts)
    } catch .wouldBlock {
      let read = RowRead(table: table, key: key.array, query: query, fingerprint: fingerprint)
      ReadDriver.runOnWorker(read, connection.enqueue(request.facts))
    } catch {
      throw Problem(error)
    }
  }

  private static let plain = ReadQuery()
  private static let plainOptions = ReadOptions()

  private static func fingerprint(
    _ table: Table, _ key: ByteView, _ query: ReadQuery, isPlain: Bool
  ) -> UInt64 {
    guard isPlain else {
      return query.fingerprint(
        table: table.schema.definition.name, range: RowRange(only: key.array))
    }
    return key.persistedHash ^ 0x6f6e_6520_726f_7721
  }

  /// PUT, PATCH and DELETE: one row, atomically; answered when durable.
  static func write(_ request: Request, on connection: HTTPConnection) throws(Problem) {
    let context = connection.context
    context.decoded.clear()
    context.decoded.reserve(request.head.byteCount)
    let table = try Routes.table(request, on: connection)
    let key = try Routes.key(request, on: connection)
    try Routes.refuseQuery(request)
    var list = context.writes.takeList()
    if request.head.method == .delete {
      list.beginRow(key)
      list.deleteFromRow()
    } else {
      var reader = RowJSONReader(context.textSchema(of: table))
      do throws(RowTextError) {
        try reader.read(
          request.body, key: key, isReplacing: request.head.method == .put,
          nullDeletes: request.head.method == .patch, into: &list)
      } catch {
        throw Problem(error)
      }
    }
    MutationRoutes.commit(list, to: table, request.facts, on: connection)
  }
}
