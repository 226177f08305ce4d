"""Record in which order CPython's asyncio does things, for the parity tests of loop/ to compare.

    python3 tests/loop/parity.py > tests/loop/parity.json

Each scenario is a function that logs strings; its log is the record. An `async def` scenario runs
as the main coroutine of asyncio.run(), a plain one is given a new loop that does not run yet.
Nothing here depends on how long anything takes.
"""

import asyncio
import contextvars
import functools
import inspect
import json
import logging
import re
import signal
import sys
import warnings
from asyncio import CancelledError, create_task, sleep

SCENARIOS = {}

NORMALISED = {
    "when=<number>": "when=\u2026",
    " at <file>:<line>": "dropped",
    "0x<address>": "0x\u2026",
}


def normalise(text):
    text = re.sub(r"\bwhen=-?[\d.]+", "when=\u2026", text)
    text = re.sub(r" at \S+:\d+", "", text)
    return re.sub(r"\b0x[0-9a-f]+", "0x\u2026", text)


def scenario(group, name=None, shows=()):
    """Registers a scenario; its name begins with the numbers of the behaviours that it shows."""

    def register(body):
        words = name or body.__name__.replace("_", " ")
        full_name = f"{', '.join(map(str, shows))} {words}".strip()
        SCENARIOS.setdefault(group, {})[full_name] = body
        return body

    return register


def observe(body):
    entries = []

    def log(*words):
        entries.append(normalise(" ".join(map(str, words))))

    if inspect.iscoroutinefunction(body):
        asyncio.run(body(log))
    else:
        loop = asyncio.new_event_loop()
        try:
            body(log, loop)
        finally:
            loop.close()
    return entries


def described(error):
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def attempt(log, label, call):
    """Logs what a call returns or raises."""
    try:
        log(f"{label}:", repr(call()))
    except (Exception, CancelledError) as error:
        log(f"{label}:", described(error))


async def outcome(log, label, awaitable):
    """Awaits, and logs the result or the exception."""
    try:
        log(f"{label}:", repr(await awaitable))
    except (Exception, CancelledError) as error:
        log(f"{label}:", described(error))


def count_turns(log, turns):
    """Logs a line as the first thing of each of the next turns of the running loop."""
    loop = asyncio.get_running_loop()

    def tick(turn):
        log("turn", turn)
        if turn < turns:
            loop.call_soon(tick, turn + 1)

    loop.call_soon(tick, 1)


def new_future():
    return asyncio.get_running_loop().create_future()


async def pass_turns(count):
    for _ in range(count):
        await sleep(0)


# ---- Workers that take turns, through any number of nested coroutines

INTERLEAVING = "interleaving"


async def nested(depth, innermost):
    if depth:
        return await nested(depth - 1, innermost)
    return await innermost()


def interleaving(depths):
    async def body(log):
        async def worker(name, depth):
            for step in range(3):
                log(f"{name}{step}")
                await nested(depth, lambda: sleep(0))
            log(f"{name} done")

        tasks = [create_task(worker(name, depth)) for name, depth in depths.items()]
        for task in tasks:
            await task
        log("all done")

    return body


for depth in (0, 1, 3, 7):
    scenario(INTERLEAVING, f"depth {depth}")(interleaving(dict.fromkeys("abc", depth)))
scenario(INTERLEAVING, "mixed depths a:0 b:3 c:7")(interleaving({"a": 0, "b": 3, "c": 7}))


@scenario(INTERLEAVING, "woken through depths a:7 b:0 c:3")
async def woken_through_depths(log):
    async def waiter(name, depth, future):
        log(name, "waits")
        log(name, "got", await nested(depth, lambda: future))

    futures = [new_future() for _ in range(3)]
    waiters = [waiter(*each) for each in zip("abc", (7, 0, 3), futures)]
    tasks = [create_task(each) for each in waiters]
    await sleep(0)
    for number in (2, 0, 1):
        log("set", number)
        futures[number].set_result(number)
    for task in tasks:
        await task


@scenario(INTERLEAVING, "raised through depths a:7 b:0 c:3")
async def raised_through_depths(log):
    async def waiter(name, depth, future):
        await outcome(log, name, nested(depth, lambda: future))
        await sleep(0)
        log(name, "done")

    futures = [new_future() for _ in range(3)]
    tasks = [create_task(waiter(*each)) for each in zip("abc", (7, 0, 3), futures)]
    await sleep(0)
    for number in (2, 0, 1):
        futures[number].set_exception(ValueError(number))
    for task in tasks:
        await task


@scenario(INTERLEAVING)
async def one_future_wakes_its_waiters_in_order(log):
    async def waiter(name, depth):
        log(name, "got", await nested(depth, lambda: future))

    future = new_future()
    tasks = [create_task(waiter(name, depth)) for name, depth in zip("abc", (3, 0, 1))]
    await sleep(0)
    asyncio.get_running_loop().call_soon(log, "call_soon before set")
    future.set_result("x")
    asyncio.get_running_loop().call_soon(log, "call_soon after set")
    for task in tasks:
        await task


@scenario(INTERLEAVING)
async def two_tasks_hand_over_futures(log):
    async def player(name, mine, other):
        for step in range(3):
            await mine[step]
            log(name, step)
            other[step].set_result(None)

    left, right, end = ([new_future() for _ in range(3)] for _ in range(3))
    tasks = [create_task(player("left", left, right)), create_task(player("right", right, end))]
    for step in range(3):
        log("serve", step)
        left[step].set_result(None)
        await end[step]
    for task in tasks:
        await task


# ---- When a task starts

STARTING = "starting"


@scenario(STARTING, shows=[1])
async def create_task_does_not_run_at_once(log):
    async def work():
        log("work")

    loop = asyncio.get_running_loop()
    loop.call_soon(log, "call_soon before")
    task = create_task(work())
    loop.call_soon(log, "call_soon after")
    log("created, done:", task.done())
    await task
    log("awaited, done:", task.done())


@scenario(STARTING, shows=[1])
async def tasks_start_in_the_order_of_their_creation(log):
    async def work(name):
        log(name, "starts")

    tasks = [create_task(work(name)) for name in "abc"]
    await tasks[2]
    log([task.done() for task in tasks])


@scenario(STARTING, shows=[1])
async def turns_from_creation_to_the_awaiting_task(log):
    async def work():
        log("work")
        return 1

    count_turns(log, 4)
    task = create_task(work())
    task.add_done_callback(lambda _: log("done callback"))
    log("result", await task)
    await pass_turns(2)


@scenario(STARTING, shows=[1])
async def a_task_creates_a_task(log):
    async def inner():
        log("inner starts")
        await sleep(0)
        log("inner ends")

    async def outer():
        log("outer starts")
        task = create_task(inner())
        await sleep(0)
        log("outer goes on")
        await task
        log("outer ends")

    count_turns(log, 5)
    await create_task(outer())


@scenario(STARTING, shows=[1])
def create_task_before_the_loop_runs(log, loop):
    async def work(name):
        log(name)

    loop.call_soon(log, "first")
    task = loop.create_task(work("task"))
    loop.call_soon(log, "last")
    log("not running yet")
    loop.run_until_complete(task)


@scenario(STARTING)
def run_until_complete_starts_after_what_was_ready(log, loop):
    async def main():
        log("main")
        return "result"

    loop.call_soon(log, "ready before")
    log(loop.run_until_complete(main()))


