// What is an address, what is loopback, and what is said when listening fails.

import Glibc
import Net
import Testing

@Suite struct ListenAddressTests {
  @Test(arguments: [
    ("127.0.0.1:8080", "127.0.0.1", 8080), ("localhost:0", "localhost", 0),
    ("[::1]:65535", "::1", 65535), ("0.0.0.0:1", "0.0.0.0", 1),
  ])
  func `addresses parse and print`(_ text: String, _ host: String, _ port: UInt16) throws {
    let address = try ListenAddress(parsing: text)
    #expect(address == ListenAddress(host: host, port: port))
    #expect(address.description == text)
  }

  @Test(arguments: [
    "", ":", "8080", "localhost", "localhost:", ":8080", "::1:80", "a:65536", "a:-1", "a:x",
    "[]:1", "a:1:2", "a:+1", "[[a]]:1", "[a:1", "a]:1",
  ])
  func `what is no address is refused`(_ text: String) {
    #expect(throws: NetError.badAddress(text)) { try ListenAddress(parsing: text) }
  }

  @Test(arguments: [
    ("127.0.0.1:0", true), ("127.9.9.9:0", true), ("[::1]:0", true), ("0.0.0.0:0", false),
    ("[::]:0", false), ("192.0.2.1:0", false),
  ])
  func `only loopback is loopback`(_ text: String, _ expected: Bool) throws {
    #expect(try ListenAddress(parsing: text).isLoopback() == expected)
  }

  @Test func `a taken port is named`() throws {
    try withListener { port, group in
      let address = "127.0.0.1:\(port)"
      let error = #expect(throws: NetError.self) {
        try group.listen(on: address, maximumConnections: 1) { _ in ScriptedHandler() }
      }
      #expect(error == .system(call: "bind", errno: EADDRINUSE, detail: address))
      #expect(error?.description.contains("\(address): the port is taken") == true)
    }
  }

  @Test func `an address of another machine and an unknown name are refused`() throws {
    try withListener { _, group in
      let foreign = #expect(throws: NetError.self) {
        try group.listen(on: "192.0.2.1:0", maximumConnections: 1) { _ in ScriptedHandler() }
      }
      #expect(foreign?.description.contains("no interface") == true)
      #expect(throws: NetError.self) {
        try group.listen(on: "no.such.name.invalid:1", maximumConnections: 1) { _ in
          ScriptedHandler()
        }
      }
    }
    #expect(
      NetError.system(call: "bind", errno: EACCES, detail: "a:1").description
        .contains("no permission"))
    #expect(
      NetError.system(call: "socket", errno: EMFILE, detail: "a:1").description
        == "a:1: socket: Too many open files (errno 24)")
  }
}
