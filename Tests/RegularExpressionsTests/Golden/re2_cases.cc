// Asks RE2 (Debian's libre2-dev) what random patterns match, for `GoldenRegexTests`:
//
//   g++ -O2 -std=c++17 re2_cases.cc -lre2 -o re2_cases && ./re2_cases SEED COUNT > re2.txt
//
// A line is a pattern in hexadecimal and then, where RE2 takes it, texts with + or - for matched or
// not; else "!". Patterns of the first half of the runs are mostly valid, the others mostly not.

#include <re2/re2.h>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

static std::mt19937_64 source;

static int below(int n) { return int(source() % n); }

template <size_t N>
static std::string pick(const char *const (&list)[N]) { return list[below(N)]; }

static std::string atom(int depth);

static std::string sequence(int depth) {
  std::string text;
  for (int left = below(3); left >= 0; left--) {
    text += atom(depth);
    static const char *const repeats[] = {"*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{1,}",
                                          "{3,5}", "{0}", "{2,2}?", "{,3}", "{01}", "{2"};
    if (below(3) == 0) text += pick(repeats);
  }
  return text;
}

static std::string alternatives(int depth) {
  std::string text = sequence(depth);
  while (below(4) == 0) text += "|" + (below(6) ? sequence(depth) : std::string());
  return text;
}

static std::string bracket() {
  static const char *const parts[] = {
      "a-c", "b", "\\d", "\\w", "\\S", "[:alpha:]", "[:^space:]", "\\n", "\xe9", "\\x80-\\xff", "-",
      "\\]", "^", "\\pL", "\\p{^Lu}", "\\PN", "0-9", "\\x{e0}-\\x{ff}", "\\101", "\\pS", "[", "."};
  std::string text = below(3) ? "[" : "[^";
  if (below(12) == 0) text += "]";
  for (int left = below(3); left >= 0; left--) text += pick(parts);
  return text + "]";
}

static std::string atom(int depth) {
  static const char *const letters[] = {"a", "b", "c", "A", "_", "1", " ", "\xe9", "\xc3\xa9", "\n"};
  static const char *const others[] = {
      ".", "\\C", "^", "$", "\\A", "\\z", "\\b", "\\B", "\\d", "\\D", "\\s", "\\S", "\\w", "\\W",
      "\\n", "\\t", "\\x41", "\\xe9", "\\x{e9}", "\\x{100}", "\\0", "\\141", "\\.", "\\-", "\\pL",
      "\\p{Lu}", "\\PL", "\\p{Latin}", "\\p{Greek}", "\\Qa*\\E", "\\v", "\\a", "\\p{Any}", "\\pZ",
      "\\p{Common}", "\\p{Nd}", "\\pP"};
  static const char *const opens[] = {"(", "(?:", "(?i:", "(?s:", "(?m:", "(?P<n>", "(?i)(", "(?m)(",
                                      "(?-s:", "(?i-m:", "(?U:", "(?)("};
  int kind = below(10);
  if (kind < 4) return pick(letters);
  if (kind < 6) return pick(others);
  if (kind < 7) return bracket();
  if (depth > 3) return "b";
  return pick(opens) + alternatives(depth + 1) + ")";
}

static std::string text() {
  static const char *const parts[] = {"a", "b", "c", "A", "B", "_", "1", " ", "\xe9", "\xc9", "\n",
                                      "\xc3\xa9", "aa", "ab", "*", ".", "\t", "-"};
  std::string text;
  for (int left = below(9); left > 0; left--) text += pick(parts);
  return text;
}

// Some of the pattern's own letters: a text that it is more likely to match.
static std::string textFor(const std::string &pattern) {
  std::string text;
  for (unsigned char byte : pattern)
    if ((isalnum(byte) || byte >= 0x80 || byte == ' ' || byte == '_') && below(3)) text += byte;
  return text.substr(0, 1 + below(8));
}

static void damage(std::string &pattern) {
  static const char *const pieces[] = {"(", ")", "[", "]", "{", "}", "*", "?", "\\", "|", "(?", "[:",
                                       "\\p", "\\x", "{1001}", "{3,2}", "(?P<", "\\Q", "\\E", "\\1",
                                       "\\8", "\\_", "**", "(?z)", "(?i-)", "\\Z", "[b-a]", "\\e",
                                       "[:foo:]", "\\400", "\\377", "\\pX", "\\p{Foo}", "{1000}", "(?-)", "[a-\\d]"};
  size_t at = below(int(pattern.size()) + 1);
  if (below(3) == 0 && at < pattern.size()) pattern.erase(at, 1);
  else pattern.insert(at, pick(pieces));
}

static void print(const std::string &bytes) {
  for (unsigned char byte : bytes) printf("%02x", byte);
}

int main(int count, char **arguments) {
  if (count < 3) return 2;
  source.seed(atoi(arguments[1]));
  int patterns = atoi(arguments[2]);
  RE2::Options options(RE2::Latin1);
  options.set_log_errors(false);
  for (int index = 0; index < patterns; index++) {
    std::string pattern = alternatives(0);
    if (index % 2)
      for (int left = below(3); left >= 0; left--) damage(pattern);
    // Newer versions take what older ones refuse.
    if (pattern.find("(?<") != std::string::npos) continue;
    RE2 regex(pattern, options);
    if (regex.error_code() == RE2::ErrorPatternTooLarge) continue;
    print(pattern);
    if (!regex.ok()) {
      puts(" !");
      continue;
    }
    for (int left = 6; left > 0; left--) {
      std::string subject = left % 2 ? text() : textFor(pattern);
      printf(" ");
      print(subject);
      printf("%c", RE2::FullMatch(subject, regex) ? '+' : '-');
    }
    puts("");
  }
}
