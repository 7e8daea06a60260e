"""The API under cProfile, by the CPU time of its event loop; what took the most is printed when the process is told to end."""

import cProfile
import pstats
import signal
import sys
import time

from backend.__main__ import main

SHOWN = 45

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    profile = cProfile.Profile(time.thread_time)
    try:
        profile.runcall(main)
    finally:
        stats = pstats.Stats(profile)
        stats.strip_dirs().sort_stats("tottime").print_stats(SHOWN)
        stats.sort_stats("cumtime").print_stats(SHOWN)
