// Taking a range of keys away: memory is flushed, so that all of it is in table files; those whose
// keys are all in the range go, those that reach into it are written anew without. One edit puts
// all of it in force, so that nothing older can show where something newer is gone.

internal import Runtime
internal import Synchronization

extension BackgroundWork {
  /// - Throws: Why nothing was removed.
  func removeAll(in range: KeyRange) throws(EngineError) {
    try flushAll()
    // Compactions would bring back what they have read already.
    while !begin(\.compaction) {}
    var failure: EngineError?
    do throws(EngineError) {
      if let refusal = state.readOnly { throw refusal }
      try remove(range, from: state.view.version)
    } catch {
      failure = error
    }
    end(\.compaction, nil)
    updateThrottle()
    if let failure {
      if case .readOnly = failure { state.becomeReadOnly(failure) }
      throw failure
    }
  }

  private func remove(_ range: KeyRange, from version: Version) throws(EngineError) {
    var edit = VersionEdit()
    var newest = SequenceNumber.zero
    var partial: [CompactionChoice] = []
    version.forEachFile { level, file in
      guard range.meets(file.metadata) else { return }
      newest = max(newest, file.metadata.largestSequence)
      if range.covers(file.metadata) {
        edit.remove(file.number, fromLevel: level)
      } else {
        partial.append(
          CompactionChoice(
            inputs: [.init(level: level, files: [file])], outputLevel: level, reason: .rewrite))
      }
    }
    for choice in partial {
      let newer = NewerSources(than: choice) { [state] in state.snapshot().store }
      let job = CompactionJob(
        choice, version: version, newer: .held(newer), environment: state.jobs, hole: range)
      let result = try job.run()
      edit.additions += result.edit.additions
      edit.removals += result.edit.removals
      state.counters.bytesCompacted.wrappingAdd(result.bytesWritten, ordering: .relaxed)
    }
    guard !edit.removals.isEmpty else { return }
    try state.install(edit, droppedUpTo: newest, collected: .everything)
  }
}
