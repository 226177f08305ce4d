"""Random programs of tasks that come in each other's way; see parity_programs.py, which runs them."""

import random

FUTURES = 4
EVENTS = 2
RANDOM = random.Random(1)
WHEN = ["FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"]


def delay():
    return round(RANDOM.uniform(0.1, 3), 6)


def limit():
    return RANDOM.choice([delay(), delay(), delay(), 0, -1, None])


def future():
    return RANDOM.randrange(FUTURES)


def event():
    return RANDOM.randrange(EVENTS)


def task():
    """Of those that there are when it comes to that: modulo their number."""
    return RANDOM.randrange(6)


def some_tasks():
    return sorted({task() for _ in range(RANDOM.randint(1, 3))})


def target():
    return RANDOM.choice([["future", future()], ["task", task()], ["task", task()]])


def kind():
    return RANDOM.choice(["lock", "semaphore", "bounded semaphore"])


def order():
    return RANDOM.choice(["first in", "first in", "last in", "smallest"])


def action():
    return RANDOM.choice(
        [
            ["nothing", 0],
            ["cancel", task()],
            ["set result", future()],
            ["set exception", future()],
            ["cancel future", future()],
            ["set event", event()],
            ["throw", 0],
            ["get variable", 0],
        ]
    )


def body(depth):
    return [step(depth - 1) for _ in range(RANDOM.randint(1, 3))]


def bodies(depth):
    return [body(depth) for _ in range(RANDOM.randint(0, 3))]


def children(depth):
    return [child if RANDOM.random() < 0.6 else target() for child in bodies(depth)]


#: How often each is chosen, and what makes its arguments.
SIMPLE = {
    "turn": (5, lambda: []),
    "sleep": (4, lambda: [delay()]),
    "future": (3, lambda: [future()]),
    "act": (4, lambda: [action()]),
    "call soon": (1, lambda: [action()]),
    "call later": (1, lambda: [delay(), action()]),
    "cancel": (4, lambda: [task()]),
    "cancel self": (1, lambda: []),
    "uncancel": (1, lambda: []),
    "cancelling": (1, lambda: []),
    "throw": (1, lambda: []),
    "await task": (2, lambda: [task()]),
    "when done": (1, lambda: [task()]),
    "wait for event": (1, lambda: [event()]),
    "clear event": (1, lambda: [event()]),
    "wait for condition": (1, lambda: []),
    "wait until": (1, lambda: [RANDOM.randrange(3)]),
    "notify": (1, lambda: [RANDOM.randint(1, 2)]),
    "notify all": (1, lambda: []),
    "acquire": (3, lambda: [kind()]),
    "release": (3, lambda: [kind()]),
    "put": (3, lambda: [order(), RANDOM.randrange(5)]),
    "get": (3, lambda: [order()]),
    "task done": (1, lambda: []),
    "join": (1, lambda: []),
    "shut down": (1, lambda: [RANDOM.random() < 0.5]),
    "barrier": (1, lambda: []),
    "abort barrier": (1, lambda: []),
    "reset barrier": (1, lambda: []),
    "reschedule": (1, lambda: [RANDOM.choice([delay(), delay(), None])]),
    "set variable": (1, lambda: [RANDOM.randrange(100)]),
    "get variable": (1, lambda: []),
    "wait": (2, lambda: [some_tasks(), RANDOM.choice(WHEN), RANDOM.choice([None, delay(), 0])]),
    "as completed": (1, lambda: [some_tasks(), RANDOM.choice([None, delay()])]),
    "shield target": (1, lambda: [target()]),
    "wait for target": (1, lambda: [target(), limit()]),
}

NESTED = {
    "try": (6, lambda d: [body(d), RANDOM.choice(["catch", "rethrow", "replace"]), body(d)]),
    "finally": (2, lambda d: [body(d), body(d)]),
    "shield": (1, lambda d: [body(d)]),
    "wait for": (2, lambda d: [body(d), limit()]),
    "timeout": (3, lambda d: [body(d), limit()]),
    "gather": (4, lambda d: [children(d), RANDOM.random() < 0.5]),
    "group": (3, lambda d: [bodies(d), body(d), RANDOM.random() < 0.3]),
    "lock": (2, lambda d: [body(d)]),
    "semaphore": (1, lambda d: [body(d)]),
    "condition": (1, lambda d: [body(d)]),
    "spawn": (2, lambda d: [body(d)]),
}


def step(depth):
    table = SIMPLE if depth <= 0 or RANDOM.random() < 0.5 else NESTED
    weights = [weight for weight, _ in table.values()]
    name = RANDOM.choices(list(table), weights)[0]
    arguments = table[name][1]
    return [name, *(arguments() if table is SIMPLE else arguments(depth))]


def program():
    return [body(3) for _ in range(RANDOM.randint(1, 4))]
