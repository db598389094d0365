// Connections over real sockets: order, back-pressure, ends.

import Bytes
import Glibc
import Net
import TestSupport
import Testing

@Suite struct ConnectionTests {
  @Test func `thousands of pipelined messages come back whole and in order`() throws {
    try withListener { port, _ in
      let clients = try (0..<8).map { _ in try BlockingSocket(port: port) }
      let message = (0..<5_000).flatMap { Array("message \($0)\n".utf8) }
      for client in clients { client.send(message) }
      for client in clients { #expect(client.receive(message.count) == message) }
    }
  }

  @Test func `bytes a handler leaves are handed in again with what follows`() throws {
    let calls = Counter()
    try withListener(handler: { _ in
      let handler = ScriptedHandler()
      // Uses whole words only.
      handler.onReceive = { bytes, connection in
        calls.increase()
        var used = 0
        while bytes.count - used >= 4 {
          connection.output.append(bytes[used..<used + 4])
          used += 4
        }
        return used
      }
      return handler
    }) { port, _ in
      let client = try BlockingSocket(port: port)
      client.send("ab")
      #expect(calls.reaches(1))
      client.send("cde")
      #expect(client.receiveText(4) == "abcd")
      client.send("fgh12")
      #expect(client.receiveText(4) == "efgh")
      client.send("34")
      client.endSending()
      #expect(client.receiveText(10) == "1234")
    }
  }

  @Test func `a slow reader bounds what a producer may keep`() throws {
    let most = Counter()
    let drains = Counter()
    let total = 24 << 20
    try withListener(
      loops: 1,
      handler: { _ in
        let handler = ScriptedHandler.producing(total, most: most)
        let produce = handler.onDrained
        handler.onDrained = { connection in
          drains.increase()
          produce(connection)
        }
        return handler
      }
    ) { port, _ in
      let client = try BlockingSocket(port: port, receiveBufferByteCount: 16 << 10)
      client.send("go")
      #expect(client.receive(total) == [UInt8](repeating: 7, count: total))
      #expect(client.isAtEnd)
    }
    #expect(drains.value > 10)
    #expect(most.value <= (1 << 20) + (64 << 10))
  }

  @Test func `who leaves a full output unread is closed, who takes some of it is not`() throws {
    let closed = Counter()
    var options = EventLoopOptions()
    options.unreadNanoseconds = 200_000_000
    try withListener(
      loops: 1, options: options,
      handler: { _ in
        let handler = ScriptedHandler.producing()
        handler.onClosed = { _ in closed.increase() }
        return handler
      }
    ) { port, _ in
      let stubborn = try BlockingSocket(port: port, receiveBufferByteCount: 16 << 10)
      let slow = try BlockingSocket(port: port, receiveBufferByteCount: 16 << 10)
      stubborn.send("go")
      slow.send("go")
      for _ in 0..<40 {
        #expect(slow.receive(256 << 10).count == 256 << 10)
        usleep(20_000)
      }
      #expect(closed.value == 1)
    }
  }

  @Test func `a paused connection reads nothing until it resumes`() throws {
    let calls = Counter()
    try withListener(handler: { connection in
      let handler = ScriptedHandler()
      let loop = connection.loop
      handler.onReceive = { bytes, connection in
        if calls.increase() == 1 {
          connection.pauseReading()
          let paused = connection
          _ = loop.schedule(afterNanoseconds: 20_000_000) {
            #expect(calls.value == 1)
            paused.resumeReading()
          }
          return 0
        }
        connection.output.append(bytes)
        return bytes.count
      }
      return handler
    }) { port, _ in
      let client = try BlockingSocket(port: port)
      client.send("first ")
      #expect(calls.reaches(1))
      client.send("second")
      #expect(client.receiveText(12) == "first second")
    }
  }

  /// Epoll tells of what arrives, not of what was left.
  @Test func `what one read does not take is read without being told again`() throws {
    let total = 1 << 20
    let count = Counter()
    try withListener(
      loops: 1,
      handler: { _ in
        let handler = ScriptedHandler()
        handler.onReceive = { bytes, connection in
          // All of it is there before the second read.
          if count.value == 0 { usleep(100_000) }
          if count.increase(by: bytes.count) == total { connection.output.append("all") }
          return bytes.count
        }
        return handler
      }
    ) { port, _ in
      let client = try BlockingSocket(port: port)
      client.send([UInt8](repeating: 1, count: total))
      #expect(client.receiveText(3) == "all")
    }
  }

  @Test func `a half-closed peer still gets its answers`() throws {
    try withListener(handler: { _ in ScriptedHandler.answeringLate("late answer") }) { port, _ in
      let client = try BlockingSocket(port: port)
      client.endSending()
      #expect(client.receiveText(100) == "late answer")
    }
  }

  @Test func `an answer survives a close while the peer is still sending`() throws {
    try withListener(handler: { _ in
      let handler = ScriptedHandler()
      handler.onReceive = { bytes, connection in
        connection.output.append("too large")
        connection.closeAfterFlush()
        return 0
      }
      return handler
    }) { port, _ in
      let client = try BlockingSocket(port: port)
      client.send([UInt8](repeating: 1, count: 4 << 20))
      client.endSending()
      #expect(client.receiveText(100) == "too large")
    }
  }

  @Test(arguments: [true, false])
  func `closing tells the handler once`(_ peerCloses: Bool) throws {
    let closed = Counter()
    try withListener(handler: { _ in
      let handler = ScriptedHandler()
      handler.onReceive = { bytes, connection in
        connection.close()
        connection.close()
        connection.output.append("into the void")
        connection.setNeedsFlush()
        return bytes.count
      }
      handler.onClosed = { connection in
        #expect(!connection.isOpen)
        closed.increase()
      }
      return handler
    }) { port, _ in
      let client = try BlockingSocket(port: port)
      if peerCloses { client.endSending() } else { client.send("x") }
      #expect(client.isAtEnd)
      #expect(closed.reaches(1))
    }
    #expect(closed.value == 1)
  }

  @Test func `output appended by a completion on another thread leaves`() throws {
    try withListener(handler: { connection in
      let handler = ScriptedHandler()
      handler.onReceive = { bytes, connection in
        let waiting = connection
        let loop = connection.loop
        let done: @Sendable () -> Void = {
          loop.execute {
            waiting.output.append("done")
            waiting.setNeedsFlush()
          }
        }
        detach(done)
        return bytes.count
      }
      return handler
    }) { port, _ in
      let client = try BlockingSocket(port: port)
      for _ in 0..<100 {
        client.send("x")
        #expect(client.receiveText(4) == "done")
      }
    }
  }
}

/// Runs the work on a thread of its own.
private func detach(_ work: @escaping @Sendable () -> Void) {
  var thread = pthread_t()
  let box = Unmanaged.passRetained(Box(work))
  pthread_create(
    &thread, nil,
    { argument in
      if let argument { Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().work() }
      return nil
    }, box.toOpaque())
  pthread_detach(thread)
}

private final class Box: Sendable {
  let work: @Sendable () -> Void
  init(_ work: @escaping @Sendable () -> Void) { self.work = work }
}
