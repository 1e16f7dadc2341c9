"""``python -m tests.benchmarks.optimality``: small networks as mapped, beside the best of all ways.

One line for each network, then medians and the worst of the cycles beyond the best.
"""

from __future__ import annotations

import argparse
import statistics

from compiler.codegen.timed import exact_cycles
from hw.spec.config import preset
from tests.benchmarks.measure import print_command
from tests.support.exhaustive_schedules import best_schedule
from tests.support.own_schedules import larger_network, own_groups
from tests.support.small_networks import small_network


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split(": ")[1].split("\n")[0])
    parser.add_argument("--layers", type=int, choices=(1, 2, 3), default=1)
    parser.add_argument("--networks", type=int, default=20, metavar="N", help="default: 20")
    parser.add_argument("--seed", type=int, default=0, help="that of the first network")
    parser.add_argument("--ways", type=int, default=1500, help="of a network, at most")
    parser.add_argument(
        "--own", action="store_true", help="larger networks, ways that the compiler weighs"
    )
    arguments = parser.parse_args()
    losses, groups_of = [], own_groups if arguments.own else None
    for seed in range(arguments.seed, arguments.seed + arguments.networks):
        if arguments.own:
            net = larger_network(preset("tiny"), seed, arguments.ways)
        else:
            net = small_network(preset("tiny"), seed, arguments.layers, arguments.ways)
        mapped = exact_cycles(net.schedule)
        best, least, ways = best_schedule(net.schedule.network, net.config, net.schedule, groups_of)
        losses.append(mapped / least - 1)
        print(f"{seed}: {ways} ways, mapped {mapped}, best {least}, {losses[-1]:.1%}")
        if mapped > least:
            for name, schedule in ("mapped", net.schedule), ("best", best):
                print(f"  {name}: {'; '.join(map(plan_text, schedule.plans))}")
    print(
        f"beyond the best: median {statistics.median(losses):.1%}, "
        f"mean {statistics.mean(losses):.1%}, worst {max(losses):.1%}; "
        f"best itself: {sum(not x for x in losses)} of {len(losses)}"
    )
    print_command()


def plan_text(plan) -> str:
    """A layer with its plan, on one line."""
    site, tile = plan.site, plan.tiles[0]
    streamed = [n for n in ("source", "output") if getattr(site.streams, n)]
    return (
        f"{site.op.kind} {'x'.join(map(str, site.op.kernel))} to {site.output.height}x"
        f"{site.output.width}x{site.output.channels}: shape {plan.shape}, {len(plan.tiles)} tiles "
        f"of {tile.height}x{tile.width}, {len(plan.chunks)} chunks, {plan.order}, "
        f"streamed {' and '.join(streamed) or 'nothing'}{', cascade' if plan.together else ''}"
    )


if __name__ == "__main__":
    main()
