"""Ctrl-C is one sentence, whatever it breaks on its way."""

import os
import signal

import pytest

from flows.cli.interrupt import InterruptedRunError, interruptible


def pressed_within(error: Exception) -> None:
    """Presses Ctrl-C where foreign code makes another error of it."""
    try:
        os.kill(os.getpid(), signal.SIGINT)
        signal.sigtimedwait([], 1)
    except KeyboardInterrupt:
        raise error from None


@pytest.mark.parametrize("error", [RuntimeError("engine"), OSError("server gone"), ValueError("serializing settings")])
def test_what_ctrl_c_breaks_is_ctrl_c(error):
    with pytest.raises(InterruptedRunError, match="published before is whole"), interruptible():
        pressed_within(error)


def test_the_same_error_without_ctrl_c_is_itself():
    with pytest.raises(ValueError, match="bad"), interruptible():
        raise ValueError("bad")


def test_afterwards_ctrl_c_is_heard_as_before():
    before = signal.getsignal(signal.SIGINT)
    with interruptible():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
