"""Reading ahead on a thread: every item, in order, one ahead, and errors where they belong."""

from __future__ import annotations

import threading

import pytest

from tryon.streaming.prefetch import prefetched


def test_every_item_comes_once_and_in_order():
    with prefetched(range(100)) as items:
        assert list(items) == list(range(100))


def test_items_are_made_on_another_thread_and_hardly_ahead():
    made, threads = [], set()

    def source():
        for i in range(20):
            threads.add(threading.get_ident())
            made.append(i)
            yield i

    with prefetched(source()) as items:
        for i in items:
            assert len(made) <= i + 4
    assert threads
    assert threading.get_ident() not in threads


def test_an_error_is_raised_where_the_item_was_expected():
    def source():
        yield 1
        raise ZeroDivisionError

    with prefetched(source()) as items:
        seen = []
        with pytest.raises(ZeroDivisionError):
            seen.extend(items)


def test_leaving_early_ends_the_thread():
    before = threading.active_count()
    with prefetched(iter(int, 1)) as items:
        next(items)
    assert threading.active_count() == before
