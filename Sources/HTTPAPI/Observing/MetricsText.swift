// The metrics in Prometheus' text format 0.0.4: `# TYPE name kind`, then `name{labels} value`.

internal import Bytes
internal import HTTP1
internal import Synchronization
internal import Tablets

enum MetricsText {
  static func write(_ front: HTTPFront, into out: inout ByteBuffer) {
    writeRequests(front.allContexts.map(\.counters), into: &out)
    gauge(
      "strata_http_connections", front.connectionCount.load(ordering: .relaxed), into: &out)
    gauge(
      "strata_http_waiting_requests", front.waitingCount.load(ordering: .relaxed), into: &out)
    gauge("strata_http_body_bytes", front.bodies.heldByteCount, into: &out)
    if let resident = front.options.residentByteCount() {
      gauge("process_resident_memory_bytes", Int(clamping: resident), into: &out)
    }
    gauge("strata_damaged_tables", front.service.damagedTables.count, into: &out)
    if let stalls = front.options.diskStalls() {
      gauge("strata_disk_stalled_operations", stalls.current, into: &out)
      type("strata_disk_stalls_total", "counter", into: &out)
      out.append("strata_disk_stalls_total ")
      out.append(decimal: stalls.total)
      out.append("\n")
    }
    writeHandshakes(front.options.handshakes(), into: &out)
    writeTables(front.service.statistics(), into: &out)
  }

  private static func writeHandshakes(
    _ figures: [HandshakeFigures], into out: inout ByteBuffer
  ) {
    guard !figures.isEmpty else { return }
    for (name, value): (StaticString, (HandshakeFigures) -> UInt64) in [
      ("strata_tls_handshakes_total", { $0.done }),
      ("strata_tls_resumed_handshakes_total", { $0.resumed }),
      ("strata_tls_failed_handshakes_total", { $0.failed }),
    ] {
      type(name, "counter", into: &out)
      for front in figures {
        out.append(name)
        out.append("{front=\"")
        out.append(utf8: front.front)
        out.append("\"} ")
        out.append(decimal: value(front))
        out.append("\n")
      }
    }
  }

  private static func gauge(_ name: StaticString, _ value: Int, into out: inout ByteBuffer) {
    type(name, "gauge", into: &out)
    out.append(name)
    out.append(" ")
    out.append(decimal: value)
    out.append("\n")
  }

  private static func type(
    _ name: StaticString, _ kind: StaticString, into out: inout ByteBuffer
  ) {
    out.append("# TYPE ")
    out.append(name)
    out.append(" ")
    out.append(kind)
    out.append("\n")
  }

  // MARK: - Requests

  private static func writeRequests(_ counters: [RequestCounters], into out: inout ByteBuffer) {
    type("strata_http_requests_total", "counter", into: &out)
    for route in Route.allCases {
      for (slot, status) in RequestCounters.statuses.enumerated() {
        let count = counters.reduce(0) { $0 &+ $1.count(route, statusSlot: slot) }
        guard count > 0 else { continue }
        out.append("strata_http_requests_total{route=\"")
        out.append(route.template)
        out.append("\",status=\"")
        if status == 0 { out.append("other") } else { out.append(decimal: status) }
        out.append("\"} ")
        out.append(decimal: count)
        out.append("\n")
      }
    }
    type("strata_http_request_seconds", "histogram", into: &out)
    for route in Route.allCases { writeHistogram(route, counters, into: &out) }
  }

