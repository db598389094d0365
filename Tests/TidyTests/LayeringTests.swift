// Keeps the folders of Sources/LSM in their order, and every target below what it may import. A
// file may name types of its own folder and of the folders listed for it. Swift has no imports
// between files of one module, so a reader's trust in the folder order rests on this test.

import Foundation
import Testing

@Suite struct LayeringTests {
  /// Folder → folders it may use; lowest first. `Entry` holds what all the others speak in,
  /// options and errors of `Engine` included in the exceptions below.
  private static let allowed: KeyValuePairs<String, Set<String>> = [
    "Entry": [],
    "Cache": ["Entry"],
    "WriteAheadLog": ["Entry"],
    "Memtable": ["Entry"],
    "SSTable": ["Entry", "Cache"],
    "Merge": ["Entry", "Cache", "SSTable"],
    "Versions": ["Entry", "Cache", "SSTable", "WriteAheadLog", "Merge"],
    "Compaction": ["Entry", "Cache", "SSTable", "Memtable", "Merge", "Versions"],
    "Engine": [
      "Entry", "Cache", "WriteAheadLog", "Memtable", "SSTable", "Merge", "Versions", "Compaction",
    ],
  ]

  /// Sources' imports of our own targets, lowest first: a target may import those before it.
  private static let targets = [
    "Bytes", "Runtime", "VFS", "LSM", "DataModel", "Tablets", "JSON", "RowText", "TLS", "Net",
    "Fronts", "HTTP1", "HTTPAPI", "BinaryProtocol", "BinaryAPI", "Client",
    "ConnectionArguments", "DemoData", "kvserver", "kvctl",
  ]

  @Test func `no file of the engine names a type from a folder above it`() throws {
    var home: [String: String] = [:]
    let files = try SourceTree.files(under: Self.allowed.map { "Sources/LSM/\($0.key)" })
    #expect(files.count > 30)
    let declaration = /^(?:[@a-z]\S*\s+)*(?:struct|class|enum|protocol|actor)\s+([A-Z]\w*)/
    for file in files {
      for match in file.code.matches(of: declaration.anchorsMatchLineEndings()) {
        home[String(match.1)] = folder(of: file)
      }
    }
    for file in files {
      let own = folder(of: file)
      let reach = (Self.allowed.first { $0.key == own }?.value ?? []).union([own])
      for word in Set(file.code.matches(of: /\b[A-Z]\w*/).map { String($0.0) }) {
        guard let origin = home[word] else { continue }
        #expect(reach.contains(origin), "\(file.path) uses \(word) from \(origin)/")
      }
    }
  }

  @Test func `targets import downwards only`() throws {
    let importing = /^(?:package |internal |public |private |@testable )*import (\w+)/
    for file in try SourceTree.files(under: ["Sources"]) {
      let target = String(file.path.split(separator: "/")[1])
      guard let rank = Self.targets.firstIndex(of: target) else { continue }
      for match in file.text.matches(of: importing.anchorsMatchLineEndings()) {
        guard let other = Self.targets.firstIndex(of: String(match.1)) else { continue }
        #expect(other < rank, "\(file.path) imports \(match.1), which stands above it")
      }
    }
  }

  @Test func `the fronts do not know the engine and the engine does not know rows`() throws {
    let fronts = ["Sources/Fronts", "Sources/HTTPAPI", "Sources/BinaryAPI"]
    for file in try SourceTree.files(under: fronts) {
      #expect(!file.text.contains(/import LSM\b/), "\(file.path) imports the engine")
    }
    for file in try SourceTree.files(under: ["Sources/LSM"]) {
      #expect(!file.text.contains(/import (DataModel|Tablets)\b/), "\(file.path) imports rows")
    }
  }

  private func folder(of file: SourceFile) -> String { String(file.path.split(separator: "/")[2]) }
}
