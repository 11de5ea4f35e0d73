"""Measure how soon a run starts after the upstream publishes its day, and how many probes this needs: `python -m benchmarks.landing [--days N]`.

The upstream is simulated; `testing/simulated_upstream.py` describes the random model of the landing times.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from testing.simulated_upstream import POLL_MINUTES, simulate

MAX_DELAY_MINUTES = 20
MIN_SAVED = 0.7


def landing(folder: Path, days: int, seeds: int) -> dict[str, Any]:
    """Simulate several upstreams, and return the figures over all of them."""
    simulations = []
    for seed in range(1, seeds + 1):
        run_folder = folder / str(seed)
        run_folder.mkdir(parents=True)
        simulations.append(simulate(run_folder, days=days, seed=seed))
    delays = [delay for simulation in simulations for delay in simulation.delays]
    probes = sum(simulation.probes for simulation in simulations)
    polls = sum(simulation.polls for simulation in simulations)
    return {
        "days": days * seeds,
        "median_delay_minutes": round(median(delays), 1),
        "worst_delay_minutes": round(max(delays), 1),
        "probes": probes,
        "probes_per_day": round(probes / (days * seeds), 1),
        "polls_every_five_minutes": polls,
        "saved": round(1 - probes / polls, 3),
        "runs_before_landing": sum(len(simulation.early) for simulation in simulations),
    }


def landing_lines(figures: dict[str, Any]) -> list[str]:
    """Return the figures as text."""
    return [
        f"{figures['days']} days",
        (
            f"landing to start: median {figures['median_delay_minutes']:g} min (at most {MAX_DELAY_MINUTES}), "
            f"worst {figures['worst_delay_minutes']:g} min"
        ),
        (
            f"probes: {figures['probes']:,}, {figures['probes_per_day']:g} a day; with one every {POLL_MINUTES} minutes "
            f"{figures['polls_every_five_minutes']:,}: {figures['saved']:.1%} saved (at least {MIN_SAVED:.0%})"
        ),
        f"runs for a day that was not there: {figures['runs_before_landing']}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="landing-") as name:
        figures = landing(Path(name), arguments.days, arguments.seeds)
    print(json.dumps(figures, indent=1) if arguments.json else "\n".join(landing_lines(figures)))


if __name__ == "__main__":
    main()
