// Whatever is sent, there is a clear answer, and the server goes on.

import Testing

@testable import HTTPAPI

@Suite struct BadInputTests {
  static let requests: [(request: String, answer: String)] = [
    (Client.request("GET", "/v1/tables/t/rows/"), "400 invalid_row_key"),
    (
      Client.request("GET", "/v1/tables/t/rows/" + String(repeating: "k", count: 4_097)),
      "400 invalid_row_key"
    ),
    (
      Client.request("PUT", "/v1/tables/t/rows/", #"{"families":{"f":{"x":"y"}}}"#),
      "400 invalid_row_key"
    ),
    (Client.request("GET", "/v1/tables/no/rows/k"), "404 unknown_table"),
    (Client.request("GET", "/v1/tables/no"), "404 unknown_table"),
    (Client.request("DELETE", "/v1/tables/no"), "404 unknown_table"),
    (Client.request("GET", "/v1/tables/no/stats"), "404 unknown_table"),
    (Client.request("GET", "/v1/tables/t/rows?columns=no"), "404 unknown_family"),
    (Client.request("GET", "/v1/tables/t/rows/k?columns=no:x"), "404 unknown_family"),
    (
      Client.request("PUT", "/v1/tables/t/rows/k", #"{"families":{"no":{"x":"y"}}}"#),
      "404 unknown_family"
    ),
    (
      Client.request("PUT", "/v1/tables/t/rows/k", "{\"families\":\n {\"f\": {\"x\" \"y\"}}}"),
      "400 malformed_json 2:13"
    ),
    (Client.request("PUT", "/v1/tables/t/rows/k", "{"), "400 malformed_json 1:2"),
    (Client.request("PUT", "/v1/tables/t/rows/k", ""), "400 malformed_json 1:1"),
    (Client.request("PUT", "/v1/tables/t/rows/k"), "400 malformed_json 1:1"),
    (
      Client.request("PUT", "/v1/tables/t/rows/k", #"{"families":{"s":{"x":"y"}}}"#),
      "400 wrong_value_type 1:23"
    ),
    (
      Client.request("PUT", "/v1/tables/t/rows/k", #"{"families":{"s":{"x":9e99}}}"#),
      "400 wrong_value_type 1:23"
    ),
    (
      Client.request("PUT", "/v1/tables/t/rows/k", #"{"families":{"f":{"x":null}}}"#),
      "400 wrong_value_type 1:23"
    ),
    (
      Client.request("PUT", "/v1/tables/t/rows/k", #"{"key":"j","families":{}}"#),
      "400 invalid_row_key 1:8"
    ),
    (Client.request("PATCH", "/v1/tables/t/rows/k", "{}"), "400 invalid_row 1:1"),
    (
      Client.request("POST", "/v1/tables/t/rows/k:mutate", #"{"mutations":[{"burn":{}}]}"#),
      "400 invalid_mutation 1:25"
    ),
    (Client.request("POST", "/v1/tables/t/rows/k:mutate", "{}"), "400 invalid_mutation"),
    (
      Client.request("POST", "/v1/tables/t/rows/k:checkAndMutate", #"{"predicate":{"no":1}}"#),
      "400 invalid_filter"
    ),
    (Client.request("POST", "/v1/tables/t/rows:batchGet", "[]"), "400 wrong_json_type 1:1"),
    (Client.request("POST", "/v1/tables/t/rows:batchGet", "{}"), "400 invalid_keys"),
    (
      Client.request("POST", "/v1/tables/t/rows:batchGet", #"{"keys":[""]}"#),
      "400 invalid_row_key"
    ),
    (
      Client.request(
        "POST", "/v1/tables/t/rows:batchGet",
        #"{"keys":["# + Array(repeating: "\"k\"", count: 1_001).joined(separator: ",") + "]}"),
      "400 too_many_keys"
    ),
    (
      Client.request(
        "POST", "/v1/tables/t/rows:batchGet",
        #"{"columns":["# + Array(repeating: "\"a\",", count: 1_000).joined() + "}"),
      "400 malformed_json 1:4013"
    ),
    (
      Client.request(
        "POST", "/v1/tables/t/rows:batchGet",
        #"{"columns":""# + Array(repeating: "a", count: 1_001).joined(separator: ",") + "\"}"),
      "400 invalid_columns"
    ),
    (Client.request("GET", "/v1/tables/t/rows?limit=-1"), "400 invalid_limit"),
    (Client.request("GET", "/v1/tables/t/rows?limit=0"), "400 invalid_limit"),
    (Client.request("GET", "/v1/tables/t/rows?limit=x"), "400 invalid_limit"),
    (Client.request("GET", "/v1/tables/t/rows?limit="), "400 invalid_limit"),
    (Client.request("GET", "/v1/tables/t/rows?limit=10001"), "400 invalid_limit"),
    (Client.request("GET", "/v1/tables/t/rows?limit=99999999999999999999"), "400 invalid_limit"),
    (Client.request("GET", "/v1/tables/t/rows?versions=-1"), "400 invalid_versions"),
    (Client.request("GET", "/v1/tables/t/rows?pageToken=foreign"), "400 invalid_page_token"),
    (Client.request("GET", "/v1/tables/t/rows?limt=1"), "400 unknown_parameter"),
    (Client.request("GET", "/v1/tables/t/rows?limit=1&limit=2"), "400 repeated_parameter"),
    (Client.request("GET", "/v1/tables/t/rows?prefix=a&start=b"), "400 invalid_range"),
    (Client.request("GET", "/v1/tables/t/rows?reverse=yes"), "400 invalid_parameter"),
    (Client.request("GET", "/v1/tables/t/rows?columns="), "400 invalid_columns"),
    (Client.request("GET", "/v1/tables/t/rows/%zz"), "400 bad_percent_encoding"),
    (Client.request("GET", "/v1/tables/t/rows/a%2"), "400 bad_percent_encoding"),
    (Client.request("GET", "/v1/tables/%/rows/a"), "400 bad_percent_encoding"),
    (Client.request("GET", "/v1/tables/t/rows?prefix=%f"), "400 bad_percent_encoding"),
    (Client.request("GET", "/v2"), "404 no_such_route"),
    (Client.request("GET", "/v1/tables/t/rows/a/b"), "404 no_such_route"),
    (Client.request("POST", "/v1/tables/t/rows/k"), "405 method_not_allowed"),
    (Client.request("DELETE", "/v1/tables"), "405 method_not_allowed"),
    (Client.request("GET", "/v1/tables/t/rows:batchGet"), "405 method_not_allowed"),
    (Client.request("POST", "/v1/tables", "{\"name\":\"\\u00e9\",\"families\":{}}"), "400"),
    (Client.request("POST", "/v1/tables", "{\"families\":{}}"), "400"),
    (Client.request("POST", "/v1/tables/t/rows:ingest?x=1", "{}"), "400 unknown_parameter"),
    (Client.request("GET", "/v1/tables/t/changes"), "501 not_available"),
    (Client.request("GET", "/console/"), "501 not_available"),
    // Refused before any route: the connection ends.
    (Client.request("BREW", "/"), "501 unknown_method"),
    ("GET / HTTP/1.1\r\n\r\n", "400 malformed_request"),
    (
      Client.request("PUT", "/v1/tables/t/rows/k", "{}", ["Content-Length: 2"]),
      "400 malformed_request"
    ),
    (
      Client.request("PUT", "/v1/tables/t/rows/k", "{}", ["Transfer-Encoding: chunked"]),
      "400 malformed_request"
    ),
    (
      Client.request("GET", "/" + String(repeating: "a", count: 9_000)),
      "414 request_line_too_long"
    ),
    (
      Client.request("GET", "/", nil, ["X: " + String(repeating: "a", count: 33_000)]),
      "431 headers_too_large"
    ),
    (
      Client.request("PUT", "/v1/tables/t/rows/k", nil, ["Content-Length: 1000001"]),
      "413 body_too_large"
    ),
    (
      "PUT /v1/tables/t/rows/k HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n",
      "413 body_too_large"
    ),
  ]

  @Test func `each wrong request has its clear answer, and the server goes on`() throws {
    var options = HTTPOptions()
    options.bodyByteCount = 1_000_000
    let world = try ServerWorld.withTable(options)
    for (request, expected) in Self.requests {
      let client = try world.client()
      client.send(request)
      let answer = try client.answer()
      let shown = "\(answer.status) \(answer.code ?? "") \(Self.place(answer))"
      #expect(shown.hasPrefix(expected), "\(request.prefix(80)): \(answer.body)")
      #expect(answer.fields["content-type"] == "application/problem+json")
      if answer.fields["connection"] == "close" {
        #expect(client.isAtEnd)
      } else {
        #expect(try client.ask("GET", "/healthz").status == 200)
      }
    }
  }

  private static func place(_ answer: Answer) -> String {
    guard let match = answer.body.firstMatch(of: /"line":(\d+),"column":(\d+)/) else { return "" }
    return "\(match.1):\(match.2)"
  }

  @Test func `a wrong method names the right ones`() throws {
    let client = try ServerWorld.withTable().client()
    #expect(
      try client.ask("PUT", "/v1/tables").fields["allow"] == "GET, HEAD, OPTIONS, POST")
    let options = try client.ask("OPTIONS", "/v1/tables/t/rows/k")
    #expect(options.status == 204)
    #expect(options.fields["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, PUT")
  }
}
