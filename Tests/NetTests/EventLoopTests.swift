// Loops, timers, listeners: what runs when, who may connect, how it ends.

import Bytes
import Glibc
import Net
import Runtime
import Synchronization
import TestSupport
import Testing

@Suite struct EventLoopTests {
  @Test func `work from many threads runs on the loop, each piece once`() throws {
    let group = try EventLoopGroup(count: 1)
    let loop = group.loops[0]
    let runs = Counter()
    let threads = (0..<4).compactMap { index in
      WorkerThread(name: "caller-\(index)") {
        for _ in 0..<2_000 {
          loop.execute {
            #expect(loop.isCurrent)
            runs.increase()
          }
        }
      }
    }
    for thread in threads { thread.join() }
    #expect(runs.reaches(8_000))
    #expect(!loop.isCurrent)
    group.shutDown(graceNanoseconds: 0)
    #expect(runs.value == 8_000)
  }

  @Test func `timers fire in the order of their time, cancelled ones never`() throws {
    let group = try EventLoopGroup(count: 1)
    let loop = group.loops[0]
    let order = Mutex<[Int]>([])
    let fired = Counter()
    loop.execute {
      for step in [5, 1, 4, 2, 3] {
        _ = loop.schedule(afterNanoseconds: UInt64(step) * 3_000_000) {
          order.withLock { $0.append(step) }
          fired.increase()
        }
      }
      let doomed = (0..<500).map { step in
        loop.schedule(afterNanoseconds: UInt64(step) * 10_000) {
          order.withLock { $0.append(-1) }
        }
      }
      for timer in doomed {
        timer.cancel()
        timer.cancel()
      }
    }
    #expect(fired.reaches(5))
    #expect(order.withLock { $0 } == [1, 2, 3, 4, 5])
    group.shutDown(graceNanoseconds: 0)
  }

  @Test func `an idle loop uses no processor`() throws {
    try withListener { port, _ in
      let client = try BlockingSocket(port: port)
      client.send("x")
      _ = client.receive(1)
      usleep(20_000)
      let before = LoopThreads.processorNanoseconds
      usleep(300_000)
      // Other tests have loops of their own: judged by the laziest.
      #expect(LoopThreads.leastUsed(since: before) < 5_000_000)
    }
  }

  @Test func `connections beyond the limit are turned away and the place is given again`() throws {
    try withListener(maximumConnections: 2) { port, _ in
      var clients = try (0..<2).map { _ in try BlockingSocket(port: port) }
      for client in clients {
        client.send("x")
        #expect(client.receiveText(1) == "x")
      }
      #expect(try BlockingSocket(port: port).isAtEnd)
      clients.removeLast()
      var served = false
      for _ in 0..<1_000 where !served {
        let client = try BlockingSocket(port: port)
        client.send("y")
        served = client.receiveText(1) == "y"
      }
      #expect(served)
    }
  }

  @Test func `connections spread over the loops`() throws {
    let seen = Mutex<[ObjectIdentifier: Int]>([:])
    try withListener(
      loops: 3,
      handler: { connection in
        seen.withLock { $0[ObjectIdentifier(connection.loop), default: 0] += 1 }
        return ScriptedHandler()
      }
    ) { port, _ in
      let clients = try (0..<30).map { _ in try BlockingSocket(port: port) }
      for client in clients {
        client.send("x")
        #expect(client.receiveText(1) == "x")
      }
    }
    #expect(seen.withLock { Array($0.values) } == [10, 10, 10])
  }