@scenario(STARTING)
def run_until_complete_ends_with_the_turn(log, loop):
    async def main():
        loop.call_soon(log, "scheduled before the end: same turn as the loop's stop")
        loop.call_soon(loop.call_soon, log, "one turn later: left over")
        log("main")

    loop.run_until_complete(main())
    log("returned")
    loop.run_until_complete(sleep(0))


# ---- Awaiting what is done, and awaiting coroutines

AWAITING = "awaiting"


@scenario(AWAITING, shows=[2])
async def a_done_future_does_not_yield(log):
    future = new_future()
    future.set_result("x")
    asyncio.get_running_loop().call_soon(log, "call_soon")
    log("got", await future)
    await sleep(0)
    log("after sleep(0)")


@scenario(AWAITING, shows=[2])
async def a_done_task_does_not_yield(log):
    async def work():
        return "x"

    task = create_task(work())
    await sleep(0)
    asyncio.get_running_loop().call_soon(log, "call_soon")
    log("got", await task)
    log("again", await task)
    await sleep(0)


@scenario(AWAITING, shows=[2])
async def a_failed_future_does_not_yield(log):
    future = new_future()
    future.set_exception(ValueError("no"))
    asyncio.get_running_loop().call_soon(log, "call_soon")
    await outcome(log, "future", future)
    await sleep(0)


@scenario(AWAITING, shows=[2])
async def a_cancelled_future_does_not_yield(log):
    future = new_future()
    future.cancel("msg")
    asyncio.get_running_loop().call_soon(log, "call_soon")
    await outcome(log, "future", future)
    log("cancelling", asyncio.current_task().cancelling())
    await sleep(0)


@scenario(AWAITING, shows=[2])
async def a_coroutine_is_a_call(log):
    async def quick():
        log("in the coroutine")
        return "x"

    asyncio.get_running_loop().call_soon(log, "call_soon")
    log("got", await quick())
    log("got", await nested(7, quick))
    await sleep(0)
    log("after sleep(0)")


@scenario(AWAITING, shows=[2])
async def a_coroutine_that_waits(log):
    async def slow():
        log("starts")
        await sleep(0)
        log("ends")

    asyncio.get_running_loop().call_soon(log, "call_soon before")
    await slow()
    log("awaited")


@scenario(AWAITING, shows=[3])
async def sleep_zero_is_one_turn(log):
    count_turns(log, 3)
    await sleep(0)
    log("after one")
    await sleep(0)
    log("after two")
    await sleep(-1)
    log("after sleep(-1)")


@scenario(AWAITING)
async def a_future_set_by_call_soon(log):
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    count_turns(log, 3)
    loop.call_soon(future.set_result, None)
    await future
    log("awake")
    await sleep(0)


@scenario(AWAITING)
async def a_wake_up_takes_its_place_in_the_queue(log):
    async def waiter():
        await future
        log("waiter")

    loop = asyncio.get_running_loop()
    future = loop.create_future()
    task = create_task(waiter())
    await sleep(0)
    loop.call_soon(log, "before")
    future.set_result(None)
    loop.call_soon(log, "after")
    log("still running")
    await task


@scenario(AWAITING, shows=[80])
async def awaiting_itself(log):
    async def work():
        await outcome(log, "self", holder[0])

    holder = []
    holder.append(create_task(work(), name="me"))
    await holder[0]


@scenario(AWAITING)
async def awaiting_what_is_not_a_future(log):
    class Odd:
        def __await__(self):
            yield 42

    await outcome(log, "odd", Odd())


@scenario(AWAITING)
async def awaiting_a_coroutine_twice(log):
    async def quick():
        return "x"

    coroutine = quick()
    await outcome(log, "first", coroutine)
    await outcome(log, "second", coroutine)


# ---- Done callbacks

CALLBACKS = "done callbacks"


@scenario(CALLBACKS, shows=[6])
async def on_a_pending_future(log):
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    future.add_done_callback(lambda f: log("first", f.result()))
    future.add_done_callback(lambda f: log("second"))
    loop.call_soon(log, "call_soon before")
    future.set_result("x")
    loop.call_soon(log, "call_soon after")
    log("set")
    await sleep(0)


@scenario(CALLBACKS, shows=[7])
async def on_a_done_future(log):
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    future.set_result("x")
    loop.call_soon(log, "call_soon before")
    future.add_done_callback(lambda f: log("callback"))
    loop.call_soon(log, "call_soon after")
    log("added")
    await sleep(0)


@scenario(CALLBACKS, shows=[6, 7])
async def before_and_after_the_result(log):
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    count_turns(log, 3)
    future.add_done_callback(lambda f: log("added while pending"))
    future.set_result("x")
    loop.call_soon(log, "call_soon")
    future.add_done_callback(lambda f: log("added when done"))
    future.add_done_callback(lambda f: f.add_done_callback(lambda _: log("added in a callback")))
    await pass_turns(3)


@scenario(CALLBACKS, shows=[6])
async def callbacks_and_awaiting_tasks_share_one_queue(log):
    async def waiter(name):
        await future
        log(name)

    future = new_future()
    future.add_done_callback(lambda f: log("callback 1"))
    tasks = [create_task(waiter("task 1"))]
    await sleep(0)
    future.add_done_callback(lambda f: log("callback 2"))
    tasks.append(create_task(waiter("task 2")))
    await sleep(0)
    future.set_result(None)
    await asyncio.wait(tasks)


@scenario(CALLBACKS, shows=[75])
async def removing(log):
    def callback(future):
        log("removed one")

    def other(future):
        log("other")

    future = new_future()
    for each in (callback, other, callback, callback):
        future.add_done_callback(each)
    log(future.remove_done_callback(callback), future.remove_done_callback(callback))
    future.add_done_callback(callback)
    future.set_result(None)
    log("after set:", future.remove_done_callback(callback))
    await sleep(0)


@scenario(CALLBACKS, shows=[110])
async def a_callback_that_raises(log):
    def report(loop, context):
        log("handler:", context["message"], described(context["exception"]))

    def bad(future):
        raise ValueError("bad callback")

    asyncio.get_running_loop().set_exception_handler(report)
    future = new_future()
    future.add_done_callback(bad)
    future.add_done_callback(lambda f: log("next callback"))
    future.set_result(None)
    await sleep(0)


@scenario(CALLBACKS, shows=[9])
async def of_a_cancelled_task(log):
    async def work():
        try:
            await new_future()
        finally:
            log("cleanup")

    task = create_task(work())
    task.add_done_callback(lambda t: log("callback, cancelled:", t.cancelled()))
    await sleep(0)
    task.cancel()
    log("cancel called, done:", task.done())
    await sleep(0)
    log("one turn later, done:", task.done())
    await sleep(0)


# ---- Turns of the loop

TURNS = "turns"


@scenario(TURNS, shows=[4])
async def call_soon_in_a_callback_is_for_the_next_turn(log):
    def chain(step):
        log("chain", step)
        if step < 3:
            loop.call_soon(chain, step + 1)

    loop = asyncio.get_running_loop()
    count_turns(log, 4)
    loop.call_soon(chain, 1)
    await pass_turns(4)


