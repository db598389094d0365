// A real server as recorded clients use it: rows of one register and one counter, over either
// front, each client with a connection of its own.

import Bytes
import Client
import DataModel
import Foundation
import TestSupport

/// A connection to one running server.
protocol NetworkStore: RowStore {
  /// No more answers come over this connection.
  var isBroken: Bool { get }
  /// What the server said where it refused something.
  var refusals: [String] { get }
}

/// Tells a server that says no from one that is gone.
enum Refusal {
  /// The error's text where a server that lives gave it; nothing where none is there.
  static func texts(of error: any Error, _ table: String) -> [String] {
    if case .unreachable = error as? ClientError { return [] }
    return ["\(table): \(error)"]
  }
}

enum NetworkFront: Sendable, CaseIterable {
  case binary, http

  /// - Throws: When no server answers there.
  func connect(to addresses: ServerAddresses, table: String) throws -> any NetworkStore {
    switch self {
    case .binary: try BinaryRowStore(addresses.tcp, table)
    case .http: try HTTPRowStore(addresses.http, table)
    }
  }
}

/// Where a server listens.
struct ServerAddresses: Sendable {
  var http: String
  var tcp: String
}

extension ServerProcess {
  var addresses: ServerAddresses { ServerAddresses(http: http, tcp: tcp) }
}

/// The binary front.
final class BinaryRowStore: NetworkStore {
  private let client: StoreClient
  private let table: String
  private var readCount = 0
  private(set) var isBroken = false
  private(set) var refusals: [String] = []

  init(_ address: String, _ table: String) throws {
    client = try StoreClient(connectingTo: address)
    self.table = table
  }

  deinit { client.close() }

  func perform(_ operation: RowOperation, row: Int) -> RowAnswer {
    let key = RegisterTable.key(row)
    do {
      if let condition = RegisterTable.condition(operation) {
        let matched = try client.checkAndMutate(
          table, key: key, predicate: condition.predicate,
          ifMatched: RegisterTable.list(condition.matched, row: row),
          otherwise: RegisterTable.list(condition.otherwise, row: row))
        return .known(.matched(matched))
      }
      if case .increment(let amount) = operation {
        let cells = try client.readModifyWrite(
          table, key: key, rules: [RegisterTable.rule(amount)]
        ).cells
        guard let sum = cells.first.flatMap({ RegisterTable.number($0.value) }) else {
          return .unknown
        }
        return .known(.counter(sum))
      }
      let rejected = try client.mutate(table, RegisterTable.list(operation, row: row))
      refusals += rejected.map { "\($0.code): \($0.message)" }
      return rejected.isEmpty ? .known(.done) : .unknown
    } catch {
      refusals += Refusal.texts(of: error, table)
      isBroken = true
      return .unknown
    }
  }

  /// One row by a read, every fourth time by a scan; several by a batch.
  func read(rows: [Int]) -> [RowState]? {
    do {
      readCount += 1
      if rows.count == 1, let row = rows.first {
        let key = RegisterTable.key(row)
        if readCount % 4 == 0 { return try scanned(key).map { [$0] } }
        let found = try client.get(table, key: key, options: ReadOptions())
        return Self.state(found?.cells ?? []).map { [$0] }
      }
      let found = try client.batchGet(
        table, keys: rows.map(RegisterTable.key), options: ReadOptions())
      let states = found.compactMap { Self.state($0?.cells ?? []) }
      return states.count == rows.count ? states : nil
    } catch {
      refusals += Refusal.texts(of: error, table)
      isBroken = true
      return nil
    }
  }

  private func scanned(_ key: [UInt8]) throws -> RowState? {
    var state: RowState? = .empty
    try client.scan(table, ScanRequest(range: RowRange(only: key))) { row in
      state = RegisterTable.state(
        row.cells.map { (qualifier: $0.qualifier.array, value: $0.value.array) })
      return true
    }
    return state
  }

  private static func state(_ cells: [ClientRow.Cell]) -> RowState? {
    RegisterTable.state(cells.map { (qualifier: $0.qualifier, value: $0.value) })
  }
}

/// The HTTP front. Reads of single rows are polls: what a 304 stands for counts as read.
final class HTTPRowStore: NetworkStore {
  private let exchange: HTTPExchange
  private let table: String
  private var polled: [Int: (tag: String, state: RowState)] = [:]
  private(set) var isBroken = false
  private(set) var refusals: [String] = []

  init(_ address: String, _ table: String) throws {
    exchange = try HTTPExchange(address)
    self.table = table
  }

  func perform(_ operation: RowOperation, row: Int) -> RowAnswer {
    do {
      let path = "/v1/tables/\(table)/rows/\(RegisterTable.keyText(row))"
      if case .deleteRow = operation {
        return try accepted(exchange.request("DELETE", path)) == nil ? .unknown : .known(.done)
      }
      let (verb, body) = HTTPRowStore.request(operation)
      guard let answer = try accepted(exchange.request("POST", "\(path):\(verb)", body: body))
      else { return .unknown }
      switch operation {
      case .increment:
        guard let sum = HTTPRowStore.state(answer.body)?.counter else { return .unknown }
        return .known(.counter(sum))
      case .compareAndSet, .setIfEmpty:
        return .known(.matched(answer.body.contains("true")))
      default: return .known(.done)
      }
    } catch {
      isBroken = true
      return .unknown
    }
  }

