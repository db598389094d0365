// kvctl completion: scripts that complete commands and options in a shell.

import ArgumentParser

/// `kvctl completion`.
struct CompletionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completion", abstract: "Prints a shell's completion script.",
    discussion: """
      Examples:
        source <(kvctl completion bash)
        kvctl completion zsh > ~/.zfunc/_kvctl
        kvctl completion fish > ~/.config/fish/completions/kvctl.fish
      """)

  @Argument(help: "bash, zsh or fish.") var shell: Shell

  enum Shell: String, ExpressibleByArgument, CaseIterable {
    case bash, zsh, fish
  }

  func run() throws {
    let kind: CompletionShell =
      switch shell {
      case .bash: .bash
      case .zsh: .zsh
      case .fish: .fish
      }
    var out = OutputStream()
    try out.line(KVCtl.completionScript(for: kind))
    try out.flush()
  }
}
