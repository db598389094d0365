"""A stream of requests against one server, each answer compared with the model's."""

import collections
import re
import time

from google.protobuf import text_format

from .generator import FAMILIES, Generator
from .model import Model
from .verdict import OK
from .wire import Server

PARENT = "projects/differential/instances/local"
CLOCK_SLACK = 2_000  # microseconds
SHOWN = 10


class Difference:
    """A request whose answer is not the model's."""

    def __init__(self, kind, request, verdict, outcome, wanted, why):
        self.kind, self.request, self.verdict = kind, request, verdict
        self.outcome, self.wanted, self.why = outcome, wanted, why

    def text(self):
        wanted, came = self.wanted, self.outcome.body
        if self.kind == "ReadRows" and wanted is not None and came is not None:
            # What they share is left out.
            wanted, came = ([row for row in rows if row not in others]
                            for rows, others in ((wanted, came), (came, wanted)))
        return "\n".join([
            f"  request  {self.kind} {one_line(self.request)}",
            f"  wrong    {self.why}",
            f"  wanted   {self.verdict}" + (f" {wanted}" if self.verdict.allows(OK) else ""),
            f"  came     code {self.outcome.code} {self.outcome.text}"
            + (f" {came}" if self.outcome.code == OK else "")])


def one_line(message):
    text = text_format.MessageToString(message, as_one_line=True)
    text = re.sub(r"(.)\1{40,}", lambda run: f"{run[1]} x {len(run[0])}", text)
    return text if len(text) < 3000 else text[:3000] + "..."


def comparable(rows):
    """Rows with cells of one column and time in an order of their own: the API has none."""
    return [(key, [cell[:3] for cell in cells], sorted(cells, key=lambda c: (*c[:3], *c[3:])))
            for key, cells in rows]


