"""Patterns in linear time: re reads them, sets of positions match them.

Python's own matching goes back and forth, and does not end where random patterns meet long bytes.
"""

import functools
import re

try:
    from re import _constants as constants, _parser as parser
except ImportError:  # before Python 3.11
    import sre_constants as constants
    import sre_parse as parser

WORD = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
CATEGORIES = {
    constants.CATEGORY_DIGIT: set(b"0123456789"),
    constants.CATEGORY_NOT_DIGIT: set(range(256)) - set(b"0123456789"),
    constants.CATEGORY_WORD: set(WORD),
    constants.CATEGORY_NOT_WORD: set(range(256)) - set(WORD),
}


@functools.lru_cache(maxsize=4096)
def parsed(pattern):
    """The pattern's parts, None where it is not one. \\C is RE2's any byte; the rest is common."""
    pattern = pattern.replace(rb"\C", rb"[\x00-\xff]")
    try:
        re.compile(pattern)
    except re.error:
        return None
    return parts(parser.parse(pattern))


def parts(items):
    return [part(kind, value) for kind, value in items]


def part(kind, value):
    """(a set of bytes), (least, most, parts) or [alternatives], each of parts."""
    if kind is constants.LITERAL:
        return {value}
    if kind is constants.NOT_LITERAL:
        return set(range(256)) - {value}
    if kind is constants.ANY:
        return set(range(256)) - {ord("\n")}
    if kind is constants.IN:
        return members(value)
    if kind is constants.SUBPATTERN:
        return [parts(value[3])]
    if kind is constants.BRANCH:
        return [parts(branch) for branch in value[1]]
    if kind in (constants.MAX_REPEAT, constants.MIN_REPEAT):
        least, most, items = value
        return least, None if most is constants.MAXREPEAT else most, parts(items)
    raise ValueError(f"a pattern with {kind}")


def members(items):
    found, negated = set(), False
    for kind, value in items:
        if kind is constants.NEGATE:
            negated = True
        elif kind is constants.LITERAL:
            found.add(value)
        elif kind is constants.RANGE:
            found.update(range(value[0], value[1] + 1))
        else:
            found |= CATEGORIES[value]
    return set(range(256)) - found if negated else found


def valid(pattern):
    return parsed(encoded(pattern)) is not None


@functools.lru_cache(maxsize=65536)
def full(pattern, data):
    """Whether the pattern matches all of the data."""
    return len(data) in follow(parsed(encoded(pattern)), data, {0})


def encoded(pattern):
    return pattern.encode() if isinstance(pattern, str) else pattern


def follow(items, data, places):
    """Where the parts end that begin at one of the places."""
    for item in items:
        if not places:
            break
        if isinstance(item, set):
            places = {at + 1 for at in places if at < len(data) and data[at] in item}
        elif isinstance(item, list):
            places = set().union(*(follow(branch, data, places) for branch in item))
        else:
            places = repeat(*item, data, places)
    return places


def repeat(least, most, items, data, places):
    for _ in range(least):
        places = follow(items, data, places)
    reached, left = set(places), None if most is None else most - least
    while places and left != 0:
        places = follow(items, data, places) - reached
        reached |= places
        left = None if left is None else left - 1
    return reached
