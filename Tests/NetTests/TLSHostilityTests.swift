// What is no TLS, half of one, or damaged: the connection ends, the server does not.

import Bytes
import Glibc
import Net
import Synchronization
import TLS
import TestSupport
import Testing

@Suite struct TLSHostilityTests {
  /// The port still serves.
  private func expectService(_ port: UInt16) throws {
    let client = try SecureSocket(port: port)
    client.send("fine")
    #expect(client.receiveText(4) == "fine")
  }

  @Test func `plain text is answered in its own words and ended at once`() throws {
    let failures = Mutex<[TLSFailure]>([])
    let handlers = Counter()
    try withSecureListener(
      answerToPlainText: "use TLS",
      onFailure: { failure in failures.withLock { $0.append(failure) } },
      handler: { _ in
        handlers.increase()
        return ScriptedHandler()
      }
    ) { port, server in
      let client = try BlockingSocket(port: port)
      client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(client.receiveText(100) == "use TLS")
      #expect(client.isAtEnd)
      #expect(server.counters.failedCount == 1)
    }
    #expect(failures.withLock { $0 } == [.notTLS])
    #expect(handlers.value == 0)
  }

  @Test(arguments: ["", "half"])
  func `a handshake that stops is ended in time`(_ beginning: String) throws {
    let failures = Mutex<[TLSFailure]>([])
    try withSecureListener(
      handshakeMilliseconds: 300,
      onFailure: { failure in failures.withLock { $0.append(failure) } }
    ) { port, _ in
      let client = try PiecewiseClient(port: port)
      if !beginning.isEmpty { client.socket.send(Array(client.session.unsent.array.dropLast(9))) }
      let start = ContinuousClock.now
      #expect(client.socket.isAtEnd)
      #expect(start.duration(to: .now) < .seconds(5))
      try expectService(port)
    }
    #expect(failures.withLock { $0 } == [.timedOut])
  }

  @Test func `a connection that is idle after its handshake stays`() throws {
    try withSecureListener(handshakeMilliseconds: 300) { port, _ in
      let client = try SecureSocket(port: port)
      usleep(600_000)
      client.send("here")
      #expect(client.receiveText(4) == "here")
    }
  }

  @Test func `a handshake has a bound`() throws {
    let failures = Counter()
    try withSecureListener(onFailure: { _ in failures.increase() }) { port, _ in
      // A first message that says it has 16 MiB, and records that bring it.
      let client = try BlockingSocket(port: port)
      var record: [UInt8] = [22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff, 3, 3]
      record += [UInt8](repeating: 0, count: 5 + 0x4000 - record.count)
      for _ in 0..<64 { client.send(record) }
      client.endSending()
      while !client.receiveSome(1_000).isEmpty {}
      #expect(failures.reaches(1))
      try expectService(port)
    }
  }

  @Test func `a new handshake within a session is not granted`() throws {
    try withSecureListener { port, _ in
      let client = try SecureSocket(port: port, SecureOptions(newest: tls12))
      client.send("x")
      #expect(client.receiveText(1) == "x")
      #expect(!client.renegotiate())
      try expectService(port)
    }
  }

  @Test func `no bytes in place of a handshake harm the server`() throws {
    try withSecureListener(handshakeMilliseconds: 2_000) { port, server in
      var random = SeededGenerator(seed: 31)
      // The view is the session's, which must live while it is copied.
      let template = try PiecewiseClient(port: port)
      let hello = withExtendedLifetime(template) { template.session.unsent.array }
      for round in 0..<400 {
        var bytes: [UInt8]
        if round % 4 == 0 {
          bytes = (0..<Int.random(in: 1...2_000, using: &random)).map { _ in
            UInt8.random(in: 0...255, using: &random)
          }
          if round % 8 == 0 { bytes[0] = 22 }
        } else {
          bytes = hello
          for _ in 0..<Int.random(in: 1...8, using: &random) {
            let place = Int.random(in: 0..<bytes.count, using: &random)
            bytes[place] = UInt8.random(in: 0...255, using: &random)
          }
          if round % 4 == 2 { bytes += bytes }
        }
        let client = try BlockingSocket(port: port)
        client.send(bytes)
        client.endSending()
        while !client.receiveSome(4_096).isEmpty {}
      }
      #expect(server.counters.failedCount > 100)
      try expectService(port)
    }
  }

  @Test func `no bytes within a session harm the server or reach its handler`() throws {
    let received = Counter()
    try withSecureListener(handler: { _ in
      let handler = ScriptedHandler()
      handler.onReceive = { bytes, connection in
        if bytes.count != 4 || bytes[0] != UInt8(ascii: "f") { received.increase() }
        connection.output.append(bytes)
        return bytes.count
      }
      return handler
    }) { port, _ in
      var random = SeededGenerator(seed: 32)
      for round in 0..<200 {
        let client = try PiecewiseClient(port: port)
        client.shakeHands()
        client.seal("xxxxxxxxxx")
        var bytes = client.session.unsent.array
        if round % 2 == 0 {
          // Behind the header, so that the sum of the record fails.
          let place = Int.random(in: 5..<bytes.count, using: &random)
          bytes[place] ^= UInt8.random(in: 1...255, using: &random)
        } else {
          bytes = (0..<Int.random(in: 6...500, using: &random)).map { _ in
            UInt8.random(in: 0...255, using: &random)
          }
          if round % 4 == 1 { bytes.replaceSubrange(0..<5, with: [23, 3, 3, 0, 40]) }
        }
        client.socket.send(bytes)
        client.socket.endSending()
        while client.take() {}
      }
      try expectService(port)
    }
    #expect(received.value == 0)
  }
}
