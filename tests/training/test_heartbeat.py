from datetime import timedelta
from threading import Event

from training.heartbeat import beating

SOON = timedelta(milliseconds=5)


def test_a_lease_is_kept_while_the_work_goes_on():
    beats: list[int] = []
    third = Event()
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
    beats: list[int] = []

    def beat() -> bool:
        beats.append(1)
        return True

    with beating(beat, every=timedelta(hours=1), done=lambda: None):
        pass

    assert beats == []


def test_a_database_that_is_away_for_a_moment_does_not_end_the_beat():
    beats, ended, fourth = [], [], Event()

    def keep() -> bool:
        beats.append(1)
        if len(beats) == 4:
            fourth.set()
        if len(beats) < 3:
            raise ConnectionError
        return True

    with beating(
        keep, every=SOON, done=lambda: ended.append(len(beats)), passing=(ConnectionError,)
    ):
        assert fourth.wait(timeout=10)

    assert ended[:2] == [1, 2]
    assert len(ended) == 3
