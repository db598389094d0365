"""What the programs of this folder share: a line for each check, and the server's place."""

import os
import sys
import traceback

done = failed = 0
group = ""  # what each line begins with

# Tables of two runs, or of two programs, do not meet.
TABLE = f"clients-{os.getpid()}"


def skip(what):
    """For a program whose client is not installed."""
    print(f"skipped: {what} is not installed")
    sys.exit(0)


def need_server():
    if "BIGTABLE_EMULATOR_HOST" not in os.environ:
        sys.exit("set BIGTABLE_EMULATOR_HOST to the server's gRPC address")


def report(what, why=None):
    """One check's line; `why` it failed, if it did."""
    global done, failed
    done += 1
    failed += why is not None
    what = group + what
    print(f"ok     {what}" if why is None else f"FAILED {what}: {one_line(why)}", flush=True)


def one_line(text):
    text = " ".join(str(text).split())
    return text if len(text) <= 400 else text[:400] + "..."


def short(value):
    text = repr(value)
    return text if len(text) <= 180 else text[:180] + "..."


def same(what, call, wanted):
    """call() gives what is wanted."""
    try:
        got = call()
    except Exception as error:
        report(what, f"{type(error).__name__}: {error}")
        return
    report(what, None if got == wanted else f"got {short(got)}, wanted {short(wanted)}")


def holds(what, call):
    same(what, lambda: bool(call()), True)


def refused(what, kind, call, text=""):
    """call() ends with this kind of error, which says the text."""
    try:
        got = call()
    except kind as error:
        report(what, None if text in str(error) else f"another text: {error}")
    except Exception as error:
        report(what, f"{type(error).__name__}: {error}, wanted {kind.__name__}")
    else:
        report(what, f"not refused, gave {short(got)}")


def section(name, call, *arguments):
    """A group of checks: what breaks between two of them is a failure and ends this group alone."""
    global group
    group = f"{name}: "
    try:
        call(*arguments)
    except Exception as error:
        traceback.print_exc()
        report("stopped", f"{type(error).__name__}: {error}")
    group = ""


def finish():
    print(f"{done - failed} of {done} checks passed", flush=True)
    sys.exit(1 if failed else 0)