@scenario(TURNS, shows=[4])
async def two_chains_interleave(log):
    def chain(name, step):
        log(name, step)
        if step < 2:
            loop.call_soon(chain, name, step + 1)
            loop.call_soon(log, name, "extra", step)

    loop = asyncio.get_running_loop()
    count_turns(log, 4)
    loop.call_soon(chain, "a", 0)
    loop.call_soon(chain, "b", 0)
    await pass_turns(4)


@scenario(TURNS)
async def a_handle_cancelled_in_its_own_turn(log):
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: handle.cancel())
    handle = loop.call_soon(log, "never")
    loop.call_soon(log, "last")
    await sleep(0)
    log("cancelled:", handle.cancelled())


@scenario(TURNS, shows=[110])
async def a_callback_that_raises_does_not_end_the_turn(log):
    def report(loop, context):
        log("handler:", context["message"], "|", described(context["exception"]))
        log("keys:", *sorted(context))

    def bad():
        raise ValueError("bad")

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(report)
    loop.call_soon(bad)
    loop.call_soon(log, "next")
    await sleep(0)


@scenario(TURNS, shows=[110])
async def an_exception_handler_that_raises(log):
    def report(loop, context):
        log("handler")
        raise RuntimeError("handler failed")

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(report)
    loop.call_soon(lambda: 1 / 0)
    loop.call_soon(log, "next")
    await sleep(0)
    log("goes on")


@scenario(TURNS)
async def call_soon_threadsafe_keeps_the_order(log):
    loop = asyncio.get_running_loop()
    loop.call_soon(log, 1)
    loop.call_soon_threadsafe(log, 2)
    loop.call_soon(log, 3)
    await sleep(0)


# ---- stop()

STOPPING = "stop"


@scenario(STOPPING, shows=[5])
def what_is_ready_in_the_same_turn_still_runs(log, loop):
    def stop():
        log("stop")
        loop.stop()
        loop.call_soon(log, "added by stop's callback")

    def later():
        log("ready in the same turn")
        loop.call_soon(log, "added after stop")

    loop.call_soon(stop)
    loop.call_soon(later)
    loop.run_forever()
    log("returned, running:", loop.is_running())
    loop.call_soon(loop.stop)
    loop.run_forever()
    log("returned again")


@scenario(STOPPING, shows=[5])
def before_the_run_is_one_turn(log, loop):
    def first():
        log("first")
        loop.call_soon(log, "second")

    loop.call_soon(first)
    loop.stop()
    loop.run_forever()
    log("returned")
    loop.stop()
    loop.run_forever()
    log("returned again")


@scenario(STOPPING, shows=[5])
def stopping_twice_is_stopping_once(log, loop):
    loop.call_soon(loop.stop)
    loop.call_soon(loop.stop)
    loop.call_soon(loop.call_soon, log, "next turn")
    loop.run_forever()
    log("returned")
    loop.call_soon(loop.stop)
    loop.run_forever()


@scenario(STOPPING, shows=[5])
def a_task_goes_on_in_the_next_run(log, loop):
    async def work():
        for step in range(4):
            log("step", step)
            if step == 1:
                loop.stop()
            await sleep(0)

    task = loop.create_task(work())
    loop.run_forever()
    log("returned, done:", task.done())
    loop.run_until_complete(task)


@scenario(STOPPING, shows=[5])
def timers_that_are_due_run_before_the_stop_ends_the_turn(log, loop):
    loop.call_later(-1, log, "timer")
    loop.stop()
    loop.run_forever()
    log("returned")


@scenario(STOPPING, shows=[5, 110])
def the_callback_that_stops_may_raise(log, loop):
    def stop():
        loop.stop()
        raise ValueError("bad")

    loop.set_exception_handler(lambda _, context: log("handler:", described(context["exception"])))
    loop.call_soon(stop)
    loop.call_soon(log, "next")
    loop.run_forever()
    log("returned")


# ---- Cancellation

CANCELLING = "cancellation"


def flags(task):
    return f"done {task.done()}, cancelled {task.cancelled()}, cancelling {task.cancelling()}"


def arguments(error):
    return f"{type(error).__name__}{error.args}"


@scenario(CANCELLING, shows=[8])
async def before_the_start(log):
    async def work():
        log("never")

    task = create_task(work())
    log("cancel:", task.cancel("msg"))
    log(flags(task))
    try:
        await task
    except CancelledError as error:
        log(arguments(error))
    log(flags(task))


@scenario(CANCELLING, shows=[9, 18])
async def while_waiting(log):
    async def work():
        try:
            await future
        except CancelledError as error:
            log("in work:", arguments(error), "future cancelled:", future.cancelled())
            raise

    future = new_future()
    task = create_task(work())
    await sleep(0)
    log("cancel:", task.cancel("msg"), "future cancelled:", future.cancelled())
    log(flags(task))
    try:
        await task
    except CancelledError as error:
        log("in main:", arguments(error))
    log(flags(task), "| cancel again:", task.cancel())


@scenario(CANCELLING, shows=[18])
async def through_nested_coroutines(log):
    async def level(depth):
        try:
            if depth:
                await level(depth - 1)
            else:
                await new_future()
        finally:
            log("finally", depth)

    task = create_task(level(3))
    await sleep(0)
    task.cancel()
    await outcome(log, "task", task)


@scenario(CANCELLING, shows=[9])
async def turns_from_cancel_to_the_awaiting_task(log):
    async def work():
        try:
            await new_future()
        finally:
            log("cleanup")

    task = create_task(work())
    await sleep(0)
    count_turns(log, 4)
    task.cancel()
    await outcome(log, "task", task)
    await pass_turns(2)


@scenario(CANCELLING, shows=[10])
async def caught_and_a_value_returned(log):
    async def work():
        try:
            await new_future()
        except CancelledError:
            return "value"

    task = create_task(work())
    await sleep(0)
    task.cancel()
    await outcome(log, "task", task)
    log(flags(task))


@scenario(CANCELLING, shows=[11])
async def caught_and_going_on(log):
    async def work():
        try:
            await new_future()
        except CancelledError:
            log("caught, cancelling:", asyncio.current_task().cancelling())
        await sleep(0)
        log("goes on")
        await sleep(0)
        return "value"

    task = create_task(work())
    await sleep(0)
    task.cancel()
    await outcome(log, "task", task)
    log(flags(task))


@scenario(CANCELLING)
async def caught_and_another_exception_raised(log):
    async def work():
        try:
            await new_future()
        except CancelledError:
            raise ValueError("instead")

    task = create_task(work())
    await sleep(0)
    task.cancel()
    await outcome(log, "task", task)
    log(flags(task))


@scenario(CANCELLING)
async def cleanup_that_awaits(log):
    async def work():
        try:
            await new_future()
        finally:
            log("cleanup starts")
            await sleep(0)
            log("cleanup ends")

    task = create_task(work())
    await sleep(0)
    task.cancel()
    await outcome(log, "task", task)
    log(flags(task))


async def count_cancellations(log, waiting):
    """Awaits up to four times, each time going on when it is cancelled."""
    seen = 0
    for _ in range(4):
        try:
            await waiting()
        except CancelledError as error:
            seen += 1
            log("cancelled:", arguments(error), "cancelling", asyncio.current_task().cancelling())
    return f"{seen} seen"


