// The command-line client. Placeholder.
@main struct KVCtl { static func main() {} }
