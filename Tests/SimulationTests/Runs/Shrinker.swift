// Makes a failing history short: chunks of it are left out, ever smaller ones, as long as it still
// fails (delta debugging; Zeller and Hildebrandt, IEEE TSE 2002).

/// Shortens what fails.
struct Shrinker {
  /// Runs a history; the difference, if it fails.
  let failure: ([StoreStep]) -> Difference?
  /// Time that shortening may take.
  let limit: Duration

  /// - Returns: A history that fails and from which, time permitting, no step can be left out.
  func shrink(
    _ steps: [StoreStep], _ first: Difference
  ) -> (steps: [StoreStep], difference: Difference) {
    let clock = ContinuousClock()
    let end = clock.now + limit
    var best = (steps: steps, difference: first)
    var chunk = max(1, steps.count / 2)
    while clock.now < end {
      var isShorter = false
      // From the end: what comes behind the failing step goes first.
      var start = best.steps.count
      while start > 0, clock.now < end {
        start = max(0, start - chunk)
        var candidate = best.steps
        candidate.removeSubrange(start..<min(candidate.count, start + chunk))
        guard let difference = failure(candidate) else { continue }
        best = (candidate, difference)
        isShorter = true
      }
      if chunk == 1, !isShorter { break }
      if !isShorter || chunk >= best.steps.count { chunk = max(1, chunk / 2) }
    }
    return best
  }
}