@scenario(CANCELLING, shows=[12])
async def two_cancels_in_one_turn_while_waiting(log):
    futures = [new_future() for _ in range(4)]
    waiting = iter(futures)
    task = create_task(count_cancellations(log, lambda: next(waiting)))
    await sleep(0)
    log(task.cancel("one"), task.cancel("two"), flags(task))
    await pass_turns(2)
    for future in futures:
        if not future.done():
            future.set_result(None)
    await outcome(log, "task", task)
    log(flags(task))


@scenario(CANCELLING, shows=[12])
async def two_cancels_in_one_turn_while_in_sleep_zero(log):
    task = create_task(count_cancellations(log, lambda: sleep(0)))
    await sleep(0)
    log(task.cancel("one"), task.cancel("two"), flags(task))
    await outcome(log, "task", task)
    log(flags(task))


@scenario(CANCELLING, shows=[12])
async def two_cancels_before_the_start(log):
    task = create_task(count_cancellations(log, lambda: sleep(0)))
    log(task.cancel("one"), task.cancel("two"), flags(task))
    await outcome(log, "task", task)
    log(flags(task))


@scenario(CANCELLING)
async def two_cancels_in_two_turns(log):
    task = create_task(count_cancellations(log, lambda: sleep(0)))
    await sleep(0)
    task.cancel("one")
    await sleep(0)
    task.cancel("two")
    await outcome(log, "task", task)
    log(flags(task))


@scenario(CANCELLING, shows=[13])
async def cancelling_itself_and_then_awaiting(log):
    async def work():
        task = asyncio.current_task()
        log("cancel:", task.cancel("self"), flags(task))
        loop.call_soon(log, "a turn passed")
        try:
            await new_future()
        except CancelledError as error:
            log("caught", arguments(error))
            raise

    loop = asyncio.get_running_loop()
    task = create_task(work())
    await outcome(log, "task", task)
    log(flags(task))


@scenario(CANCELLING, shows=[13])
async def cancelling_itself_and_then_awaiting_what_is_done(log):
    async def work():
        done = new_future()
        done.set_result("x")
        asyncio.current_task().cancel("self")
        log("a done future does not deliver it:", await done)
        await outcome(log, "sleep(0) does", sleep(0))

    await outcome(log, "task", create_task(work()))


@scenario(CANCELLING, shows=[14])
async def cancelling_itself_and_then_returning(log):
    async def work():
        asyncio.current_task().cancel("self")
        return "value"

    task = create_task(work())
    try:
        log("task:", await task)
    except CancelledError as error:
        log("task:", arguments(error))
    log(flags(task))


@scenario(CANCELLING)
async def cancelling_itself_and_then_raising(log):
    async def work():
        asyncio.current_task().cancel("self")
        raise ValueError("raised")

    task = create_task(work())
    await outcome(log, "task", task)
    log(flags(task))


@scenario(CANCELLING, shows=[16])
async def with_the_wake_up_already_queued(log):
    async def work():
        await outcome(log, "in work", future)
        log("going on")

    future = new_future()
    task = create_task(work())
    await sleep(0)
    future.set_result("lost")
    log("cancel:", task.cancel("msg"), "future cancelled:", future.cancelled())
    await outcome(log, "task", task)
    log(flags(task))


@scenario(CANCELLING, shows=[82])
async def the_future_itself_is_cancelled(log):
    async def work():
        await future

    future = new_future()
    task = create_task(work())
    await sleep(0)
    future.cancel("by its owner")
    await outcome(log, "task", task)
    log(flags(task))


@scenario(CANCELLING)
async def a_cancelled_error_raised_by_hand(log):
    async def work():
        raise CancelledError("by hand")

    task = create_task(work())
    await outcome(log, "task", task)
    log(flags(task))


@scenario(CANCELLING)
async def uncancel_after_catching(log):
    async def work():
        task = asyncio.current_task()
        try:
            await new_future()
        except CancelledError:
            log("cancelling", task.cancelling(), "uncancel", task.uncancel(), task.uncancel())
        await sleep(0)
        return "value"

    task = create_task(work())
    await sleep(0)
    task.cancel()
    await outcome(log, "task", task)
    log(flags(task))


@scenario(CANCELLING)
async def uncancel_before_delivery_while_waiting(log):
    async def work():
        await outcome(log, "in work", future)

    future = new_future()
    task = create_task(work())
    await sleep(0)
    task.cancel()
    log("uncancel:", task.uncancel())
    await outcome(log, "task", task)
    log(flags(task))


@scenario(CANCELLING, shows=[17])
async def uncancel_before_delivery_in_sleep_zero(log):
    async def work():
        await outcome(log, "in work", sleep(0))

    task = create_task(work())
    await sleep(0)
    task.cancel()
    log("uncancel:", task.uncancel())
    await outcome(log, "task", task)
    log(flags(task))


@scenario(CANCELLING, shows=[17])
async def uncancel_before_the_start(log):
    async def work():
        log("work runs")

    task = create_task(work())
    task.cancel()
    log("uncancel:", task.uncancel())
    await outcome(log, "task", task)
    log(flags(task))


@scenario(CANCELLING, shows=[18])
async def through_a_nested_task(log):
    async def inner():
        try:
            await new_future()
        except CancelledError as error:
            log("inner:", arguments(error))
            raise

    async def outer():
        try:
            await inner_task
        except CancelledError as error:
            log("outer:", arguments(error))
            raise

    inner_task = create_task(inner())
    outer_task = create_task(outer())
    await sleep(0)
    count_turns(log, 4)
    log("cancel:", outer_task.cancel("msg"))
    log("inner:", flags(inner_task))
    log("outer:", flags(outer_task))
    await outcome(log, "task", outer_task)
    log("inner:", flags(inner_task))
    log("outer:", flags(outer_task))


@scenario(CANCELLING)
async def a_nested_task_that_swallows_it(log):
    async def inner():
        try:
            await new_future()
        except CancelledError:
            return "swallowed"

    async def outer():
        return await inner_task

    inner_task = create_task(inner())
    outer_task = create_task(outer())
    await sleep(0)
    outer_task.cancel()
    await outcome(log, "outer", outer_task)
    log(flags(outer_task))


@scenario(CANCELLING)
async def a_nested_task_cancelled_from_outside(log):
    async def inner():
        await new_future()

    async def outer():
        try:
            await inner_task
        except CancelledError:
            log("outer sees it, cancelling:", asyncio.current_task().cancelling())
            return "outer goes on"

    inner_task = create_task(inner())
    outer_task = create_task(outer())
    await sleep(0)
    inner_task.cancel()
    await outcome(log, "outer", outer_task)


@scenario(CANCELLING, shows=[36])
async def while_awaiting_gather(log):
    async def child(name):
        try:
            await new_future()
        except CancelledError as error:
            log(name, arguments(error))
            raise

    async def parent():
        try:
            await asyncio.gather(child("a"), child("b"))
        except CancelledError as error:
            log("parent", arguments(error))
            raise

    task = create_task(parent())
    await pass_turns(2)
    count_turns(log, 4)
    task.cancel("msg")
    await outcome(log, "task", task)
    log(flags(task))


@scenario(CANCELLING, shows=[36])
async def while_awaiting_gather_with_return_exceptions(log):
    async def child():
        await new_future()

    async def parent():
        return await asyncio.gather(child(), child(), return_exceptions=True)

    task = create_task(parent())
    await pass_turns(2)
    task.cancel("msg")
    await outcome(log, "task", task)
    log(flags(task))


