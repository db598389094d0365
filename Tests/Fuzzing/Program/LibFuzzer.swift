// The entry that libFuzzer calls for every input. STRATA_FUZZ_TARGET names the parser.

internal import Bytes
internal import Glibc

/// The target of this process, made at the first input, which is alone on its thread.
nonisolated(unsafe) private let target: any FuzzTarget = {
  let name = getenv("STRATA_FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let target = try? FuzzTargetName(rawValue: name)?.make() else {
    let names = FuzzTargetName.allCases.map(\.rawValue).joined(separator: " ")
    fatalError("STRATA_FUZZ_TARGET is one of: \(names)")
  }
  return target
}()

/// Called by libFuzzer; 0 means that the input may enter the corpus.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  do throws(Finding) {
    try target.run(ByteView(UnsafeRawBufferPointer(start: start, count: count)))
  } catch {
    fatalError("finding: \(error)")
  }
  return 0
}
