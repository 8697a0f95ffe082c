"""Ctrl-C (SIGINT) and SIGTERM: a training ends with its iteration, all else at once."""

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator

SECONDS = 20.0  # torchrun kills 30 s after it has passed a signal on
SAVING = 120.0
ONE = 1.0  # signals within so many seconds are one: terminal and launcher pass on the same Ctrl-C
LAUNCHED = 'TORCHELASTIC_RUN_ID'  # torchrun sets it
NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """Ends a run because a signal asked for it.

    Args:
        number: Of the signal.
        done: A sentence on what was saved, if anything.
    """

    def __init__(self, number: int, done: str = '') -> None:
        super().__init__(done or f'{signal.Signals(number).name} asked this process to end.')
        self.number, self.done = number, done


class _Signals:
    """Holds what signals have asked for, in the process that made it."""

    def __init__(self, seconds: float) -> None:
        self.pid = os.getpid()
        self.asked = 0  # the number of the first signal
        self.patient = False  # whether the end of an iteration is waited for
        self.seconds = seconds  # from a signal to the end of the process
        self.last = 0.0
        self.taken: list[int] = []

    def handle(self, number: int, _) -> None:
        if os.getpid() != self.pid:  # of a worker, which its parent ends
            if number == signal.SIGTERM:
                signal.signal(number, signal.SIG_DFL)  # the next one counts
            return
        before, self.last = self.last, time.monotonic()
        if not self.asked:
            self.asked = number
            if not self.patient:
                raise Stopped(number)
        elif number == signal.SIGINT and self.last - before > ONE:
            raise Stopped(number, 'Ctrl-C came twice, so nothing more was saved.')

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Take the signals that do what Python lets them do; leave those that others have."""
        before = {int(number): signal.getsignal(number) for number in NUMBERS}
        usual = (signal.SIG_DFL, signal.default_int_handler)
        self.taken = [number for number in NUMBERS if before[number] in usual]
        with self._watched() if os.name == 'posix' else contextlib.nullcontext():
            for number in self.taken:
                signal.signal(number, self.handle)
            try:
                yield
            finally:
                for number in self.taken:
                    signal.signal(number, before[number])

    # ------------------------------------------------------------------ where Python hears nothing

    @contextlib.contextmanager
    def _watched(self) -> Iterator[None]:
        """Let a thread hear of signals, too: the main one may wait in C for a lost process."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        thread = threading.Thread(target=self._watch, args=[reader], daemon=True)
        thread.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            os.write(writer, b'\0')
            thread.join()
            os.close(reader)
            os.close(writer)

    def _watch(self, reader: int) -> None:
        launcher = os.getppid() if LAUNCHED in os.environ else None
        begun, number = None, 0
        while True:
            pause = 0.5 if begun or launcher else None
            if select.select([reader], [], [], pause)[0]:
                heard = os.read(reader, 1000)
                if 0 in heard:
                    return
                if begun is None and (numbers := [n for n in self.taken if n in heard]):
                    begun, number = time.monotonic(), numbers[0]
            if launcher and os.getppid() != launcher:  # killed, so it cannot end this process
                launcher = None
                os.kill(self.pid, signal.SIGTERM)
            if begun and time.monotonic() > begun + self.seconds:
                self._leave(number)

    def _leave(self, number: int) -> None:
        text = (
            f'\nStopped {self.seconds:g} s after {signal.Signals(number).name}, in which no '
            'iteration or save came to its end: the last checkpoint is from before.\n'
        )
        with contextlib.suppress(OSError):
            os.write(2, text.encode())
        os._exit(128 + number)


_current: _Signals | None = None


def _forget_pipe() -> None:
    """Let a forked process write its own signals nowhere: the pipe is its parent's."""
    if _current is not None:
        with contextlib.suppress(ValueError):
            signal.set_wakeup_fd(-1)


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_forget_pipe)


def _own() -> _Signals | None:
    return _current if _current is not None and _current.pid == os.getpid() else None


@contextlib.contextmanager
def stoppable(seconds: float = SECONDS) -> Iterator[None]:
    """Let SIGINT and SIGTERM raise Stopped, as long as it lasts; elsewhere than in main threads
    and inside of another one nothing changes.

    A process that has not ended ``seconds`` after a signal is ended. A signal for which somebody
    has a handler of their own stays theirs.
    """
    global _current
    if threading.current_thread() is not threading.main_thread() or _own():
        yield
        return
    outer, _current = _current, _Signals(seconds)
    try:
        with _current.installed():
            yield
    finally:
        _current = outer


def wait_for_iterations(seconds: float) -> None:
    """From now on let a signal wait until `asked` is called, at most so many seconds."""
    if own := _own():
        own.patient, own.seconds = True, seconds


def end_at_once() -> None:
    """From now on let a signal end what is done at once; so does one that has waited."""
    if own := _own():
        own.patient = False
        if own.asked:
            raise Stopped(own.asked)


def asked() -> int:
    """Return the number of the signal that has asked for an end, or 0."""
    own = _own()
    return own.asked if own else 0


def allow_saving() -> None:
    """Give a save more time than the iteration before it."""
    if own := _own():
        own.seconds += SAVING


def shield_worker(begin: Callable[[int], None] | None, number: int) -> None:
    """Begin as a worker of a dataloader that only its own process ends.

    ``timeout``, torchrun and Slurm signal workers as well, and a save must not fail by their end.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, 'sigwaitinfo'):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    if begin is not None:
        begin(number)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        if signal.sigwaitinfo([signal.SIGTERM]).si_pid == parent:
            break
    os._exit(0)


def stopped_by(error: BaseException | None) -> Stopped | None:
    """Return what a signal raised, if that is behind an error: mmengine may turn it into one."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    if error is None or isinstance(error, Stopped):
        return error
    return Stopped(signal.SIGINT)
