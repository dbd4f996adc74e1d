"""checks.py: the long checks of waitd. Started by run.sh.

    checks.py WAITD CLIENT [NUMBER…]

Each check starts a server of its own and adds rows to the table: what, bar, figure, held
or not. A time is the median of a run, and of the runs the median.
"""

import resource
import sys
import time

import coordination
import descriptors
import draining
import floods
import leaving
import mutations
import programs
import slow
import stopped
import storms
import waits
import wall_clock
from harness import print_table, row, rows

CHECKS = {
    1: waits.check_never_early,
    2: waits.check_order,
    3: waits.check_rows_late,
    4: leaving.check_task_runs_on,
    5: leaving.check_killed,
    6: leaving.check_killed_at_once,
    7: waits.check_held,
    8: draining.check_drain,
    9: leaving.check_resets,
    10: waits.check_idle,
    11: coordination.check_wakes,
    12: coordination.check_idle_objects,
    13: coordination.check_storms,
    14: waits.check_chunks_late,
    15: floods.check_memory,
    16: descriptors.check_descriptors,
    17: mutations.check_mutations,
    18: slow.check_attacks,
    19: slow.check_dribble,
    20: slow.check_deaf,
    21: slow.check_greedy,
    22: storms.check_reset_at_once,
    23: storms.check_growth,
    24: draining.check_under_load,
    25: stopped.check_stopped,
    26: wall_clock.check_wall_clock,
    27: programs.check_model,
    28: programs.check_idle_bytes,
    29: programs.check_torture,
}


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for number in map(int, sys.argv[3:]) if sys.argv[3:] else CHECKS:
        begin = time.monotonic()
        print(f"{number}. {CHECKS[number].__doc__}", flush=True)
        try:
            CHECKS[number]()
        except Exception as error:  # the others are still worth knowing
            row(f"check {number}", "it runs", f"{type(error).__name__}: {error}", False)
        print(f"  {time.monotonic() - begin:.0f} s", flush=True)
    print_table()
    return 0 if all(held for *_, held in rows) else 1


sys.exit(main())