@scenario(CANCELLING, shows=[40])
async def while_awaiting_shield(log):
    async def inner():
        await sleep(0)
        await sleep(0)
        log("inner ends")
        return "kept"

    async def outer():
        await asyncio.shield(inner_task)

    inner_task = create_task(inner())
    outer_task = create_task(outer())
    await sleep(0)
    outer_task.cancel()
    await outcome(log, "outer", outer_task)
    await outcome(log, "inner", inner_task)


@scenario(CANCELLING)
async def several_tasks_end_in_the_order_of_their_cancels(log):
    async def work(name):
        try:
            await new_future()
        finally:
            log("cleanup", name)

    tasks = {name: create_task(work(name)) for name in "abc"}
    await sleep(0)
    for name in "cab":
        tasks[name].cancel()
    await asyncio.wait(tasks.values())


# ---- gather

GATHER = "gather"


async def after(turns, value, log=None):
    await pass_turns(turns)
    if log:
        log("ends", value)
    if isinstance(value, BaseException):
        raise value
    return value


@scenario(GATHER, shows=[39])
async def results_in_the_order_of_the_arguments(log):
    results = asyncio.gather(after(3, "a", log), after(1, "b", log), after(2, "c", log))
    await outcome(log, "gather", results)


@scenario(GATHER, shows=[1])
async def children_start_in_order_not_at_once(log):
    async def child(name):
        log(name, "starts")

    count_turns(log, 3)
    gathered = asyncio.gather(child("a"), child("b"))
    log("gather called")
    await gathered
    log("awaited")


@scenario(GATHER, shows=[32])
async def the_first_exception_comes_at_once_and_siblings_go_on(log):
    slow = create_task(after(4, "slow", log))
    first = after(1, ValueError("first"), log)
    second = after(2, ValueError("second"), log)
    gathered = asyncio.gather(slow, first, second)
    await outcome(log, "gather", gathered)
    log("slow done:", slow.done(), "cancelled:", slow.cancelled())
    await outcome(log, "slow", slow)


@scenario(GATHER)
async def return_exceptions(log):
    children = [after(2, "a"), after(1, ValueError("b")), after(0, "c")]
    await outcome(log, "gather", asyncio.gather(*children, return_exceptions=True))


@scenario(GATHER, shows=[34])
async def a_child_is_cancelled(log):
    child = create_task(after(9, "never"))
    sibling = create_task(after(6, "sibling", log))
    gathered = asyncio.gather(child, sibling)
    await sleep(0)
    child.cancel("msg")
    await outcome(log, "gather", gathered)
    log("sibling done:", sibling.done(), "| gather cancelled:", gathered.cancelled())
    await sibling


@scenario(GATHER, shows=[35])
async def a_child_is_cancelled_with_return_exceptions(log):
    child = create_task(after(9, "never"))
    gathered = asyncio.gather(child, after(2, "sibling"), return_exceptions=True)
    await sleep(0)
    child.cancel("msg")
    await outcome(log, "gather", gathered)


@scenario(GATHER, shows=[36])
async def gather_is_cancelled(log):
    async def child(name):
        try:
            await new_future()
        finally:
            log("cleanup", name)

    children = [create_task(child(name)) for name in "ab"]
    gathered = asyncio.gather(*children)
    await sleep(0)
    log("cancel:", gathered.cancel("msg"), "done:", gathered.done())
    await outcome(log, "gather", gathered)
    log([task.cancelled() for task in children], "gather cancelled:", gathered.cancelled())


@scenario(GATHER, shows=[36])
async def gather_is_cancelled_and_a_child_swallows_it(log):
    async def child():
        try:
            await new_future()
        except CancelledError:
            return "swallowed"

    gathered = asyncio.gather(child(), after(1, "other"))
    await pass_turns(3)
    log("cancel:", gathered.cancel("msg"))
    await outcome(log, "gather", gathered)


@scenario(GATHER, shows=[36])
async def gather_with_return_exceptions_is_cancelled(log):
    gathered = asyncio.gather(after(9, "never"), after(9, "never"), return_exceptions=True)
    await sleep(0)
    log("cancel:", gathered.cancel("msg"))
    await outcome(log, "gather", gathered)


@scenario(GATHER)
async def empty(log):
    gathered = asyncio.gather()
    log("done at once:", gathered.done())
    count_turns(log, 2)
    log(await gathered)
    await pass_turns(2)


@scenario(GATHER)
async def of_done_futures(log):
    futures = [new_future() for _ in range(2)]
    for number, future in enumerate(futures):
        future.set_result(number)
    count_turns(log, 3)
    gathered = asyncio.gather(*futures)
    log("done at once:", gathered.done())
    log(await gathered)
    await sleep(0)


@scenario(GATHER, shows=[37])
async def cancel_after_the_children_are_done(log):
    futures = [new_future() for _ in range(2)]
    gathered = asyncio.gather(*futures)
    for number, future in enumerate(futures):
        future.set_result(number)
    log("done:", gathered.done(), "cancel:", gathered.cancel())
    await outcome(log, "gather", gathered)


@scenario(GATHER)
async def a_task_is_cancelled_after_the_children_are_done(log):
    async def parent():
        return await asyncio.gather(*futures)

    futures = [new_future() for _ in range(2)]
    task = create_task(parent())
    await sleep(0)
    for number, future in enumerate(futures):
        future.set_result(number)
    log("cancel:", task.cancel())
    await outcome(log, "task", task)


@scenario(GATHER, shows=[38])
async def the_same_awaitable_twice(log):
    task = create_task(after(1, "x", log))
    await outcome(log, "gather", asyncio.gather(task, after(0, "y"), task))


@scenario(GATHER)
async def nested_gathers(log):
    inner = asyncio.gather(after(1, "a", log), after(0, "b", log))
    await outcome(log, "gather", asyncio.gather(inner, after(3, "c", log)))


@scenario(GATHER)
async def turns_from_the_last_child_to_the_awaiting_task(log):
    future = new_future()
    asyncio.get_running_loop().call_soon(future.set_result, "x")
    count_turns(log, 4)
    log(await asyncio.gather(future))
    await sleep(0)


@scenario(GATHER, shows=[33])
async def all_children_fail(log):
    def report(loop, context):
        log("handler:", context["message"])

    asyncio.get_running_loop().set_exception_handler(report)
    children = [create_task(after(1, ValueError(name))) for name in "abc"]
    await outcome(log, "gather", asyncio.gather(*children))
    log("exceptions retrieved, nothing reported:", [task.exception() for task in children])


# ---- run()

RUNNING = "run"

# Which of several leftover tasks is cancelled first is not defined in CPython (they are a set), so
# that the names of those that clean up in the same turn are logged in one line, sorted.


@scenario(RUNNING)
def returns_the_result(log, loop):
    async def main():
        await sleep(0)
        return "result"

    log(asyncio.run(main()))


@scenario(RUNNING)
def an_exception_in_main(log, loop):
    async def main():
        await sleep(0)
        raise ValueError("main failed")

    attempt(log, "run", lambda: asyncio.run(main()))


