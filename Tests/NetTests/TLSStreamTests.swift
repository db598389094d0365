// Bytes through TLS: however they are cut, however many, and how a stream ends.

import Bytes
import Glibc
import Net
import TLS
import TestSupport
import Testing

/// A client made of the session under test, for bytes that no ordinary client sends.
final class PiecewiseClient {
  let socket: BlockingSocket
  let session: TLSSession
  private var plain = [UInt8](repeating: 0, count: (64 << 10) + TLSSession.slackByteCount)
  private(set) var received: [UInt8] = []

  init(port: UInt16) throws {
    socket = try BlockingSocket(port: port)
    let authorities = try TestCertificates.shared.pem(TestCertificates.shared.certificate("ca"))
    let client = try TLSClient(authorities: authorities, protocols: [])
    session = try #require(client.makeSession(with: "127.0.0.1"))
    session.start()
  }

  /// Sends what the session has to say, `step` bytes at a time.
  func flush(step: Int = .max) {
    let bytes = session.unsent.array
    session.noteSent(bytes.count)
    var start = 0
    while start < bytes.count {
      let end = min(bytes.count - start, step) + start
      socket.send(Array(bytes[start..<end]))
      start = end
      if step < 100 { usleep(20) }
    }
  }

  /// Takes in what has arrived; false at the end.
  func take() -> Bool {
    let bytes = socket.receiveSome(64 << 10)
    let count = plain.withUnsafeMutableBytes { room in
      bytes.withUnsafeBytes { session.receive(ByteView($0), into: room) }
    }
    received += plain[..<count]
    return !bytes.isEmpty
  }

  func shakeHands(step: Int = .max) {
    flush(step: step)
    while session.state == .handshaking, take() { flush(step: step) }
    flush(step: step)
  }

  func seal(_ text: String) {
    var text = text
    text.withUTF8 { bytes in _ = session.seal(ByteView(UnsafeRawBufferPointer(bytes))) }
  }
}

@Suite struct TLSStreamTests {
  @Test func `a client may send byte by byte`() throws {
    try withSecureListener { port, _ in
      let client = try PiecewiseClient(port: port)
      client.shakeHands(step: 1)
      #expect(client.session.state == .established)
      client.seal("slowly")
      client.flush(step: 1)
      while client.received.count < 6, client.take() {}
      #expect(String(decoding: client.received, as: UTF8.self) == "slowly")
    }
  }

  @Test func `thousands of small records that arrive together are few calls`() throws {
    let calls = Counter()
    try withSecureListener(handler: { _ in
      let handler = ScriptedHandler()
      handler.onReceive = { bytes, connection in
        calls.increase()
        connection.output.append(bytes)
        return bytes.count
      }
      return handler
    }) { port, _ in
      let client = try PiecewiseClient(port: port)
      client.shakeHands()
      for _ in 0..<3_000 { client.seal("ab") }
      client.flush()
      while client.received.count < 6_000, client.take() {}
      #expect(client.received == (0..<3_000).flatMap { _ in Array("ab".utf8) })
      #expect(calls.value < 300)
    }
  }

