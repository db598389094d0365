// House rules that a compiler does not check: lengths, headers, names, words.

import Foundation
import Testing

@Suite struct TidyTests {
  static let files: [SourceFile] = {
    let all = try? SourceTree.files(under: ["Sources", "Tests", "Benchmarks"])
    return (all ?? []).filter { !$0.isGenerated }
  }()

  @Test func `the tree is found`() { #expect(Self.files.count > 100) }

  @Test func `no file is longer than 500 lines and no line longer than 100 columns`() {
    for file in Self.files {
      #expect(file.lines.count <= 501, "\(file.path): \(file.lines.count) lines")
      for (index, line) in file.lines.enumerated() where line.count > 100 {
        Issue.record("\(file.path):\(index + 1) is \(line.count) columns wide")
      }
    }
  }

  @Test func `every file begins by saying what lives in it`() {
    for file in Self.files {
      let header = file.lines.prefix { $0.hasPrefix("//") }
      #expect(!header.isEmpty, "\(file.path) has no header")
      #expect(!header.contains { $0.contains("Created by") }, "\(file.path)")
    }
  }

  @Test func `no function is longer than 70 lines`() {
    let start =
      /^(\s*)(?:(?:@\S+|[a-z]+(?:\([a-z]+\))?)\s+)*(?:func|init|deinit|subscript)\b/
    for file in Self.files {
      var open: (line: Int, indent: Int)?
      for (index, line) in file.lines.enumerated() {
        if let match = line.prefixMatch(of: start) {
          open = (index, match.1.count)
        } else if let begun = open,
          line.hasPrefix(String(repeating: " ", count: begun.indent) + "}")
        {
          let length = index - begun.line + 1
          #expect(length <= 70, "\(file.path):\(begun.line + 1) is \(length) lines long")
          open = nil
        }
      }
    }
  }

  @Test func `folders hold at most twelve files and lie at most two levels deep`() {
    var counts: [String: Int] = [:]
    for file in Self.files where file.path.hasPrefix("Sources/") {
      let parts = file.path.split(separator: "/")
      counts[parts.dropLast().joined(separator: "/"), default: 0] += 1
      #expect(parts.count <= 5, "\(file.path) lies too deep")
    }
    for (folder, count) in counts where folder.split(separator: "/").count > 2 {
      #expect(count <= 12, "\(folder) holds \(count) files")
    }
  }

  @Test func `no room without a noun`() {
    let banned = [
      "Utils", "Util", "Helpers", "Helper", "Common", "Misc", "Manager", "Base", "Extras",
    ]
    for file in Self.files {
      let stem = file.name.replacing(".swift", with: "")
      for word in banned {
        #expect(stem != word && !stem.hasSuffix(word), "\(file.path) has no noun")
      }
    }
  }

  @Test func `no loose ends in the sources`() {
    let loose = /\b(TODO|FIXME|XXX)\b|fatalError\(|try!|print\(.*debug/
    for file in Self.files where file.path.hasPrefix("Sources/") {
      for (index, line) in file.lines.enumerated() where line.contains(loose) {
        Issue.record("\(file.path):\(index + 1): \(line)")
      }
    }
  }

  @Test func `only VFS opens files and only Net and Client open sockets`() {
    let opening = /\bfopen\(|\bopen(?:at)?\([^)]*\bO_[A-Z]/
    let socket = /\b(Glibc\.)?socket\(/
    for file in Self.files where file.path.hasPrefix("Sources/") {
      let code = file.code
      let mayOpen = ["Sources/VFS/", "Sources/kvctl/", "Sources/kvserver/"]
      if !mayOpen.contains(where: file.path.hasPrefix) {
        #expect(!code.contains(opening), "\(file.path) opens a file")
      }
      if !file.path.hasPrefix("Sources/Net/"), !file.path.hasPrefix("Sources/Client/") {
        #expect(!code.contains(socket), "\(file.path) opens a socket")
      }
    }
  }
}
