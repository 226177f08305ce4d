/**
 * Where this package logs something else than CPython, and why. An entry with a `log` has a twin,
 * whose log is this one; an entry without has none.
 *
 * @module
 */

/** What differs in a scenario. */
export interface Difference {
  readonly reason: string;
  readonly log?: readonly string[];
}

/** By group and by name. */
export const differences: Readonly<Record<string, Readonly<Record<string, Difference>>>> = {
  "awaiting": {
    "80 awaiting itself": {
      reason: "the text of a task does not list its callbacks, nor qualify names",
      log: [
        "self: RuntimeError: Task cannot await on itself: <Task pending name='me' coro=<work()>>",
      ],
    },
    "awaiting what is not a future": {
      reason: "the text begins with what can't be done; `await` takes anything, so only a bare " +
        "`yield` gets there",
      log: ["odd: RuntimeError: Cannot suspend: Task got bad yield: 42"],
    },
    "awaiting a coroutine twice": {
      reason: "a coroutine is a function, so only the package's own operations can be used up",
      log: [
        "first: 'x'",
        "second: RuntimeError: Cannot await twice: the coroutine was awaited already",
      ],
    },
  },
  "done callbacks": {
    "110 a callback that raises": {
      reason: "arguments are shown, as in 3.11; names are not qualified",
      log: [
        "handler: Exception in callback bad(<Future finished result=null>) ValueError: bad callback",
        "next callback",
      ],
    },
  },
  "turns": {
    "110 a callback that raises does not end the turn": {
      reason: "names are not qualified",
      log: [
        "handler: Exception in callback bad() | ValueError: bad",
        "keys: exception handle message",
        "next",
      ],
    },
  },
  "gather": {
    "35 a child is cancelled with return exceptions": {
      reason: "the message of the cancellation is kept",
      log: ["gather: [CancelledError('msg'), 'sibling']"],
    },
    "36 gather is cancelled and a child swallows it": {
      reason: "the message of the cancellation is kept",
      log: ["cancel: True", "gather: CancelledError: msg"],
    },
  },
  "errors": {
    "89 not a coroutine": {
      reason: "the texts name what this package takes",
      log: [
        "create_task: TypeError: Cannot create task: a coroutine was expected, such as () => work(), not 42",
        "create_task of a future: TypeError: Cannot create task: a coroutine was expected, such as () => work(), not <Future pending>",
        "ensure_future: TypeError: Cannot await: a future, a coroutine, or a promise is required, not 42",
        "gather: TypeError: Cannot await: a future, a coroutine, or a promise is required, not 42",
        "set_exception_handler: TypeError: Cannot set exception handler: a function was expected, not 42",
      ],
    },
    "run of what is not a coroutine": {
      reason: "the texts name what this package takes",
      log: [
        "run: TypeError: Cannot create task: a coroutine was expected, such as () => work(), not 42",
        "run_until_complete: TypeError: Cannot await: a future, a coroutine, or a promise is required, not 42",
      ],
    },
    "73, 74 what set exception takes": {
      reason: "anything can be thrown, and there is no StopIteration",
      log: ["a class: TypeError()", "a string: 'text'"],
    },
    "79 a task is not set from outside": {
      reason: "the texts name the methods as they are called here",
      log: [
        "set_result: RuntimeError: Cannot set result: Task does not support setResult operation",
        "set_exception: RuntimeError: Cannot set exception: Task does not support setException operation",
        "result: InvalidStateError: Result is not set.",
        "exception: InvalidStateError: Exception is not set.",
      ],
    },
    "77 an exception never retrieved": {
      reason: "nothing tells when an object is gone: the report comes after a garbage collection " +
        "or at exit, which futures_test.ts has child processes show",
    },
  },
  "timers": {
    "equal deadlines (not FIFO: a heap; not to be relied on)": {
      reason: "timers that are due at the same time are called in the order they were set",
      log: ["0", "1", "2", "3", "4", "5", "6"],
    },
    "what a timer knows": {
      reason: "objects can't be compared by <, and a bad number is a RangeError",
      log: [
        "when: 12.5 cancelled: False",
        "call_later(None): RangeError: Cannot schedule a callback: delay must be a number, not null",
        "call_at(None): RangeError: Cannot schedule a callback: when must be a number, not null",
      ],
    },
  },
  "repr": {
    "Handle": {
      reason: "arguments are shown, as in 3.11; values are JavaScript's; names are not qualified",
      log: [
        "<Handle hello()>",
        "<Handle goodbye(1, 'x', null, [1, 2])>",
        "<Handle goodbye('a long text ...ters to print')>",
        "<Handle anonymous()>",
        "<Handle greet()>",
        "<Handle parseInt('x')>",
        "<Handle cancelled>",
      ],
    },
    "TimerHandle": {
      reason: "arguments are shown, as in 3.11",
      log: [
        "<TimerHandle when=… hello()>",
        "<TimerHandle when=… goodbye(1)>",
        "<TimerHandle when=… hello()>",
        "<TimerHandle cancelled when=…>",
      ],
    },
    "functools.partial": {
      reason: "arguments are shown, as in 3.11; there are no keyword arguments; a partial of a " +
        "partial keeps its inner call apart",
      log: [
        "<Handle hello()()>",
        "<Handle goodbye(1, 'x')()>",
        "<Handle goodbye(1)(2)>",
        "<Handle goodbye(1)(2)()>",
        "<TimerHandle when=… goodbye(1)()>",
        "<Handle goodbye(<EventLoop ru...e debug=false>)()>",
      ],
    },
    "Future": {
      reason: "callbacks are not listed; values are JavaScript's",
      log: [
        "<Future pending>",
        "<Future pending>",
        "<Future pending>",
        "<Future pending>",
        "<Future pending>",
        "<Future finished result=1>",
        "<Future finished result='xxxxxxxxxxxx...xxxxxxxxxxxxx'>",
        "<Future finished result=null>",
        "<Future finished exception=ValueError('no')>",
        "<Future cancelled>",
      ],
    },
    "Task": {
      reason: "callbacks are not listed, what a task waits for is shown by its class",
      log: [
        "<Task pending name='t' coro=<waiter()>>",
        "<Task pending name='t' coro=<waiter()> waitFor=<Future>>",
        "<Future pending>",
        "<Task pending name='t' coro=<waiter()> waitFor=<Future>>",
        "<Task pending name='t' coro=<waiter()> waitFor=<Future>>",
        "<Task finished name='t' coro=<waiter()> result='x'>",
      ],
    },
    "Task that is cancelled": {
      reason: "a coroutine is often a nameless function; what it waits for is shown by its class",
      log: [
        "<Task cancelling name='t' coro=<anonymous()> waitFor=<Future>>",
        "<Task cancelled name='t' coro=<anonymous()>>",
      ],
    },
    "Task that fails": {
      reason: "a coroutine is often a nameless function",
      log: ["<Task finished name='t' coro=<anonymous()> exception=ValueError('no')>"],
    },
    "Task that awaits a Task": {
      reason: "a coroutine is often a nameless function; what it waits for is shown by its class",
      log: [
        "<Task pending name='inner' coro=<anonymous()> waitFor=<Future>>",
        "<Task pending name='outer' coro=<anonymous()> waitFor=<Task>>",
        "<Task cancelling name='outer' coro=<anonymous()> waitFor=<Task>>",
      ],
    },
    "gather": {
      reason: "the class has no underscore; values are JavaScript's",
      log: [
        "<GatheringFuture pending>",
        "<GatheringFuture finished result=[undefined, undefined]>",
      ],
    },
    "EventLoop": {
      reason: "there is one class of loops; values are JavaScript's",
      log: [
        "<EventLoop running=false closed=false debug=false>",
        "<EventLoop running=true closed=false debug=false>",
        "<EventLoop running=false closed=true debug=false>",
      ],
    },
  },
};
