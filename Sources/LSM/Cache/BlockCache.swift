// Stub: see the plan; owned by the table-file work.
package final class BlockCache: Sendable {
  package init(byteCount: Int) {}
}
