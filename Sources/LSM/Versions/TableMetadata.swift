// One table file's facts, as the manifest keeps them: enough to choose compactions, to skip files
// on reads and to know what a range may hold, without opening the file.

package import Bytes

/// Facts of one table file. Both keys are held by the file.
package struct TableMetadata: Sendable, Equatable {
  /// Given in order of creation: a lower number was written earlier (but may hold newer entries
  /// than a higher one, after compactions: recency is `largestSequence`).
  package var number: FileNumber
  package var byteCount: UInt64
  package var smallestKey: [UInt8]
  package var largestKey: [UInt8]
  /// Lowest and highest number of the commits whose entries went into the file.
  package var smallestSequence: SequenceNumber
  package var largestSequence: SequenceNumber
  package var entryCount: UInt64
  /// Entries of kind `delete`.
  package var tombstoneCount: UInt64
  /// Entries of kind `merge`.
  package var mergeCount: UInt64
  /// Bytes of keys and values before compression and prefix sharing.
  package var rawByteCount: UInt64
  /// When the file was written, microseconds since 1970; age of a rewrite, not of its entries.
  package var creationMicroseconds: Int64

  package init(
    number: FileNumber, byteCount: UInt64, smallestKey: [UInt8], largestKey: [UInt8],
    smallestSequence: SequenceNumber, largestSequence: SequenceNumber, entryCount: UInt64,
    tombstoneCount: UInt64 = 0, mergeCount: UInt64 = 0, rawByteCount: UInt64 = 0,
    creationMicroseconds: Int64 = 0
  ) {
    self.number = number
    self.byteCount = byteCount
    self.smallestKey = smallestKey
    self.largestKey = largestKey
    self.smallestSequence = smallestSequence
    self.largestSequence = largestSequence
    self.entryCount = entryCount
    self.tombstoneCount = tombstoneCount
    self.mergeCount = mergeCount
    self.rawByteCount = rawByteCount
    self.creationMicroseconds = creationMicroseconds
  }

  /// Is this the file that such properties are in? Another file under this one's name is not.
  func describes(_ properties: TableProperties) -> Bool {
    properties.smallestKey == smallestKey && properties.largestKey == largestKey
      && properties.entryCount == entryCount && properties.tombstoneCount == tombstoneCount
      && properties.mergeCount == mergeCount
      && properties.attributes.smallestSequence == smallestSequence
      && properties.attributes.largestSequence == largestSequence
      && properties.attributes.creationMicroseconds == creationMicroseconds
  }

  /// May the file hold `key`?
  package func covers(_ key: ByteView) -> Bool {
    compareSmallest(to: key) <= 0 && compareLargest(to: key) >= 0
  }

  /// May the file hold a key in [`smallest`, `largest`], both within?
  package func overlaps(smallest: ByteView, largest: ByteView) -> Bool {
    compareSmallest(to: largest) <= 0 && compareLargest(to: smallest) >= 0
  }

  /// Negative when the smallest key is before `key`.
  func compareSmallest(to key: ByteView) -> Int { ByteView.of(smallestKey) { $0.compare(key) } }
  /// Negative when the largest key is before `key`.
  func compareLargest(to key: ByteView) -> Int { ByteView.of(largestKey) { $0.compare(key) } }
}
