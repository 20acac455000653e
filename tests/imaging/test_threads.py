import threading

import pytest
import SimpleITK as sitk

from mslesion.imaging.itk import one_thread
from mslesion.imaging.threads import thread_count, together


@pytest.mark.parametrize("count", ["1", "2"])
def test_results_come_in_the_order_of_the_tasks(monkeypatch, count):
    monkeypatch.setenv("OMP_NUM_THREADS", count)
    assert together(lambda: "a", lambda: "b", lambda: "c") == ["a", "b", "c"]


def test_tasks_run_at_the_same_time_where_threads_allow(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    meeting = threading.Barrier(2, timeout=10)  # breaks if one waits for the other's end
    assert sorted(together(meeting.wait, meeting.wait)) == [0, 1]


@pytest.mark.parametrize("count", ["1", "2"])
def test_error_of_a_task_is_raised(monkeypatch, count):
    monkeypatch.setenv("OMP_NUM_THREADS", count)
    with pytest.raises(ZeroDivisionError):
        together(lambda: 1, lambda: 1 // 0)


def test_number_of_threads_is_that_of_the_environment_or_the_machine(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert thread_count() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "4,2")  # for nested levels
    assert thread_count() == 4
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {1, 4}, raising=False)
    assert thread_count() == 2
    monkeypatch.delattr("os.sched_getaffinity")
    monkeypatch.setattr("os.cpu_count", lambda: 5)
    assert thread_count() == 5


def test_itk_has_one_thread_until_the_last_one_that_needs_it_ends():
    count = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads
    before = count()
    first, second = one_thread(), one_thread()
    first.__enter__()
    second.__enter__()
    assert count() == 1
    first.__exit__(None, None, None)
    assert count() == 1
    second.__exit__(None, None, None)
    assert count() == before