@scenario(RUNNING, shows=[102])
def a_leftover_task_is_cancelled(log, loop):
    async def leftover():
        try:
            await new_future()
        except CancelledError as error:
            log("leftover:", arguments(error))
            await sleep(0)
            log("leftover: cleanup ends")
            raise

    async def main():
        create_task(leftover())
        await sleep(0)
        log("main ends")
        return "result"

    log("run:", asyncio.run(main()))


@scenario(RUNNING, shows=[102])
def leftover_tasks_clean_up_side_by_side(log, loop):
    stages = {}

    async def leftover(name):
        try:
            await new_future()
        finally:
            for stage in range(3):
                stages.setdefault(stage, []).append(name)
                await sleep(0)

    async def main():
        for name in "abc":
            create_task(leftover(name))
        await sleep(0)

    asyncio.run(main())
    for stage, names in stages.items():
        log("cleanup stage", stage, *sorted(names))


@scenario(RUNNING, shows=[102])
def a_task_created_as_main_ends_still_starts(log, loop):
    async def leftover():
        log("leftover starts")
        await outcome(log, "leftover", sleep(0))

    async def main():
        create_task(leftover())

    asyncio.run(main())
    log("returned")


@scenario(RUNNING, shows=[102])
def a_leftover_task_of_an_exception_in_main(log, loop):
    async def leftover():
        try:
            await new_future()
        finally:
            log("leftover: cleanup")

    async def main():
        create_task(leftover())
        await sleep(0)
        raise ValueError("main failed")

    attempt(log, "run", lambda: asyncio.run(main()))


@scenario(RUNNING, shows=[102])
def a_leftover_task_that_fails_in_its_cleanup(log, loop):
    def report(loop, context):
        log("handler:", context["message"], "|", described(context["exception"]))
        log("task:", context["task"].get_name())
        log("keys:", *sorted(context))

    async def leftover():
        try:
            await new_future()
        finally:
            raise ValueError("cleanup failed")

    async def main():
        asyncio.get_running_loop().set_exception_handler(report)
        create_task(leftover(), name="leftover")
        await sleep(0)
        return "result"

    log("run:", asyncio.run(main()))


@scenario(RUNNING, shows=[102])
def a_leftover_task_that_swallows_the_cancellation(log, loop):
    async def leftover():
        try:
            await new_future()
        except CancelledError:
            log("leftover: swallowed")
        await pass_turns(2)
        log("leftover: runs to its end")

    async def main():
        create_task(leftover())
        await sleep(0)

    asyncio.run(main())
    log("returned")


@scenario(RUNNING, shows=[102])
def a_leftover_task_starts_another(log, loop):
    async def second():
        log("second starts")
        await new_future()
        log("never")

    async def first():
        try:
            await new_future()
        finally:
            log("first: cleanup")
            holder.append(create_task(second()))
            await sleep(0)

    async def main():
        create_task(first())
        await sleep(0)

    holder = []
    asyncio.run(main())
    log("returned; second is not cancelled, done:", holder[0].done())


@scenario(RUNNING)
def main_is_cancelled_from_within(log, loop):
    async def main():
        asyncio.current_task().cancel("msg")
        await sleep(0)

    attempt(log, "run", lambda: asyncio.run(main()))


@scenario(RUNNING)
def call_soon_of_the_last_turn(log, loop):
    async def main():
        asyncio.get_running_loop().call_soon(log, "call_soon runs")
        asyncio.get_running_loop().call_later(3600, log, "a timer does not")

    asyncio.run(main())
    log("returned")


@scenario(RUNNING)
def a_runner_keeps_its_loop(log, loop):
    async def step(number):
        log("step", number)
        return asyncio.get_running_loop()

    with asyncio.Runner() as runner:
        loops = [runner.run(step(1)), runner.run(step(2))]
        log("same loop:", loops[0] is loops[1] is runner.get_loop())
    log("closed:", loops[0].is_closed())


@scenario(RUNNING, shows=[103])
def a_runner_keeps_its_context(log, loop):
    async def count():
        variable.set(variable.get() + 1)
        return variable.get()

    variable = contextvars.ContextVar("variable", default=0)
    with asyncio.Runner() as runner:
        log(runner.run(count()), runner.run(count()), runner.run(count()))
    log("outside:", variable.get())


@scenario(RUNNING, shows=[83])
def a_keyboard_interrupt_of_a_task(log, loop):
    async def work():
        try:
            await future
        except CancelledError:
            raise KeyboardInterrupt("in the cleanup")

    async def main():
        await sleep(0)
        task.cancel()
        await sleep(0)
        log("main goes on")

    future = loop.create_future()
    task = loop.create_task(work())
    main_task = loop.create_task(main())
    try:
        loop.run_until_complete(main_task)
    except KeyboardInterrupt as error:
        log("raised:", described(error))
    log("done:", task.done(), "cancelled:", task.cancelled(), described(task.exception()))
    loop.run_until_complete(main_task)


# ---- Errors

ERRORS = "errors"


def refuse(log, label, call):
    """Calls with a coroutine that the call is to refuse, and disposes of it."""

    async def never():
        log("never")

    coroutine = never()
    attempt(log, label, lambda: call(coroutine))
    coroutine.close()


@scenario(ERRORS, shows=[105])
def stop_inside_run_until_complete(log, loop):
    async def main():
        loop.stop()
        await new_future()

    task = loop.create_task(main())
    attempt(log, "run_until_complete", lambda: loop.run_until_complete(task))
    log("done:", task.done())
    task.cancel()
    attempt(log, "again", lambda: loop.run_until_complete(task))


@scenario(ERRORS, shows=[105])
def stop_inside_run(log, loop):
    async def main():
        asyncio.get_running_loop().stop()
        try:
            await new_future()
        except CancelledError:
            log("main is cancelled afterwards")
            raise

    attempt(log, "run", lambda: asyncio.run(main()))


@scenario(ERRORS, shows=[103, 106])
def nested_runs(log, loop):
    async def main():
        refuse(log, "run_until_complete of the running loop", loop.run_until_complete)
        attempt(log, "run_forever of the running loop", loop.run_forever)
        other = asyncio.new_event_loop()
        refuse(log, "run_until_complete of another loop", other.run_until_complete)
        attempt(log, "run_forever of another loop", other.run_forever)
        other.close()
        refuse(log, "run", asyncio.run)
        refuse(log, "Runner.run", runner.run)

    with asyncio.Runner() as runner:
        loop.run_until_complete(main())


@scenario(ERRORS)
def closing(log, loop):
    async def main():
        attempt(log, "close while running", loop.close)

    loop.run_until_complete(main())
    attempt(log, "close", loop.close)
    attempt(log, "close again", loop.close)
    log("is_closed:", loop.is_closed())
    attempt(log, "call_soon", lambda: loop.call_soon(print))
    attempt(log, "call_later", lambda: loop.call_later(1, print))
    attempt(log, "call_at", lambda: loop.call_at(1, print))
    attempt(log, "call_soon_threadsafe", lambda: loop.call_soon_threadsafe(print))
    attempt(log, "run_forever", loop.run_forever)
    refuse(log, "run_until_complete", loop.run_until_complete)
    refuse(log, "create_task", loop.create_task)
    attempt(log, "stop", loop.stop)
    log(repr(loop).split()[1:])


