from datetime import timedelta
from threading import Event

from training.heartbeat import beating

SOON = timedelta(milliseconds=5)


def test_a_lease_is_kept_while_the_work_goes_on():
    beats, third = [], Event()
    ended = Event()

    def keep() -> bool:
        beats.append(len(beats))
        if len(beats) == 3:
            third.set()
        return True

    with beating(keep, every=SOON, done=ended.set):
        assert third.wait(timeout=10)
        assert not ended.is_set()

    assert ended.is_set()


def test_the_beat_stops_when_somebody_else_has_the_lease():
    beats, ended = [], Event()

    def keep() -> bool:
        beats.append(1)
        return False

    with beating(keep, every=SOON, done=ended.set):
        assert ended.wait(timeout=10)

    assert beats == [1]


def test_short_work_never_beats():
    beats = []

    with beating(lambda: bool(beats.append(1)), every=timedelta(hours=1), done=lambda: None):
        pass

    assert beats == []
