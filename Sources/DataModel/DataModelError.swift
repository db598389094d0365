// What is wrong with a name, rule or filter that a user wrote. `Tablets` hands it on as
// `TableServiceError.invalid`.

/// A value of the data model that breaks its rules.
package struct DataModelError: Error, Sendable, Equatable {
  /// A stable word for programs.
  package let code: String
  /// What, where, and what would be right.
  package let message: String

  package init(code: String, message: String) {
    self.code = code
    self.message = message
  }
}
