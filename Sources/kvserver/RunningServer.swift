// The one list of all parts and how they hang together.

internal import BigtableAPI
internal import BinaryAPI
internal import Glibc
internal import HTTPAPI
internal import LSM
internal import Logging
internal import Net
internal import Runtime
internal import Tablets
internal import VFS

/// Why the server cannot start, in one line.
struct StartFailure: Error {
  let message: String

  init(_ message: String) { self.message = message }

  init(_ error: TableServiceError) { message = error.message }
}

/// A server that has said `ready`.
struct RunningServer {
  /// How long a shut-down waits for what is in flight.
  private static let graceNanoseconds: UInt64 = 10_000_000_000
  /// Descriptors kept from connections, for table files and logs.
  private static let reservedDescriptorCount = 1_024

  private let service: TableService
  private let scheduler: ThreadScheduler
  private let group: EventLoopGroup
  private let stalls: StallReporter
  /// Nil when the fronts speak plainly.
  private let secure: SecureFronts?

  init(
    _ configuration: Configuration, logger: Logger, stop: StopSignal
  ) throws(StartFailure) {
    let time = SystemTime()
    secure = try SecureFronts.made(of: configuration.tls, logger: logger)
    scheduler = ThreadScheduler()
    let watch = StallWatch(now: { time.monotonicNanoseconds })
    stalls = StallReporter(watch, logger: logger)
    let files = WatchedFileSystem(PosixFileSystem(), watch: watch)
    var options = TableServiceOptions()
    options.memoryByteCount = configuration.engineByteCount
    options.durability = configuration.durability
    options.engine = configuration.engine
    let events = EngineEventLog(logger: logger)
    do {
      service = try TableService.open(
        configuration.dataDirectory, fileSystem: files, time: time, scheduler: scheduler,
        randomSeed: .random(in: 0 ... .max), options: options, events: { events.log($0) })
    } catch {
      throw StartFailure(error)
    }
    for table in service.damagedTables {
      logger.critical(
        "a table is damaged and not served; put its files back, or drop it",
        metadata: ["table": "\(table.name)", "cause": "\(table.error.message)"])
    }
    if let count = configuration.demoCompanyCount {
      try DemoFill(service: service, logger: logger, time: time)
        .run(companyCount: count, isStopped: { stop.isRequested })
    }
    let lines: [String]
    do {
      group = try EventLoopGroup(
        count: configuration.loopCount, options: configuration.loops)
      let parts = FrontParts(service: service, scheduler: scheduler, time: time, watch: watch)
      lines = try RunningServer.listen(configuration, group, parts, secure)
    } catch {
      service.close()
      throw StartFailure("\(error)")
    }
    for line in lines { StandardStreams.print("listening " + line) }
    StandardStreams.print("ready")
    logger.info(
      "ready",
      metadata: [
        "directory": "\(configuration.dataDirectory)", "loops": "\(configuration.loopCount)",
        "memory": "\(configuration.memoryByteCount)",
        "durability": "\(configuration.durability.rawValue)",
      ])
  }

  /// What fronts are made of.
  private struct FrontParts {
    let service: TableService
    let scheduler: ThreadScheduler
    let time: SystemTime
    let watch: StallWatch
  }

  /// Opens the ports of all fronts that are on.
  ///
  /// - Returns: A line for each.
  private static func listen(
    _ configuration: Configuration, _ group: EventLoopGroup, _ parts: FrontParts,
    _ secure: SecureFronts?
  ) throws -> [String] {
    let byteCount = configuration.requestByteCount / 2
    let most = connectionLimit()
    var lines: [String] = []
    if let address = configuration.http {
      var options = httpOptions(byteCount, parts.watch, secure)
      options.shedNanoseconds = configuration.loops.shedNanoseconds
      let front = HTTPFront(
        service: parts.service, scheduler: parts.scheduler, time: parts.time, options: options)
      let tls = secure.map { $0.listener($0.http) }
      lines.append(
        "http=" + (try group.listen(address, most, tls) { front.makeHandler(for: $0) }))
    }
    if let address = configuration.tcp {
      var options = BinaryFrontOptions()
      options.inFlightByteCount = byteCount
      options.shedNanoseconds = configuration.loops.shedNanoseconds
      let front = BinaryFront(
        service: parts.service, scheduler: parts.scheduler, time: parts.time, options: options)
      let tls = secure.map { $0.listener($0.tcp) }
      lines.append("tcp=" + (try group.listen(address, most, tls) { front.handler(for: $0) }))
    }
    if let address = configuration.grpc {
      var options = BigtableFrontOptions()
      options.inFlightByteCount = byteCount
      let front = BigtableFront(
        service: parts.service, scheduler: parts.scheduler, time: parts.time, options: options)
      let tls = secure.map { $0.listener($0.grpc) }
      lines.append("grpc=" + (try group.listen(address, most, tls) { front.handler(for: $0) }))
    }
    return lines
  }

  /// Reads the certificate files again.
  func reloadCertificates() { secure?.reload() }

  /// Finishes what is in flight, flushes, closes.
  func shutDown() {
    group.shutDown(graceNanoseconds: RunningServer.graceNanoseconds)
    service.close()
    scheduler.shutDown()
    stalls.stop()
  }

  private static func httpOptions(
    _ bodiesByteCount: Int, _ watch: StallWatch, _ secure: SecureFronts?
  ) -> HTTPOptions {
    var options = HTTPOptions()
    options.bodiesByteCount = bodiesByteCount
    options.bodyByteCount = min(options.bodyByteCount, bodiesByteCount)
    options.residentByteCount = { RunningServer.residentByteCount() }
    options.diskStalls = {
      let figures = watch.figures
      return DiskStalls(current: figures.stalledCount, total: figures.totalCount)
    }
    options.handshakes = { secure?.figures ?? [] }
    return options
  }

  /// Raises the limit of descriptors as far as allowed; returns how many connections a front may
  /// have.
  private static func connectionLimit() -> Int {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    let descriptors = Int(clamping: limit.rlim_cur)
    return min(65_536, max(64, (descriptors - reservedDescriptorCount) / 2))
  }

  /// Resident bytes of this process (`/proc/self/statm`, second figure, in pages).
  private static func residentByteCount() -> UInt64? {
    let files = PosixFileSystem()
    var bytes = [UInt8](repeating: 0, count: 128)
    let count = bytes.withUnsafeMutableBytes { buffer in
      try? files.openForReading("/proc/self/statm").read(into: buffer, at: 0, wait: .allowed)
    }
    let fields = String(decoding: bytes.prefix(count ?? 0), as: UTF8.self).split(separator: " ")
    return fields.dropFirst().first.flatMap { UInt64($0) }.map { $0 * UInt64(getpagesize()) }
  }
}

extension EventLoopGroup {
  /// Listens and tells the address with its real port.
  fileprivate func listen(
    _ address: ListenAddress, _ maximumConnections: Int, _ tls: ListenerTLS?,
    _ handler: @escaping @Sendable (Connection) -> any ConnectionHandler
  ) throws(NetError) -> String {
    let port = try listen(
      on: address.description, maximumConnections: maximumConnections, tls: tls, handler: handler)
    return ListenAddress(host: address.host, port: port).description
  }
}
