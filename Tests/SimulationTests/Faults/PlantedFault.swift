// One failure, planted at one operation of a disk.

import Glibc
import Synchronization
import TestSupport
import VFS

/// Fails operation `target` of a disk and, if it is for ever, all that the failure would touch from
/// then on. Counts from the first operation it sees.
final class PlantedFault: Sendable {
  enum Kind: String, CaseIterable, Sendable {
    case ioError = "EIO"
    case noSpace = "ENOSPC"
    /// Writes end half way.
    case shortWrite = "short write"
  }

  /// More than any life has: beyond it somebody repeats himself for ever.
  private static let operationLimit = 60_000

  private let kind: Kind
  private let isForEver: Bool
  private let target: Int
  private let count = Atomic<Int>(0)
  private let hits = Atomic<Int>(0)
  private let isLifted = Atomic<Bool>(false)

  init(kind: Kind, isForEver: Bool, target: Int) {
    self.kind = kind
    self.isForEver = isForEver
    self.target = target
  }

  /// What failed, as the first failure met it.
  private let firstHit = Mutex("nothing")

  var hitCount: Int { hits.load(ordering: .sequentiallyConsistent) }
  /// Runs `body` on a disk that is well.
  func lifted<Result>(_ body: () -> Result) -> Result {
    isLifted.store(true, ordering: .sequentiallyConsistent)
    defer { isLifted.store(false, ordering: .sequentiallyConsistent) }
    return body()
  }

  func verdict(_ call: FileCall) -> Verdict {
    guard isTouched(call), !isLifted.load(ordering: .sequentiallyConsistent) else {
      return .proceed
    }
    let index = count.add(1, ordering: .sequentiallyConsistent).oldValue
    precondition(index < PlantedFault.operationLimit, "fault at \(target): a life without an end")
    guard index == target || (isForEver && index > target) else { return .proceed }
    if hits.add(1, ordering: .sequentiallyConsistent).oldValue == 0 {
      firstHit.withLock { $0 = "\(call.operation) of \(call.path)" }
    }
    return switch kind {
    case .ioError: .fail(EIO)
    case .noSpace: .fail(ENOSPC)
    case .shortWrite: .short(call.byteCount / 2, EIO)
    }
  }

  private func isTouched(_ call: FileCall) -> Bool {
    switch kind {
    case .ioError: true
    case .noSpace: [.write, .preallocate, .create, .createDirectory].contains(call.operation)
    case .shortWrite: call.operation == .write
    }
  }
}

extension PlantedFault: CustomStringConvertible {
  var description: String {
    "operation \(target) (\(firstHit.withLock { $0 })), \(kind.rawValue) "
      + (isForEver ? "for ever" : "once")
  }
}
