// What the front says about itself, and its small codecs.

import Bytes
import JSON
import Tablets
import Testing

@testable import HTTPAPI

@Suite struct InterfaceTests {
  @Test func `the interface description is JSON and names every route and method`() throws {
    var buffer = ByteBuffer()
    OpenAPI.write(into: &buffer)
    let text = buffer.array
    let document = try ByteView.of(text) { try JSONValue(parsing: $0) }
    let paths = try #require(document["paths"])
    for route in Route.allCases where ![.unknown, .ingest, .changes, .console].contains(route) {
      let path = try #require(paths[route.template.description], "\(route.template)")
      let methods = route.allow.description.split(separator: ", ")
        .filter { $0 != "HEAD" && $0 != "OPTIONS" }
      for method in methods { #expect(path[method.lowercased()] != nil, "\(method) \(route)") }
      guard case .object(let members) = path else { continue }
      #expect(members.count { $0.name != "parameters" } == methods.count, "\(route)")
    }
    try checkReferences(document, in: document)
  }

  /// Every `$ref` leads somewhere.
  private func checkReferences(_ value: JSONValue, in document: JSONValue) throws {
    switch value {
    case .object(let members):
      for member in members {
        if member.name == "$ref", case .string(let path) = member.value {
          var target: JSONValue? = document
          for part in path.split(separator: "/").dropFirst() { target = target?[String(part)] }
          #expect(target != nil, "\(path)")
        }
        try checkReferences(member.value, in: document)
      }
    case .array(let elements):
      for element in elements { try checkReferences(element, in: document) }
    case .null, .boolean, .integer, .double, .string: break
    }
  }

  @Test func `every table error has its status and code`() {
    let cases: [(TableServiceError, Int, String)] = [
      (.invalid(code: "x", message: ""), 400, "x"), (.notFound(code: "x", message: ""), 404, "x"),
      (.conflict(code: "x", message: ""), 409, "x"), (.wouldBlock, 503, "retry_later"),
      (.retryLater(message: ""), 503, "retry_later"), (.full(message: ""), 507, "storage_full"),
      (.corruptData(message: ""), 500, "corrupt_data"),
      (.readOnly(message: ""), 503, "read_only"), (.closed, 503, "closed"),
    ]
    for (error, status, code) in cases {
      let problem = Problem(error)
      #expect(problem.status == status)
      #expect(problem.code == code)
    }
  }

  @Test func `a page token survives its text, and no other text passes`() {
    for count in [1, 2, 3, 4, 100, 4_096] {
      let token = PageToken(
        fingerprint: 0x0123_4567_89ab_cdef, key: (0..<count).map { UInt8(truncatingIfNeeded: $0) })
      var text = ByteBuffer()
      token.write(into: &text)
      #expect(PageToken(text.view) == token)
      var bytes = text.array
      for index in bytes.indices.prefix(40) {
        let kept = bytes[index]
        bytes[index] = kept == 0x41 ? 0x42 : 0x41
        #expect(ByteView.of(bytes) { PageToken($0) } == nil)
        bytes[index] = kept
      }
    }
    for text in ["", "A", "AAAA", "====", "\u{0}"] {
      #expect(ByteView.of(text) { PageToken($0) } == nil)
    }
  }

  @Test func `an entity tag survives its text and lists`() {
    let tag = EntityTag(
      version: RangeVersion(epoch: .max, sequence: 0), fingerprint: 0xfeed)
    var text = ByteBuffer()
    tag.write(into: &text)
    #expect(EntityTag(text.view) == tag)
    let quoted = String(decoding: text.array, as: UTF8.self)
    for (list, isFound) in [
      (quoted, true), ("W/" + quoted, true), ("\"a\", " + quoted, true), ("*", false), ("", false),
      ("\"0-0-0\"", false), (String(quoted.dropLast()), false),
      ("\"11111111111111111-0-feed\"", false), ("\"-0-feed\"", false),
    ] {
      #expect(
        (ByteView.of(list) { EntityTag.matching(0xfeed, in: $0) } != nil) == isFound, "\(list)")
    }
  }

  @Test(
    arguments: [
      ("wait=30", 30), ("respond-async, wait=5", 5), ("WAIT = 7", 7), ("wait=\"9\"", 9),
      ("wait=3; x=y", 3), ("wait=x", nil), ("wait=-1", nil), ("waiting=3", nil), ("", nil),
    ] as [(String, Int?)])
  func `a preference to wait is found`(text: String, seconds: Int?) {
    #expect(ByteView.of(text) { HeldRead.waitSeconds($0) } == seconds)
  }

  @Test func `health, metrics and statistics answer`() throws {
    let client = try ServerWorld.withTable().client()
    #expect(try client.ask("GET", "/healthz").status == 200)
    #expect(try client.ask("GET", "/readyz").status == 200)
    #expect(try client.ask("GET", "/openapi.json").fields["content-type"] == "application/json")
    _ = try client.ask("PUT", "/v1/tables/t/rows/k", #"{"families":{"f":{"x":"y"}}}"#)
    let all = try client.ask("GET", "/v1/stats")
    #expect(all.body.contains(#""table":"t""#))
    #expect(all.body.contains(#""puts_total":1"#))
    let metrics = try client.ask("GET", "/metrics").body
    let route = #"route="/v1/tables/{t}/rows/{key}""#
    #expect(metrics.contains(#"strata_http_requests_total{\#(route),status="204"} 1"#))
    #expect(metrics.contains(#"strata_http_request_seconds_count{\#(route)} 1"#))
    #expect(metrics.contains("strata_http_connections 1"))
    #expect(metrics.contains(#"strata_table_puts_total{table="t"} 1"#))
    for line in metrics.split(separator: "\n") where !line.hasPrefix("#") {
      #expect(line.contains(/^[a-z_]+(\{[^}]*\}?[^ ]*)? [0-9.]+$/), "\(line)")
    }
  }
}
