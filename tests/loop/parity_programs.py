"""Record how CPython runs random programs, for the parity tests of loop/.

    python3.13 tests/loop/parity_programs.py > tests/loop/parity_programs.json

A program is a list of tasks; a task is a list of steps, each a name and its arguments, which may be
lists of steps again. All of them share a few futures, locks and so on, so that they come in each
other's way. What they do is logged: where in the program, the step, and what came of it.

Programs run on a loop on which no time passes while there is work and which never waits. What CPython
leaves open is not in them: the order of what a set holds, and of what awaits itself. Errors are logged
by their names; messages are for the scenarios of parity.py.
"""

import asyncio
import contextvars
import json
import logging
import signal
import sys
from asyncio import CancelledError, create_task, current_task

from parity_primitives import VirtualLoop
from random_programs import EVENTS, FUTURES, program

PROGRAMS = 250
VARIABLE = contextvars.ContextVar("variable", default=0)


class Ordered(dict):
    """A set in the order in which its elements were added."""

    def add(self, element):
        self[element] = True

    def discard(self, element):
        self.pop(element, None)


class TaskGroup(asyncio.TaskGroup):
    def __init__(self):
        super().__init__()
        self._tasks = Ordered()


def text(value):
    if isinstance(value, BaseExceptionGroup):
        return f"ExceptionGroup{text(list(value.exceptions))}"
    if isinstance(value, BaseException):
        return type(value).__name__
    if isinstance(value, list):
        return f"[{', '.join(map(text, value))}]"
    return str(value)


def outcome(of):
    if not of.done():
        return "pending"
    if of.cancelled():
        return "cancelled"
    return text(of.exception() or of.result())


class World:
    """What the tasks of a program share."""

    def __init__(self):
        self.loop = asyncio.get_running_loop()
        self.entries = []
        self.futures = [self.loop.create_future() for _ in range(FUTURES)]
        self.events = [asyncio.Event() for _ in range(EVENTS)]
        self.lock = asyncio.Lock()
        self.semaphore = asyncio.Semaphore(2)
        self.locks = {
            "lock": self.lock,
            "semaphore": self.semaphore,
            "bounded semaphore": asyncio.BoundedSemaphore(1),
        }
        self.condition = asyncio.Condition()
        self.queue = asyncio.Queue(2)
        self.queues = {
            "first in": self.queue,
            "last in": asyncio.LifoQueue(1),
            "smallest": asyncio.PriorityQueue(2),
        }
        self.barrier = asyncio.Barrier(2)
        self.tasks = []
        self.notified = 0
        self.loop.set_exception_handler(self.handle)

    def log(self, *words):
        self.entries.append(" ".join(map(text, words)))

    def handle(self, _, context):
        if context["message"].startswith("Exception in callback"):
            self.log("handler:", context["exception"])

    def spawn(self, steps, path):
        self.tasks.append(create_task(self.run(steps, path)))

    def task(self, number):
        return self.tasks[number % len(self.tasks)]

    def other(self, kind, number):
        """A future or a task; never the one that runs."""
        found = self.task(number) if kind == "task" else self.futures[number]
        return self.futures[0] if found is current_task() else found

    def some(self, numbers):
        """Tasks: of those that are done only the first, for CPython tells of them in any order."""
        found = [self.tasks[i] for i in sorted({i % len(self.tasks) for i in numbers})]
        done = [each for each in found if each.done()]
        return [each for each in found if each not in done[1:]]

    def numbers(self, tasks):
        return sorted(map(self.tasks.index, tasks))

    def act(self, path, what, number):
        try:
            self.log(path, what, self.result_of(what, number))
        except asyncio.InvalidStateError as error:
            self.log(path, what, error)

    def result_of(self, what, number):
        if what == "cancel":
            return self.task(number).cancel()
        if what == "set result":
            return self.futures[number].set_result("result")
        if what == "set exception":
            return self.futures[number].set_exception(ValueError())
        if what == "cancel future":
            return self.futures[number].cancel()
        if what == "set event":
            return self.events[number].set()
        if what == "throw":
            raise ValueError
        return VARIABLE.get() if what == "get variable" else None

    async def run(self, steps, path, timeouts=()):
        for i, (name, *arguments) in enumerate(steps):
            where = Where(self, f"{path}.{i}", timeouts)
            do = getattr(where, name.replace(" ", "_"), None) or getattr(where, name + "_")
            self.log(where.path, name, await do(*arguments))
        return path


