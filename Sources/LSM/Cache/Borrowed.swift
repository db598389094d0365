// Calls of objects that somebody else keeps, without counting references.

extension Unmanaged {
  /// As `_withUnsafeGuaranteedRef`, of calls that throw.
  @inline(__always)
  func borrowed<Value, Failure: Error>(
    _ body: (Instance) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let outcome: Result<Value, Failure> = _withUnsafeGuaranteedRef { instance in
      do throws(Failure) { return .success(try body(instance)) } catch { return .failure(error) }
    }
    return try outcome.get()
  }
}