  func read(rows: [Int]) -> [RowState]? {
    do {
      if rows.count == 1, let row = rows.first { return try poll(row).map { [$0] } }
      let keys = rows.map { "\"\(RegisterTable.keyText($0))\"" }.joined(separator: ",")
      let answer = try exchange.request(
        "POST", "/v1/tables/\(table)/rows:batchGet", body: "{\"keys\":[\(keys)]}")
      guard let answer = accepted(answer), let page = HTTPRowStore.object(answer.body),
        let found = page["rows"] as? [Any], found.count == rows.count
      else { return nil }
      let states = found.compactMap { row in
        row is NSNull ? .empty : (row as? [String: Any]).flatMap(HTTPRowStore.state)
      }
      return states.count == rows.count ? states : nil
    } catch {
      isBroken = true
      return nil
    }
  }

  private func poll(_ row: Int) throws -> RowState? {
    let known = polled[row]
    let answer = try exchange.request(
      "GET", "/v1/tables/\(table)/rows/\(RegisterTable.keyText(row))",
      headers: known.map { ["If-None-Match: \($0.tag)"] } ?? [])
    switch answer.status {
    case 304: return known?.state
    case 404:
      polled[row] = nil
      return .empty
    case 200:
      guard let state = HTTPRowStore.state(answer.body) else { return nil }
      polled[row] = answer.headers["etag"].map { (tag: $0, state: state) }
      return state
    default:
      _ = accepted(answer)
      return nil
    }
  }

  /// The answer, unless it is a refusal.
  private func accepted(_ answer: HTTPAnswer) -> HTTPAnswer? {
    if (200...204).contains(answer.status) { return answer }
    refusals.append("\(answer.status) \(answer.body)")
    return nil
  }

  private static func request(_ operation: RowOperation) -> (verb: String, body: String) {
    let family = "\"family\":\"\(RegisterTable.family)\""
    let register = "\(family),\"qualifier\":\"\(RegisterTable.registerColumn)\""
    let counter = "\(family),\"qualifier\":\"\(RegisterTable.counterColumn)\""
    let time = "\"timestamp\":\(RegisterTable.time.microseconds)"
    func set(_ value: UInt32) -> String {
      "{\"setCell\":{\(register),\"value\":\"\(value)\",\(time)}}"
    }
    func condition(_ predicate: String?, _ matched: UInt32?, _ otherwise: UInt32?) -> String {
      let parts = [
        predicate.map { "\"predicate\":\($0)" },
        matched.map { "\"trueMutations\":[\(set($0))]" },
        otherwise.map { "\"falseMutations\":[\(set($0))]" },
      ]
      return "{" + parts.compactMap { $0 }.joined(separator: ",") + "}"
    }
    switch operation {
    case .set(let value): return ("mutate", "{\"mutations\":[\(set(value))]}")
    case .replace(let value, let sum):
      let cell = "{\"setCell\":{\(counter),\"value\":\(sum),\(time)}}"
      return ("mutate", "{\"mutations\":[{\"deleteFromRow\":{}},\(set(value)),\(cell)]}")
    case .deleteRegister:
      return ("mutate", "{\"mutations\":[{\"deleteFromColumn\":{\(register)}}]}")
    case .increment(let amount):
      return ("readModifyWrite", "{\"rules\":[{\(counter),\"increment\":\(amount)}]}")
    case .compareAndSet(let expected, let new, let otherwise):
      let predicate = "{\(register),\"value\":\"\(expected)\"}"
      return ("checkAndMutate", condition(predicate, new, otherwise))
    case .setIfEmpty(let value): return ("checkAndMutate", condition(nil, nil, value))
    case .read, .deleteRow: preconditionFailure("\(operation) is not posted")
    }
  }

  private static func object(_ text: String) -> [String: Any]? {
    (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any]
  }

  private static func state(_ text: String) -> RowState? { object(text).flatMap(state) }

  /// A row in either shape: newest values alone, or lists of versions.
  private static func state(_ row: [String: Any]) -> RowState? {
    guard let families = row["families"] as? [String: Any],
      let columns = families[RegisterTable.family] as? [String: Any]
    else { return nil }
    func newest(_ column: String) -> Any? {
      guard let versions = columns[column] as? [[String: Any]] else { return columns[column] }
      return versions.first?["value"]
    }
    return RowState(
      register: (newest(RegisterTable.registerColumn) as? String).flatMap { UInt32($0) },
      counter: (newest(RegisterTable.counterColumn) as? NSNumber)?.int64Value)
  }
}