@scenario(ERRORS, shows=[103])
def run_twice_over_a_closed_runner(log, loop):
    async def main():
        return "result"

    runner = asyncio.Runner()
    log(runner.run(main()))
    runner.close()
    refuse(log, "Runner.run", runner.run)
    attempt(log, "get_loop", runner.get_loop)


@scenario(ERRORS)
def no_running_loop(log, loop):
    attempt(log, "get_running_loop", asyncio.get_running_loop)
    attempt(log, "current_task", asyncio.current_task)
    refuse(log, "create_task", create_task)


@scenario(ERRORS, shows=[89])
async def not_a_coroutine(log):
    loop = asyncio.get_running_loop()
    attempt(log, "create_task", lambda: create_task(42))
    attempt(log, "create_task of a future", lambda: create_task(new_future()))
    attempt(log, "ensure_future", lambda: asyncio.ensure_future(42))
    attempt(log, "gather", lambda: asyncio.gather(42))
    attempt(log, "set_exception_handler", lambda: loop.set_exception_handler(42))


@scenario(ERRORS)
def run_of_what_is_not_a_coroutine(log, loop):
    attempt(log, "run", lambda: asyncio.run(42))
    attempt(log, "run_until_complete", lambda: loop.run_until_complete(42))


@scenario(ERRORS, shows=[71])
async def a_pending_future(log):
    future = new_future()
    attempt(log, "result", future.result)
    attempt(log, "exception", future.exception)
    log(future.done(), future.cancelled())


@scenario(ERRORS, shows=[72])
async def a_future_with_a_result(log):
    future = new_future()
    attempt(log, "set_result", lambda: future.set_result(1))
    attempt(log, "set_result again", lambda: future.set_result(2))
    attempt(log, "set_exception", lambda: future.set_exception(ValueError()))
    attempt(log, "cancel", future.cancel)
    attempt(log, "result", future.result)
    attempt(log, "exception", future.exception)
    log(future.done(), future.cancelled())


@scenario(ERRORS, shows=[72])
async def a_future_with_an_exception(log):
    future = new_future()
    attempt(log, "set_exception", lambda: future.set_exception(ValueError("no")))
    attempt(log, "set_result", lambda: future.set_result(2))
    attempt(log, "set_exception again", lambda: future.set_exception(ValueError("again")))
    attempt(log, "result", future.result)
    attempt(log, "result again", future.result)
    attempt(log, "exception", future.exception)
    log(future.done(), future.cancelled())


@scenario(ERRORS, shows=[71, 72])
async def a_cancelled_future(log):
    future = new_future()
    attempt(log, "cancel", lambda: future.cancel("msg"))
    attempt(log, "cancel again", future.cancel)
    attempt(log, "set_result", lambda: future.set_result(2))
    attempt(log, "result", future.result)
    attempt(log, "result again", future.result)
    attempt(log, "exception", future.exception)
    log(future.done(), future.cancelled())


@scenario(ERRORS, shows=[73, 74])
async def what_set_exception_takes(log):
    attempt(log, "a class", lambda: new_future().set_exception(TypeError))
    attempt(log, "StopIteration", lambda: new_future().set_exception(StopIteration()))
    attempt(log, "a string", lambda: new_future().set_exception("text"))


@scenario(ERRORS, shows=[79])
async def a_task_is_not_set_from_outside(log):
    task = create_task(sleep(0))
    attempt(log, "set_result", lambda: task.set_result(1))
    attempt(log, "set_exception", lambda: task.set_exception(ValueError()))
    attempt(log, "result", task.result)
    attempt(log, "exception", task.exception)
    await task


@scenario(ERRORS, shows=[77])
async def an_exception_never_retrieved(log):
    def report(loop, context):
        log("handler:", context["message"], "|", described(context["exception"]))
        log("keys:", *sorted(context))

    async def work():
        raise ValueError("nobody asked")

    asyncio.get_running_loop().set_exception_handler(report)
    future = new_future()
    future.set_exception(ValueError("nobody looked"))
    del future
    task = create_task(work())
    await pass_turns(2)
    del task


# ---- Timers

TIMERS = "timers"


@scenario(TIMERS, shows=[107])
async def in_the_order_of_their_deadlines(log):
    loop = asyncio.get_running_loop()
    end = loop.create_future()
    for delay in (0.003, 0.001, 0.004, 0.002):
        loop.call_later(delay, log, delay)
    loop.call_later(0.005, end.set_result, None)
    await end


@scenario(TIMERS, shows=[107])
def deadlines_of_the_past(log, loop):
    for delay in (-1, -3, 0, -2):
        loop.call_later(delay, log, delay)
    loop.call_soon(log, "call_soon comes first")
    loop.stop()
    loop.run_forever()
    log("all in one turn")


@scenario(TIMERS, "call_later(0) comes after what call_soon made ready for the same turn")
def zero_delay(log, loop):
    loop.call_later(0, log, "call_later 1")
    loop.call_soon(log, "call_soon 1")
    loop.call_later(0, log, "call_later 2")
    loop.call_soon(log, "call_soon 2")
    loop.stop()
    loop.run_forever()


@scenario(TIMERS, "call_later(0) in a callback is for the next turn, after its call_soons")
async def zero_delay_in_a_callback(log):
    def callback():
        loop.call_later(0, log, "call_later(0)")
        loop.call_soon(log, "call_soon")
        log("callback")

    loop = asyncio.get_running_loop()
    count_turns(log, 3)
    loop.call_soon(callback)
    await pass_turns(3)


@scenario(TIMERS)
async def a_future_set_by_a_timer_that_is_due(log):
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    count_turns(log, 3)
    loop.call_later(-1, future.set_result, None)
    await future
    log("awake")
    await sleep(0)


@scenario(TIMERS)
def cancelled_timers_do_not_run(log, loop):
    handles = [loop.call_later(-number, log, number) for number in range(5)]
    handles[1].cancel()
    handles[4].cancel()
    handles[4].cancel()
    loop.stop()
    loop.run_forever()
    log([handle.cancelled() for handle in handles])


@scenario(TIMERS)
def a_timer_cancels_another_of_its_turn(log, loop):
    second = loop.call_later(-1, log, "never")
    loop.call_later(-2, second.cancel)
    loop.call_later(0, log, "third")
    loop.stop()
    loop.run_forever()


@scenario(TIMERS)
def a_handle_cancelled_after_its_run(log, loop):
    handle = loop.call_soon(log, "runs")
    loop.stop()
    loop.run_forever()
    log("cancelled:", handle.cancelled())
    handle.cancel()
    log("cancelled:", handle.cancelled())


@scenario(TIMERS, "equal deadlines (not FIFO: a heap; not to be relied on)")
def equal_deadlines(log, loop):
    deadline = loop.time() - 1
    for number in range(7):
        loop.call_at(deadline, log, number)
    loop.stop()
    loop.run_forever()


@scenario(TIMERS)
def two_equal_deadlines(log, loop):
    deadline = loop.time() - 1
    loop.call_at(deadline, log, "first")
    loop.call_at(deadline, log, "second")
    loop.stop()
    loop.run_forever()


@scenario(TIMERS)
def what_a_timer_knows(log, loop):
    handle = loop.call_at(12.5, log)
    log("when:", handle.when(), "cancelled:", handle.cancelled())
    other = loop.call_at(12.5, log)
    log("compare:", handle == other, handle <= other, handle < loop.call_at(13, log))
    attempt(log, "call_later(None)", lambda: loop.call_later(None, log))
    attempt(log, "call_at(None)", lambda: loop.call_at(None, log))


