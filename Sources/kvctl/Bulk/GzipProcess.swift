// gzip as a child process: every Debian has it, and a load is not faster for unpacking by itself.

import Glibc

/// A running `gzip -dc`.
final class GzipProcess {
  /// Its standard output; the reader closes it.
  let output: Int32
  private let name: String
  private var child: pid_t = 0

  /// - Parameter file: An open file, at its start; it is closed here.
  init(unpacking file: Int32, name: String) throws {
    self.name = name
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else {
      throw CommandFailure.refused("\(name): no pipe to gzip (errno \(errno))")
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    output = ends[0]
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, file, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("gzip"), strdup("-dc"), nil]
    let failure = posix_spawnp(&child, "gzip", &actions, nil, &arguments, environ)
    for argument in arguments { free(argument) }
    posix_spawn_file_actions_destroy(&actions)
    close(ends[1])
    close(file)
    guard failure == 0 else {
      close(output)
      throw CommandFailure.refused(
        "\(name): cannot run gzip (\(String(cString: strerror(failure)))). "
          + "Unpack it elsewhere and load from '-'")
    }
  }

  /// At the end of its output: was that all there is?
  func finish() throws {
    guard child != 0 else { return }
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
    child = 0
    guard status == 0 else {
      throw CommandFailure.refused("\(name): gzip says that it is damaged or cut short")
    }
  }

  deinit {
    guard child != 0 else { return }
    kill(child, SIGKILL)
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0, errno == EINTR {}
  }
}
