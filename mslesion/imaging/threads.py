"""Independent work at the same time, where several threads are allowed.

The libraries below compute outside of Python's lock, so that threads share the cores. Each task
computes alone what it computes in its turn: the result is the same bits for any number of threads.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def thread_count() -> int:
    """How many threads this process may use.

    Returns
    -------
    int
        ``OMP_NUM_THREADS`` of the environment (of a list, one for each nested level, the first
        number), else the cores that this process may run on.
    """
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if asked.isdecimal() and int(asked):
        return int(asked)
    if hasattr(os, "sched_getaffinity"):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def together(*tasks: Callable) -> list:
    """Results of tasks of which none needs another one.

    Parameters
    ----------
    *tasks : callable
        Each is called without arguments. They begin in this order.

    Returns
    -------
    list
        In the order of the tasks. The first task that fails raises its error, after all ended.
    """
    count = min(thread_count(), len(tasks))
    if count == 1:
        return [task() for task in tasks]
    with ThreadPoolExecutor(count) as pool:
        return [one.result() for one in [pool.submit(task) for task in tasks]]
