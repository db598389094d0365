// Authorized views: made, changed and dropped, and what may be read and written through one.

import BigtableProto
import Foundation
import SwiftProtobuf
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct ViewTests {
  private typealias View = Google_Bigtable_Admin_V2_AuthorizedView
  private typealias Operation = Google_Longrunning_Operation
  private static let name = BigtableWorld.table + "/authorizedViews/v"

  /// Rows of `user#`, all of `f`, and of `s` the column `score` and those of `x-`.
  private static let subset = View.SubsetView.with {
    $0.rowPrefixes = [Data("user#".utf8)]
    $0.familySubsets["f"] = .with { $0.qualifierPrefixes = [Data()] }
    $0.familySubsets["s"] = .with {
      $0.qualifiers = [Data("score".utf8)]
      $0.qualifierPrefixes = [Data("x-".utf8)]
    }
  }

  private func world() throws -> BigtableWorld {
    let world = try BigtableWorld()
    for key in ["company#1", "user#1", "user#2"] {
      for (family, qualifier) in [("f", "city"), ("s", "other"), ("s", "score"), ("s", "x-y")] {
        #expect(try world.set(key, family, qualifier, 1_000, Data("1".utf8)).status == 0)
      }
    }
    let made: Operation = try world.admin(
      "CreateAuthorizedView",
      Google_Bigtable_Admin_V2_CreateAuthorizedViewRequest.with {
        ($0.parent, $0.authorizedViewID) = (BigtableWorld.table, "v")
        $0.authorizedView.subsetView = ViewTests.subset
      })
    #expect(made.done)
    return world
  }

  @Test func `only what is in the view is read`() throws {
    let world = try world()
    func read(
      _ prepare: (inout Google_Bigtable_V2_ReadRowsRequest) -> Void = { _ in }
    ) throws -> [ReadRow] {
      try world.read { request in
        request.tableName = ""
        request.authorizedViewName = ViewTests.name
        prepare(&request)
      }.rows
    }
    let cells = ["f:city@1000=1", "s:score@1000=1", "s:x-y@1000=1"]
    let rows = ["user#1", "user#2"].map { ReadRow(key: $0, cells: cells) }
    #expect(try read() == rows)
    #expect(try read { $0.reversed = true } == rows.reversed())
    #expect(try read { $0.rows.rowKeys = [Data("company#1".utf8)] } == [])
    #expect(try read { $0.rows.rowKeys = [Data("user#2".utf8)] } == [rows[1]])
    // A filter sees the view's cells and no others.
    #expect(
      try read { $0.filter = .with { $0.cellsPerRowOffsetFilter = 2 } }.map(\.cells)
        == [["s:x-y@1000=1"], ["s:x-y@1000=1"]])
    let wrong = try world.read { $0.authorizedViewName = ViewTests.name }
    #expect(wrong.answer.status == 3)
    let missing = try world.read {
      ($0.tableName, $0.authorizedViewName) = ("", ViewTests.name + "x")
    }
    #expect(missing.answer.status == 5)
  }

  @Test func `only what is in the view is written`() throws {
    let world = try world()
    typealias Mutation = Google_Bigtable_V2_Mutation
    func status(_ key: String, _ mutation: Mutation) throws -> Int? {
      let answer = try world.data(
        "MutateRow",
        Google_Bigtable_V2_MutateRowRequest.with {
          $0.authorizedViewName = ViewTests.name
          $0.rowKey = Data(key.utf8)
          $0.mutations = [mutation]
        })
      if answer.status == 7 {
        #expect(answer.fields["grpc-message"]?.contains("outside the Authorized View") == true)
      }
      return answer.status
    }
    let one = Data("2".utf8)
    #expect(try status("user#3", .set("s", "score", 1_000, one)) == 0)
    #expect(try status("user#3", .set("f", "anything", 1_000, one)) == 0)
    #expect(try status("user#3", .set("s", "other", 1_000, one)) == 7)
    #expect(try status("user#3", .set("n", "score", 1_000, one)) == 7)
    #expect(try status("company#1", .set("s", "score", 1_000, one)) == 7)
    #expect(try status("user#3", .with { $0.deleteFromRow = .init() }) == 7)
    #expect(try status("user#3", .with { $0.deleteFromFamily.familyName = "s" }) == 7)
    #expect(try status("user#3", .with { $0.deleteFromFamily.familyName = "f" }) == 0)
    let rule = Google_Bigtable_V2_ReadModifyWriteRule.with {
      ($0.familyName, $0.columnQualifier) = ("s", Data("other".utf8))
      $0.appendValue = one
    }
    let appended = try world.data(
      "ReadModifyWriteRow",
      Google_Bigtable_V2_ReadModifyWriteRowRequest.with {
        ($0.authorizedViewName, $0.rowKey) = (ViewTests.name, Data("user#1".utf8))
        $0.rules = [rule]
      })
    #expect(appended.status == 7)
    // The condition sees the view's cells only: `other` is there and out of sight.
    let checked = try world.data(
      "CheckAndMutateRow",
      Google_Bigtable_V2_CheckAndMutateRowRequest.with {
        ($0.authorizedViewName, $0.rowKey) = (ViewTests.name, Data("user#1".utf8))
        $0.predicateFilter = .with { $0.columnQualifierRegexFilter = Data("other".utf8) }
        $0.trueMutations = [.set("s", "score", 1_000, one)]
      })
    #expect(checked.messages == [[]])
  }

  @Test func `views are listed, changed and dropped`() throws {
    let world = try world()
    let view: View = try world.admin(
      "GetAuthorizedView",
      Google_Bigtable_Admin_V2_GetAuthorizedViewRequest.with {
        ($0.name, $0.view) = (ViewTests.name, .full)
      })
    #expect(view.subsetView == ViewTests.subset && view.name == ViewTests.name)
    func update(
      _ paths: [String], etag: String, _ prepare: (inout View) -> Void
    ) throws -> Operation {
      try world.admin(
        "UpdateAuthorizedView",
        Google_Bigtable_Admin_V2_UpdateAuthorizedViewRequest.with {
          $0.authorizedView.name = ViewTests.name
          $0.authorizedView.etag = etag
          prepare(&$0.authorizedView)
          $0.updateMask.paths = paths
        })
    }
    let updated = try update(["deletion_protection"], etag: view.etag) {
      $0.deletionProtection = true
    }
    #expect(try View(unpackingAny: updated.response).deletionProtection)
    #expect(try View(unpackingAny: updated.response).subsetView == ViewTests.subset)
    func refusal(_ body: () throws -> Void) -> Int? {
      #expect(throws: BigtableWorld.Refused.self) { try body() }?.status
    }
    #expect(refusal { _ = try update(["subset_view"], etag: view.etag) { _ in } } == 3)
    #expect(
      refusal {
        _ = try update(["subset_view"], etag: view.etag) { $0.subsetView = ViewTests.subset }
      } == 10)
    func delete() throws {
      let _: Google_Protobuf_Empty = try world.admin(
        "DeleteAuthorizedView",
        Google_Bigtable_Admin_V2_DeleteAuthorizedViewRequest.with { $0.name = ViewTests.name })
    }
    #expect(refusal(delete) == 9)
    _ = try update([], etag: "") { $0.deletionProtection = false }
    let list: Google_Bigtable_Admin_V2_ListAuthorizedViewsResponse = try world.admin(
      "ListAuthorizedViews",
      Google_Bigtable_Admin_V2_ListAuthorizedViewsRequest.with { $0.parent = BigtableWorld.table })
    #expect(list.authorizedViews.map(\.name) == [ViewTests.name])
    try delete()
    #expect(refusal(delete) == 5)
  }
}
