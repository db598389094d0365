// The server program. Placeholder.
@main struct KVServer { static func main() {} }
