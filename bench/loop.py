"""The loop benchmark's other side: the same workloads on asyncio or uvloop.

    python3 bench/loop.py asyncio|uvloop SCALE [NAME ...]

Prints one JSON object, name to operations a second: the median of three runs. The workload
`timers` gives operations a second of CPU time.
"""

import asyncio
import json
import random
import sys
import time

LOOP, SCALE, ONLY = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
WORKLOADS = {}


def size(n):
    return max(1, int(n * SCALE))


def workload(n):
    """Registers a coroutine function that does `n` operations, given their number."""

    def register(function):
        WORKLOADS[function.__name__] = (function, n)
        return function

    return register


async def chains(n, width):
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    left = n

    def step():
        nonlocal left
        left -= 1
        if left > 0:
            loop.call_soon(step)
        elif not done.done():
            done.set_result(None)

    for _ in range(width):
        loop.call_soon(step)
    await done


@workload(500_000)
async def call_soon_chain(n):
    await chains(n, 1)


@workload(1_000_000)
async def call_soon_100_chains(n):
    await chains(n, 100)


@workload(100_000)
async def call_soon_fan_out(n):
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    count = 0

    def called(_):
        nonlocal count
        count += 1
        if count == n:
            done.set_result(None)

    for i in range(n):
        loop.call_soon(called, i)
    await done


async def in_parallel(workers, work):
    await asyncio.gather(*[work() for _ in range(workers)])


@workload(500_000)
async def task_switches(n):
    async def worker():
        for _ in range(n // 100):
            await asyncio.sleep(0)

    await in_parallel(100, worker)


async def one():
    return 1


@workload(50_000)
async def create_and_gather(n):
    await asyncio.gather(*[asyncio.create_task(one()) for _ in range(n)])


@workload(100_000)
async def future_and_call_soon(n):
    loop = asyncio.get_running_loop()
    for i in range(n):
        future = loop.create_future()
        loop.call_soon(future.set_result, i)
        await future


@workload(100_000)
async def timers(n):
    """Timers that come due, in CPU time."""
    loop = asyncio.get_running_loop()
    rng = random.Random(7)
    done = loop.create_future()
    count = 0

    def called():
        nonlocal count
        count += 1
        if count == n:
            done.set_result(None)

    for _ in range(n):
        loop.call_later(rng.random() * 0.1, called)
    await done


@workload(100_000)
async def timers_created_and_cancelled(n):
    loop = asyncio.get_running_loop()
    for i in range(n):
        loop.call_later(60 + (i & 1023), one).cancel()
    await asyncio.sleep(0)


@workload(50_000)
async def timers_cancelled_later(n):
    loop = asyncio.get_running_loop()
    handles = [loop.call_later(60 + (i & 1023), one) for i in range(n)]
    for handle in handles:
        handle.cancel()
    await asyncio.sleep(0)


@workload(20_000)
async def sleeping_tasks_cancelled(n):
    async def sleeper():
        await asyncio.sleep(3600)

    tasks = [asyncio.create_task(sleeper()) for _ in range(n)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if hasattr(asyncio, "TaskGroup"):

    @workload(50_000)
    async def task_group(n):
        async with asyncio.TaskGroup() as group:
            for _ in range(n):
                group.create_task(one())

    @workload(100_000)
    async def timeout(n):
        for _ in range(n):
            async with asyncio.timeout(10):
                await asyncio.sleep(0)


async def through_queue(maxsize, n):
    queue = asyncio.Queue(maxsize)

    async def produce():
        for i in range(n):
            await queue.put(i)

    async def consume():
        for _ in range(n):
            await queue.get()

    await asyncio.gather(produce(), consume())


@workload(300_000)
async def queue_unbounded(n):
    await through_queue(0, n)


@workload(300_000)
async def queue_of_100(n):
    await through_queue(100, n)


@workload(100_000)
async def queue_of_1(n):
    await through_queue(1, n)


async def contend(lock, n):
    async def worker():
        for _ in range(n // 100):
            async with lock:
                await asyncio.sleep(0)

    await in_parallel(100, worker)


@workload(50_000)
async def lock(n):
    await contend(asyncio.Lock(), n)


@workload(50_000)
async def semaphore_of_10(n):
    await contend(asyncio.Semaphore(10), n)


@workload(100_000)
async def event(n):
    """Two tasks hand a turn to and fro."""
    ping, pong = asyncio.Event(), asyncio.Event()

    async def player(mine, other):
        for _ in range(n // 2):
            await mine.wait()
            mine.clear()
            other.set()

    ping.set()
    await asyncio.gather(player(ping, pong), player(pong, ping))


@workload(30_000)
async def wait_for(n):
    async def turn():
        await asyncio.sleep(0)

    for _ in range(n):
        await asyncio.wait_for(turn(), 10)


async def main():
    results = {}
    for name, (function, base) in WORKLOADS.items():
        if ONLY and name not in ONLY:
            continue
        n = size(base)
        clock = time.process_time if name == "timers" else time.perf_counter
        rates = []
        for _ in range(3):
            start = clock()
            await function(n)
            rates.append(n / (clock() - start))
        results[name] = sorted(rates)[1]
    print(json.dumps(results))


if LOOP == "uvloop":
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
asyncio.run(main())
