// What the system tells of this process and its files.

import Glibc

/// Counters of the process so far; two of them tell what happened between.
struct ProcessFigures: Sendable {
  let cpuSeconds: Double
  /// Bytes that went, or will go, to the device; -1 where the system does not tell.
  let writtenByteCount: Int

  static func now() -> ProcessFigures {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return ProcessFigures(
      cpuSeconds: Double(time.tv_sec) + Double(time.tv_nsec) / 1e9,
      writtenByteCount: field("write_bytes:", of: "/proc/self/io") ?? -1)
  }

  /// Most bytes that were resident at once (VmHWM).
  static var peakByteCount: Int { (field("VmHWM:", of: "/proc/self/status") ?? 0) << 10 }

  /// Blocks of the files below a directory.
  static func diskByteCount(of directory: String) -> Int {
    guard let stream = opendir(directory) else { return 0 }
    defer { closedir(stream) }
    var total = 0
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name == "." || name == ".." { continue }
      let path = "\(directory)/\(name)"
      var status = stat()
      guard lstat(path, &status) == 0 else { continue }
      if status.st_mode & S_IFMT == S_IFDIR {
        total += diskByteCount(of: path)
      } else {
        total += Int(status.st_blocks) * 512
      }
    }
    return total
  }

  /// The first number of a line that begins with `name`.
  private static func field(_ name: String, of path: String) -> Int? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = String(
        decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      guard text.hasPrefix(name) else { continue }
      return text.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
    }
    return nil
  }
}
