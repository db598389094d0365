// GET of rows: a page as JSON, or the whole range as NDJSON, by the Accept field.

internal import Bytes
internal import HTTP1
internal import Net
internal import Tablets

enum RangeRoutes {
  static func get(_ request: Request, on connection: HTTPConnection) throws(Problem) {
    let context = connection.context
    context.decoded.clear()
    context.decoded.reserve(request.head.byteCount)
    let table = try Routes.table(request, on: connection)
    let query = try ReadQuery(request.query, isRange: true, decoded: &context.decoded)
    let isStream = wantsStream(request)
    let question = try RangeQuestion(table, query, isStream: isStream)
    do throws(TableServiceError) {
      if isStream {
        let scan = try table.scan(question.scanRequest(limit: question.limit))
        RowStream.start(scan, question, request.facts, on: connection)
      } else {
        try answerPage(question, request, on: connection)
      }
    } catch {
      throw Problem(error)
    }
  }

  private static func answerPage(
    _ question: RangeQuestion, _ request: Request, on connection: HTTPConnection
  ) throws(TableServiceError) {
    let front = connection.context.front
    let time = front.time
    let byteLimit = front.options.pageByteCount
    if let conditions = request.field(.ifNoneMatch),
      let known = EntityTag.matching(question.pageFingerprint, in: conditions)
    {
      let poll = Poll(
        table: question.table, range: question.range, known: known, now: question.tag)
      if poll.isUnchanged {
        return HeldRead.answer(poll, request, on: connection) { () throws(TableServiceError) in
          try PageRead(question, time: time, byteLimit: byteLimit)
        }
      }
    }
    let read = try PageRead(question, time: time, byteLimit: byteLimit)
    ReadDriver.run(read, request.facts, on: connection)
  }

  /// NDJSON is sent to who names it and does not prefer JSON by naming that first.
  private static func wantsStream(_ request: Request) -> Bool {
    guard let accept = request.field(.accept) else { return false }
    var wants = false
    HTTPText.forEachElement(of: accept) { element in
      let type = element.prefix(element.firstIndex(of: 0x3b) ?? element.count).trimmed
      if type.equalsIgnoringCase("application/x-ndjson") { wants = true }
      return !wants && !type.equalsIgnoringCase("application/json")
    }
    return wants
  }
}
