// What names, families and tables may be: the one place where definitions are checked.

extension TableDefinition {
  /// Checks the name, the number of families and each of them.
  package func validate() throws(DataModelError) {
    try TableDefinition.validate(name: name)
    guard families.count <= DataModelLimits.familyCount else {
      throw DataModelError(
        code: "too_many_families",
        message: "table \"\(name)\" has \(families.count) families; the limit is "
          + "\(DataModelLimits.familyCount)")
    }
    for family in families { try family.validate() }
    for (left, right) in zip(families, families.dropFirst()) where left.name == right.name {
      throw DataModelError(
        code: "family_exists", message: "family \"\(left.name)\" is named twice")
    }
  }

  /// `[_a-zA-Z0-9][-_.a-zA-Z0-9]*`, at most 50 characters.
  package static func validate(name: String) throws(DataModelError) {
    let bytes = Array(name.utf8)
    guard !bytes.isEmpty, bytes.count <= DataModelLimits.tableNameByteCount,
      bytes.allSatisfy(isNameByte), bytes.first != 0x2d, bytes.first != 0x2e
    else {
      throw DataModelError(
        code: "invalid_table_name",
        message: "table name \"\(shortened(name))\" must be 1 to "
          + "\(DataModelLimits.tableNameByteCount) characters of A-Z a-z 0-9 _ - . and must not "
          + "begin with - or .")
    }
  }

  static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f: true
    default: false
    }
  }

  static func shortened(_ name: String) -> String {
    name.utf8.count <= 80 ? name : String(name.prefix(60)) + "…"
  }
}

extension FamilyDefinition {
  /// Checks name, rule, column types, and that an aggregate family declares nothing but int64.
  package func validate() throws(DataModelError) {
    let bytes = Array(name.utf8)
    guard !bytes.isEmpty, bytes.count <= DataModelLimits.familyNameByteCount,
      bytes.allSatisfy(TableDefinition.isNameByte)
    else {
      throw DataModelError(
        code: "invalid_family_name",
        message: "family name \"\(TableDefinition.shortened(name))\" must be 1 to "
          + "\(DataModelLimits.familyNameByteCount) characters of A-Z a-z 0-9 _ - .")
    }
    try gc?.validate()
    if let long = columns.keys.first(where: { $0.count > DataModelLimits.qualifierByteCount }) {
      throw DataModelError(
        code: "invalid_qualifier",
        message: "family \"\(name)\" declares a qualifier of \(long.count) bytes; the limit is "
          + "\(DataModelLimits.qualifierByteCount)")
    }
    if aggregate != nil {
      guard type == nil || type == .int64, columns.values.allSatisfy({ $0 == .int64 }) else {
        throw DataModelError(
          code: "invalid_value_type",
          message: "family \"\(name)\" is an aggregate; its values are int64 and nothing else")
      }
    }
  }
}