  @Test func `shutting down lets handlers finish and cuts off who does not`() throws {
    let group = try EventLoopGroup(count: 2)
    let closed = Counter()
    let port = try group.listen(on: "127.0.0.1:0", maximumConnections: 10) { connection in
      let handler = ScriptedHandler()
      let loop = connection.loop
      handler.onReceive = { bytes, connection in
        let isStubborn = bytes[0] == UInt8(ascii: "s")
        handler.onShutDown = { connection in
          if isStubborn { return }
          let busy = connection
          _ = loop.schedule(afterNanoseconds: 10_000_000) {
            busy.output.append("finished")
            busy.closeAfterFlush()
          }
        }
        connection.output.append("k")
        return bytes.count
      }
      handler.onClosed = { _ in
        closed.increase()
        handler.onReceive = { bytes, _ in bytes.count }
        handler.onShutDown = { _ in }
      }
      return handler
    }
    let busy = try BlockingSocket(port: port)
    let stubborn = try BlockingSocket(port: port)
    busy.send("b")
    stubborn.send("s")
    #expect(busy.receiveText(1) == "k")
    #expect(stubborn.receiveText(1) == "k")
    group.shutDown(graceNanoseconds: 100_000_000)
    #expect(busy.receiveText(100) == "finished")
    #expect(stubborn.isAtEnd)
    #expect(closed.value == 2)
    #expect(throws: ConnectionRefused.self) { try BlockingSocket(port: port) }
  }

  @Test func `input that waits too long for its turn, for too long, is marked`() throws {
    var options = EventLoopOptions()
    options.shedNanoseconds = 10_000_000
    let marks = Mutex<[Bool]>([])
    let pause = Mutex<UInt32>(8_000)
    try withListener(loops: 1, options: options) { _ in
      let handler = ScriptedHandler()
      handler.onReceive = { bytes, connection in
        marks.withLock { $0.append(connection.mustShed) }
        usleep(pause.withLock { $0 })
        connection.output.append(bytes)
        return bytes.count
      }
      return handler
    } _: { port, _ in
      let sockets = try (0..<8).map { _ in try BlockingSocket(port: port) }
      // A burst: eight peers once.
      for socket in sockets { socket.send("x") }
      for socket in sockets { _ = socket.receive(1) }
      #expect(marks.withLock { !$0.contains(true) }, "a burst is no standing queue")
      // Peers who do not wait for answers: a turn takes 64 ms, and all are there when it ends.
      for _ in 0..<80 {
        for socket in sockets { socket.send("x") }
        usleep(5_000)
      }
      for socket in sockets { _ = socket.receive(80) }
      #expect(marks.withLock { $0.contains(true) }, "a standing queue")
      pause.withLock { $0 = 0 }
      let count = marks.withLock { $0.count }
      for socket in sockets {
        socket.send("x")
        _ = socket.receive(1)
      }
      #expect(marks.withLock { $0[count...].contains(false) }, "it is over")
    }
  }

  @Test func `what a handler leaves for the next turn comes before what arrives`() throws {
    try withListener(loops: 1) { _ in
      let handler = ScriptedHandler()
      handler.onReceive = { bytes, connection in
        let count = min(bytes.count, 3)
        connection.output.append(bytes.prefix(count))
        if count < bytes.count { connection.deliverAgain() }
        return count
      }
      return handler
    } _: { port, _ in
      let socket = try BlockingSocket(port: port)
      let text = (0..<2_000).map { "\($0)," }.joined()
      socket.send(text)
      #expect(socket.receiveText(text.utf8.count) == text)
    }
  }
}

/// Processor time of the loop threads of this process.
enum LoopThreads {
  static var processorNanoseconds: [String: UInt64] {
    var times: [String: UInt64] = [:]
    guard let tasks = opendir("/proc/self/task") else { return times }
    defer { closedir(tasks) }
    while let entry = readdir(tasks) {
      let task = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      let name = text(of: "/proc/self/task/\(task)/comm")
      guard name.hasPrefix("loop-") else { continue }
      let fields = text(of: "/proc/self/task/\(task)/schedstat").split(separator: " ")
      times[task] = fields.first.flatMap { UInt64($0) }
    }
    return times
  }

  static func leastUsed(since before: [String: UInt64]) -> UInt64 {
    let now = processorNanoseconds
    return before.compactMap { task, time in now[task].map { $0 - time } }.min() ?? .max
  }

  private static func text(of path: String) -> String {
    guard let file = fopen(path, "r") else { return "" }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes[..<count], as: UTF8.self)
  }
}
