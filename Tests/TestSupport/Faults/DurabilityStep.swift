// Names for every step by which something becomes durable or goes for good, told from the calls to
// the file system. A test that crashes at each name has crashed everywhere.

internal import Synchronization
internal import VFS

/// Names the steps of one disk's calls, in their order. Safe for concurrent use.
package final class DurabilityStepNames: Sendable {
  /// How far the life of a log file has come.
  private enum LogPhase {
    case created, opened, reserved, filled, headed, alive, recovered, closed
  }

  private struct State {
    var logs: [String: LogPhase] = [:]
    /// Manifests whose first edit is not durable yet.
    var youngManifests: Set<String> = []
    /// What changed last in each directory.
    var changes: [String: String] = [:]
  }

  private let state = Mutex(State())

  package init() {}

  /// The step's name; nil for a call that changes nothing.
  package func name(_ call: FileCall) -> String? {
    state.withLock { state in
      switch call.operation {
      case .read, .list, .stat, .lock: return nil
      case .createDirectory:
        state.changes[DurabilityStepNames.parent(call.path)] = "a directory's creation"
        return "directory: create"
      case .syncDirectory:
        let change = state.changes.removeValue(forKey: call.path)
        return "directory: sync after \(change ?? "no change")"
      default: break
      }
      let (name, change) =
        call.isLog
        ? DurabilityStepNames.log(call, &state.logs[call.path])
        : call.isTableFile
          ? DurabilityStepNames.tableFile(call)
          : call.isManifest
            ? DurabilityStepNames.manifest(call, &state.youngManifests)
            : DurabilityStepNames.other(call)
      if let change { state.changes[DurabilityStepNames.parent(call.path)] = change }
      return name
    }
  }

  private static func parent(_ path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func log(
    _ call: FileCall, _ phase: inout LogPhase?
  ) -> (name: String?, change: String?) {
    switch call.operation {
    case .create:
      phase = .created
      return ("log: create", "a log's creation")
    case .open:
      defer { phase = .opened }
      return (phase == .closed ? "log: recycle" : nil, nil)
    case .preallocate:
      if phase == .alive { return ("log: grow", nil) }
      phase = .reserved
      return ("log: reserve", nil)
    case .write: return (write(call, &phase), nil)
    case .sync: return (sync(&phase), nil)
    case .close:
      defer { phase = .closed }
      return (phase == .alive ? "log: close" : nil, nil)
    case .remove: return ("log: remove", "a log's removal")
    default: return ("log: \(call.operation)", nil)
    }
  }

  private static func write(_ call: FileCall, _ phase: inout LogPhase?) -> String {
    let headerByteCount = 56
    let recordHeaderByteCount = 40
    if phase == .alive {
      return call.byteCount == recordHeaderByteCount
        ? "log: header of a long record" : "log: append"
    }
    if call.offset == 0, call.byteCount == headerByteCount {
      phase = .headed
      return "log: header"
    }
    if phase == .opened || phase == .recovered {
      phase = .recovered
      return "log: write of a recovered end"
    }
    phase = .filled
    return "log: zeros"
  }

  private static func sync(_ phase: inout LogPhase?) -> String {
    switch phase {
    case .reserved: return "log: sync of the reservation"
    case .headed:
      phase = .alive
      return "log: sync of the header"
    case .alive: return "log: sync"
    case .filled: return "log: sync of zeros"
    default: return "log: sync of a recovered end"
    }
  }

  private static func tableFile(_ call: FileCall) -> (name: String?, change: String?) {
    switch call.operation {
    case .create: ("table file: create", "a table file's creation")
    case .open: (nil, nil)
    case .remove: ("table file: remove", "a table file's removal")
    default: ("table file: \(call.operation)", nil)
    }
  }

  private static func manifest(
    _ call: FileCall, _ young: inout Set<String>
  ) -> (name: String?, change: String?) {
    switch call.operation {
    case .create:
      young.insert(call.path)
      return ("manifest: create", "a manifest's creation")
    case .open: return (nil, nil)
    case .write where young.contains(call.path): return ("manifest: first edit", nil)
    case .sync where young.contains(call.path):
      young.remove(call.path)
      return ("manifest: sync of the first edit", nil)
    case .write: return ("manifest: append", nil)
    case .preallocate: return ("manifest: reserve", nil)
    case .remove: return ("manifest: remove the one before", "a manifest's removal")
    default: return ("manifest: \(call.operation)", nil)
    }
  }

  private static func other(_ call: FileCall) -> (name: String?, change: String?) {
    if call.name.hasPrefix("catalog.sqlite") {
      let file = call.name.hasSuffix("-wal") ? "catalog log" : "catalog"
      // SQLite syncs the directories of its files by itself.
      let isChange = ![.open, .create, .close, .remove].contains(call.operation)
      return (isChange ? "\(file): \(call.operation)" : nil, nil)
    }
    if call.name == "STRATA" {
      switch call.operation {
      case .create: return ("marker: create", "the marker's creation")
      case .open: return (nil, nil)
      default: return ("marker: \(call.operation)", nil)
      }
    }
    return call.operation == .remove
      ? ("table: remove its directory", "a table's removal") : ("other: \(call.operation)", nil)
  }
}
