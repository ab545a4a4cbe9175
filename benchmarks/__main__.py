"""`make bench`: what the service does in figures, beside what it is compared with (docs/testing.md)."""

from __future__ import annotations

import argparse

from benchmarks.latency import measure_latency
from benchmarks.servers import servers
from benchmarks.throughput import drains
from benchmarks.wave import Workload


def main() -> None:
    """Both parts, or the one that is named."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    arguments.add_argument("part", nargs="?", choices=["wave", "latency"], help="only this part")
    arguments.add_argument("--patients", type=int, default=200_000, help="linked patients in the wave")
    arguments.add_argument("--listings", type=int, default=200_000, help="patients of the region in the first load")
    given = arguments.parse_args()
    with servers() as both:
        if given.part != "latency":
            drains(both, Workload(patients=given.patients, events=2 * given.patients))
        if given.part != "wave":
            measure_latency(both, given.listings)


main()
