"""How a run is left in the middle of something long, and how runs take turns.

A run that is asked to pause or to stop while it evaluates, loads its data or waits for its turn answers at once: what
is long calls a function `check` now and then, which raises `Interrupted`.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, TypeVar

from builder.compile import layers
from trainers.stages import Cancelled, Stage, heard_by

if TYPE_CHECKING:
    from torch import nn

CHECK_SECONDS = 0.05
Result = TypeVar("Result")


class Interrupted(BaseException):
    """The run was asked to pause or to stop. Like KeyboardInterrupt it is no Exception, so that no handler of errors on
    the way takes it for a failure of a node, of a data set or of a library."""


@contextlib.contextmanager
def interruptible(modules: Mapping[str, nn.Module], check: Callable[[], None]) -> Iterator[None]:
    """Inside, `check()` is called before each network and each simple layer of it runs. When it raises, every module is
    set back to the mode, training or evaluation, that it had.

    Layers that are made of others are left out: some of torch's take another path while they have hooks, which rounds
    differently.
    """
    watched = {id(network): network for network in modules.values()}
    for network in modules.values():
        watched |= {id(layer): layer for layer in layers(network).values() if next(layer.children(), None) is None}
    modes = [(module, module.training) for network in modules.values() for module in network.modules()]
    handles = [module.register_forward_pre_hook(lambda *_: check()) for module in watched.values()]
    try:
        yield
    except Interrupted:
        for module, mode in modes:
            module.training = mode
        raise
    finally:
        for handle in handles:
            handle.remove()


def wait_for(
    work: Callable[[], Result], check: Callable[[], None], hear: Callable[[Stage], None] = lambda stage: None
) -> Result:
    """The result of `work()`, which runs in a thread of its own: data sets are read and downloaded by functions that
    cannot be interrupted. `hear` gets how far it is. When `check()` raises, the thread is left to itself: it ends
    where it says how far it is, and its result is dropped."""
    future: Future[Result] = Future()
    left = threading.Event()

    def heard(stage: Stage) -> None:
        if left.is_set():
            raise Cancelled
        hear(stage)

    def run() -> None:
        try:
            with heard_by(heard):
                future.set_result(work())
        except BaseException as error:  # raised again where the result is wanted
            future.set_exception(error)

    threading.Thread(target=run, name=f"{threading.current_thread().name} data", daemon=True).start()
    try:
        check()
        while not wait([future], CHECK_SECONDS).done:
            check()
    except BaseException:
        left.set()
        raise
    return future.result()


class Turns:
    """Who may train: one at a time, in the order in which they asked."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[object] = []
        self._holder: object | None = None

    def take(self, who: object, leaves: Callable[[], bool], waits: Callable[[], None]) -> bool:
        """Wait for the turn. False: `leaves()` became true before. `waits()` is called once if somebody else trains."""
        with self._changed:
            self._waiting.append(who)
        said = False
        try:
            while not leaves():
                with self._changed:
                    if self._holder is None and self._waiting[0] is who:
                        self._holder = who
                        return True
                if not said:
                    said = True
                    waits()
                with self._changed:
                    self._changed.wait(CHECK_SECONDS)
            return False
        finally:
            with self._changed:
                self._waiting.remove(who)
                self._changed.notify_all()

    def give_back(self, who: object) -> None:
        """The turn is over."""
        with self._changed:
            if self._holder is who:
                self._holder = None
            self._changed.notify_all()


TURNS = Turns()