class Where:
    """A place in a program, and the steps that can be there."""

    def __init__(self, world, path, timeouts):
        self.world = world
        self.path = path
        self.timeouts = timeouts

    def child(self, steps, part=""):
        return self.world.run(steps, self.path + part)

    async def inside(self, steps, part=""):
        await self.world.run(steps, self.path + part, self.timeouts)

    # -- Simple ones --

    async def turn(self):
        await asyncio.sleep(0)

    async def sleep(self, seconds):
        await asyncio.sleep(seconds)

    async def future(self, number):
        return await self.world.futures[number]

    async def act(self, what):
        self.world.act(self.path, *what)

    async def call_soon(self, what):
        self.world.loop.call_soon(self.world.act, self.path, *what)

    async def call_later(self, seconds, what):
        self.world.loop.call_later(seconds, self.world.act, self.path, *what)

    async def cancel(self, number):
        return self.world.task(number).cancel()

    async def cancel_self(self):
        return current_task().cancel()

    async def uncancel(self):
        return current_task().uncancel()

    async def cancelling(self):
        return current_task().cancelling()

    async def throw(self):
        raise ValueError

    async def await_task(self, number):
        return await self.world.other("task", number)

    async def when_done(self, number):
        done = self.world.task(number)
        done.add_done_callback(lambda done: self.world.log(self.path, "done:", outcome(done)))

    async def wait_for_event(self, number):
        return await self.world.events[number].wait()

    async def clear_event(self, number):
        self.world.events[number].clear()

    async def wait_for_condition(self):
        async with self.world.condition:
            return await self.world.condition.wait()

    async def wait_until(self, count):
        async with self.world.condition:
            return await self.world.condition.wait_for(lambda: self.world.notified >= count)

    async def notify(self, count):
        async with self.world.condition:
            self.world.notified += 1
            self.world.condition.notify(count)

    async def notify_all(self):
        async with self.world.condition:
            self.world.notified += 1
            self.world.condition.notify_all()

    async def acquire(self, kind):
        await self.world.locks[kind].acquire()

    async def release(self, kind):
        self.world.locks[kind].release()

    async def put(self, order, item):
        await self.world.queues[order].put(item)

    async def get(self, order):
        return await self.world.queues[order].get()

    async def task_done(self):
        self.world.queue.task_done()

    async def join(self):
        await self.world.queue.join()

    async def shut_down(self, immediate):
        self.world.queue.shutdown(immediate)

    async def barrier(self):
        return await self.world.barrier.wait()

    async def abort_barrier(self):
        await self.world.barrier.abort()

    async def reset_barrier(self):
        await self.world.barrier.reset()

    async def reschedule(self, seconds):
        when = None if seconds is None else self.world.loop.time() + seconds
        if self.timeouts:
            self.timeouts[-1].reschedule(when)

    async def set_variable(self, value):
        VARIABLE.set(value)

    async def get_variable(self):
        return VARIABLE.get()

    async def wait(self, numbers, return_when, seconds):
        tasks = [self.world.task(number) for number in numbers]
        done, pending = await asyncio.wait(tasks, return_when=return_when, timeout=seconds)
        return [self.world.numbers(done), self.world.numbers(pending)]

    async def as_completed(self, numbers, seconds):
        for each in asyncio.as_completed(self.world.some(numbers), timeout=seconds):
            self.world.log(self.path, "next:", await each)

    async def shield_target(self, of):
        return await asyncio.shield(self.world.other(*of))

    async def wait_for_target(self, of, seconds):
        return await asyncio.wait_for(self.world.other(*of), seconds)

    # -- With others in them --

    async def try_(self, steps, end, handler):
        try:
            await self.inside(steps)
        except CancelledError:
            self.world.log(self.path, "caught")
            await self.inside(handler, "c")
            if end == "rethrow":
                raise
            if end == "replace":
                raise ValueError
        except Exception as error:
            self.world.log(self.path, "failed:", error)

    async def finally_(self, steps, cleanup):
        try:
            await self.inside(steps)
        finally:
            self.world.log(self.path, "cleaning up")
            await self.inside(cleanup, "f")

    async def shield(self, steps):
        return await asyncio.shield(self.child(steps))

    async def wait_for(self, steps, seconds):
        return await asyncio.wait_for(self.child(steps), seconds)

    async def timeout(self, steps, seconds):
        async with asyncio.timeout(seconds) as scope:
            await self.world.run(steps, self.path, (*self.timeouts, scope))
        return scope.expired()

    async def gather(self, of, return_exceptions):
        targets = [
            self.world.other(*each) if isinstance(each[0], str) else self.child(each, f"g{i}")
            for i, each in enumerate(of)
        ]
        return await asyncio.gather(*targets, return_exceptions=return_exceptions)

    async def group(self, of, steps, is_shared):
        async with TaskGroup() as group:
            for i, each in enumerate(of):
                child = group.create_task(self.child(each, f"t{i}"))
                if is_shared:
                    self.world.tasks.append(child)
            await self.inside(steps)

    async def lock(self, steps):
        await self.within(self.world.lock, steps)

    async def semaphore(self, steps):
        await self.within(self.world.semaphore, steps)

    async def condition(self, steps):
        await self.within(self.world.condition, steps)

    async def within(self, manager, steps):
        async with manager:
            self.world.log(self.path, "inside")
            await self.inside(steps)

    async def spawn(self, steps):
        self.world.spawn(steps, self.path)


