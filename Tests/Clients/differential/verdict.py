"""What an answer's status may be."""

OK, INVALID, NOT_FOUND, PRECONDITION, UNIMPLEMENTED = 0, 3, 5, 9, 12


class Verdict:
    """What is wrong with a request, as pairs of a reason and a code.

    With anything in `must` the request is refused, by the code of any of them; what the API does
    not say is in `may`: refused by such a code, or not at all.
    """

    def __init__(self):
        self.must = set()
        self.may = set()

    def refuse(self, reason, *codes):
        self.must.update((reason, code) for code in codes or (INVALID,))

    def open(self, reason, *codes):
        self.may.update((reason, code) for code in codes or (INVALID,))

    def allows(self, code):
        if code == OK:
            return not self.must
        return any(code == allowed for _, allowed in self.must | self.may)

    def reasons(self):
        return sorted({reason for reason, _ in self.must or self.may})

    def __repr__(self):
        return str(self)

    def __str__(self):
        if not self.must and not self.may:
            return "OK"
        wanted = sorted({code for _, code in self.must}) or ["OK"]
        maybe = sorted({code for _, code in self.may})
        text = "code " + " or ".join(map(str, wanted))
        text += f", maybe {maybe}" if maybe else ""
        return text + " (" + ", ".join(self.reasons()) + ")"
