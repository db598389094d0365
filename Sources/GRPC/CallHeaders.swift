// The header fields of a request that matter (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md).

internal import Bytes

/// Read field by field.
struct CallHeaders {
  /// Of a call that names no method there is.
  private(set) var unknownPath: [UInt8] = []
  /// What `GRPCMethods` makes of the path.
  private(set) var method: Int?
  private(set) var isPost = false
  private(set) var isGRPC = false
  /// Messages are compressed with gzip.
  private(set) var isGzip = false
  /// The name of a compression that is not taken; empty for none.
  private(set) var encoding: [UInt8] = []
  /// Nanoseconds until the deadline; nil for none.
  private(set) var timeout: UInt64?
  private(set) var isMalformed = false
  /// The client is gRPC's for Python.
  private(set) var isFromPython = false

  mutating func add(_ name: ByteView, _ value: ByteView, _ methods: any GRPCMethods) {
    switch name.count {
    case 5 where CallHeaders.equal(name, ":path"):
      method = methods.method(value)
      if method == nil { unknownPath = value.array }
    case 7 where CallHeaders.equal(name, ":method"): isPost = CallHeaders.equal(value, "POST")
    case 10 where CallHeaders.equal(name, "user-agent"):
      isFromPython = CallHeaders.begins(value, with: "grpc-python")
    case 12 where CallHeaders.equal(name, "content-type"): isGRPC = CallHeaders.isGRPC(value)
    case 12 where CallHeaders.equal(name, "grpc-timeout"):
      timeout = CallHeaders.timeout(value)
      if timeout == nil { isMalformed = true }
    case 13 where CallHeaders.equal(name, "grpc-encoding"):
      isGzip = CallHeaders.equal(value, "gzip")
      encoding = isGzip || CallHeaders.equal(value, "identity") ? [] : value.array
    default: break
    }
  }

  private static func equal(_ bytes: ByteView, _ text: StaticString) -> Bool {
    ByteView(text.utf8Start, count: text.utf8CodeUnitCount) == bytes
  }

  private static func begins(_ value: ByteView, with text: StaticString) -> Bool {
    value.hasPrefix(ByteView(text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// `application/grpc`, alone or with `+proto` or parameters.
  private static func isGRPC(_ value: ByteView) -> Bool {
    let name: StaticString = "application/grpc"
    let count = name.utf8CodeUnitCount
    guard value.count >= count, equal(value.prefix(count), name) else { return false }
    if value.count == count { return true }
    return equal(value.dropFirst(count), "+proto") || value[count] == UInt8(ascii: ";")
  }

  /// At most eight digits and a unit: `H`, `M`, `S`, `m`, `u` or `n`.
  static func timeout(_ value: ByteView) -> UInt64? {
    guard (2...9).contains(value.count) else { return nil }
    var number: UInt64 = 0
    for index in 0..<value.count - 1 {
      guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= value[index] else { return nil }
      number = number * 10 + UInt64(value[index] - UInt8(ascii: "0"))
    }
    let unit: UInt64
    switch value[value.count - 1] {
    case UInt8(ascii: "H"): unit = 3_600_000_000_000
    case UInt8(ascii: "M"): unit = 60_000_000_000
    case UInt8(ascii: "S"): unit = 1_000_000_000
    case UInt8(ascii: "m"): unit = 1_000_000
    case UInt8(ascii: "u"): unit = 1_000
    case UInt8(ascii: "n"): unit = 1
    default: return nil
    }
    // A timeout of centuries is none.
    let (nanoseconds, overflows) = number.multipliedReportingOverflow(by: unit)
    return overflows ? .max : nanoseconds
  }
}
