// One history from a seed: drawn, run, and if it fails shortened and told.

import TestSupport

/// A seed and everything that decides what is made of it.
struct Simulation {
  var seed: UInt64
  var profile = HistoryProfile.faults
  var stepCount = 120
  var setup = RunSetup()
  /// Steps to keep, by number; nil for all.
  var kept: Set<Int>?

  init(
    seed: UInt64, profile: HistoryProfile = .faults, stepCount: Int = 120,
    options: OptionSet = OptionSet.all[0]
  ) {
    self.seed = seed
    self.profile = profile
    self.stepCount = stepCount
    setup.options = options
    setup.seed = seed
  }

  var steps: [StoreStep] {
    let all = StepGenerator.history(seed: seed, profile: profile, stepCount: stepCount)
    guard let kept else { return all }
    return all.filter { kept.contains($0.index) }
  }

  func run() throws -> RunResult { try StoreRun(setup).run(steps) }

  /// The result, or the failure in words: what is wrong, the shortest history that shows it, and
  /// how to run it again.
  func outcome(shrinkingFor limit: Duration = .seconds(20)) -> Outcome {
    let steps = steps
    do {
      return .passed(try StoreRun(setup).run(steps))
    } catch {
      let first = Simulation.difference(error)
      let (setup, seed) = (setup, seed)
      let shrinker = Shrinker(
        failure: { steps in
          do {
            try StoreRun(setup).run(steps)
            return nil
          } catch {
            return Simulation.difference(error)
          }
        }, limit: limit)
      let (short, difference) = shrinker.shrink(steps, first)
      let kept = short.map { "\($0.index)" }.joined(separator: ",")
      let shares = setup.crashShares.map { "\($0)" }.joined(separator: ",")
      return .failed(
        Failure(
          steps: short,
          text: """
            seed \(seed), options \(setup.options), profile \(profile.rawValue): \(first)
            shortened to \(short.count) of \(steps.count) steps: \(difference)
            \(short.map { "  \($0)" }.joined(separator: ",\n"))
            again: make replay SEED=\(seed) OPTIONS=\(setup.options) PROFILE=\(profile.rawValue) \
            STEPS=\(stepCount) SHARES=\(shares) KEPT=\(kept)
            """))
    }
  }

  enum Outcome {
    case passed(RunResult)
    case failed(Failure)

    var failure: Failure? {
      guard case .failed(let failure) = self else { return nil }
      return failure
    }
  }

  struct Failure {
    var steps: [StoreStep]
    var text: String
  }

  private static func difference(_ error: any Error) -> Difference {
    error as? Difference ?? Difference("\(error)")
  }
}
