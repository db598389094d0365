// The files of the package as the tidy tests see them.

import Foundation

/// One Swift file.
struct SourceFile {
  /// From the package's root.
  let path: String
  let text: String
  let lines: [Substring]

  var name: String { String(path.split(separator: "/").last ?? "") }
  /// The text without comments, so that prose names no types.
  var code: String {
    text.replacing(/\/\*(?s:.*?)\*\//, with: "").replacing(/\/\/[^\n]*/, with: "")
  }
  var isGenerated: Bool { path.hasSuffix(".pb.swift") }
}

/// All Swift files under the named folders of the package.
enum SourceTree {
  static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../..").standardized

  static func files(under folders: [String]) throws -> [SourceFile] {
    var files: [SourceFile] = []
    for folder in folders {
      let base = root.appending(path: folder)
      guard let walk = FileManager.default.enumerator(atPath: base.path) else { continue }
      for case let relative as String in walk where relative.hasSuffix(".swift") {
        let text = try String(contentsOf: base.appending(path: relative), encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        files.append(SourceFile(path: "\(folder)/\(relative)", text: text, lines: lines))
      }
    }
    return files.sorted { $0.path < $1.path }
  }
}
