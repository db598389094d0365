// Stages that write single rows: random, in batches, over and over, synced.

import Bytes

extension StageRunner {
  /// Writes the rows that other stages read, in random order.
  func fill() throws {
    try remove(mainDirectory)
    let engine = try E(settings(mainDirectory))
    let before = ProcessFigures.now()
    let result = try drive(engine, Pace(steps: UInt64(plan.entryCount)), values: values) {
      session, worker, number in
      try session.put(worker.text.key(RowNumber.present(number)), worker.values.value(number))
    }
    let measurement = try finish(result, .fill, engine, in: mainDirectory, since: before)
    if wants(.fill) { try emit(measurement) }
    try engine.close()
  }

  func fillBatches() throws {
    let directory = directory("batches")
    try remove(directory)
    let engine = try E(settings(directory))
    let before = ProcessFigures.now()
    let size: UInt64 = 16
    let pace = Pace(steps: UInt64(plan.entryCount) / size, operationsPerStep: size)
    let result = try drive(engine, pace, values: values) { session, worker, number in
      for index in number * size..<(number + 1) * size {
        try session.stage(worker.text.key(RowNumber.present(index)), worker.values.value(index))
      }
      try session.commit()
    }
    try emit(finish(result, .fillBatches, engine, in: directory, since: before))
    try engine.close()
    try remove(directory)
  }

  /// Long enough for compactions to be in full swing.
  func overwrite() throws {
    let engine = try E(settings(mainDirectory))
    let before = ProcessFigures.now()
    let entryCount = plan.entryCount
    let pace = Pace(seconds: plan.seconds * 4)
    let result = try drive(engine, pace, values: values) { session, worker, number in
      let row = RowNumber.present(worker.draw(entryCount))
      try session.put(worker.text.key(row), worker.values.value(number &+ 17))
    }
    try emit(finish(result, .overwrite, engine, in: mainDirectory, since: before))
    try engine.close()
  }

  func fillSynced() throws {
    for (workload, threads) in [(Workload.sync1, 1), (.sync8, 8), (.sync32, 32)]
    where wants(workload) {
      let directory = directory("synced")
      try remove(directory)
      var settings = try settings(directory)
      settings.isSynced = true
      let engine = try E(settings)
      let pace = Pace(threads: threads, seconds: plan.seconds)
      let result = try drive(engine, pace, values: values) { session, worker, number in
        try session.put(worker.text.key(RowNumber.present(number)), worker.values.value(number))
      }
      try emit(measurement(result, workload, threads: threads))
      try engine.close()
      try remove(directory)
    }
  }
}
