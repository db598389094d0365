// What the engine alone can do: one JSON line a workload on standard output.
//
//   kvenginebench [--n 1000000] [--workloads fillrandom,readrandom,…] [--directory DIR]
//                 [--memory MiB]
//
// Keys are 14 digits and `:cNN` (18 bytes), values 100 bytes, half of them random. Workloads run
// in the order given, on the same engine; `fillrandom` and `fillbatch` start with an empty one.

import Bytes
import Glibc
import LSM
import Runtime
import VFS

/// Command line of the benchmark.
struct BenchmarkOptions {
  static let allWorkloads = [
    "fillsync1", "fillsync8", "fillsync32", "fillrandom", "fillbatch", "readrandom", "readmiss",
    "scan", "overwrite", "recover",
  ]

  var count = 1_000_000
  var workloads = BenchmarkOptions.allWorkloads
  var directory = "/tmp/kvenginebench-\(getpid())"
  var memoryMebibytes = 512

  init(_ arguments: [String]) throws(BenchmarkError) {
    var rest = arguments[...]
    while let flag = rest.popFirst() {
      guard let value = rest.popFirst() else { throw .usage("\(flag) wants a value") }
      switch flag {
      case "--n":
        guard let number = Int(value), number > 0 else { throw .usage("--n \(value)") }
        count = number
      case "--memory":
        guard let number = Int(value), number > 0 else { throw .usage("--memory \(value)") }
        memoryMebibytes = number
      case "--directory": directory = value
      case "--workloads": workloads = value.split(separator: ",").map(String.init)
      default: throw .usage("unknown flag \(flag)")
      }
    }
    for workload in workloads where !BenchmarkOptions.allWorkloads.contains(workload) {
      throw .usage("unknown workload \(workload)")
    }
  }
}

/// Why the benchmark did not run.
enum BenchmarkError: Error {
  case usage(String)
}

@main
struct EngineBenchmark {
  static func main() {
    do {
      let options = try BenchmarkOptions(Array(CommandLine.arguments.dropFirst()))
      let bench = try WorkloadRunner(options)
      for workload in options.workloads { try bench.run(workload) }
      try bench.finish()
    } catch BenchmarkError.usage(let problem) {
      print("{\"error\": \"\(problem)\"}")
      exit(2)
    } catch {
      print("{\"error\": \"\(error)\"}")
      exit(1)
    }
  }
}