async def run_program(tasks):
    """Runs all tasks, cancels those that wait for what never comes, and logs how they have ended."""
    world = World()
    for i, steps in enumerate(tasks):
        world.spawn(steps, str(i))
    for attempt in range(4):
        running = [each for each in world.tasks if not each.done()]
        if not running:
            break
        if attempt > 0:
            world.log("cancelling", len(running))
            for each in running:
                each.cancel()
        await asyncio.wait(running, timeout=60)
    for each in world.tasks:
        world.log(outcome(each), each.cancelling())
    world.log([outcome(each) for each in world.futures])
    world.log([each.locked() for each in world.locks.values()])
    world.log([each.qsize() for each in world.queues.values()])
    return world.entries.copy()


def observe(tasks):
    """What a program logs; None where tasks wait for each other in a circle, round which cancel() goes."""
    loop = VirtualLoop()
    try:
        entries = loop.run_until_complete(run_program(tasks))
    except RecursionError:
        return None
    finally:
        loop.close()
    is_endless = any(each.split()[-1] == "RecursionError" or counts(each) > 50 for each in entries)
    return None if is_endless else entries


def counts(entry):
    word = entry.split()[-1]
    return int(word) if word.isdigit() else 0


def main():
    signal.alarm(300)
    sys.setrecursionlimit(300)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL + 1)
    sys.unraisablehook = lambda _: None  # what still waits at the end is cut off
    records = []
    while len(records) < PROGRAMS:
        tasks = program()
        entries = contextvars.Context().run(observe, tasks)
        if entries is not None:
            records.append(json.dumps({"tasks": tasks, "log": entries}, separators=(",", ":")))
    print(f'{{"python": "{sys.version.split()[0]}", "programs": [')
    print(",\n".join(records))
    print("]}")


if __name__ == "__main__":
    main()
