// Running a read that may take long or wait for the disk without holding its loop: on the loop in
// slices as long as everything is in memory, on a worker from where it stopped once it is not.

internal import Bytes
internal import Net
internal import Runtime
internal import Tablets
internal import VFS

/// A read that can stop and go on. Used by one thread at a time.
protocol SlicedRead: AnyObject, Sendable {
  /// Works until the time, or the end: then true.
  ///
  /// - Throws: `.wouldBlock` with `wait` forbidden: call again with it allowed, nothing is lost.
  func advance(wait: ReadWait, until nanoseconds: UInt64) throws(TableServiceError) -> Bool
  /// The answer; after the end.
  func reply() -> Result<Reply, Problem>
  /// The answer's body; valid as long as the read.
  var body: ByteView { get }
}

enum ReadDriver {
  /// Answers at once where a slice is enough.
  static func run(_ read: some SlicedRead, _ facts: RequestFacts, on connection: HTTPConnection) {
    let front = connection.context.front
    do throws(TableServiceError) {
      let until = front.time.monotonicNanoseconds &+ front.options.sliceNanoseconds
      if try read.advance(wait: .forbidden, until: until) {
        switch read.reply() {
        case .success(let reply): connection.send(reply, read.body, facts)
        case .failure(let problem): connection.send(problem, facts)
        }
      } else {
        goOn(read, connection.enqueue(facts))
      }
    } catch .wouldBlock {
      if front.reads.mustShed {
        connection.send(.overloaded, facts)
      } else {
        runOnWorker(read, connection.enqueue(facts))
      }
    } catch {
      connection.send(Problem(error), facts)
    }
  }

  /// Another slice, after others had their turn.
  static func goOn(_ read: some SlicedRead, _ exchange: Exchange) {
    guard let context = exchange.connection?.context else { return }
    context.loop.execute { slice(read, exchange) }
  }

  private static func slice(_ read: some SlicedRead, _ exchange: Exchange) {
    guard let front = exchange.connection?.context.front else { return }
    do throws(TableServiceError) {
      let until = front.time.monotonicNanoseconds &+ front.options.sliceNanoseconds
      if try read.advance(wait: .forbidden, until: until) {
        finish(read, exchange)
      } else {
        goOn(read, exchange)
      }
    } catch .wouldBlock {
      runOnWorker(read, exchange)
    } catch {
      exchange.finish(Problem(error))
    }
  }

  /// The rest on a worker that may wait.
  static func runOnWorker(_ read: some SlicedRead, _ exchange: Exchange) {
    guard let context = exchange.connection?.context else { return }
    let loop = context.loop
    context.front.scheduler.submit(to: .blocking) {
      do throws(TableServiceError) {
        while try !read.advance(wait: .allowed, until: .max) {}
        loop.execute { finish(read, exchange) }
      } catch {
        let problem = Problem(error)
        loop.execute { exchange.finish(problem) }
      }
    }
  }

  private static func finish(_ read: some SlicedRead, _ exchange: Exchange) {
    switch read.reply() {
    case .success(let reply): exchange.finish(reply, read.body)
    case .failure(let problem): exchange.finish(problem)
    }
  }
}
