// kvctl table alter.

import ArgumentParser
import Client
import DataModel
import RowText

/// `kvctl table alter`.
struct TableAlter: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "alter", abstract: "Adds, replaces and drops families; all changes or none.",
    discussion: """
      A family given with --family is created, or replaced as a whole where it exists (its data \
      stays); --drop-family removes a family with all its data.

      Examples:
        kvctl table alter scores --family 's:versions=48' --family 'g'
        kvctl table alter scores --drop-family f
        kvctl table alter scores --gc-on-read
        kvctl table alter scores --no-deletion-protection

      \(TableCommand.familyHelp)
      """)

  @Argument(help: "The table.") var table: String
  @Option(name: .long, help: "A family to create or replace; repeat for more.")
  var family: [String] = []
  @Option(name: .long, help: "A family to drop with its data; repeat for more.")
  var dropFamily: [String] = []
  @Flag(inversion: .prefixedNo, help: "Whether reads may see cells that the rules doom.")
  var gcOnRead: Bool?
  @Flag(inversion: .prefixedNo, help: "Whether the table is safe from being dropped.")
  var deletionProtection: Bool?
  @OptionGroup var output: OutputOptions
  @OptionGroup var connection: ConnectionOptions

  func validate() throws {
    if family.isEmpty, dropFamily.isEmpty, gcOnRead == nil, deletionProtection == nil {
      throw ValidationError(
        "Nothing to change: give --family, --drop-family, --gc-on-read or --deletion-protection.")
    }
  }

  func run() throws {
    let families = try family.map(FamilySpecification.parse)
    let client = try connection.connect()
    let known = Set(try client.table(table).families.map(\.name))
    var changes: [TableChange] = dropFamily.map { .dropFamily($0) }
    for family in families {
      changes.append(known.contains(family.name) ? .updateFamily(family) : .createFamily(family))
    }
    if let gcOnRead { changes.append(.setGCOnRead(gcOnRead)) }
    if let deletionProtection { changes.append(.setProtection(deletionProtection)) }
    try DefinitionOutput.write([client.alterTable(table, changes)], output.format)
  }
}
