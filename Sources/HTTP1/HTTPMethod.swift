// The request methods this server knows; any other token is answered 501.

package import Bytes

/// A request method.
package enum HTTPMethod: UInt8, Sendable, CaseIterable {
  case get, head, post, put, patch, delete, options

  /// The method of that name (case matters), or nil.
  package init?(_ name: ByteView) {
    switch name.count {
    case 3:
      if name == "GET" {
        self = .get
      } else if name == "PUT" {
        self = .put
      } else {
        return nil
      }
    case 4:
      if name == "HEAD" {
        self = .head
      } else if name == "POST" {
        self = .post
      } else {
        return nil
      }
    case 5 where name == "PATCH": self = .patch
    case 6 where name == "DELETE": self = .delete
    case 7 where name == "OPTIONS": self = .options
    default: return nil
    }
  }

  package var name: StaticString {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .patch: "PATCH"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    }
  }

  /// Reads only (RFC 9110 section 9.2.1).
  package var isSafe: Bool {
    switch self {
    case .get, .head, .options: true
    case .post, .put, .patch, .delete: false
    }
  }
}