class Run:
    """`peer` knows a server that is not always the model's: see `known.Emulator`."""

    def __init__(self, address, table_id, seed, peer):
        self.server = Server(address)
        self.name = f"{PARENT}/tables/{table_id}"
        self.server.create_table(PARENT, table_id, FAMILIES)
        self.peer = peer
        self.model = Model(self.name, FAMILIES, peer.folds)
        self.seed = seed
        self.generator = Generator(seed, self.name)
        self.counts = collections.Counter()  # answers by kind and code
        self.differences = collections.Counter()  # known ones by name
        self.opened = collections.Counter()  # what the API leaves open by reason and code
        self.wrong = 0
        self.spent = 0.0

    def requests(self, first, count, check_every):
        began = time.monotonic()
        for number in range(first, first + count):
            kind, request = self.generator.request(number)
            self.one(number, kind, request)
            if number % check_every == check_every - 1:
                self.check(number)
        self.check(first + count - 1)
        self.spent += time.monotonic() - began

    def one(self, number, kind, request):
        verdict = self.model.judge(kind, request)
        unsent = self.peer.unsent(kind, request)
        if unsent:
            self.differences[unsent] += 1
            return
        began = time.time_ns() // 1000
        outcome = self.server.call(kind, request)
        self.counts[kind, outcome.code] += 1
        if len(verdict.reasons()) == 1 and not verdict.must:
            self.opened[verdict.reasons()[0], outcome.code] += 1
        wanted, why = None, outcome.broken
        if outcome.code == OK and verdict.allows(OK):
            # What no server gives, and above all that one gave: not a whole millisecond.
            codes = outcome.body if kind == "MutateRows" and not why else ()
            wanted = self.model.perform(kind, request, began // 1000 * 1000 + 999, codes)
            why = why or getattr(self, "compare_" + kind)(request, wanted, outcome, began)
        elif not why and not verdict.allows(outcome.code):
            why = "the status"
        if why:
            self.differ(number, Difference(kind, request, verdict, outcome, wanted, why))
        elif self.peer.unforeseen(kind, request):
            self.model.adopt(self.server.rows(self.name))

    def differ(self, number, difference):
        name = self.peer.known(difference, self.model)
        if name:
            self.differences[name] += 1
        else:
            self.wrong += 1
            if self.wrong <= SHOWN:
                print(f"DIFFERS seed {self.seed} request {number} at {self.server.address}")
                print(difference.text(), flush=True)
        if difference.kind != "ReadRows":
            self.model.adopt(self.server.rows(self.name))  # later answers build on what is there

    def check(self, number):
        """The whole table."""
        rows = self.server.rows(self.name)
        wanted = [(key, self.model.cells(key)) for key in sorted(self.model.rows)]
        wanted = [row for row in wanted if row[1]]
        if rows != wanted:
            self.wrong += 1
            print(f"DIFFERS seed {self.seed}: the table after request {number}")
            for key in sorted({key for key, _ in rows + wanted}):
                there, here = dict(rows).get(key, []), dict(wanted).get(key, [])
                if there != here:
                    print(f"  {key} has {[c for c in there if c not in here]},"
                          f" lacks {[c for c in here if c not in there]}", flush=True)
            self.model.adopt(rows)

    # Each comparison gives what is wrong, None for nothing.

    def compare_ReadRows(self, request, wanted, outcome, began):
        if outcome.broken:
            return None
        if comparable(outcome.body) != comparable(wanted):
            return "the rows"
        if request.request_stats_view == 2:
            return self.compare_statistics(wanted, outcome.statistics)
        return "statistics that nobody asked for" if outcome.statistics else None

    def compare_statistics(self, wanted, statistics):
        if statistics is None:
            return "no statistics"
        seen = statistics.full_read_stats_view.read_iteration_stats
        returned = seen.rows_returned_count, seen.cells_returned_count
        if returned != (len(wanted), sum(len(cells) for _, cells in wanted)):
            return f"the statistics: {returned} returned"
        if seen.rows_seen_count < returned[0]:
            return "the statistics: fewer seen than returned"
        return None

    def compare_MutateRow(self, request, wanted, outcome, began):
        return self.settle(began)

    def compare_MutateRows(self, request, wanted, outcome, began):
        if outcome.broken:
            return None
        if not all(v.allows(code) for v, code in zip(wanted, outcome.body)):
            return f"an entry's status, wanted {'; '.join(map(str, wanted))}"
        return self.settle(began)

    def compare_CheckAndMutateRow(self, request, wanted, outcome, began):
        if outcome.body != wanted:
            return "whether the predicate matched"
        return self.settle(began)

    def compare_ReadModifyWriteRow(self, request, wanted, outcome, began):
        if outcome.broken:
            return None
        clocked = {place[1:] for place in self.model.clocked}
        if len(outcome.body) != len(wanted):
            return "the cells"
        for cell, there in zip(wanted, outcome.body):
            if cell[:2] in clocked:
                if not self.timely(-there[2], began):
                    return "the time of a new cell"
                self.model.settle(request.row_key, *cell[:2], -there[2])
                cell = cell[:2] + there[2:3] + cell[3:]
            if cell != there:
                return "the cells"
        return None

    def timely(self, micros, began):
        ended = time.time_ns() // 1000
        return micros % 1000 == 0 and began - CLOCK_SLACK <= micros <= ended + CLOCK_SLACK

    def settle(self, began):
        """Finds the times that the server's clock gave to cells."""
        if not self.model.clocked:
            return None
        rows = dict(self.server.rows(self.name))
        for key, family, qualifier in self.model.clocked:
            mine = self.model.rows.get(key, {}).get(family, {}).get(qualifier, {})
            if self.model.now not in mine:
                continue  # deleted by what followed
            times = [-cell[2] for cell in rows.get(key, [])
                     if cell[:2] == (family, qualifier) and self.timely(-cell[2], began)]
            if not times:
                return f"no cell of now in {family}:{qualifier}"
            self.model.settle(key, family, qualifier, max(times))
        return None
