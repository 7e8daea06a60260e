"""The API with a sampler in it: where its threads are, every 5 ms of CPU time; printed when the process is told to end."""

import signal
import sys
from collections import Counter
from types import FrameType

from backend.__main__ import main

EVERY, SHOWN = 0.005, 60
own: Counter[str] = Counter()
within: Counter[str] = Counter()


def look(_number: int, frame: FrameType | None) -> None:
    for top in sys._current_frames().values():
        seen, leaf = set(), True
        at: FrameType | None = top if top.f_code is not look.__code__ else frame
        while at is not None:
            code = at.f_code
            name = f"{code.co_filename.split('site-packages/')[-1].rsplit('/work/', 1)[-1]}:{code.co_qualname}"
            if leaf:
                own[name] += 1
            leaf = False
            if name not in seen:
                within[name] += 1
            seen.add(name)
            at = at.f_back


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
    try:
        main()
    finally:
        for title, counts in (("own", own), ("within", within)):
            print(f"--- {title}")
            for name, count in counts.most_common(SHOWN):
                print(f"{count:6} {name}")
