"""The memory benchmark's other side: the same tasks on asyncio or uvloop.

    python3 bench/memory.py asyncio|uvloop COUNT

Prints one JSON object, name to bytes for each task.
"""

import asyncio
import gc
import json
import os
import sys

LOOP, COUNT = sys.argv[1], int(sys.argv[2])


def resident():
    gc.collect()
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")


async def sleeper():
    await asyncio.sleep(3600)


async def measure(count):
    tasks = [asyncio.create_task(sleeper()) for _ in range(count)]
    await asyncio.sleep(0)
    asleep = resident()
    while tasks:
        tasks.pop().cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    return asleep


async def main():
    await measure(1000)
    before = resident()
    asleep = await measure(COUNT)
    cancelled = resident()
    results = {
        "resident_asleep": (asleep - before) / COUNT,
        "resident_cancelled": (cancelled - before) / COUNT,
    }
    print(json.dumps(results))


if LOOP == "uvloop":
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
asyncio.run(main())
