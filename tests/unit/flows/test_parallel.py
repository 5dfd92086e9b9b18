"""Many calls at once."""

import threading

from flows.parallel import in_parallel


def test_every_item_is_given_with_its_ended_future():
    ended = in_parallel(lambda number: 2 * number, range(10), 3, let_go=lambda: None)
    assert sorted((item, future.result()) for item, future in ended) == [(number, 2 * number) for number in range(10)]


def test_what_is_waited_for_is_let_go_when_the_rest_is_not_wanted():
    """Nobody would set what the other calls wait for, so that they would be waited for in vain."""
    gone, begun = threading.Event(), []

    def call(number):
        begun.append(number)
        return number == 0 or gone.wait(60.0)

    ended = in_parallel(call, range(10), 3, let_go=gone.set)
    assert next(ended)[0] == 0
    ended.close()
    assert gone.is_set()
    assert len(begun) <= 4


def test_nothing_is_let_go_where_all_have_ended():
    gone = threading.Event()
    assert len(list(in_parallel(str, range(3), 2, let_go=gone.set))) == 3
    assert not gone.is_set()
