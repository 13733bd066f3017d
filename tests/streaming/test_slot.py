from __future__ import annotations

import threading
import time

import pytest

from tryon.streaming.slot import Slot, SlotClosedError


def test_newest_wins_and_drops_are_counted():
    slot: Slot[int] = Slot()
    for value in (1, 2, 3):
        slot.put(value)
    assert slot.get(0) == 3
    assert slot.drops == 2


def test_get_waits_for_a_put_from_another_thread():
    slot: Slot[str] = Slot()
    threading.Timer(0.05, slot.put, ["late"]).start()
    assert slot.get(2) == "late"
    assert slot.drops == 0


def test_none_is_an_item_like_any_other():
    slot: Slot[None] = Slot()
    slot.put(None)
    assert slot.get(0) is None


def test_get_times_out():
    slot: Slot[int] = Slot()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        slot.get(0.05)
    assert 0.04 < time.monotonic() - began < 1


def test_after_close_the_last_item_is_given_out_once():
    slot: Slot[int] = Slot()
    slot.put(7)
    slot.close()
    assert slot.get() == 7
    with pytest.raises(SlotClosedError):
        slot.get()
    with pytest.raises(SlotClosedError):
        slot.put(8)


def test_an_error_reaches_the_consumer_at_once_and_the_first_one_wins():
    slot: Slot[int] = Slot()
    slot.put(7)
    slot.close(OSError("first"))
    slot.close(ValueError("second"))
    with pytest.raises(OSError, match="first"):
        slot.get()


def test_close_wakes_a_waiting_consumer():
    slot: Slot[int] = Slot()
    threading.Timer(0.05, slot.close).start()
    with pytest.raises(SlotClosedError):
        slot.get(5)


def test_waiting_put_loses_nothing():
    slot: Slot[int] = Slot()
    producer = threading.Thread(target=lambda: [slot.put(i, wait=True) for i in range(200)])
    producer.start()
    assert [slot.get(2) for _ in range(200)] == list(range(200))
    producer.join(2)
    assert slot.drops == 0


def test_close_wakes_a_waiting_producer():
    slot: Slot[int] = Slot()
    slot.put(1)
    threading.Timer(0.05, slot.close).start()
    with pytest.raises(SlotClosedError):
        slot.put(2, wait=True)
