// Tables and rows over HTTP, in the shapes of the contract.

import Testing

@Suite struct RowRouteTests {
  @Test func `a table is created, described, altered and dropped`() throws {
    let world = try ServerWorld()
    let other = try world.client()
    let text =
      #"{"name":"scores","families":{"f":{"gc":{"maxAge":"30d"}},"#
      + #""s":{"gc":{"maxVersions":24},"type":"int64","columns":{"model":"utf8"}}}}"#
    let created = try other.ask("POST", "/v1/tables", text)
    #expect(created.status == 201)
    #expect(created.fields["location"] == "/v1/tables/scores")
    #expect(created.body == text + "\n")
    #expect(try other.ask("GET", "/v1/tables/scores").body == text + "\n")
    #expect(try other.ask("GET", "/v1/tables").body == #"{"tables":["# + text + "]}\n")
    #expect(try other.ask("POST", "/v1/tables", text).status == 409)
    let altered = try other.ask(
      "PATCH", "/v1/tables/scores", #"{"families":{"f":null,"g":{},"s":{"type":"int64"}}}"#)
    #expect(altered.status == 200)
    #expect(
      altered.body == #"{"name":"scores","families":{"g":{},"s":{"type":"int64"}}}"# + "\n")
    #expect(try other.ask("DELETE", "/v1/tables/scores").status == 204)
    #expect(try other.ask("GET", "/v1/tables/scores").status == 404)
  }

  @Test func `a row is replaced, changed, read and deleted`() throws {
    let world = try ServerWorld.withTable()
    let client = try world.client()
    let path = "/v1/tables/t/rows/a%2Fb"
    #expect(try client.ask("GET", path).code == "row_not_found")
    let put = try client.ask(
      "PUT", path, #"{"families":{"s":{"score":712,"model":"v1"},"f":{"x":"y"}}}"#)
    #expect(put.status == 204)
    let row = #"{"key":"a/b","families":{"f":{"x":"y"},"s":{"model":"v1","score":712}}}"# + "\n"
    #expect(try client.ask("GET", path).body == row)
    #expect(
      try client.ask("PATCH", path, #"{"families":{"s":{"score":713},"f":{"x":null}}}"#).status
        == 204)
    let changed = #"{"key":"a/b","families":{"s":{"model":"v1","score":713}}}"# + "\n"
    #expect(try client.ask("GET", path).body == changed)
    #expect(
      try client.ask("GET", path + "?columns=s:score").body
        == #"{"key":"a/b","families":{"s":{"score":713}}}"# + "\n")
    #expect(try client.ask("PUT", path, #"{"families":{"f":{"only":"this"}}}"#).status == 204)
    #expect(
      try client.ask("GET", path).body == #"{"key":"a/b","families":{"f":{"only":"this"}}}"# + "\n")
    #expect(try client.ask("DELETE", path).status == 204)
    #expect(try client.ask("GET", path).status == 404)
    #expect(try client.ask("DELETE", path).status == 204)
  }

  @Test func `versions and timestamps come as lists, newest first`() throws {
    let client = try ServerWorld.withTable()
    let connection = try client.client()
    let path = "/v1/tables/t/rows/k"
    let body =
      #"{"families":{"s":{"score":[{"value":1,"timestamp":1000},{"value":2,"timestamp":2000}]}}}"#
    #expect(try connection.ask("PUT", path, body).status == 204)
    #expect(
      try connection.ask("GET", path + "?versions=2").body
        == #"{"key":"k","families":{"s":{"score":[{"value":2,"timestamp":2000},"#
        + #"{"value":1,"timestamp":1000}]}}}"# + "\n")
    #expect(
      try connection.ask("GET", path + "?timestamps=true").body
        == #"{"key":"k","families":{"s":{"score":[{"value":2,"timestamp":2000}]}}}"# + "\n")
  }

  @Test func `mutations, conditions and read-modify-writes are one row's`() throws {
    let world = try ServerWorld.withTable()
    let client = try world.client()
    let path = "/v1/tables/t/rows/a:b"
    let mutations =
      #"{"mutations":[{"setCell":{"family":"s","qualifier":"n","value":5,"timestamp":1000}},"#
      + #"{"setCell":{"family":"f","qualifier":"x","value":"1"}},"#
      + #"{"deleteFromFamily":{"family":"f"}}]}"#
    #expect(try client.ask("POST", path + ":mutate", mutations).status == 204)
    #expect(
      try client.ask("GET", path).body == #"{"key":"a:b","families":{"s":{"n":5}}}"# + "\n")
    let set = #"[{"setCell":{"family":"s","qualifier":"n","value":6}}]"#
    func check(_ predicate: String) throws -> String {
      try client.ask(
        "POST", path + ":checkAndMutate",
        #"{"predicate":\#(predicate),"trueMutations":\#(set)}"#
      ).body
    }
    #expect(try check(#"{"family":"s","qualifier":"n","value":4}"#) == "{\"matched\":false}\n")
    #expect(try check(#"{"family":"s","qualifier":"n","value":5}"#) == "{\"matched\":true}\n")
    #expect(try check(#"{"family":"f"}"#) == "{\"matched\":false}\n")
    #expect(try check("null") == "{\"matched\":true}\n")
    let answer = try client.ask(
      "POST", path + ":readModifyWrite",
      #"{"rules":[{"family":"s","qualifier":"n","increment":10}]}"#)
    #expect(answer.status == 200)
    #expect(answer.body.contains(#""n":[{"value":16,"#))
    #expect(
      try client.ask("GET", path).body == #"{"key":"a:b","families":{"s":{"n":16}}}"# + "\n")
  }

  @Test func `a batch answers in the order asked, with null for what is not there`() throws {
    let world = try ServerWorld.withTable()
    let client = try world.client()
    for key in ["a", "b"] {
      let path = "/v1/tables/t/rows/\(key)"
      _ = try client.ask("PUT", path, #"{"families":{"f":{"x":"\#(key)","y":"z"}}}"#)
    }
    let answer = try client.ask(
      "POST", "/v1/tables/t/rows:batchGet",
      #"{"keys":["b","no",{"base64":"YQ=="},"b"],"columns":["f:x"]}"#)
    #expect(
      answer.body == #"{"rows":[{"key":"b","families":{"f":{"x":"b"}}},null,"#
        + #"{"key":"a","families":{"f":{"x":"a"}}},{"key":"b","families":{"f":{"x":"b"}}}]}"#
        + "\n")
  }

  @Test func `a key that is not UTF-8 is shown as base64`() throws {
    let world = try ServerWorld.withTable()
    let client = try world.client()
    let body = #"{"families":{"f":{"x":"y"}}}"#
    #expect(try client.ask("PUT", "/v1/tables/t/rows/%FF%00", body).status == 204)
    #expect(
      try client.ask("GET", "/v1/tables/t/rows/%ff%00").body
        == #"{"key":{"base64":"/wA="},"families":{"f":{"x":"y"}}}"# + "\n")
  }

  @Test func `HEAD is GET without the body`() throws {
    let world = try ServerWorld.withTable()
    let client = try world.client()
    let path = "/v1/tables/t/rows/k"
    _ = try client.ask("PUT", path, #"{"families":{"f":{"x":"y"}}}"#)
    let length = try client.ask("GET", path).fields["content-length"]
    let head = try client.ask("HEAD", path)
    #expect(head.status == 200)
    #expect(head.fields["content-length"] == length)
    #expect(try client.ask("GET", path).status == 200)
  }
}