  private static func writeHistogram(
    _ route: Route, _ counters: [RequestCounters], into out: inout ByteBuffer
  ) {
    let buckets = (0..<RequestCounters.bucketCount).map { bucket in
      counters.reduce(0) { $0 &+ $1.count(route, bucket: bucket) }
    }
    guard buckets.contains(where: { $0 > 0 }) else { return }
    var total: UInt64 = 0
    for (bucket, count) in buckets.enumerated() {
      total &+= count
      out.append("strata_http_request_seconds_bucket{route=\"")
      out.append(route.template)
      out.append("\",le=\"")
      if bucket < RequestCounters.bucketMicroseconds.count {
        appendSeconds(RequestCounters.bucketMicroseconds[bucket] * 1_000, into: &out)
      } else {
        out.append("+Inf")
      }
      out.append("\"} ")
      out.append(decimal: total)
      out.append("\n")
    }
    out.append("strata_http_request_seconds_sum{route=\"")
    out.append(route.template)
    out.append("\"} ")
    appendSeconds(counters.reduce(0) { $0 &+ $1.summedNanoseconds(route) }, into: &out)
    out.append("\nstrata_http_request_seconds_count{route=\"")
    out.append(route.template)
    out.append("\"} ")
    out.append(decimal: total)
    out.append("\n")
  }

  private static func appendSeconds(_ nanoseconds: UInt64, into out: inout ByteBuffer) {
    out.append(decimal: nanoseconds / 1_000_000_000)
    out.append(".")
    var divisor: UInt64 = 100_000_000
    while divisor > 0 {
      out.append(UInt8(0x30 + nanoseconds / divisor % 10))
      divisor /= 10
    }
  }

  // MARK: - Tables

  private static func writeTables(_ tables: [TableStatistics], into out: inout ByteBuffer) {
    let figures = tables.map(\.figures)
    func family(
      _ name: StaticString, _ kind: StaticString, _ value: (Int) -> UInt64
    ) {
      type(name, kind, into: &out)
      for (index, table) in tables.enumerated() {
        out.append(name)
        out.append("{table=\"")
        // A table's name has no character that would need an escape.
        out.append(utf8: table.name)
        out.append("\"} ")
        out.append(decimal: value(index))
        out.append("\n")
      }
    }
    family("strata_table_rows", "gauge") { tables[$0].approximateRows }
    family("strata_table_cells", "gauge") { tables[$0].approximateCells }
    family("strata_table_disk_bytes", "gauge") { tables[$0].byteCount }
    family("strata_table_puts_total", "counter") { tables[$0].putsTotal }
    family("strata_table_deletes_total", "counter") { tables[$0].deletesTotal }
    family("strata_table_memtable_bytes", "gauge") { figures[$0].memtableByteCount }
    family("strata_table_sealed_memtables", "gauge") { figures[$0].sealedMemtableCount }
    family("strata_table_log_bytes", "gauge") { figures[$0].logByteCount }
    family("strata_table_compaction_debt_bytes", "gauge") { figures[$0].compactionDebtByteCount }
    family("strata_table_committed_bytes_total", "counter") { figures[$0].bytesCommitted }
    family("strata_table_logged_bytes_total", "counter") { figures[$0].bytesLogged }
    family("strata_table_flushed_bytes_total", "counter") { figures[$0].bytesFlushed }
    family("strata_table_compacted_bytes_total", "counter") { figures[$0].bytesCompacted }
    family("strata_table_commits_total", "counter") { figures[$0].commits }
    family("strata_table_longest_commit_nanoseconds", "gauge") {
      figures[$0].longestCommitNanoseconds
    }
    writeLevels(tables, figures, into: &out)
  }

  private static func writeLevels(
    _ tables: [TableStatistics], _ figures: [EngineFigures], into out: inout ByteBuffer
  ) {
    for (name, value): (StaticString, (EngineFigures.Level) -> UInt64) in [
      ("strata_table_level_bytes", { $0.byteCount }),
      ("strata_table_level_files", { $0.fileCount }),
    ] {
      type(name, "gauge", into: &out)
      for (index, table) in tables.enumerated() {
        for (number, level) in figures[index].levels.enumerated() {
          out.append(name)
          out.append("{table=\"")
          out.append(utf8: table.name)
          out.append("\",level=\"")
          out.append(decimal: number)
          out.append("\"} ")
          out.append(decimal: value(level))
          out.append("\n")
        }
      }
    }
  }
}
