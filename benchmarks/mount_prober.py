"""Uses a mount without a pause until SIGTERM, and says how long that took it.

    python mount_prober.py DIRECTORY

It makes and removes an empty file and looks for a missing one, each a request that
only the filesystem can answer, and prints the longest time between two answers, the
time that one in a thousand exceeds, and how many there were in a second, as JSON.
"""

import json
import os
import signal
import sys
from time import perf_counter


def main() -> None:
    os.chdir(sys.argv[1])
    ending: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: ending.append(number))
    times: list[float] = []
    print("ready", flush=True)
    start = last = perf_counter()
    while not ending:
        os.close(os.open("probe", os.O_CREAT | os.O_WRONLY))
        last = note(times, last)
        os.path.exists(f"missing{len(times)}")
        last = note(times, last)
        os.unlink("probe")
        last = note(times, last)
    times.sort()
    found = {
        "longest": times[-1] * 1e3,
        "one in a thousand": times[-len(times) // 1000] * 1e3,
        "a second": len(times) / (last - start),
    }
    os.chdir("/")
    print(json.dumps(found))


def note(times: list[float], last: float) -> float:
    now = perf_counter()
    times.append(now - last)
    return now


if __name__ == "__main__":
    main()
