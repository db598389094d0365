// Table errors as HTTP answers, the one place:
//
//   invalid 400 │ notFound 404 │ conflict 409 │ full 507 │ corruptData 500
//   retryLater, readOnly, closed 503              codes of the first three are the error's own

package import Tablets

extension Problem {
  static var overloaded: Problem {
    var problem = Problem(
      503, "overloaded", "the server has too much to do: come back in a moment")
    problem.retryAfterSeconds = 1
    return problem
  }

  package init(_ error: TableServiceError) {
    switch error {
    case .invalid(let code, let message): self.init(400, code, message)
    case .notFound(let code, let message): self.init(404, code, message)
    case .conflict(let code, let message): self.init(409, code, message)
    case .wouldBlock: self.init(503, "retry_later", "the disk is busy")
    case .retryLater(let message):
      self.init(503, "retry_later", message)
      retryAfterSeconds = 1
    case .full(let message): self.init(507, "storage_full", message)
    case .corruptData(let message): self.init(500, "corrupt_data", message)
    case .readOnly(let message): self.init(503, "read_only", message)
    case .closed:
      self.init(503, "closed", "the server is shutting down")
      retryAfterSeconds = 1
    }
  }
}
