// Requests of the servers that ours is measured beside.

/// Redis: a row of one column is a string, any other a hash.
struct RedisDialect: Dialect {
  var parser: AnswerParser.Kind { .redis }

  private func bulk(_ draft: Draft) -> Draft {
    Draft("$\(draft.bytes.count)\r\n") + draft + "\r\n"
  }

  private func command(_ parts: [Draft]) -> Template {
    Template(parts.reduce(Draft("*\(parts.count)\r\n")) { $0 + bulk($1) })
  }

  private func key(_ shape: RowShape) -> Draft {
    shape.columnCount == 1 ? .key : Draft("h") + .key
  }

  func read(_ shape: RowShape) -> Template? {
    command([Draft(shape.columnCount == 1 ? "GET" : "HGETALL"), key(shape)])
  }

  func write(_ shape: RowShape, columns: Range<Int>, rows: Int) -> Template? {
    guard rows == 1 else { return nil }
    if shape.columnCount == 1 {
      return command([Draft("SET"), .key, .value(shape.valueByteCount, column: 0)])
    }
    var parts = [Draft("HSET"), key(shape)]
    for column in columns {
      parts.append(Draft(shape.qualifier(column)))
      parts.append(.value(shape.valueByteCount, column: column))
    }
    return command(parts)
  }
}

/// memcached's text protocol.
struct MemcachedDialect: Dialect {
  var parser: AnswerParser.Kind { .memcached }

  func read(_ shape: RowShape) -> Template? { Template(Draft("get ") + .key + "\r\n") }

  func write(_ shape: RowShape, columns: Range<Int>, rows: Int) -> Template? {
    guard rows == 1, shape.columnCount == 1 else { return nil }
    return Template(
      Draft("set ") + .key + " 0 0 \(shape.valueByteCount)\r\n"
        + .value(shape.valueByteCount, column: 0) + "\r\n")
  }
}

/// A server of one static file.
struct StaticFileDialect: Dialect {
  let path: String
  var parser: AnswerParser.Kind { .http }

  func read(_ shape: RowShape) -> Template? {
    Template(Draft("GET \(path) HTTP/1.1\r\nHost: bench\r\n\r\n"))
  }

  func write(_ shape: RowShape, columns: Range<Int>, rows: Int) -> Template? { nil }
}
