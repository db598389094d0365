// Named sets of bytes. Names of Unicode stand for those of their characters that Latin-1 has, which
// are bytes 0 to 255 in its order.

enum RegexClasses {
  static let digit = ByteSet(0x30...0x39)
  static let alphanumeric = digit.union(ByteSet(0x41...0x5a)).union(ByteSet(0x61...0x7a))
  static let word = alphanumeric.union(ByteSet("_"))
  /// Perl's: without the vertical tab.
  static let space = ByteSet("\t\n\u{c}\r ")
  static let newline = ByteSet(0x0a)

  /// `[:name:]` (POSIX, in ASCII).
  static func posix(_ name: String) -> ByteSet? {
    let upper = ByteSet(0x41...0x5a)
    let lower = ByteSet(0x61...0x7a)
    let letters = upper.union(lower)
    return switch name {
    case "alnum": letters.union(digit)
    case "alpha": letters
    case "ascii": ByteSet(0...0x7f)
    case "blank": ByteSet("\t ")
    case "cntrl": ByteSet(0...0x1f).union(ByteSet(0x7f))
    case "digit": digit
    case "graph": ByteSet(0x21...0x7e)
    case "lower": lower
    case "print": ByteSet(0x20...0x7e)
    case "punct":
      ByteSet(0x21...0x2f).union(ByteSet(0x3a...0x40)).union(ByteSet(0x5b...0x60))
        .union(ByteSet(0x7b...0x7e))
    case "space": space.union(ByteSet(0x0b))
    case "upper": upper
    case "word": word
    case "xdigit": digit.union(ByteSet(0x41...0x46)).union(ByteSet(0x61...0x66))
    default: nil
    }
  }

  /// `\p{name}`: a general category, a script, or `Any`.
  static func unicode(_ name: String) -> ByteSet? {
    if name == "Any" { return .all }
    if categories.contains(name) {
      return members { category(of: $0).hasPrefix(name) }
    }
    guard scripts.contains(name) else { return nil }
    return switch name {
    case "Latin": members { isLatin($0) }
    case "Common": members { !isLatin($0) }
    default: ByteSet()
    }
  }

  private static func members(_ isMember: (UInt8) -> Bool) -> ByteSet {
    var set = ByteSet()
    for byte in UInt8(0)...255 where isMember(byte) { set.insert(byte...byte) }
    return set
  }

  private static func isLatin(_ byte: UInt8) -> Bool {
    // The micro sign is common to Latin and Greek.
    category(of: byte).hasPrefix("L") && byte != 0xb5
  }

  /// The general category of a character of Latin-1 (UnicodeData.txt).
  private static func category(of byte: UInt8) -> String {
    switch byte {
    case 0...0x1f, 0x7f...0x9f: "Cc"
    case 0x20, 0xa0: "Zs"
    case 0x30...0x39: "Nd"
    case 0x41...0x5a, 0xc0...0xd6, 0xd8...0xde: "Lu"
    case 0x61...0x7a, 0xb5, 0xdf...0xf6, 0xf8...0xff: "Ll"
    case 0xaa, 0xba: "Lo"
    case 0xb2, 0xb3, 0xb9, 0xbc...0xbe: "No"
    case 0x24, 0xa2...0xa5: "Sc"
    case 0x2b, 0x3c...0x3e, 0x7c, 0x7e, 0xac, 0xb1, 0xd7, 0xf7: "Sm"
    case 0x5e, 0x60, 0xa8, 0xaf, 0xb4, 0xb8: "Sk"
    case 0xa6, 0xa9, 0xae, 0xb0: "So"
    case 0x5f: "Pc"
    case 0x2d: "Pd"
    case 0x28, 0x5b, 0x7b: "Ps"
    case 0x29, 0x5d, 0x7d: "Pe"
    case 0xab: "Pi"
    case 0xbb: "Pf"
    case 0xad: "Cf"
    default: "Po"
    }
  }

  private static let categories: Set<String> = [
    "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N",
    "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So",
    "Z", "Zl", "Zp", "Zs",
  ]

  /// Of Unicode 15 (Scripts.txt).
  private static let scripts = Set(
    """
    Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali
    Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian
    Chakma Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret
    Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian
    Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya
    Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi
    Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li Kharoshthi
    Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian
    Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin
    Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani
    Myanmar Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong
    Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian
    Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau
    Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham
    SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa
    Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta
    Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square
    """.split(whereSeparator: { $0 == " " || $0 == "\n" }).map(String.init))
}
