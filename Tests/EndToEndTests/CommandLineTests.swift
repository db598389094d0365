// kvctl against a running server: what it prints, and its exit codes.

import Foundation
import Testing

@Suite(.serialized) struct CommandLineTests {
  private let directory: TemporaryDirectory
  private let server: ServerProcess

  init() throws {
    directory = try TemporaryDirectory()
    server = try ServerProcess(directory: directory.path("data"))
  }

  private func kvctl(_ arguments: String..., input: String? = nil) throws -> ProgramResult {
    try run(
      Programs.path("kvctl"), ["--server", server.tcp] + arguments,
      input: input.map { Data($0.utf8) })
  }

  private func createScores() throws {
    let created = try kvctl(
      "table", "create", "scores", "--family", "s:versions=24,type=int64,column.model=utf8",
      "--family", "f:age=30d", "--family", "j:type=json")
    #expect(created.status == 0, "\(created.errors)")
  }

  @Test func `a row is put, shown in every format, and deleted`() throws {
    try createScores()
    #expect(
      try kvctl(
        "put", "scores", "a", "s:score=712", "s:model=v1", "j:x={\"b\": [1]}", "--timestamp",
        "2025-09-01T03:00:00Z"
      ).status == 0)
    let line = #"{"key":"a","families":{"j":{"x":{"b":[1]}},"s":{"model":"v1","score":712}}}"#
    #expect(try kvctl("get", "scores", "a").output == line + "\n")
    #expect(try kvctl("get", "scores", "a", "-o", "json").output == "[" + line + "]\n")
    #expect(
      try kvctl("get", "scores", "a", "--columns", "s:score", "--timestamps").output
        == #"{"key":"a","families":{"s":{"score":[{"value":712,"timestamp":1756695600000000}]}}}"#
        + "\n")
    #expect(
      try kvctl("scan", "scores", "-o", "csv").output
        == "key,j:x,s:model,s:score\na,\"{\"\"b\"\":[1]}\",v1,712\n")
    #expect(
      try kvctl("scan", "scores", "-o", "table").output == """
        key  j:x        s:model  s:score
        ───  ─────────  ───────  ───────
        a    {"b":[1]}  v1           712

        """)
    #expect(try kvctl("count", "scores").output == "1\n")
    #expect(try kvctl("delete", "scores", "a", "s:model", "j").status == 0)
    #expect(
      try kvctl("scan", "scores").output == #"{"key":"a","families":{"s":{"score":712}}}"# + "\n")
    #expect(try kvctl("delete", "scores", "a").status == 0)
    let gone = try kvctl("get", "scores", "a")
    #expect(gone.status == 1 && gone.output.isEmpty && gone.errors.contains("no row 'a'"))
  }

  @Test func `exit codes tell refusals, wrong calls and a missing server apart`() throws {
    try createScores()
    #expect(try kvctl("get", "nothing", "a").status == 1)
    #expect(try kvctl("put", "scores", "a", "s:score=x").status == 1)
    #expect(try kvctl("put", "scores", "a", "x:score=1").status == 1)
    #expect(try kvctl("put", "scores", "", "f:q=1").status == 1)
    #expect(try kvctl("table", "create", "scores").status == 1)
    #expect(try kvctl("table", "create", "t", "--family", "s:x=1").status == 2)
    #expect(try kvctl("scan", "scores", "--limit", "0").status == 2)
    #expect(try kvctl("frobnicate").status == 2)
    #expect(try kvctl("--help").status == 0)
    let nobody = try run(Programs.path("kvctl"), ["--server", "127.0.0.1:1", "count", "scores"])
    #expect(nobody.status == 3)
  }

  @Test func `a load refuses bad lines with their place and takes the rest`() throws {
    try createScores()
    let lines = """
      {"key":"a","families":{"s":{"score":1}}}
      {"key":"b","families":{"s":{"score":"one"}}}

      {"key":"c","families":{"s":{"score":3}}
      {"key":"d","families":{"s":{"score":4}}}
      """
    let rejects = directory.path("rejects.ndjson")
    let loaded = try kvctl("load", "scores", "-", "--rejects", rejects, input: lines)
    #expect(loaded.status == 1)
    #expect(loaded.errors.contains("committed 2 rows (through line 5)"), "\(loaded.errors)")
    let refused = try String(contentsOfFile: rejects, encoding: .utf8).split(separator: "\n")
    #expect(refused.count == 2)
    #expect(refused[0].hasPrefix(#"{"line":2,"column":37,"code":"wrong_value_type""#))
    #expect(
      refused[1].hasPrefix(#"{"line":4,"column":40,"code":"malformed_json""#), "\(refused[1])")
    #expect(
      try kvctl("scan", "scores", "--keys-only").output == "{\"key\":\"a\"}\n{\"key\":\"d\"}\n")
    #expect(
      try kvctl("scan", "scores", "--keys-only", "--filter", #"{"rowKeyRegex":"[^a]"}"#).output
        == "{\"key\":\"d\"}\n")
    #expect(try kvctl("scan", "scores", "--filter", #"{"rowKeyRegex":"["}"#).status == 2)
    let none = try kvctl("load", "scores", directory.path("nothing.ndjson"))
    #expect(none.status == 1)
  }

  @Test func `an export loads back as the same table, and a scan as its source`() throws {
    try createScores()
    var source = ""
    for index in 0..<5_000 {
      let key = String(format: "%06d", index)
      source +=
        #"{"key":"\#(key)","families":{"f":{"q":"é\"\#(index)"},"#
        + #""s":{"model":"v1","score":\#(index)}}}"#
        + "\n"
    }
    #expect(try kvctl("load", "scores", "-", input: source).status == 0)
    #expect(try kvctl("scan", "scores").output == source)
    #expect(try kvctl("put", "scores", "000007", "s:score=-7").status == 0)

    for name in ["export.ndjson", "export.csv"] {
      let file = directory.path(name)
      let exported = try kvctl("export", "scores", "--to", file)
      #expect(exported.status == 0 && exported.errors == "exported 5,000 rows\n")
      #expect(
        try kvctl(
          "table", "create", "copy", "--family", "s:type=int64,column.model=utf8",
          "--family", "f", "--family", "j:type=json"
        ).status == 0)
      #expect(try kvctl("load", "copy", file).status == 0)
      #expect(try kvctl("scan", "copy").output == kvctl("scan", "scores").output)
      if name == "export.ndjson" {
        let versions = try kvctl("scan", "copy", "--versions", "0").output
        #expect(versions == (try kvctl("scan", "scores", "--versions", "0").output))
      }
      #expect(try kvctl("table", "drop", "copy").status == 0)
    }
  }

  @Test func `a scan into a closed pipe ends quietly`() throws {
    try createScores()
    let source = (0..<20_000).map {
      #"{"key":"\#($0 + 100_000)","families":{"f":{"q":"0123456789012345678901234567890"}}}"#
    }.joined(separator: "\n")
    #expect(try kvctl("load", "scores", "-", input: source).status == 0)
    let program = Programs.path("kvctl").path
    let script =
      "set -o pipefail; '\(program)' --server \(server.tcp) scan scores | head -1"
    let piped = try run(URL(filePath: "/bin/bash"), ["-c", script])
    #expect(piped.status == 0 && piped.errors.isEmpty, "\(piped.errors)")
    #expect(piped.output.hasPrefix(#"{"key":"100000""#))
  }

  @Test func `an interrupted load says what was committed, and that is there`() throws {
    try createScores()
    let program = Programs.path("kvctl").path
    let script = """
      rows() {
        i=0
        while true; do
          i=$((i + 1))
          echo "{\\"key\\":\\"$i\\",\\"families\\":{\\"f\\":{\\"q\\":\\"v\\"}}}"  || break
        done
      }
      rows | (
        '\(program)' --server \(server.tcp) load scores - <&0 & pid=$!
        sleep 2; kill -INT $pid; wait $pid; echo "status $?"
      )
      """
    let interrupted = try run(URL(filePath: "/bin/bash"), ["-c", script])
    #expect(interrupted.output.contains("status 1"), "\(interrupted)")
    let count = try kvctl("count", "scores").output.dropLast()
    let grouped = interrupted.errors.replacingOccurrences(of: ",", with: "")
    #expect(grouped.contains("committed \(count) rows (through line \(count))"), "\(interrupted)")
  }

  @Test func `check finds a closed directory whole and refuses an open one`() throws {
    try createScores()
    #expect(try kvctl("put", "scores", "a", "s:score=1").status == 0)
    let open = try kvctl("check", directory.path("data"))
    #expect(open.status == 1 && open.errors.contains("in use"), "\(open)")
    #expect(server.stop() == 0)
    let closed = try kvctl("check", directory.path("data"))
    #expect(closed.status == 0 && closed.output.contains("ok"), "\(closed)")
    #expect(try kvctl("check", directory.path("none")).status == 1)
  }

  @Test func `check and inspect find damage in any file and name it`() throws {
    try createScores()
    #expect(try kvctl("put", "scores", "a", "s:score=1").status == 0)
    #expect(server.stop() == 0)
    let data = directory.path("data")
    let names = try FileManager.default.subpathsOfDirectory(atPath: data)
    for end in ["STRATA", "catalog.sqlite", ".table", ".log", "manifest-000001"] {
      let name = try #require(names.first { $0.hasSuffix(end) }, "\(end) in \(names)")
      let file = URL(filePath: data).appending(path: name)
      let inspected = try run(Programs.path("kvctl"), ["inspect", file.path])
      #expect(inspected.status == (end == "catalog.sqlite" ? 1 : 0), "\(inspected)")
      if end == "catalog.sqlite" { #expect(inspected.errors.contains("sqlite3"), "\(inspected)") }
      // A log that is not alive, as after a clean stop, is nobody's loss.
      if end == ".log" { continue }
      let whole = try Data(contentsOf: file)
      try whole.prefix(min(40, whole.count / 2)).write(to: file)
      let check = try run(Programs.path("kvctl"), ["check", data])
      #expect(check.status == 1 && check.output.contains(name), "\(check)")
      #expect(check.output.contains("problem:"), "\(check)")
      let damaged = try run(Programs.path("kvctl"), ["inspect", file.path])
      #expect([0, 1].contains(damaged.status), "\(damaged)")
      try whole.write(to: file)
    }
    #expect(try run(Programs.path("kvctl"), ["check", data]).status == 0)
  }
}
