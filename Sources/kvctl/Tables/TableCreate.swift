// kvctl table create.

import ArgumentParser
import Client
import DataModel
import RowText

/// `kvctl table create`.
struct TableCreate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Creates a table.",
    discussion: """
      Examples:
        kvctl table create scores --family 's:versions=24' --family 'f:age=30d'
        kvctl table create counters --family 'c:versions=1,type=int64'
        kvctl table create events --family 'e:age=730d,type=json,column.source=utf8' --gc-on-read

      \(TableCommand.familyHelp)
      """)

  @Argument(help: "Its name.") var table: String
  @Option(name: .long, help: "A column family; repeat for more.") var family: [String] = []
  @Flag(name: .long, help: "Reads never see cells that the families' rules doom.")
  var gcOnRead = false
  @OptionGroup var connection: ConnectionOptions

  func run() throws {
    let families = try family.map(FamilySpecification.parse)
    try connection.connect().createTable(
      TableDefinition(name: table, families: families, gcOnRead: gcOnRead))
  }
}
