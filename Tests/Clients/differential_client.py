"""Random requests against a model of the API, on plain gRPC stubs and Google's messages.

    STRATA_DIFFERENTIAL_REQUESTS   how many (20,000)
    STRATA_DIFFERENTIAL_SEED       of the first; several with commas (1)
    STRATA_PEER_HOST               another server that gets the same, such as Google's emulator
    STRATA_PEER_VERSION            which of its known differences count: a column of known.py
"""

import os

import checks

try:
    from differential import known, large, sample
    from differential.run import Run
except ImportError:
    checks.skip("google-cloud-bigtable")

CHECK_EVERY = 500


def stream(name, address, seed, count, peer):
    """One seed's requests: a line of what came, and the counts."""
    run = Run(address, f"{checks.TABLE}-{seed}", seed, peer)
    try:
        run.requests(0, count, CHECK_EVERY)
    finally:
        run.server.delete_table(run.name)
    why = f"{run.wrong} differences" if run.wrong else None
    checks.report(f"{name}: {count} requests of seed {seed}", why)
    for kind in sorted({kind for kind, _ in run.counts}):
        codes = {code: n for (k, code), n in sorted(run.counts.items()) if k == kind}
        print(f"       {kind}: " + ", ".join(
            f"{n} {'OK' if code == 0 else f'code {code}'}" for code, n in codes.items()))
    if peer.folded:
        run.differences[known.NEWEST] += peer.folded
    for what, times in run.differences.most_common():
        print(f"       known, {times} times: {what}")
    if run.opened:
        print("       left open by the API: " + ", ".join(
            f"{what} {times} {'taken' if code == 0 else 'refused'}"
            for (what, code), times in sorted(run.opened.items())))
    print(f"       {count / run.spent:.0f} requests a second", flush=True)


def main():
    checks.need_server()
    host = os.environ["BIGTABLE_EMULATOR_HOST"]
    count = int(os.environ.get("STRATA_DIFFERENTIAL_REQUESTS", "20000"))
    seeds = os.environ.get("STRATA_DIFFERENTIAL_SEED", "1").split(",")
    peer = os.environ.get("STRATA_PEER_HOST")
    version = os.environ.get("STRATA_PEER_VERSION", "")
    checks.section("large cells", large.check, host, checks.TABLE)
    checks.section("samples", sample.check, host, checks.TABLE)
    for seed in seeds:
        stream("server", host, seed, count, known.Peer())
        if peer:
            stream("peer", peer, seed, count, known.Emulator(version))
    checks.finish()


main()
