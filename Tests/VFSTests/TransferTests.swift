// Calls that move fewer bytes than asked, or are interrupted, are gone on with.

import Glibc
import Testing

@testable import VFS

@Suite struct TransferTests {
  /// What a system call answers: bytes moved, or an errno.
  enum Answer {
    case moves(Int)
    case fails(Int32)
  }

  /// Plays the answers, one a call; notes how far each call was.
  private func transfer(
    _ count: Int, _ answers: [Answer]
  ) -> (count: Int, errno: Int32, places: [Int]) {
    var rest = answers[...]
    var places: [Int] = []
    let result = VFS.transfer(count) { done in
      places.append(done)
      switch rest.popFirst() {
      case .moves(let moved)?: return moved
      case .fails(let reason)?:
        errno = reason
        return -1
      case nil:
        errno = ENOSYS
        return -1
      }
    }
    return (result.count, result.errno, places)
  }

  @Test func `short transfers go on where they ended`() {
    let result = transfer(10, [.moves(3), .moves(1), .moves(6)])
    #expect(result.count == 10 && result.errno == 0)
    #expect(result.places == [0, 3, 4])
  }

  @Test func `interrupted calls are made again, however often`() {
    let result = transfer(
      4, [.fails(EINTR), .moves(2), .fails(EINTR), .fails(EINTR), .moves(2)])
    #expect(result.count == 4 && result.errno == 0)
    #expect(result.places == [0, 0, 2, 2, 2])
  }

  @Test func `the end of the file and any other failure end it`() {
    let ended = transfer(4, [.moves(3), .moves(0)])
    #expect(ended.count == 3 && ended.errno == 0)
    let failed = transfer(4, [.moves(3), .fails(EIO)])
    #expect(failed.count == 3 && failed.errno == EIO)
    #expect(transfer(0, []).places.isEmpty)
  }

  @Test func `other interrupted calls are made again too`() {
    var answers: [Int32] = [EINTR, EINTR, 0]
    let result = retryingInterrupts { () -> Int32 in
      let reason = answers.removeFirst()
      errno = reason
      return reason == 0 ? 7 : -1
    }
    #expect(result == 7 && answers.isEmpty)
  }
}
