// Polling is cheap: an unchanged range is answered without reading a cell.

import Bytes
import DataModel
import Foundation
import Synchronization
import Tablets
import Testing
import VFS

@testable import HTTPAPI

@Suite struct PollCostTests {
  /// A directory with the table `t` of `rowCount` rows, in table files.
  private static func filledDirectory(rowCount: Int) throws -> String {
    let directory = NSTemporaryDirectory() + "strata-poll-\(UUID().uuidString)"
    let kept = directory + "-kept"
    let world = try ServerWorld(directory: directory)
    _ = try world.client().ask("POST", "/v1/tables", #"{"name":"t","families":{"f":{}}}"#)
    let table = try ByteView.of("t") { try world.service.table($0) }
    var list = MutationList()
    for index in 0..<rowCount {
      ByteView.of("row\(1_000_000 + index)") { list.beginRow($0) }
      ByteView.of("f") { family in
        list.setCell(family: family, qualifier: family, timestamp: .server, value: family)
      }
    }
    let done = DispatchSemaphore(value: 0)
    table.mutate(list) { _ in done.signal() }
    done.wait()
    try table.compact()
    world.service.close()
    // The world removes its directory at its end; this one outlives it.
    try FileManager.default.moveItem(atPath: directory, toPath: kept)
    return kept
  }

  @Test func `an unchanged range of 10,000 rows costs no read`() throws {
    let directory = try Self.filledDirectory(rowCount: 10_000)
    let files = CountingFileSystem()
    let world = try ServerWorld(directory: directory, fileSystem: files)
    let table = try ByteView.of("t") { try world.service.table($0) }
    // The tag of a page that nobody has read, so that nothing of it is in memory.
    var query = ReadQuery()
    query.limit = 10_000
    var tag = ByteBuffer()
    try RangeQuestion(table, query, isStream: false).tag.write(into: &tag)
    let condition = "If-None-Match: " + String(decoding: tag.array, as: UTF8.self)
    let client = try world.client()
    #expect(try client.ask("GET", "/healthz").status == 200)

    let before = files.readCount
    for _ in 0..<100 {
      let answer = try client.ask("GET", "/v1/tables/t/rows?limit=10000", nil, [condition])
      #expect(answer.status == 304)
    }
    #expect(files.readCount == before)

    let page = try client.ask("GET", "/v1/tables/t/rows?limit=10000")
    #expect(page.status == 200)
    #expect(page.body.utf8.count > 300_000)
    #expect(files.readCount > before, "the control: reading the page does read files")
  }
}