  @Test func `thousands of pipelined messages come back whole and in order`() throws {
    try withSecureListener { port, _ in
      let clients = try (0..<4).map { _ in try SecureSocket(port: port) }
      let message = (0..<5_000).flatMap { Array("message \($0)\n".utf8) }
      for client in clients { client.send(message) }
      for client in clients { #expect(client.receive(message.count) == message) }
    }
  }

  @Test(arguments: [tls13, tls12])
  func `fifty megabytes come and go while the reader is slow`(_ newest: Int32) throws {
    let most = Counter()
    try withSecureListener(handler: { _ in
      let handler = ScriptedHandler()
      handler.onReceive = { bytes, connection in
        connection.output.append(bytes)
        most.increase(by: max(0, connection.unsentByteCount - most.value))
        if connection.isOutputFull { connection.pauseReading() }
        return bytes.count
      }
      handler.onDrained = { $0.resumeReading() }
      return handler
    }) { port, _ in
      var options = SecureOptions(newest: newest)
      options.receiveBufferByteCount = 64 << 10
      let client = try SecureSocket(port: port, options)
      let chunk = (0..<(256 << 10)).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
      let total = 200
      var sent = 0
      var received = 0
      while received < total {
        while sent < total, sent - received < 4 {
          #expect(client.send(chunk))
          sent += 1
        }
        if received % 50 == 0 { usleep(20_000) }
        guard client.receive(chunk.count) == chunk else {
          Issue.record("chunk \(received) differs")
          break
        }
        received += 1
      }
      #expect(received == total)
    }
    #expect(most.value <= (1 << 20) + (192 << 10), "\(most.value)")
  }

  @Test func `a slow reader bounds what a producer may keep, sealed bytes included`() throws {
    let most = Counter()
    let total = 50 << 20
    try withSecureListener(
      loops: 1, handler: { _ in ScriptedHandler.producing(total, most: most) }
    ) { port, _ in
      var options = SecureOptions()
      options.receiveBufferByteCount = 16 << 10
      let client = try SecureSocket(port: port, options)
      client.send("go")
      #expect(client.receive(total) == [UInt8](repeating: 7, count: total))
      #expect(client.endOfInput() == "end")
    }
    #expect(most.value <= (1 << 20) + (128 << 10), "\(most.value)")
  }

  @Test func `a client that has said its end still gets its answers`() throws {
    try withSecureListener(
      handler: { _ in ScriptedHandler.answeringLate("late answer") }
    ) { port, _ in
      let client = try SecureSocket(port: port)
      client.endSending()
      #expect(client.receiveText(11) == "late answer")
      #expect(client.endOfInput() == "end")
    }
  }

  @Test func `an end that was not announced is a cut`() throws {
    let ends = Counter()
    let closes = Counter()
    try withSecureListener(handler: { _ in
      let handler = ScriptedHandler()
      handler.onEnd = { _ in ends.increase() }
      handler.onClosed = { _ in closes.increase() }
      return handler
    }) { port, _ in
      let client = try SecureSocket(port: port)
      client.send("x")
      #expect(client.receiveText(1) == "x")
      client.socket.endSending()
      #expect(closes.reaches(1))
    }
    #expect(ends.value == 0)
  }

  @Test(arguments: [true, false])
  func `the server announces its end`(_ atOnce: Bool) throws {
    try withSecureListener(handler: { _ in
      let handler = ScriptedHandler()
      handler.onReceive = { bytes, connection in
        if !atOnce { connection.output.append("bye") }
        if atOnce { connection.close() } else { connection.closeAfterFlush() }
        return bytes.count
      }
      return handler
    }) { port, _ in
      let client = try SecureSocket(port: port)
      client.send("x")
      if !atOnce { #expect(client.receiveText(3) == "bye") }
      #expect(client.endOfInput() == "end")
    }
  }

  /// OpenSSL writes nothing between the halves of a message about keys: the write waits for a read.
  @Test(arguments: [false, true])
  func `a write that must wait for the peer's bytes waits, and goes on`(_ isPaused: Bool) throws {
    let (data, handshake): (UInt8, UInt8) = (23, 22)
    let newKeys: [UInt8] = [24, 0, 0, 1, 0]
    let pushes = Counter()
    try withSecureListener(
      loops: 1,
      handler: { connection in
        let handler = ScriptedHandler()
        let loop = connection.loop
        handler.onReceive = { bytes, connection in
          let waiting = connection
          if bytes[0] == UInt8(ascii: "x") {
            connection.output.append(bytes)
            return bytes.count
          }
          if isPaused { connection.pauseReading() }
          _ = loop.schedule(afterNanoseconds: 100_000_000) {
            waiting.output.append("pushed")
            waiting.setNeedsFlush()
            pushes.increase()
          }
          return bytes.count
        }
        return handler
      }
    ) { port, _ in
      let client = try SecureSocket(port: port, SecureOptions(newest: tls13))
      // One packet: a paused connection has read both.
      client.socket.send(
        client.forged(type: data, Array("go".utf8))
          + client.forged(type: handshake, Array(newKeys.prefix(4))))
      #expect(pushes.reaches(1))
      // The loop is free meanwhile.
      let other = try SecureSocket(port: port)
      other.send("x")
      #expect(other.receiveText(1) == "x")
      client.socket.send(client.forged(type: handshake, Array(newKeys.dropFirst(4))))
      #expect(client.receiveText(6) == "pushed")
    }
  }

  @Test func `new keys are taken and given in the middle of a stream`() throws {
    try withSecureListener { port, _ in
      let client = try SecureSocket(port: port, SecureOptions(newest: tls13))
      for round in 0..<50 {
        #expect(client.updateKeys(both: round % 2 == 0))
        client.send("round \(round % 10)")
        #expect(client.receiveText(7) == "round \(round % 10)")
      }
    }
  }
}
