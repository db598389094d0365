// Removes a directory when its owner is gone, whatever ended it: a process of its own, which waits
// for the end of a pipe that the owner holds and never writes to. So SIGKILL leaves nothing behind.

import Foundation

/// Watches over the directory of a run.
final class Caretaker {
  /// Servers end when the owner does and may still write for a moment: several tries.
  private static let script = """
    read -r _
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      rm -rf "$1" 2>/dev/null && sleep 0.5
      [ -e "$1" ] || exit 0
      sleep 1
    done
    """

  private let process = Process()
  private let pipe = Pipe()

  /// - Parameter directory: Absolute, or relative to where the owner runs.
  init(of directory: String) throws {
    // Else servers would hold the pipe open, too.
    for end in [pipe.fileHandleForReading, pipe.fileHandleForWriting] {
      guard fcntl(end.fileDescriptor, F_SETFD, FD_CLOEXEC) == 0 else {
        throw BenchmarkFailure("fcntl: \(SocketAddress.text(errno))")
      }
    }
    // In a session of its own: a terminal's interrupt is not for it.
    process.executableURL = URL(filePath: "/usr/bin/setsid")
    process.arguments = ["--wait", "sh", "-c", Caretaker.script, "caretaker", directory]
    process.standardInput = pipe.fileHandleForReading
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
  }

  /// Has the directory removed now, and waits for that.
  func clearAway() {
    try? pipe.fileHandleForWriting.close()
    process.waitUntilExit()
  }
}