# ---- What is printed

PRINTING = "repr"


def hello():
    pass


def goodbye(*_, **__):
    pass


def another(*_):
    pass


class Greeter:
    def greet(self):
        pass

    def __repr__(self):
        return "Greeter()"


@scenario(PRINTING, "Handle")
def print_handle(log, loop):
    log(loop.call_soon(hello))
    log(loop.call_soon(goodbye, 1, "x", None, [1, 2]))
    log(loop.call_soon(goodbye, "a long text that takes much more than thirty characters to print"))
    log(loop.call_soon(lambda: None))
    log(loop.call_soon(Greeter().greet))
    log(loop.call_soon(print, "x"))
    cancelled = loop.call_soon(goodbye, 1)
    cancelled.cancel()
    log(cancelled)


@scenario(PRINTING, "TimerHandle")
def print_timer_handle(log, loop):
    log(loop.call_later(3600, hello))
    log(loop.call_later(3600, goodbye, 1))
    log(loop.call_at(7, hello))
    cancelled = loop.call_later(3600, hello)
    cancelled.cancel()
    log(cancelled)


@scenario(PRINTING, "functools.partial")
def print_partial(log, loop):
    log(loop.call_soon(functools.partial(hello)))
    log(loop.call_soon(functools.partial(goodbye, 1, "x")))
    log(loop.call_soon(functools.partial(goodbye, 1), 2))
    log(loop.call_soon(functools.partial(goodbye, 1, end="")))
    log(loop.call_soon(functools.partial(functools.partial(goodbye, 1), 2)))
    log(loop.call_later(3600, functools.partial(goodbye, 1)))
    log(loop.call_soon(functools.partial(goodbye, loop)))


@scenario(PRINTING, "Future")
def print_future(log, loop):
    pending = loop.create_future()
    log(pending)
    for callback in (hello, goodbye, another, hello):
        pending.add_done_callback(callback)
        log(pending)
    finished = loop.create_future()
    finished.set_result(1)
    log(finished)
    text = loop.create_future()
    text.set_result("x" * 60)
    log(text)
    nothing = loop.create_future()
    nothing.set_result(None)
    log(nothing)
    failed = loop.create_future()
    failed.set_exception(ValueError("no"))
    log(failed)
    failed.exception()
    cancelled = loop.create_future()
    cancelled.cancel("msg")
    log(cancelled)


async def waiting(future):
    return await future


@scenario(PRINTING, "Task")
async def print_task(log):
    future = new_future()
    task = create_task(waiting(future), name="t")
    log(task)
    await sleep(0)
    log(task)
    log(future)
    task.add_done_callback(hello)
    log(task)
    task.remove_done_callback(hello)
    future.set_result("x")
    log(task)
    await task
    log(task)


@scenario(PRINTING, "Task that is cancelled")
async def print_task_that_is_cancelled(log):
    task = create_task(waiting(new_future()), name="t")
    await sleep(0)
    task.cancel()
    log(task)
    await asyncio.wait([task])
    log(task)


@scenario(PRINTING, "Task that fails")
async def print_task_that_fails(log):
    future = new_future()
    task = create_task(waiting(future), name="t")
    future.set_exception(ValueError("no"))
    await asyncio.wait([task])
    log(task)
    task.exception()


@scenario(PRINTING, "Task that awaits a Task")
async def print_task_that_awaits_a_task(log):
    inner = create_task(waiting(new_future()), name="inner")
    outer = create_task(waiting(inner), name="outer")
    await sleep(0)
    log(inner)
    log(outer)
    outer.cancel()
    log(outer)
    await asyncio.wait([outer])


@scenario(PRINTING, "Task names", shows=[90])
async def print_names(log):
    named = create_task(sleep(0), name="t")
    log(named.get_name())
    named.set_name(42)
    log(repr(named.get_name()))
    unnamed = [create_task(sleep(0)) for _ in range(2)]
    numbers = [int(task.get_name().removeprefix("Task-")) for task in unnamed]
    log("Task-<number>, counting:", numbers[1] - numbers[0])


@scenario(PRINTING, "gather")
async def print_gathering(log):
    gathered = asyncio.gather(sleep(0), sleep(0))
    log(gathered)
    await gathered
    log(gathered)


@scenario(PRINTING, "EventLoop")
def print_loop(log, loop):
    log(loop)
    loop.call_soon(lambda: (log(loop), loop.stop()))
    loop.run_forever()
    loop.close()
    log(loop)


# ---- All of it

# What the same scenarios log on CPython 3.14 (seen on 3.14.2), where that is not what 3.11 logs.
ON_3_14 = {
    CALLBACKS: {
        "110 a callback that raises": [
            "handler: Exception in callback a_callback_that_raises.<locals>.bad() ValueError: bad callback",
            "next callback",
        ],
    },
    CANCELLING: {
        "17 uncancel before delivery in sleep zero": [
            "uncancel: 0",
            "in work: None",
            "task: None",
            "done True, cancelled False, cancelling 0",
        ],
        "17 uncancel before the start": [
            "uncancel: 0",
            "work runs",
            "task: None",
            "done True, cancelled False, cancelling 0",
        ],
    },
    GATHER: {
        "of done futures": ["done at once: True", "[0, 1]", "turn 1", "turn 2", "turn 3"],
    },
    ERRORS: {
        "run of what is not a coroutine": [
            "run: TypeError: An asyncio.Future, a coroutine or an awaitable is required",
            "run_until_complete: TypeError: An asyncio.Future, a coroutine or an awaitable is required",
        ],
        "73, 74 what set exception takes": [
            "a class: None",
            "StopIteration: None",
            "a string: TypeError: invalid exception object",
        ],
    },
    PRINTING: {
        "Handle": [
            "<Handle hello()>",
            "<Handle goodbye()>",
            "<Handle goodbye()>",
            "<Handle print_handle.<locals>.<lambda>()>",
            "<Handle Greeter.greet()>",
            "<Handle print()>",
            "<Handle cancelled>",
        ],
        "TimerHandle": [
            "<TimerHandle when=\u2026 hello()>",
            "<TimerHandle when=\u2026 goodbye()>",
            "<TimerHandle when=\u2026 hello()>",
            "<TimerHandle cancelled when=\u2026>",
        ],
        "functools.partial": [
            "<Handle hello()()>",
            "<Handle goodbye()()>",
            "<Handle goodbye()()>",
            "<Handle goodbye()()>",
            "<Handle goodbye()()>",
            "<TimerHandle when=\u2026 goodbye()()>",
            "<Handle goodbye()()>",
        ],
    },
}


def main():
    signal.alarm(60)
    warnings.simplefilter("ignore")
    logging.getLogger("asyncio").setLevel(logging.CRITICAL + 1)
    record = {
        "python": "%d.%d" % sys.version_info[:2],
        "normalised": NORMALISED,
        "scenarios": {
            group: {name: observe(body) for name, body in bodies.items()}
            for group, bodies in SCENARIOS.items()
        },
        "scenarios on 3.14 where they differ": ON_3_14,
    }
    print(json.dumps(record, indent=2))


if __name__ == "__main__":
    main()
