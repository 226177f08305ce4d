"""Record how CPython's locks, queues, timeouts and task groups behave, for the parity tests of loop/.

    python3 tests/loop/parity_primitives.py > tests/loop/parity_primitives.json

Each scenario is an `async def` that logs strings; its name begins with the number of the behaviour
that it shows. It runs as the main coroutine of a loop on which no time passes while there is work
and which never waits, so nothing depends on how long anything takes.

The record is of Python 3.11. NEWER says what later versions log where that is something else, and
why; on such a version `--check` compares what it logs with NEWER.
"""

import asyncio
import contextvars
import json
import logging
import math
import signal
import sys
import warnings
from asyncio import CancelledError, Condition, Lock, Queue, Semaphore, TaskGroup, create_task
from asyncio import shield, sleep, timeout, timeout_at, wait, wait_for
from asyncio.staggered import staggered_race

from parity import attempt, described, new_future, outcome, pass_turns

SCENARIOS = {}


def scenario(group, name):
    def register(body):
        SCENARIOS.setdefault(group, {})[name] = body
        return body

    return register


class Deadlock(BaseException):
    """Nothing is ready and no timer is set."""


class VirtualLoop(asyncio.BaseEventLoop):
    """A loop whose clock jumps to the next deadline when nothing is left to do."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        self._clock_resolution = 1e-9
        self._selector = self

    def time(self):
        return self.now

    def select(self, delay):
        if delay is None:
            raise Deadlock
        self.now += delay
        return []

    def _process_events(self, events):
        pass

    def _write_to_self(self):
        pass


def observe(body):
    entries = []

    def log(*words):
        entries.append(" ".join(map(str, words)))

    loop = VirtualLoop()
    try:
        loop.run_until_complete(body(log))
    except Deadlock:
        log("deadlock")
    except Exception as error:
        log("raised:", described(error))
    recorded = list(entries)
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.call_later(1, loop.stop)
    loop.run_forever()
    loop.close()
    return recorded


def now():
    return int(asyncio.get_running_loop().time())


def busy(seconds):
    """Lets time pass without a turn of the loop."""
    asyncio.get_running_loop().now += seconds


def timers():
    """How many timers are set, those that were cancelled and are not forgotten among them."""
    return len(asyncio.get_running_loop()._scheduled)


def cancelling():
    return asyncio.current_task().cancelling()


def log_errors(log):
    """Logs what the exception handler is told."""
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: log("handler:", context["message"])
    )


def has_timeout_in_chain(error):
    while error is not None:
        if isinstance(error, TimeoutError):
            return True
        error = error.__cause__ or error.__context__
    return False


def grouped(error):
    """An error, with those in it if it is a group, sorted."""
    if not isinstance(error, BaseExceptionGroup):
        return described(error)
    return f"group({', '.join(sorted(grouped(each) for each in error.exceptions))})"


async def ended(log, label, awaitable):
    """Awaits, and logs the result or the exception, with those in it."""
    try:
        log(f"{label}:", repr(await awaitable))
    except BaseException as error:
        log(f"{label}:", grouped(error))


async def until_cancelled(log, name, cleanup=0):
    """Waits to be cancelled, and cleans up for some turns."""
    log(name, "starts")
    try:
        await sleep(3600)
    except CancelledError:
        await pass_turns(cleanup)
        log(name, "cancelled")
        raise


async def failing(turns, error):
    await pass_turns(turns)
    raise error


# ---- Timeouts

TIMEOUTS = "timeouts"


@scenario(TIMEOUTS, "19 a cancellation from outside stays one")
async def _(log):
    async def work():
        async with timeout(10) as limit:
            limits.append(limit)
            await sleep(100)

    limits = []
    task = create_task(work())
    await sleep(1)
    task.cancel("msg")
    await outcome(log, "task", task)
    log("expired:", limits[0].expired(), "at", now(), "cancelling", task.cancelling())


@scenario(TIMEOUTS, "19 a cancellation from outside in the turn in which it expires stays one")
async def _(log):
    async def work():
        async with timeout(10) as limit:
            limits.append(limit)
            await sleep(100)

    limits = []
    task = create_task(work())
    await sleep(1)
    loop = asyncio.get_running_loop()
    loop.call_at(10, log, "due")
    loop.call_at(10, task.cancel)
    await outcome(log, "task", task)
    log("expired:", limits[0].expired(), "cancelling", task.cancelling())


@scenario(TIMEOUTS, "19 a cancellation before it expires, while the body cleans up, stays one")
async def _(log):
    async def work():
        async with timeout(10):
            try:
                await sleep(100)
            finally:
                await outcome(log, "cleanup", sleep(20))

    task = create_task(work())
    await sleep(1)
    task.cancel()
    await outcome(log, "task", task)
    log("at", now(), "cancelling", task.cancelling())


@scenario(TIMEOUTS, "20 of two with the same deadline the outer one raises")
async def _(log):
    async def nested():
        async with timeout_at(5) as outer:
            limits.append(outer)
            try:
                async with timeout_at(5) as inner:
                    limits.append(inner)
                    await sleep(100)
            except BaseException as error:
                log("inner raises", described(error), "cancelling", cancelling())
                raise

    limits = []
    await outcome(log, "outer", nested())
    log([limit.expired() for limit in limits], "cancelling", cancelling())


@scenario(TIMEOUTS, "21 the inner one expires while the loop is busy, the outer one later")
async def _(log):
    async def inner():
        async with timeout(1):
            busy(5)
            await sleep(100)

    async def outer():
        async with timeout(10):
            await outcome(log, "inner", inner())
            log("at", now())
            await sleep(100)

    await outcome(log, "outer", outer())
    log("at", now(), "cancelling", cancelling())


@scenario(TIMEOUTS, "21 both expire while the loop is busy")
async def _(log):
    async def inner():
        async with timeout(1):
            busy(50)
            await sleep(100)

    async def outer():
        async with timeout(10):
            try:
                await inner()
            except BaseException as error:
                log("inner raises", described(error))
                raise

    await outcome(log, "outer", outer())
    log("at", now(), "cancelling", cancelling())


@scenario(TIMEOUTS, "22 after it was handled the task goes on")
async def _(log):
    async def limited():
        async with timeout(1):
            await sleep(100)

    await outcome(log, "limited", limited())
    log("cancelling", cancelling())
    await sleep(10)
    log("at", now())


@scenario(TIMEOUTS, "22 a body that swallows the cancellation is not failed")
async def _(log):
    async def limited():
        async with timeout(1) as limit:
            try:
                await sleep(100)
            except CancelledError:
                log("swallowed")
        return limit.expired()

    await outcome(log, "limited", limited())
    log("cancelling", cancelling())
    await sleep(10)
    log("at", now())


@scenario(TIMEOUTS, "23 zero and less end the body at its first wait")
async def _(log):
    async def limited(delay):
        async with timeout(delay) as limit:
            log("runs")
            await sleep(0)
            log("never")
        log(limit)

    await outcome(log, "0", limited(0))
    await outcome(log, "-1", limited(-1))
    log("at", now(), "cancelling", cancelling())


@scenario(TIMEOUTS, "23 a body that does not wait is not ended")
async def _(log):
    async def limited(delay):
        future = new_future()
        future.set_result("done")
        async with timeout(delay) as limit:
            log(await future)
        return limit.expired()

    await outcome(log, "0", limited(0))
    await outcome(log, "-1", limited(-1))
    await sleep(0)
    log("cancelling", cancelling())


@scenario(TIMEOUTS, "24 another error in the cleanup goes through, with TimeoutError in its chain")
async def _(log):
    async def limited():
        async with timeout(1) as limit:
            limits.append(limit)
            try:
                await sleep(100)
            except CancelledError:
                raise ValueError("cleanup")

    limits = []
    try:
        await limited()
    except ValueError as error:
        log(described(error), "timeout in chain:", has_timeout_in_chain(error))
    log("expired:", limits[0].expired(), "cancelling", cancelling())


@scenario(TIMEOUTS, "24 an error in time has no TimeoutError in its chain")
async def _(log):
    try:
        async with timeout(1):
            await failing(3, ValueError("in time"))
    except ValueError as error:
        log(described(error), "timeout in chain:", has_timeout_in_chain(error))
    log("cancelling", cancelling())


@scenario(TIMEOUTS, "25 in the cleanup of a cancelled task")
async def _(log):
    async def cleanup():
        async with timeout(1):
            await sleep(100)

    async def work():
        try:
            await sleep(100)
        finally:
            log("cancelling", cancelling())
            await outcome(log, "cleanup", cleanup())
            log("cancelling", cancelling())

    task = create_task(work())
    await sleep(1)
    task.cancel("msg")
    await outcome(log, "task", task)
    log("at", now())


@scenario(TIMEOUTS, "25 in the cleanup of another one")
async def _(log):
    async def inner():
        async with timeout(2):
            await sleep(100)

    async def outer():
        async with timeout(1):
            try:
                await sleep(100)
            finally:
                await outcome(log, "inner", inner())
                log("at", now())

    await outcome(log, "outer", outer())
    log("at", now(), "cancelling", cancelling())


@scenario(TIMEOUTS, "91 what its states forbid")
async def _(log):
    limit = timeout(1)
    attempt(log, "created", lambda: limit.reschedule(1))
    async with limit:
        await outcome(log, "entered twice", limit.__aenter__())
    attempt(log, "finished", lambda: limit.reschedule(1))
    await outcome(log, "entered again", limit.__aenter__())
    expired = timeout(0)
    try:
        async with expired:
            try:
                await sleep(10)
            finally:
                attempt(log, "expiring", lambda: expired.reschedule(1))
    except TimeoutError:
        log("timed out")
    attempt(log, "expired", lambda: expired.reschedule(1))


@scenario(TIMEOUTS, "91 its texts")
async def _(log):
    limit = timeout_at(1.23456)
    log(limit)
    try:
        async with limit:
            log(limit)
            try:
                await sleep(10)
            finally:
                log(limit)
    except TimeoutError:
        log(limit)
    async with timeout(1) as limit:
        pass
    log(limit)


@scenario(TIMEOUTS, "92 rescheduling")
async def _(log):
    async with timeout(None) as limit:
        log(limit.when())
        limit.reschedule(1)
        log(limit.when())
        limit.reschedule(None)
        log(limit.when())
        await sleep(5)
    log("expired:", limit.expired(), "at", now())

    async def extended():
        async with timeout_at(6) as limit:
            limit.reschedule(8)
            await sleep(100)

    async def shortened():
        async with timeout_at(100) as limit:
            limit.reschedule(1)
            await sleep(0)
            log("never")

    await outcome(log, "extended", extended())
    log("at", now())
    await outcome(log, "shortened", shortened())
    log("at", now())


@scenario(TIMEOUTS, "94 around a group whose child fails in its cleanup")
async def _(log):
    async def child():
        try:
            await sleep(100)
        finally:
            raise ValueError("cleanup")

    try:
        async with timeout(1):
            async with TaskGroup() as group:
                group.create_task(child())
    except BaseException as error:
        log(grouped(error), "timeout in chain:", has_timeout_in_chain(error))
        log("of the child:", has_timeout_in_chain(error.exceptions[0]))
    log("cancelling", cancelling())


# ---- wait_for

WAIT_FOR = "wait_for"


@scenario(WAIT_FOR, "26 waits for the cleanup before it raises")
async def _(log):
    async def work():
        try:
            await sleep(100)
        finally:
            await sleep(5)
            log("cleaned up at", now())

    await outcome(log, "wait_for", wait_for(work(), 1))
    log("at", now(), "cancelling", cancelling())


@scenario(WAIT_FOR, "27 a cancellation that is swallowed gives the value")
async def _(log):
    async def work():
        try:
            await sleep(100)
        except CancelledError:
            return "value"

    await outcome(log, "wait_for", wait_for(work(), 1))
    log("at", now(), "cancelling", cancelling())


@scenario(WAIT_FOR, "27 a cancelled task that returns gives its value")
async def _(log):
    async def work():
        try:
            await sleep(100)
        except CancelledError:
            return "value"

    await outcome(log, "wait_for", wait_for(create_task(work()), 1))
    log("at", now(), "cancelling", cancelling())


@scenario(WAIT_FOR, "28 another error of the cleanup is raised")
async def _(log):
    async def work():
        try:
            await sleep(100)
        finally:
            raise ValueError("cleanup")

    await outcome(log, "coroutine", wait_for(work(), 1))
    await outcome(log, "task", wait_for(create_task(work()), 1))


@scenario(WAIT_FOR, "29 zero and less do not start a coroutine")
async def _(log):
    async def work():
        log("never")

    await outcome(log, "0", wait_for(work(), 0))
    await outcome(log, "-1", wait_for(work(), -1))
    log("cancelling", cancelling())


@scenario(WAIT_FOR, "29 zero and less give the value of a done future, and cancel another")
async def _(log):
    done = new_future()
    done.set_result("value")
    pending = new_future()
    for delay in (0, -1):
        await outcome(log, str(delay), wait_for(done, delay))
    await outcome(log, "pending", wait_for(pending, 0))
    log("cancelled:", pending.cancelled())


@scenario(WAIT_FOR, "29 zero and a gathering, which ends with a CancelledError, not cancelled")
async def _(log):
    gathering = asyncio.gather(new_future(), new_future())
    await outcome(log, "wait_for", wait_for(gathering, 0))
    log("cancelled:", gathering.cancelled())


@scenario(WAIT_FOR, "29 zero waits for the cleanup of a task that has started")
async def _(log):
    async def work():
        try:
            await sleep(100)
        finally:
            await sleep(5)

    task = create_task(work())
    await sleep(1)
    await outcome(log, "wait_for", wait_for(task, 0))
    log("at", now(), "cancelled:", task.cancelled())


@scenario(WAIT_FOR, "30 a cancellation in the turn of the completion is not swallowed")
async def _(log):
    async def inner():
        await future

    async def outer():
        await wait_for(inner(), 100)
        log("never")

    future = new_future()
    task = create_task(outer())
    await sleep(1)
    future.set_result(None)
    log("cancel:", task.cancel())
    await outcome(log, "task", task)


@scenario(WAIT_FOR, "30 a cancellation in the turn of the completion of a task is not swallowed")
async def _(log):
    async def inner():
        await future
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: log("cancel:", task.cancel()))
        return "value"

    async def outer():
        return await wait_for(create_task(inner()), 100)

    future = new_future()
    task = create_task(outer())
    await sleep(1)
    future.set_result(None)
    await outcome(log, "task", task)


@scenario(WAIT_FOR, "31 a coroutine runs in the same task and context")
async def _(log):
    async def work():
        var.set("changed")
        return asyncio.current_task() is main

    main = asyncio.current_task()
    var = contextvars.ContextVar("var", default="unchanged")
    await outcome(log, "same task", wait_for(work(), 1))
    log(var.get())


@scenario(WAIT_FOR, "31 without a limit")
async def _(log):
    future = new_future()
    asyncio.get_running_loop().call_later(1000, future.set_result, "value")
    await outcome(log, "future", wait_for(future, None))
    await outcome(log, "coroutine", wait_for(sleep(1000, "value"), None))
    log("at", now())


@scenario(WAIT_FOR, "31 a future is cancelled when the time is over, a shielded one is not")
async def _(log):
    future, shielded = new_future(), new_future()
    await outcome(log, "future", wait_for(future, 1))
    await outcome(log, "shielded", wait_for(shield(shielded), 1))
    log("cancelled:", future.cancelled(), shielded.cancelled())


# ---- wait

WAIT = "wait"


@scenario(WAIT, "42 when it is cancelled the tasks go on")
async def _(log):
    async def waiting():
        await wait(tasks)

    tasks = [create_task(sleep(delay, delay)) for delay in (1, 2)]
    task = create_task(waiting())
    await sleep(0)
    task.cancel("msg")
    await outcome(log, "wait", task)
    log([task.done() for task in tasks])
    log([await task for task in tasks], "at", now())


@scenario(WAIT, "43 a timeout returns what is done")
async def _(log):
    async def fail():
        await sleep(1)
        raise ValueError("no")

    tasks = [create_task(sleep(2, "b")), create_task(fail()), create_task(sleep(9, "c"))]
    done, pending = await wait(tasks, timeout=5)
    log([task in done for task in tasks], [task in pending for task in tasks], "at", now())
    log("cancelling", tasks[2].cancelling(), described(tasks[1].exception()))
    done, pending = await wait(tasks, timeout=0)
    log(len(done), len(pending), "at", now())


@scenario(WAIT, "43 turns until it returns what was done")
async def _(log):
    task = create_task(sleep(0, "x"))
    await task
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: (log("turn 1"), loop.call_soon(log, "turn 2")))
    done, pending = await wait([task])
    log(len(done), len(pending))
    await pass_turns(2)


@scenario(WAIT, "85 what it refuses")
async def _(log):
    await outcome(log, "none", wait([]))
    await outcome(log, "a future", wait(new_future()))
    await outcome(log, "unknown", wait([new_future()], return_when="LATER"))


@scenario(WAIT, "86 the first exception")
async def _(log):
    async def fail(delay):
        await sleep(delay)
        raise ValueError("no")

    tasks = [create_task(sleep(1)), create_task(fail(2)), create_task(sleep(3))]
    done, pending = await wait(tasks, return_when="FIRST_EXCEPTION")
    log([task in done for task in tasks], "at", now())


@scenario(WAIT, "86 a cancellation is no exception, and all is enough")
async def _(log):
    tasks = [create_task(sleep(1)), create_task(sleep(9)), create_task(sleep(3))]
    asyncio.get_running_loop().call_later(2, tasks[1].cancel)
    done, pending = await wait(tasks, return_when="FIRST_EXCEPTION")
    log([task in done for task in tasks], len(pending), "at", now())


@scenario(WAIT, "86 the first that is done")
async def _(log):
    tasks = [create_task(sleep(delay)) for delay in (3, 1, 2)]
    done, pending = await wait(tasks, return_when="FIRST_COMPLETED")
    log([task in done for task in tasks], len(pending), "at", now())


@scenario(WAIT, "87 any iterable will do, and the same one counts once")
async def _(log):
    task, other = create_task(sleep(1)), create_task(sleep(2))
    done, pending = await wait(each for each in (task, other, task))
    log(len(done), len(pending), "at", now())


# ---- shield

SHIELD = "shield"


@scenario(SHIELD, "40 cancelling the outer one leaves the inner one running")
async def _(log):
    inner = create_task(sleep(5, "inner"))
    outer = shield(inner)
    await sleep(1)
    log("cancel:", outer.cancel("msg"))
    await outcome(log, "outer", outer)
    await outcome(log, "inner", inner)
    log("cancelling", inner.cancelling())


@scenario(SHIELD, "40 cancelling the task that awaits it leaves the inner one running")
async def _(log):
    async def work():
        await shield(inner)

    inner = create_task(sleep(5, "inner"))
    task = create_task(work())
    await sleep(1)
    task.cancel("msg")
    await outcome(log, "task", task)
    log("at", now())
    await outcome(log, "inner", inner)


@scenario(SHIELD, "40 cancelling the inner one cancels the outer one")
async def _(log):
    inner = create_task(sleep(5))
    outer = shield(inner)
    await sleep(1)
    inner.cancel()
    await outcome(log, "outer", outer)
    log(outer.cancelled(), cancelling())


@scenario(SHIELD, "40 results and errors go through")
async def _(log):
    done = new_future()
    done.set_result("done")
    log(shield(done) is done)
    await outcome(log, "value", shield(sleep(1, "value")))
    await outcome(log, "error", shield(failing(1, ValueError("no"))))


@scenario(SHIELD, "41 a failure after the outer one was cancelled is reported once")
async def _(log):
    log_errors(log)
    inner = new_future()
    outers = [shield(inner), shield(inner)]
    await sleep(0)
    for outer in outers:
        outer.cancel()
    await sleep(0)
    inner.set_exception(ValueError("no"))
    await pass_turns(2)
    log([outer.cancelled() for outer in outers])


@scenario(SHIELD, "41 it is reported after what was added before the last cancellation")
async def _(log):
    log_errors(log)
    inner = new_future()
    outers = [shield(inner), shield(inner)]
    for number, outer in enumerate(outers):
        outer.cancel()
        await sleep(0)
        inner.add_done_callback(lambda _, number=number: log("callback", number))
    inner.set_exception(ValueError("no"))
    await sleep(0)
    log(described(inner.exception()))


@scenario(SHIELD, "41 a failure and a cancellation in one turn")
async def _(log):
    log_errors(log)
    inner = new_future()
    outer = shield(inner)
    inner.set_exception(ValueError("no"))
    outer.cancel()
    await pass_turns(3)
    log(outer.cancelled(), described(inner.exception()))


# ---- TaskGroup

GROUPS = "taskgroups"
CANCELLED_GROUPS = "taskgroups that are cancelled"


@scenario(GROUPS, "44 a child's error cancels the siblings and the body")
async def _(log):
    async def main():
        async with TaskGroup() as group:
            group.create_task(until_cancelled(log, "sibling"))
            group.create_task(failing(2, ValueError("child")))
            try:
                await sleep(100)
            except CancelledError:
                log("body cancelled, cancelling", cancelling())
                raise

    await ended(log, "group", main())
    log("cancelling", cancelling())
    await sleep(1)


@scenario(GROUPS, "44 the errors of several children")
async def _(log):
    async def fails_in_cleanup():
        try:
            await sleep(100)
        finally:
            raise ValueError("cleanup")

    async def main():
        async with TaskGroup() as group:
            group.create_task(fails_in_cleanup())
            group.create_task(failing(1, ValueError("child")))
            group.create_task(until_cancelled(log, "sibling", 2))

    await ended(log, "group", main())
    log("cancelling", cancelling())


@scenario(GROUPS, "45 a child that is cancelled does not cancel the group")
async def _(log):
    async def main():
        async with TaskGroup() as group:
            child = group.create_task(until_cancelled(log, "child"))
            sibling = group.create_task(sleep(5, "sibling"))
            await sleep(1)
            child.cancel()
        log(child.cancelled(), sibling.result(), "at", now())
        return "fine"

    await ended(log, "group", main())


@scenario(CANCELLED_GROUPS, "46 a cancellation from outside while waiting for the children")
async def _(log):
    async def main():
        async with TaskGroup() as group:
            group.create_task(until_cancelled(log, "a", 1))
            group.create_task(until_cancelled(log, "b", 3))

    task = create_task(main())
    await sleep(1)
    task.cancel("msg")
    await ended(log, "task", task)
    log("cancelling", task.cancelling())


@scenario(CANCELLED_GROUPS, "46 a cancellation from outside in the body")
async def _(log):
    async def main():
        async with TaskGroup() as group:
            group.create_task(until_cancelled(log, "a", 1))
            try:
                await sleep(100)
            finally:
                log("body ends")

    task = create_task(main())
    await sleep(1)
    task.cancel("msg")
    await ended(log, "task", task)
    log("cancelling", task.cancelling())


@scenario(CANCELLED_GROUPS, "47 a cancellation from outside, and a child that fails in its cleanup")
async def _(log):
    async def child():
        try:
            await sleep(100)
        finally:
            raise ValueError("cleanup")

    async def body():
        async with TaskGroup() as group:
            group.create_task(child())

    async def main():
        await ended(log, "group", body())
        log("cancelling", cancelling())
        await ended(log, "next wait", sleep(100))

    task = create_task(main())
    await sleep(1)
    task.cancel()
    await ended(log, "task", task)


@scenario(GROUPS, "48 an error of the body cancels the children, also those not started")
async def _(log):
    async def main():
        async with TaskGroup() as group:
            started = group.create_task(until_cancelled(log, "started"))
            await sleep(1)
            fresh = group.create_task(until_cancelled(log, "fresh"))
            tasks.extend([started, fresh])
            raise ValueError("body")

    tasks = []
    await ended(log, "group", main())
    log([task.cancelled() for task in tasks], "cancelling", cancelling())


@scenario(CANCELLED_GROUPS, "49 the count of cancellations is kept")
async def _(log):
    async def body():
        async with TaskGroup() as group:
            group.create_task(failing(1, ValueError("child")))

    async def main():
        try:
            await sleep(100)
        except CancelledError:
            log("cancelling", cancelling())
        await ended(log, "group", body())
        log("cancelling", cancelling())

    await ended(log, "group", body())
    log("cancelling", cancelling())
    await sleep(1)
    task = create_task(main())
    await sleep(1)
    task.cancel()
    await ended(log, "task", task)


@scenario(CANCELLED_GROUPS, "49 nothing leaks when the body ends with the turn of the error")
async def _(log):
    async def body():
        async with TaskGroup() as group:
            group.create_task(failing(0, ValueError("child")))
            await sleep(0)
        log("never")

    await ended(log, "group", body())
    log("cancelling", cancelling())
    await ended(log, "next wait", sleep(1, "undisturbed"))


@scenario(CANCELLED_GROUPS, "50 two nested groups fail in one turn")
async def _(log):
    async def inner():
        async with TaskGroup() as group:
            group.create_task(failing(1, ValueError("inner")))
            await sleep(100)

    async def outer():
        async with TaskGroup() as group:
            group.create_task(failing(2, ValueError("outer")))
            await ended(log, "inner", inner())
            log("cancelling", cancelling())
            await ended(log, "next wait", sleep(100))

    await ended(log, "outer", outer())
    log("cancelling", cancelling())


@scenario(GROUPS, "51 an error of the outer group while the inner one runs")
async def _(log):
    async def inner():
        async with TaskGroup() as group:
            group.create_task(until_cancelled(log, "inner child"))
            await sleep(100)

    async def outer():
        async with TaskGroup() as group:
            group.create_task(failing(2, ValueError("outer")))
            await inner()

    await ended(log, "outer", outer())
    log("cancelling", cancelling())


@scenario(GROUPS, "51 an error of the inner group")
async def _(log):
    async def inner():
        async with TaskGroup() as group:
            group.create_task(failing(1, ValueError("inner")))
            await sleep(100)

    async def outer():
        async with TaskGroup() as group:
            group.create_task(until_cancelled(log, "outer child"))
            await inner()

    await ended(log, "outer", outer())
    log("cancelling", cancelling())


@scenario(GROUPS, "52 children may create tasks while the group exits")
async def _(log):
    async def child(group, generation):
        await sleep(1)
        log("generation", generation, "at", now())
        if generation < 3:
            group.create_task(child(group, generation + 1))

    async def main():
        async with TaskGroup() as group:
            group.create_task(child(group, 1))
        log("over at", now())

    await ended(log, "group", main())


@scenario(GROUPS, "52 endless creators are stopped by an error")
async def _(log):
    async def creator(group):
        while True:
            group.create_task(sleep(1))
            await sleep(1)

    async def main():
        async with TaskGroup() as group:
            group.create_task(creator(group))
            await sleep(3.5)
            raise ValueError("enough")

    await ended(log, "group", main())
    log("at", now())


@scenario(GROUPS, "53 create_task when the group does not run")
async def _(log):
    def create(label):
        attempt(log, label, lambda: group.create_task(sleep(1)))

    group = TaskGroup()
    create("not entered")
    async with group:
        pass
    create("finished")
    await ended(log, "entered again", group.__aenter__())


@scenario(GROUPS, "53 create_task while the group is shutting down")
async def _(log):
    async def child(group):
        try:
            await sleep(100)
        finally:
            attempt(log, "child", lambda: group.create_task(sleep(1)))

    async def main():
        async with TaskGroup() as group:
            group.create_task(child(group))
            group.create_task(failing(0, ValueError("child")))
            try:
                await sleep(100)
            finally:
                attempt(log, "body", lambda: group.create_task(sleep(1)))

    await ended(log, "group", main())


@scenario(GROUPS, "54 KeyboardInterrupt of the body goes through bare")
async def _(log):
    async def main():
        async with TaskGroup() as group:
            group.create_task(until_cancelled(log, "child", 1))
            await sleep(1)
            raise KeyboardInterrupt

    await ended(log, "group", main())


@scenario(CANCELLED_GROUPS, "55 the group waits for the last child, and its error wins over a cancellation")
async def _(log):
    async def child():
        try:
            await sleep(100)
        finally:
            await pass_turns(5)
            log("child ends")
            raise ValueError("cleanup")

    async def main():
        async with TaskGroup() as group:
            group.create_task(child())
            try:
                await sleep(100)
            finally:
                await outcome(log, "body", pass_turns(2))

    task = create_task(main())
    await sleep(1)
    task.cancel()
    await ended(log, "task", task)


@scenario(CANCELLED_GROUPS, "55 cancelled again and again while the last child cleans up")
async def _(log):
    async def main():
        async with TaskGroup() as group:
            group.create_task(until_cancelled(log, "child", 9))

    task = create_task(main())
    await sleep(1)
    for _ in range(3):
        task.cancel()
        await pass_turns(2)
    await ended(log, "task", task)
    log("cancelling", task.cancelling())


@scenario(GROUPS, "56 an error of the body's cleanup and one of a child")
async def _(log):
    async def main():
        async with TaskGroup() as group:
            group.create_task(failing(1, ValueError("child")))
            try:
                await sleep(100)
            finally:
                raise ValueError("body")

    await ended(log, "group", main())
    log("cancelling", cancelling())
    await ended(log, "next wait", sleep(1, "undisturbed"))


@scenario(GROUPS, "116 a child that creates a failing one is cancelled at its next wait")
async def _(log):
    async def second(group):
        group.create_task(failing(0, ValueError("third")))
        try:
            await sleep(0)
            log("after one turn")
            await sleep(0)
            log("never")
        except CancelledError:
            log("cancelled")
            raise

    async def main():
        async with TaskGroup() as group:
            group.create_task(second(group))

    await ended(log, "group", main())


@scenario(GROUPS, "116 its texts")
async def _(log):
    async def main():
        group = TaskGroup()
        log(group)
        async with group:
            log(group)
            child = group.create_task(until_cancelled(log, "child"))
            log(group)
            group.create_task(failing(0, ValueError("no")))
            try:
                await sleep(100)
            finally:
                log(group)
                child.add_done_callback(lambda _: log(group))

    await ended(log, "group", main())


@scenario(CANCELLED_GROUPS, "cancel() ends the body and the children without an error")
async def _(log):
    async def main():
        async with TaskGroup() as group:
            group.create_task(until_cancelled(log, "child", 2))
            await sleep(1)
            group.cancel()
            group.cancel()
            log("cancel returned")
            await ended(log, "body", sleep(100))
        log("after, cancelling", cancelling())

    await ended(log, "group", main())


@scenario(CANCELLED_GROUPS, "cancel() of a child, while the group waits for its tasks")
async def _(log):
    async def child(group):
        await sleep(1)
        group.cancel()
        log("next wait")
        await sleep(100)

    async def main():
        async with TaskGroup() as group:
            group.create_task(child(group))
            group.create_task(until_cancelled(log, "sibling", 2))
        log("after, cancelling", cancelling())

    await ended(log, "group", main())


@scenario(CANCELLED_GROUPS, "cancel() before the group is entered")
async def _(log):
    async def main():
        group = TaskGroup()
        group.cancel()
        log(group)
        async with group:
            log(group, "cancelling", cancelling())
            attempt(log, "create_task", lambda: group.create_task(sleep(1)))
            await ended(log, "body", sleep(100))
        log("after, cancelling", cancelling())
        group.cancel()
        await sleep(1)

    await ended(log, "group", main())


@scenario(CANCELLED_GROUPS, "cancel() and an error in the cleanup")
async def _(log):
    async def child():
        try:
            await sleep(100)
        finally:
            raise ValueError("cleanup")

    async def main():
        async with TaskGroup() as group:
            group.create_task(child())
            await sleep(1)
            group.cancel()

    await ended(log, "group", main())
    log("cancelling", cancelling())


@scenario(CANCELLED_GROUPS, "cancel() and a cancellation from outside")
async def _(log):
    async def main():
        async with TaskGroup() as group:
            groups.append(group)
            group.create_task(until_cancelled(log, "child", 4))

    for waits in (0, 1, 2):
        groups = []
        task = create_task(main())
        await sleep(1)
        groups[0].cancel()
        await pass_turns(waits)
        task.cancel("msg")
        await ended(log, "task", task)
        log("cancelling", task.cancelling())


# ---- Lock and Condition

LOCKS = "locks"


async def holding(log, lock, name, turns=0):
    """Acquires, logs, holds for some turns, releases."""
    async with lock:
        log(name)
        await pass_turns(turns)


@scenario(LOCKS, "57 first come, first served")
async def _(log):
    lock = Lock()
    tasks = [create_task(holding(log, lock, name, 2)) for name in "abc"]
    await pass_turns(1)
    late = create_task(holding(log, lock, "late"))
    for task in (*tasks, late):
        await task
    log("locked:", lock.locked())


@scenario(LOCKS, "57 whoever comes while the next one is being served waits")
async def _(log):
    lock = Lock()
    await lock.acquire()
    first = create_task(holding(log, lock, "first"))
    await sleep(0)
    lock.release()
    log("locked:", lock.locked())
    await holding(log, lock, "overtaker")
    await first


@scenario(LOCKS, "57 a waiter cancelled before the release")
async def _(log):
    lock = Lock()
    await lock.acquire()
    a, b = (create_task(holding(log, lock, name)) for name in "ab")
    await sleep(0)
    a.cancel()
    lock.release()
    await outcome(log, "a", a)
    await outcome(log, "b", b)


@scenario(LOCKS, "57 all waiters are cancelled, and somebody comes")
async def _(log):
    lock = Lock()
    await lock.acquire()
    tasks = [create_task(holding(log, lock, name)) for name in "ab"]
    await sleep(0)
    for task in tasks:
        task.cancel()
    lock.release()
    asyncio.get_running_loop().call_soon(log, "turn 1")
    await holding(log, lock, "newcomer")
    await sleep(0)
    log([task.cancelled() for task in tasks], "locked:", lock.locked())


@scenario(LOCKS, "58 a waiter cancelled after the release passes its turn on")
async def _(log):
    lock = Lock()
    await lock.acquire()
    a, b, c = (create_task(holding(log, lock, name)) for name in "abc")
    await sleep(0)
    lock.release()
    a.cancel()
    await outcome(log, "a", a)
    await outcome(log, "b", b)
    await outcome(log, "c", c)
    log("locked:", lock.locked())


@scenario(LOCKS, "58 the only waiter cancelled after the release")
async def _(log):
    lock = Lock()
    await lock.acquire()
    task = create_task(holding(log, lock, "never"))
    await sleep(0)
    lock.release()
    task.cancel()
    await outcome(log, "task", task)
    log("locked:", lock.locked())
    await holding(log, lock, "free")


@scenario(LOCKS, "61 a cancelled wait holds the lock again")
async def _(log):
    async def waiting():
        await condition.acquire()
        try:
            await condition.wait()
        except CancelledError as error:
            log(described(error), "locked:", condition.locked())
            raise
        finally:
            condition.release()

    condition = Condition()
    task = create_task(waiting())
    await sleep(0)
    log("locked:", condition.locked())
    task.cancel("msg")
    await outcome(log, "task", task)
    log("locked:", condition.locked())


@scenario(LOCKS, "61 a wait that is cancelled while another holds the lock")
async def _(log):
    async def waiting():
        async with condition:
            try:
                await condition.wait()
            finally:
                log("locked:", condition.locked())

    condition = Condition()
    task = create_task(waiting())
    await sleep(0)
    await condition.acquire()
    task.cancel()
    await pass_turns(3)
    log("done:", task.done())
    task.cancel()
    await pass_turns(3)
    log("done:", task.done())
    condition.release()
    await outcome(log, "task", task)
    log("locked:", condition.locked())


async def waiter(log, condition, name):
    async with condition:
        await condition.wait()
        log(name)


@scenario(LOCKS, "62 a waiter cancelled after the notification passes it on")
async def _(log):
    condition = Condition()
    a, b, c = (create_task(waiter(log, condition, name)) for name in "abc")
    await pass_turns(2)
    async with condition:
        condition.notify()
    a.cancel()
    await outcome(log, "a", a)
    await outcome(log, "b", b)
    log("c done:", c.done())


@scenario(LOCKS, "62 a waiter cancelled while it takes the lock again passes it on")
async def _(log):
    condition = Condition()
    a, b, c = (create_task(waiter(log, condition, name)) for name in "abc")
    await pass_turns(2)
    async with condition:
        condition.notify()
        await pass_turns(2)
        a.cancel()
        await pass_turns(2)
    await outcome(log, "a", a)
    await outcome(log, "b", b)
    log("c done:", c.done())


@scenario(LOCKS, "63 the message of the cancellation is kept")
async def _(log):
    condition = Condition()
    task = create_task(waiter(log, condition, "never"))
    await sleep(0)
    await condition.acquire()
    task.cancel("first")
    await pass_turns(2)
    task.cancel("second")
    await pass_turns(2)
    condition.release()
    await outcome(log, "task", task)


@scenario(LOCKS, "64 a limited wait in the block")
async def _(log):
    condition = Condition()
    async with condition:
        await outcome(log, "wait", wait_for(condition.wait(), 1))
        log("locked:", condition.locked())
    log("locked:", condition.locked(), "at", now())


@scenario(LOCKS, "62 notify wakes the longest waiting, notify_all all")
async def _(log):
    condition = Condition()
    tasks = [create_task(waiter(log, condition, name)) for name in "abcde"]
    await pass_turns(2)
    async with condition:
        condition.notify(2)
    await pass_turns(6)
    log("notified 2")
    async with condition:
        condition.notify_all()
    for task in tasks:
        await task


@scenario(LOCKS, "62 waiting for a predicate")
async def _(log):
    async def waiting():
        async with condition:
            return await condition.wait_for(lambda: (log("is it", value), value > 1)[1] and "yes")

    value = 0
    condition = Condition()
    task = create_task(waiting())
    for value in (1, 2):
        await pass_turns(2)
        async with condition:
            condition.notify()
    await outcome(log, "task", task)


@scenario(LOCKS, "100 what nobody holds can't be released, notified or waited for")
async def _(log):
    attempt(log, "Lock", Lock().release)
    condition = Condition()
    attempt(log, "release", condition.release)
    attempt(log, "notify", condition.notify)
    attempt(log, "notify_all", condition.notify_all)
    await outcome(log, "wait", condition.wait())


# ---- Semaphore

SEMAPHORE = "semaphore"


async def acquiring(log, semaphore, name):
    await semaphore.acquire()
    log(name)


@scenario(SEMAPHORE, "59 a release wakes the first who was not cancelled")
async def _(log):
    semaphore = Semaphore(0)
    a, b, c = (create_task(acquiring(log, semaphore, name)) for name in "abc")
    await sleep(0)
    a.cancel()
    semaphore.release()
    await pass_turns(3)
    log([task.done() for task in (a, b, c)], "locked:", semaphore.locked())


@scenario(SEMAPHORE, "59 a waiter cancelled after the release gives the place back")
async def _(log):
    semaphore = Semaphore(0)
    a, b, c = (create_task(acquiring(log, semaphore, name)) for name in "abc")
    await sleep(0)
    semaphore.release()
    a.cancel()
    await outcome(log, "a", a)
    await outcome(log, "b", b)
    log([task.done() for task in (a, b, c)], "locked:", semaphore.locked())


@scenario(SEMAPHORE, "59 waiters cancelled in the turn of several releases")
async def _(log):
    semaphore = Semaphore(1)
    await semaphore.acquire()
    a, b, c = (create_task(acquiring(log, semaphore, name)) for name in "abc")
    await sleep(0)
    b.cancel()
    semaphore.release()
    c.cancel()
    semaphore.release()
    await outcome(log, "a", a)
    await pass_turns(2)
    log([task.cancelled() for task in (a, b, c)], "locked:", semaphore.locked())


@scenario(SEMAPHORE, "60 a newcomer does not overtake")
async def _(log):
    async def twice():
        await acquiring(log, semaphore, 2)
        semaphore.release()
        await acquiring(log, semaphore, 4)

    semaphore = Semaphore(1)
    tasks = [
        create_task(acquiring(log, semaphore, 1)),
        create_task(twice()),
        create_task(acquiring(log, semaphore, 3)),
    ]
    await sleep(0)
    semaphore.release()
    semaphore.release()
    for task in tasks:
        await task
    log("locked:", semaphore.locked())


@scenario(SEMAPHORE, "60 a cancelled head is skipped")
async def _(log):
    semaphore = Semaphore(0)
    tasks = [create_task(acquiring(log, semaphore, number)) for number in (1, 2, 3)]
    await sleep(0)
    tasks[0].cancel()
    await sleep(0)
    semaphore.release()
    semaphore.release()
    for task in tasks[1:]:
        await task
    log("locked:", semaphore.locked())


@scenario(SEMAPHORE, "60 somebody comes between the release and the wake-up")
async def _(log):
    semaphore = Semaphore(0)
    first = create_task(acquiring(log, semaphore, "first"))
    await sleep(0)
    semaphore.release()
    log("locked:", semaphore.locked())
    late = create_task(acquiring(log, semaphore, "late"))
    await pass_turns(3)
    log(first.done(), late.done())
    semaphore.release()
    await late


@scenario(SEMAPHORE, "60 a release lets one through, also when there is room for more")
async def _(log):
    def release():
        semaphore.release()
        loop.call_soon(log, "between")

    loop = asyncio.get_running_loop()
    semaphore = Semaphore(0)
    tasks = [create_task(acquiring(log, semaphore, "first"))]
    await sleep(0)
    tasks += [create_task(acquiring(log, semaphore, name)) for name in ("second", "third")]
    loop.call_soon(release)
    semaphore.release()
    semaphore.release()
    for task in tasks:
        await task


@scenario(SEMAPHORE, "60 two places for five tasks")
async def _(log):
    async def work(number):
        async with semaphore:
            log(number, "in")
            await pass_turns(number)
            log(number, "out")

    semaphore = Semaphore(2)
    tasks = [create_task(work(number)) for number in (4, 2, 5, 1, 3)]
    for task in tasks:
        await task


@scenario(SEMAPHORE, "100 what is refused")
async def _(log):
    attempt(log, "released too often", asyncio.BoundedSemaphore(1).release)
    semaphore = Semaphore(0)
    semaphore.release()
    log("locked:", semaphore.locked())


# ---- Event and Barrier

EVENT = "event"


@scenario(EVENT, "99 all waiters go on, even if it is cleared in the same turn")
async def _(log):
    async def waiting(name):
        log(name, await event.wait())

    event = asyncio.Event()
    tasks = [create_task(waiting(name)) for name in "abc"]
    await sleep(0)
    event.set()
    event.clear()
    late = create_task(waiting("late"))
    await pass_turns(3)
    log([task.done() for task in tasks], late.done())


@scenario(EVENT, "99 a set event is not waited for")
async def _(log):
    event = asyncio.Event()
    event.set()
    asyncio.get_running_loop().call_soon(log, "turn 1")
    log(await event.wait(), event.is_set())
    await sleep(0)


@scenario(EVENT, "99 a waiter cancelled after the set is cancelled")
async def _(log):
    event = asyncio.Event()
    a, b = create_task(event.wait()), create_task(event.wait())
    await sleep(0)
    event.set()
    a.cancel()
    await outcome(log, "a", a)
    await outcome(log, "b", b)


BARRIER = "barrier"


async def arriving(log, barrier, name):
    try:
        log(name, "is number", await barrier.wait())
    except asyncio.BrokenBarrierError as error:
        log(name, described(error))


@scenario(BARRIER, "101 a task's place, and a second round")
async def _(log):
    barrier = asyncio.Barrier(3)
    for names in ("abc", "def"):
        tasks = [create_task(arriving(log, barrier, name)) for name in names]
        for task in tasks:
            await task
        log(barrier.n_waiting, barrier.broken)


@scenario(BARRIER, "101 a cancelled waiter is not counted")
async def _(log):
    barrier = asyncio.Barrier(3)
    a, b = (create_task(arriving(log, barrier, name)) for name in "ab")
    await pass_turns(2)
    log(barrier.n_waiting)
    a.cancel()
    await outcome(log, "a", a)
    log(barrier.n_waiting)
    c = create_task(arriving(log, barrier, "c"))
    await pass_turns(3)
    log(barrier.n_waiting, b.done())
    await arriving(log, barrier, "d")
    await b
    await c


@scenario(BARRIER, "101 a waiter cancelled after the last one has arrived")
async def _(log):
    barrier = asyncio.Barrier(3)
    a, b = (create_task(arriving(log, barrier, name)) for name in "ab")
    await pass_turns(2)
    await arriving(log, barrier, "c")
    a.cancel()
    await outcome(log, "a", a)
    await outcome(log, "b", b)
    log(barrier.n_waiting, barrier.broken)


@scenario(BARRIER, "101 a reset breaks those who wait")
async def _(log):
    barrier = asyncio.Barrier(3)
    tasks = [create_task(arriving(log, barrier, name)) for name in "ab"]
    await pass_turns(2)
    await barrier.reset()
    log(barrier.n_waiting, barrier.broken)
    tasks.append(create_task(arriving(log, barrier, "c")))
    await pass_turns(6)
    log([task.done() for task in tasks], barrier.n_waiting)
    tasks.extend(create_task(arriving(log, barrier, name)) for name in "de")
    for task in tasks:
        await task


@scenario(BARRIER, "101 aborted until it is reset")
async def _(log):
    barrier = asyncio.Barrier(2)
    task = create_task(arriving(log, barrier, "a"))
    await pass_turns(2)
    await barrier.abort()
    log(barrier.broken, barrier.n_waiting)
    await task
    await arriving(log, barrier, "b")
    await barrier.reset()
    log(barrier.broken)
    task = create_task(arriving(log, barrier, "c"))
    await arriving(log, barrier, "d")
    await task


@scenario(BARRIER, "101 reset, and aborted, while it drains")
async def _(log):
    for end in (asyncio.Barrier.reset, asyncio.Barrier.abort):
        barrier = asyncio.Barrier(3)
        tasks = [create_task(arriving(log, barrier, name)) for name in "ab"]
        await pass_turns(2)
        await arriving(log, barrier, "c")
        await end(barrier)
        late = create_task(arriving(log, barrier, "late"))
        for task in tasks:
            await task
        await pass_turns(3)
        log(barrier.n_waiting, barrier.broken, late.done())
        late.cancel()


@scenario(BARRIER, "101 nobody enters while it drains")
async def _(log):
    async def again(name):
        await arriving(log, barrier, name)
        await arriving(log, barrier, name.upper())

    barrier = asyncio.Barrier(2)
    tasks = [create_task(again(name)) for name in "abcd"]
    for task in tasks:
        await task
    log(barrier.n_waiting)


# ---- Queue

QUEUES = "queues"


async def getting(log, queue, name):
    log(name, "got", await queue.get())


async def putting(log, queue, item):
    await queue.put(item)
    log("put", item)


@scenario(QUEUES, "65 a getter cancelled after the put leaves the item to the next")
async def _(log):
    queue = Queue()
    a, b = (create_task(getting(log, queue, name)) for name in "ab")
    await sleep(0)
    queue.put_nowait("item")
    a.cancel()
    await outcome(log, "a", a)
    await outcome(log, "b", b)
    log(queue.qsize())


@scenario(QUEUES, "65 many getters cancelled after the puts")
async def _(log):
    queue = Queue()
    tasks = [create_task(getting(log, queue, name)) for name in "abcdef"]
    await sleep(0)
    for item in (1, 2):
        queue.put_nowait(item)
    for task in tasks[:4]:
        task.cancel()
    await pass_turns(6)
    log([task.cancelled() for task in tasks], queue.qsize())


@scenario(QUEUES, "65 the only getter cancelled after the put leaves the item there")
async def _(log):
    queue = Queue()
    task = create_task(getting(log, queue, "never"))
    await sleep(0)
    queue.put_nowait("item")
    task.cancel()
    await outcome(log, "task", task)
    log(queue.qsize(), queue.get_nowait())


@scenario(QUEUES, "65 a getter that comes before the woken one runs takes the item")
async def _(log):
    queue = Queue()
    first = create_task(getting(log, queue, "first"))
    await sleep(0)
    queue.put_nowait(1)
    await getting(log, queue, "overtaker")
    await pass_turns(2)
    log("first done:", first.done())
    queue.put_nowait(2)
    await first


@scenario(QUEUES, "66 a putter cancelled after the get lets the next one put")
async def _(log):
    queue = Queue(1)
    queue.put_nowait(0)
    a, b = (create_task(putting(log, queue, item)) for item in (1, 2))
    await sleep(0)
    log("got", queue.get_nowait())
    a.cancel()
    await outcome(log, "a", a)
    await outcome(log, "b", b)
    log("got", queue.get_nowait(), "left", queue.qsize())


@scenario(QUEUES, "67 cancelled getters and putters are forgotten")
async def _(log):
    queue = Queue(1)
    getters = [create_task(queue.get()) for _ in range(3)]
    await sleep(0)
    for task in getters:
        task.cancel()
    await sleep(0)
    queue.put_nowait(1)
    putters = [create_task(queue.put(item)) for item in (2, 3)]
    await sleep(0)
    for task in putters:
        task.cancel()
    await sleep(0)
    log("got", queue.get_nowait(), "left", queue.qsize())


@scenario(QUEUES, "68 one putter for each free place, and none forgotten")
async def _(log):
    queue = Queue(2)
    tasks = [create_task(putting(log, queue, item)) for item in range(5)]
    await sleep(0)
    while not all(task.done() for task in tasks):
        log("got", queue.get_nowait())
        await pass_turns(1)
    log("left", queue.qsize())


@scenario(QUEUES, "68 two places become free in one turn")
async def _(log):
    queue = Queue(2)
    tasks = [create_task(putting(log, queue, item)) for item in range(5)]
    await sleep(0)
    log("got", queue.get_nowait(), queue.get_nowait())
    await pass_turns(2)
    log([task.done() for task in tasks], "size", queue.qsize())
    for task in tasks[:4]:
        await task
    log("got", await queue.get(), await queue.get(), await queue.get())


@scenario(QUEUES, "68 producers and consumers")
async def _(log):
    async def produce(name):
        for number in range(3):
            await queue.put(f"{name}{number}")

    async def consume(name):
        while True:
            item = await queue.get()
            log(name, item)
            await sleep(0)
            queue.task_done()

    queue = Queue(2)
    consumers = [create_task(consume(name)) for name in "xy"]
    for task in [create_task(produce(name)) for name in "ab"]:
        await task
    await queue.join()
    log("joined", queue.empty())
    for task in consumers:
        task.cancel()


@scenario(QUEUES, "95 a shutdown releases those who wait")
async def _(log):
    empty, full = Queue(), Queue(1)
    full.put_nowait("item")
    getters = [create_task(getting(log, empty, name)) for name in "ab"]
    putter = create_task(putting(log, full, "more"))
    await sleep(0)
    empty.shutdown()
    full.shutdown()
    for task in (*getters, putter):
        await outcome(log, "waiting", task)
    await outcome(log, "get", empty.get())
    await outcome(log, "put", empty.put(1))
    attempt(log, "get_nowait", empty.get_nowait)
    attempt(log, "put_nowait", lambda: full.put_nowait(1))


@scenario(QUEUES, "95 after a shutdown items can be taken, and joined")
async def _(log):
    queue = Queue()
    for item in (1, 2):
        queue.put_nowait(item)
    joining = create_task(queue.join())
    queue.shutdown()
    log(await queue.get(), await queue.get())
    await outcome(log, "get", queue.get())
    await sleep(0)
    log("joined:", joining.done())
    queue.task_done()
    queue.task_done()
    await joining
    log("joined")


@scenario(QUEUES, "96 an immediate shutdown drops what is there, not what was taken")
async def _(log):
    queue = Queue()
    for item in (1, 2, 3):
        queue.put_nowait(item)
    log("got", queue.get_nowait())
    joining = create_task(queue.join())
    await sleep(0)
    queue.shutdown(immediate=True)
    log("size", queue.qsize())
    await pass_turns(2)
    log("joined:", joining.done())
    attempt(log, "get_nowait", queue.get_nowait)
    queue.task_done()
    await joining
    attempt(log, "task_done", queue.task_done)


@scenario(QUEUES, "97 taskDone too often, and join of nothing")
async def _(log):
    queue = Queue()
    asyncio.get_running_loop().call_soon(log, "turn 1")
    await queue.join()
    log("joined")
    queue.put_nowait(1)
    queue.task_done()
    attempt(log, "task_done", queue.task_done)
    log("got", queue.get_nowait())


@scenario(QUEUES, "97 nothing there, or no room")
async def _(log):
    queue = Queue(1)
    attempt(log, "get_nowait", queue.get_nowait)
    queue.put_nowait(1)
    attempt(log, "put_nowait", lambda: queue.put_nowait(2))
    log(queue.full(), queue.empty(), queue.qsize(), queue.maxsize)


@scenario(QUEUES, "98 the order of the kinds of queue")
async def _(log):
    for kind in (Queue, asyncio.LifoQueue, asyncio.PriorityQueue):
        queue = kind()
        for item in (3, 1, 2, 5, 4):
            queue.put_nowait(item)
        log(*[queue.get_nowait() for _ in range(5)])


@scenario(QUEUES, "98 entries of several parts, and a size with a fraction")
async def _(log):
    queue = asyncio.PriorityQueue()
    for item in ([2, "a"], [1, "b"], [1, "a"], [1], [2, "a", 0]):
        queue.put_nowait(item)
    for _ in range(5):
        log(queue.get_nowait())
    queue = Queue(1.5)
    queue.put_nowait(1)
    log(queue.full())
    queue.put_nowait(2)
    log(queue.full())


# ---- as_completed

AS_COMPLETED = "as_completed"


@scenario(AS_COMPLETED, "84 in the order in which they are done")
async def _(log):
    for next_one in asyncio.as_completed([sleep(delay, delay) for delay in (3, 1, 2)]):
        log(await next_one, "at", now())


@scenario(AS_COMPLETED, "84 asynchronously, the tasks themselves")
async def _(log):
    tasks = [create_task(sleep(delay, delay)) for delay in (3, 1, 2)]
    async for task in asyncio.as_completed(tasks):
        log(tasks.index(task), task.result())


@scenario(AS_COMPLETED, "84 those not done in time")
async def _(log):
    tasks = [create_task(sleep(delay, delay)) for delay in (1, 7, 2, 8)]
    for next_one in asyncio.as_completed(tasks, timeout=5):
        await outcome(log, "next", next_one)
    log("at", now(), [task.done() for task in tasks])


@scenario(AS_COMPLETED, "84 the same one counts once")
async def _(log):
    task = create_task(sleep(1, "x"))
    for next_one in asyncio.as_completed([task, task, sleep(2, "y")]):
        log(await next_one)


@scenario(AS_COMPLETED, "84 it can be resumed after a break")
async def _(log):
    iterator = asyncio.as_completed([sleep(delay, delay) for delay in (3, 1, 2)])
    async for task in iterator:
        log("first", task.result())
        break
    async for task in iterator:
        log("second", task.result())


@scenario(AS_COMPLETED, "84 errors")
async def _(log):
    work = [failing(2, ValueError("no")), failing(1, ValueError("neither")), sleep(1, "yes")]
    for next_one in asyncio.as_completed(work):
        await outcome(log, "next", next_one)


# ---- Tasks and futures

TASKS = "tasks"


@scenario(TASKS, "15 a task that cancels itself and awaits another cancels that, and what it awaits")
async def cancelling_itself_and_awaiting_a_task(log):
    async def inner():
        try:
            await future
        except CancelledError as error:
            log("inner:", described(error))
            raise

    async def outer():
        log("cancel:", asyncio.current_task().cancel("self"))
        await inner_task

    future = new_future()
    inner_task = create_task(inner())
    await sleep(0)
    await outcome(log, "outer", create_task(outer()))
    log(inner_task.cancelled(), future.cancelled())


@scenario(TASKS, "38 gather runs what is given three times once")
async def gathering_one_three_times(log):
    async def work():
        await sleep(0)
        log("work")
        return "x"

    once = work()
    await outcome(log, "gather", asyncio.gather(once, once, once))


@scenario(TASKS, "76 a done callback that removes others changes nothing any more")
async def removing_callbacks_in_a_callback(log):
    def first(future):
        log("first, removed:", future.remove_done_callback(third))

    def second(future):
        log("second")

    def third(future):
        log("third")

    future = new_future()
    for callback in (first, second, third):
        future.add_done_callback(callback)
    future.set_result(None)
    await sleep(0)


@scenario(TASKS, "81 a future of another loop is refused within the task")
async def awaiting_a_future_of_another_loop(log):
    async def work():
        try:
            await foreign
        except RuntimeError as error:
            log("in the task:", type(error).__name__)
        return "goes on"

    other = asyncio.new_event_loop()
    foreign = other.create_future()
    task = create_task(work())
    log("created")
    await outcome(log, "task", task)
    other.close()


@scenario(TASKS, "80 a task that awaits itself is told a turn later, if it is not cancelled before")
async def awaiting_itself(log):
    async def work(name, before):
        before()
        try:
            await tasks[name]
        except (RuntimeError, CancelledError) as error:
            log(f"{name}:", type(error).__name__)

    loop = asyncio.get_running_loop()
    tasks = {}
    before = {
        "nothing": lambda: loop.call_soon(log, "a turn"),
        "cancelled before": lambda: tasks["cancelled before"].cancel(),
        "cancelled in that turn": lambda: loop.call_soon(tasks["cancelled in that turn"].cancel),
    }
    for name in before:
        tasks[name] = create_task(work(name, before[name]))
        await wait([tasks[name]])


@scenario(TASKS, "88 a sleep that is not a number is refused")
async def sleeping_for_what_is_no_number(log):
    await outcome(log, "nan", sleep(math.nan))


@scenario(TASKS, "88 a sleep that is cancelled leaves no timer")
async def cancelling_a_sleep(log):
    async def work():
        await sleep(3600)

    task = create_task(work())
    await sleep(0)
    log("timers:", timers())
    task.cancel()
    await outcome(log, "task", task)
    log("timers:", timers())


@scenario(TASKS, "89 ensure_future wraps what can be awaited, and refuses the rest")
async def ensuring_futures(log):
    class Custom:
        def __await__(self):
            return sleep(0, "custom").__await__()

    task = asyncio.ensure_future(Custom())
    log("a task:", isinstance(task, asyncio.Task), await task)
    log("the same:", asyncio.ensure_future(task) is task)
    try:
        asyncio.ensure_future("text")
    except TypeError as error:
        log("text:", type(error).__name__)


@scenario(TASKS, "90 names count up, and can be anything")
async def naming_tasks(log):
    tasks = [create_task(sleep(0)) for _ in range(3)]
    numbers = [int(task.get_name().removeprefix("Task-")) for task in tasks]
    log(numbers[1] - numbers[0], numbers[2] - numbers[1])
    tasks[0].set_name(1 << 70)
    log(tasks[0].get_name())
    log(create_task(sleep(0), name="named").get_name())


@scenario(TASKS, "108 timers that are cancelled are forgotten")
async def cancelling_many_timers(log):
    async def work():
        await sleep(3600)

    tasks = [create_task(work()) for _ in range(300)]
    await sleep(0)
    for task in tasks:
        task.cancel()
    for handle in [asyncio.get_running_loop().call_later(3600, log) for _ in range(300)]:
        handle.cancel()
    await pass_turns(3)
    log("at most 100 are left:", timers() <= 100)


@scenario(TASKS, "113 a task factory makes the tasks, until it is taken away")
async def making_tasks_by_a_factory(log):
    class Own(asyncio.Task):
        pass

    def factory(loop, coroutine, **options):
        log("factory")
        return Own(coroutine, loop=loop, **options)

    async def work():
        return asyncio.current_task().get_name()

    loop = asyncio.get_running_loop()
    loop.set_task_factory(factory)
    task = create_task(work(), name="named")
    log(isinstance(task, Own), await task)
    log(isinstance(asyncio.ensure_future(work()), Own))
    loop.set_task_factory(None)
    log(isinstance(create_task(work()), Own), loop.get_task_factory())


# ---- Contexts

CONTEXTS = "contexts"


@scenario(CONTEXTS, "69 a task has a copy of the context in which it was created")
async def copying_the_context(log):
    async def child(name):
        log(name, "sees", variable.get())
        variable.set(name)
        await sleep(0)
        log(name, "sees", variable.get())

    variable = contextvars.ContextVar("variable", default="default")
    variable.set("before")
    tasks = [create_task(child(name)) for name in "ab"]
    variable.set("after")
    for task in tasks:
        await task
    log("parent sees", variable.get())


@scenario(CONTEXTS, "70 a callback has the context in which it was added")
async def adding_callbacks(log):
    variable = contextvars.ContextVar("variable")
    loop = asyncio.get_running_loop()
    future = new_future()
    variable.set("when added")
    future.add_done_callback(lambda _: log("done callback:", variable.get()))
    loop.call_soon(lambda: log("call_soon:", variable.get()))
    loop.call_later(0, lambda: log("call_later:", variable.get()))
    variable.set("when done")
    future.set_result(None)
    future.add_done_callback(lambda _: log("added later:", variable.get()))
    await pass_turns(2)


@scenario(CONTEXTS, "111 the exception handler runs in the context of the callback that failed")
async def failing_in_a_context(log):
    def fail():
        variable.set("of the callback")
        raise ValueError("failed")

    variable = contextvars.ContextVar("variable")
    variable.set("of main")
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: log("handler sees", variable.get()))
    loop.call_soon(fail)
    loop.call_soon(fail, context=contextvars.copy_context())
    await sleep(0)
    log("main sees", variable.get())


@scenario(CONTEXTS, "111 the exception handler runs in the context of the task that is reported")
async def reporting_a_task(log):
    async def work():
        variable.set("of the task")

    variable = contextvars.ContextVar("variable")
    variable.set("of main")
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: log("handler sees", variable.get()))
    task = create_task(work())
    await task
    loop.call_exception_handler({"message": "about a task", "task": task})
    loop.call_exception_handler({"message": "about a future", "future": task})
    loop.call_exception_handler({"message": "about nothing"})


@scenario(CONTEXTS, "a context in which something runs can't be entered once more")
async def entering_a_context_again(log):
    def enter(label):
        try:
            context.run(log, label, "entered")
        except RuntimeError as error:
            log(label, type(error).__name__)

    async def work():
        enter("by its task")
        contextvars.copy_context().run(enter, "by its task, elsewhere")
        await sleep(0)
        enter("by its task, later")

    context = contextvars.copy_context()
    future = new_future()
    future.add_done_callback(lambda _: enter("by its callback"), context=context)
    future.set_result(None)
    await sleep(0)
    task = create_task(work(), context=context)
    await sleep(0)
    enter("while its task waits")
    await task
    context.run(lambda: contextvars.copy_context().run(enter, "within"))
    enter("afterwards")


# ---- Tasks that start at once

EAGER = "eager tasks"


def eager(coroutine):
    return asyncio.eager_task_factory(asyncio.get_running_loop(), coroutine)


@scenario(EAGER, "114 it runs to its first wait, as the current task")
async def running_at_once(log):
    async def work():
        log("is current:", asyncio.current_task() is not main)
        await sleep(0)
        log("is current:", asyncio.current_task() is task)
        return "value"

    main = asyncio.current_task()
    asyncio.get_running_loop().call_soon(log, "call_soon")
    task = eager(work())
    log("created, main is current:", asyncio.current_task() is main)
    log("in all_tasks:", task in asyncio.all_tasks())
    await outcome(log, "task", task)


@scenario(EAGER, "114 one that does not wait is done at once, and never in all_tasks")
async def ending_at_once(log):
    async def work():
        log("in all_tasks:", asyncio.current_task() in asyncio.all_tasks())
        return "value"

    task = eager(work())
    log("done:", task.done(), task in asyncio.all_tasks())
    log(await task)
    log("cancel:", task.cancel(), task.result())


@scenario(EAGER, "115 it can be cancelled where it waits")
async def cancelling_an_eager_task(log):
    async def work():
        try:
            await future
        finally:
            log("cleanup")

    future = new_future()
    task = eager(work())
    log("cancel:", task.cancel("msg"))
    await outcome(log, "task", task)
    log(task.cancelled(), future.cancelled())


@scenario(EAGER, "114 gather watches what it has before the next one starts")
async def gathering_what_an_eager_task_ends(log):
    async def work():
        future.set_exception(ValueError("future"))
        await sleep(0)
        log("work")

    future = new_future()
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    gathering = asyncio.gather(future, work())
    asyncio.get_running_loop().set_task_factory(None)
    log("done:", future.done(), gathering.done())
    await outcome(log, "gather", gathering)


# ---- Attempts that start one after another

RACES = "staggered_race"


def attempt_of(log, name, delay, error=None):
    async def run():
        log(name, "starts at", now())
        try:
            await sleep(delay)
        except CancelledError:
            log(name, "is cancelled at", now())
            raise
        if error is not None:
            raise error
        return name

    return run


async def race(log, attempts, delay):
    winner, index, errors = await staggered_race(attempts, delay)
    log("winner:", winner, index, "at", now())
    log("errors:", *[error and described(error) for error in errors])


@scenario(RACES, "117 the first that succeeds cancels the others")
async def racing(log):
    slow, quick = attempt_of(log, "slow", 10), attempt_of(log, "quick", 3)
    await race(log, [slow, quick, attempt_of(log, "late", 1)], 5)


@scenario(RACES, "117 the next starts when one fails, or after the delay")
async def racing_with_failures(log):
    failing_attempt = attempt_of(log, "failing", 1, ValueError("no"))
    await race(log, [failing_attempt, attempt_of(log, "second", 9), attempt_of(log, "third", 2)], 4)


@scenario(RACES, "117 nobody wins")
async def racing_in_vain(log):
    attempts = [attempt_of(log, name, 2, ValueError(name)) for name in "ab"]
    await race(log, attempts, None)


@scenario(RACES, "117 of two that succeed in one turn one wins")
async def racing_to_a_tie(log):
    await race(log, [attempt_of(log, "a", 2), attempt_of(log, "b", 1)], 1)


@scenario(RACES, "117 a cancellation ends all attempts first")
async def cancelling_a_race(log):
    async def running():
        await race(log, [attempt_of(log, "a", 10), attempt_of(log, "b", 10)], 1)

    task = create_task(running())
    await sleep(3)
    task.cancel()
    await outcome(log, "task", task)


# What later versions log where it is not what 3.11 logs: since which one, and why. Up to 3.14 it was
# seen on 3.14.2; what is of 3.15 was seen on 3.14.2 with the task groups of 3.15's source.

NEWER = {
    TIMEOUTS: {
        "24 another error in the cleanup goes through, with TimeoutError in its chain": {
            "since": "3.13",
            "reason": "an error other than the cancellation gets TimeoutError into its chain",
            "log": [
                "ValueError: cleanup timeout in chain: True",
                "expired: True cancelling 0",
            ],
        },
        "25 in the cleanup of a cancelled task": {
            "since": "3.12",
            "reason": "the count of cancellations at the entry is kept, so an earlier one does no harm",
            "log": [
                "cancelling 1",
                "cleanup: TimeoutError",
                "cancelling 1",
                "task: CancelledError: msg",
                "at 2",
            ],
        },
        "25 in the cleanup of another one": {
            "since": "3.12",
            "reason": "the count of cancellations at the entry is kept, so an earlier one does no harm",
            "log": [
                "inner: TimeoutError",
                "at 3",
                "outer: TimeoutError",
                "at 3 cancelling 0",
            ],
        },
        "91 what its states forbid": {
            "since": "3.12",
            "reason": "a timeout that was not entered, or was entered before, is refused",
            "log": [
                "created: RuntimeError: Timeout has not been entered",
                "entered twice: RuntimeError: Timeout has already been entered",
                "finished: RuntimeError: Cannot change state of finished Timeout",
                "entered again: RuntimeError: Timeout has already been entered",
                "expiring: RuntimeError: Cannot change state of expiring Timeout",
                "timed out",
                "expired: RuntimeError: Cannot change state of expired Timeout",
            ],
        },
        "94 around a group whose child fails in its cleanup": {
            "since": "3.13",
            "reason": "the errors in a group get TimeoutError into their chains",
            "log": [
                "group(ValueError: cleanup) timeout in chain: False",
                "of the child: True",
                "cancelling 0",
            ],
        },
    },
    WAIT_FOR: {
        "30 a cancellation in the turn of the completion is not swallowed": {
            "since": "3.12",
            "reason": "wait_for() is built on timeout()",
            "log": [
                "cancel: True",
                "task: CancelledError",
            ],
        },
        "30 a cancellation in the turn of the completion of a task is not swallowed": {
            "since": "3.12",
            "reason": "wait_for() is built on timeout()",
            "log": [
                "cancel: True",
                "task: CancelledError",
            ],
        },
        "31 a coroutine runs in the same task and context": {
            "since": "3.12",
            "reason": "wait_for() makes no task of a coroutine",
            "log": [
                "same task: True",
                "changed",
            ],
        },
    },
    WAIT: {
        "87 any iterable will do, and the same one counts once": {
            "since": "3.12",
            "reason": "generators are accepted",
            "log": [
                "2 0 at 2",
            ],
        },
    },
    SHIELD: {
        "41 a failure after the outer one was cancelled is reported once": {
            "since": "3.14",
            "reason": "the failure of a shielded future that nobody awaits is reported as such",
            "log": [
                "handler: ValueError exception in shielded future",
                "[True, True]",
            ],
        },
        "41 it is reported after what was added before the last cancellation": {
            "since": "3.14",
            "reason": "the failure of a shielded future that nobody awaits is reported as such",
            "log": [
                "callback 0",
                "handler: ValueError exception in shielded future",
                "callback 1",
                "ValueError: no",
            ],
        },
    },
    GROUPS: {
        "44 the errors of several children": {
            "since": "3.13",
            "reason": "the group takes back its own cancellation also when it comes while waiting",
            "log": [
                "sibling starts",
                "sibling cancelled",
                "group: group(ValueError: child, ValueError: cleanup)",
                "cancelling 0",
            ],
        },
        "53 create_task when the group does not run": {
            "since": "3.12",
            "reason": "the words of the text",
            "log": [
                "not entered: RuntimeError: TaskGroup <TaskGroup> has not been entered",
                "finished: RuntimeError: TaskGroup <TaskGroup entered> is finished",
                "entered again: RuntimeError: TaskGroup <TaskGroup entered> has already been entered",
            ],
        },
    },
    CANCELLED_GROUPS: {
        "47 a cancellation from outside, and a child that fails in its cleanup": {
            "since": "3.13",
            "reason": "a cancellation from outside that an ExceptionGroup replaces is delivered at the next wait",
            "log": [
                "group: group(ValueError: cleanup)",
                "cancelling 1",
                "next wait: CancelledError",
                "task: None",
            ],
        },
        "49 the count of cancellations is kept": {
            "since": "3.13",
            "reason": "the group takes back its own cancellation also when it comes while waiting",
            "log": [
                "group: group(ValueError: child)",
                "cancelling 0",
                "cancelling 1",
                "group: group(ValueError: child)",
                "cancelling 1",
                "task: CancelledError",
            ],
        },
        "49 nothing leaks when the body ends with the turn of the error": {
            "since": "3.13",
            "reason": "the group takes back its own cancellation also when it comes while waiting",
            "log": [
                "group: group(ValueError: child)",
                "cancelling 0",
                "next wait: 'undisturbed'",
            ],
        },
        "50 two nested groups fail in one turn": {
            "since": "3.13",
            "reason": "a cancellation of the outer group is delivered at the next wait",
            "log": [
                "inner: group(ValueError: inner)",
                "cancelling 1",
                "next wait: CancelledError",
                "outer: group(ValueError: outer)",
                "cancelling 0",
            ],
        },
        "cancel() ends the body and the children without an error": {
            "since": "3.15",
            "reason": "TaskGroup.cancel() is new",
            "log": [
                "child starts",
                "cancel returned",
                "body: CancelledError",
                "child cancelled",
                "after, cancelling 0",
                "group: None",
            ],
        },
        "cancel() of a child, while the group waits for its tasks": {
            "since": "3.15",
            "reason": "TaskGroup.cancel() is new",
            "log": [
                "sibling starts",
                "next wait",
                "sibling cancelled",
                "after, cancelling 0",
                "group: None",
            ],
        },
        "cancel() before the group is entered": {
            "since": "3.15",
            "reason": "TaskGroup.cancel() is new",
            "log": [
                "<TaskGroup>",
                "<TaskGroup cancelling> cancelling 1",
                "create_task: RuntimeError: TaskGroup <TaskGroup cancelling> is shutting down",
                "body: CancelledError",
                "after, cancelling 0",
                "group: None",
            ],
        },
        "cancel() and an error in the cleanup": {
            "since": "3.15",
            "reason": "TaskGroup.cancel() is new",
            "log": [
                "group: group(ValueError: cleanup)",
                "cancelling 0",
            ],
        },
        "cancel() and a cancellation from outside": {
            "since": "3.15",
            "reason": "TaskGroup.cancel() is new",
            "log": [
                "child starts",
                "child cancelled",
                "task: CancelledError",
                "cancelling 1",
                "child starts",
                "child cancelled",
                "task: CancelledError: msg",
                "cancelling 1",
                "child starts",
                "child cancelled",
                "task: CancelledError: msg",
                "cancelling 1",
            ],
        },
    },
    LOCKS: {
        "62 a waiter cancelled after the notification passes it on": {
            "since": "3.13",
            "reason": "a notification that a cancelled waiter got goes to the next",
            "log": [
                "b",
                "a: CancelledError",
                "b: None",
                "c done: False",
            ],
        },
        "62 a waiter cancelled while it takes the lock again passes it on": {
            "since": "3.13",
            "reason": "a notification that a cancelled waiter got goes to the next",
            "log": [
                "b",
                "a: CancelledError",
                "b: None",
                "c done: False",
            ],
        },
        "63 the message of the cancellation is kept": {
            "since": "3.13",
            "reason": "the last CancelledError is thrown, not a new one",
            "log": [
                "task: CancelledError: second",
            ],
        },
    },
    QUEUES: {
        "95 a shutdown releases those who wait": {
            "since": "3.13",
            "reason": "Queue.shutdown() is new",
            "log": [
                "waiting: QueueShutDown",
                "waiting: QueueShutDown",
                "waiting: QueueShutDown",
                "get: QueueShutDown",
                "put: QueueShutDown",
                "get_nowait: QueueShutDown",
                "put_nowait: QueueShutDown",
            ],
        },
        "95 after a shutdown items can be taken, and joined": {
            "since": "3.13",
            "reason": "Queue.shutdown() is new",
            "log": [
                "1 2",
                "get: QueueShutDown",
                "joined: False",
                "joined",
            ],
        },
        "96 an immediate shutdown drops what is there, not what was taken": {
            "since": "3.13",
            "reason": "Queue.shutdown() is new",
            "log": [
                "got 1",
                "size 0",
                "joined: False",
                "get_nowait: QueueShutDown",
                "task_done: ValueError: task_done() called too many times",
            ],
        },
    },
    AS_COMPLETED: {
        "84 asynchronously, the tasks themselves": {
            "since": "3.13",
            "reason": "asynchronous iteration is new",
            "log": [
                "1 1",
                "2 2",
                "0 3",
            ],
        },
        "84 it can be resumed after a break": {
            "since": "3.13",
            "reason": "asynchronous iteration is new",
            "log": [
                "first 1",
                "second 2",
                "second 3",
            ],
        },
    },
    TASKS: {
        "88 a sleep that is not a number is refused": {
            "since": "3.13",
            "reason": "such a delay is refused",
            "log": ["nan: ValueError: Invalid delay: NaN (not a number)"],
        },
    },
    CONTEXTS: {
        "111 the exception handler runs in the context of the callback that failed": {
            "since": "3.12",
            "reason": "the handler runs in the context of what it is told about",
            "log": [
                "handler sees of the callback",
                "handler sees of the callback",
                "main sees of main",
            ],
        },
        "111 the exception handler runs in the context of the task that is reported": {
            "since": "3.12",
            "reason": "the handler runs in the context of what it is told about",
            "log": [
                "handler sees of the task",
                "handler sees of the task",
                "handler sees of main",
            ],
        },
    },
    EAGER: {
        "114 it runs to its first wait, as the current task": {
            "since": "3.12",
            "reason": "a task that starts at once is new",
            "log": [
                "is current: True",
                "created, main is current: True",
                "in all_tasks: True",
                "call_soon",
                "is current: True",
                "task: 'value'",
            ],
        },
        "114 one that does not wait is done at once, and never in all_tasks": {
            "since": "3.12",
            "reason": "a task that starts at once is new",
            "log": ["in all_tasks: True", "done: True False", "value", "cancel: False value"],
        },
        "115 it can be cancelled where it waits": {
            "since": "3.12",
            "reason": "a task that starts at once is new",
            "log": ["cancel: True", "cleanup", "task: CancelledError: msg", "True True"],
        },
        "114 gather watches what it has before the next one starts": {
            "since": "3.12",
            "reason": "a task that starts at once is new",
            "log": ["done: True False", "work", "gather: ValueError: future"],
        },
    },
}


VERSION = "%d.%d" % sys.version_info[:2]


def is_known(group, name):
    """Whether this version of Python has what the scenario uses."""
    newer = NEWER.get(group, {}).get(name)
    return newer is None or newer["since"] <= VERSION or not newer["reason"].endswith(" is new")


def record():
    return {
        "python": VERSION,
        "scenarios": {
            group: {name: observe(body) for name, body in bodies.items() if is_known(group, name)}
            for group, bodies in SCENARIOS.items()
        },
        "newer": NEWER,
    }


def differences():
    """What this version of Python logs where that is neither in the record nor in NEWER."""
    with open(__file__.replace(".py", ".json"), encoding="utf-8") as file:
        older = json.load(file)["scenarios"]
    for group, bodies in SCENARIOS.items():
        for name, body in bodies.items():
            newer = NEWER.get(group, {}).get(name)
            if newer is not None and newer["since"] > VERSION:
                continue
            seen = observe(body)
            if seen != (newer["log"] if newer else older[group][name]):
                yield {f"{group}: {name}": seen}


def main():
    signal.alarm(60)
    warnings.simplefilter("ignore")
    logging.getLogger("asyncio").setLevel(logging.CRITICAL + 1)
    result = list(differences()) if "--check" in sys.argv else record()
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
