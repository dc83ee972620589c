"""The process that stands over one command, from the request to its last process.

It is single-threaded, and the subreaper of everything the command starts. It moves
input and output between owner and program, and never waits for one of them alone.
A command ends when its program has ended, its time is over, its owner is gone, or
the launcher stops; it is over when no process is left below this one.
"""

import sys

if sys.platform != "linux":
    raise ImportError("only the helper loads this, and it runs on Linux only")

import json
import math
import os
import resource
import select
import signal
import socket
import time
from collections.abc import Callable

from devdev_exec._memory import PeakMemory
from devdev_exec._posix import spawn
from devdev_exec._processes import SignalPipe, adopt_orphans, descendants, send_signals
from devdev_exec._program import Program
from devdev_exec._teardown import Step, Teardown
from devdev_exec._timeouts import FLUSH_TIMEOUT, LONGEST_WAIT
from devdev_exec._wire import Cause, Channel, Kind, Request, Target, encode

_EOF_INTERVAL = 0.05  # between two looks whether the terminal lacks end of file
_INPUT_LIMIT = 256 * 1024  # bytes the program has not taken before the owner waits
_OUTPUT_LIMIT = 1024 * 1024  # bytes the owner has not taken before the program waits
_DRAIN_LIMIT = 4 * 1024 * 1024  # more than a pipe or a terminal holds
_GONE = select.POLLRDHUP | select.POLLHUP | select.POLLERR

Interests = dict[int, tuple[int, Callable[[int], None]]]
"""Events of poll(2) to wait for, by descriptor, and who handles them."""


class Supervisor:
    """One command, for the owner at the other end of a socket."""

    def __init__(
        self, owner: socket.socket, lifeline: int, open_files: tuple[int, int]
    ) -> None:
        """Take over `owner` and `lifeline`.

        Args:
            owner: Where the request comes from and the result goes.
            lifeline: Comes to its end when the launcher stops or its helper dies.
            open_files: The program's soft and hard RLIMIT_NOFILE.
        """
        self._channel = Channel(owner)
        self._has_owner = True
        self._lifeline = lifeline
        self._has_lifeline = True
        self._open_files = open_files
        self._signals = SignalPipe((signal.SIGCHLD, signal.SIGTERM))
        self._program: Program | None = None
        self._begin = 0.0
        self._deadline = math.inf
        self._memory: PeakMemory | None = None
        self._is_interactive = False
        self._teardown = Teardown()
        self._cause = Cause.EXIT
        self._exit: int | None = None  # as os.waitstatus_to_exitcode gives it
        self._duration_s = 0.0
        self._failure = b""
        self._is_over = False

    def run(self) -> None:
        """Return when the command is over and its owner has the result."""
        adopt_orphans()
        self._send(Kind.ACCEPTED, encode({"pid": os.getpid()}))
        while not self._is_over:
            self._poll(self._interests(), self._due_in(time.monotonic()))
            self._do_what_is_due(time.monotonic())
        self._drain()
        self._report()
        self._flush()

    def _poll(self, interests: Interests, seconds: float) -> None:
        poll = select.poll()
        for fd, (events, _) in interests.items():
            poll.register(fd, events)
        for fd, events in poll.poll(min(seconds, LONGEST_WAIT) * 1000):
            interests[fd][1](events)

    def _interests(self) -> Interests:
        interests = self._interests_outside()
        program = self._program
        if program is None:
            return interests
        if program.status is not None:
            interests[program.status] = (select.POLLIN, self._learn_status)
        if program.writable is not None:
            interests[program.writable] = (select.POLLOUT, self._write_input)
        if self._channel.backlog < _OUTPUT_LIMIT:
            for fd in program.streams:
                interests[fd] = (select.POLLIN, self._forwarder(fd))
        return interests

    def _interests_outside(self) -> Interests:
        """What to wait for beside the program."""
        interests: Interests = {
            self._signals.fileno(): (select.POLLIN, self._take_signals)
        }
        if self._has_lifeline:
            interests[self._lifeline] = (select.POLLIN, self._lose_lifeline)
        if self._has_owner:
            events = select.POLLRDHUP
            if not self._is_over and self._wants_input:
                events |= select.POLLIN
            if self._channel.backlog:
                events |= select.POLLOUT
            interests[self._channel.fileno()] = (events, self._serve_owner)
        return interests

    @property
    def _wants_input(self) -> bool:
        return self._program is None or self._program.backlog < _INPUT_LIMIT

    def _due_in(self, now: float) -> float:
        """In how many seconds there is something to do though nothing happens."""
        due = self._teardown.due_in(now)
        if self._teardown.step is Step.NONE:
            due = min(due, self._deadline - now)
        if self._memory is not None:
            due = min(due, self._memory.due_in(now))
        if self._program is not None and self._program.offers_end_of_file:
            due = min(due, _EOF_INTERVAL)
        return max(due, 0.0)

    def _do_what_is_due(self, now: float) -> None:
        if now >= self._deadline:
            self._end(Cause.TIMEOUT)
        self._teardown.advance(now)
        if self._teardown.step is Step.GIVE_UP:
            self._is_over = True
        if self._memory is not None:
            self._memory.look(now)
        if self._program is not None:
            self._program.offer_end_of_file()

    # Owner and launcher.

    def _serve_owner(self, events: int) -> None:
        if events & _GONE:
            self._has_owner = False
            self._end(Cause.STOPPED)
            return
        if events & select.POLLOUT:
            self._channel.flush()
        if events & select.POLLIN:
            for kind, payload in self._channel.receive():
                self._obey(kind, payload)

    def _obey(self, kind: Kind, payload: bytes) -> None:
        if kind is Kind.REQUEST:
            self._start(Request.decode(payload))
        elif self._program is None:
            return  # it could not be started
        elif kind is Kind.INPUT:
            self._program.add_input(payload)
        elif kind is Kind.INPUT_END:
            self._program.end_input()
        elif kind is Kind.CLOSE:
            self._end(Cause.CLOSED)
        elif kind is Kind.RESIZE:
            self._program.resize(**json.loads(payload))
        elif kind is Kind.SIGNAL:
            self._signal(**json.loads(payload))

    def _signal(self, *, signal: int, to: str) -> None:
        if to == Target.TREE:
            send_signals(descendants(os.getpid()), (signal,))
        elif self._program is not None and self._exit is None:
            # Nobody else reaps it, so the number is still its own.
            pid = self._program.pid
            send_signals([-pid if to == Target.GROUP else pid], (signal,))

    def _send(self, kind: Kind, payload: bytes = b"") -> None:
        if self._has_owner:
            self._channel.send(kind, payload)
            self._channel.flush()

    def _lose_lifeline(self, events: int) -> None:
        self._has_lifeline = False
        self._end(Cause.STOPPED)

    def _end(self, cause: Cause) -> None:
        """End the command for a reason that is not its program's own end."""
        if self._teardown.step is Step.NONE:
            self._cause = cause
            if self._is_interactive:  # as when a terminal's window is closed
                send_signals(descendants(os.getpid()), (signal.SIGHUP,))
            self._teardown.begin(Step.TERMINATE, time.monotonic())
        if self._program is None:
            self._is_over = True

    # The program.

    def _start(self, request: Request) -> None:
        self._begin = time.monotonic()
        self._deadline = request.deadline
        self._is_interactive = request.interactive
        self._memory = PeakMemory(self._begin)
        if self._begin >= self._deadline:
            self._end(Cause.TIMEOUT)
            return
        try:
            self._program = spawn(request, self._open_files)
        except OSError as exc:
            message = f"no process for program {request.argv[0]!r}: {exc}"
            self._failure = encode({"errno": exc.errno, "message": message})
            self._is_over = True

    def _learn_status(self, events: int = 0) -> None:
        """Learn whether the program runs, and tell who waits for that."""
        program = self._program
        if program is None or program.status is None:
            return
        program.read_status()
        if program.status is None and not program.failure and self._is_interactive:
            self._send(Kind.STARTED, encode({"pid": program.pid}))

    def _write_input(self, events: int) -> None:
        assert self._program is not None
        backlog = self._program.backlog
        self._program.write_input()
        if self._is_interactive:
            taken = backlog - self._program.backlog
            self._send(Kind.TAKEN, encode({"bytes": taken}))

    def _forwarder(self, fd: int) -> Callable[[int], None]:
        def forward(events: int) -> None:
            self._forward(fd)

        return forward

    def _forward(self, fd: int) -> int:
        """Move output to the owner; return how many bytes."""
        assert self._program is not None
        kind = self._program.streams[fd]
        data = self._program.read(fd)
        if data:
            self._send(kind, data)
        return len(data)

    def _take_signals(self, events: int) -> None:
        for number in self._signals.read():
            if number == signal.SIGTERM:
                self._end(Cause.STOPPED)
        if self._program is not None and not self._is_over:
            self._reap(self._program)

    def _reap(self, program: Program) -> None:
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == program.pid:
                    self._exit = os.waitstatus_to_exitcode(status)
                    self._duration_s = time.monotonic() - self._begin
                    self._teardown.begin(Step.SETTLE, time.monotonic())
                elif pid == 0:
                    return
        except ChildProcessError:
            self._is_over = True

    # The result.

    def _drain(self) -> None:
        """Move on what the last processes wrote before they ended."""
        if self._program is None:
            return
        self._learn_status()
        self._failure = self._program.failure
        for fd in list(self._program.streams):
            room = _DRAIN_LIMIT  # somebody outside may hold it and write on
            while fd in self._program.streams and room > 0:
                moved = self._forward(fd)
                if not moved:
                    break
                room -= moved

    def _report(self) -> None:
        if self._failure:
            self._send(Kind.FAILED, self._failure)
            return
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        result: dict[str, object] = {
            "cause": self._cause,
            "exit_code": None,
            "signal": None,
            "duration_s": self._duration_s,
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "max_rss": max(
                usage.ru_maxrss * 1024, 0 if self._memory is None else self._memory.peak
            ),
        }
        if self._exit is None:  # never started, or nothing can end it
            result["duration_s"] = time.monotonic() - self._begin
        elif self._exit < 0:
            result["signal"] = -self._exit
        else:
            result["exit_code"] = self._exit
        self._send(Kind.ENDED, encode(result))

    def _flush(self) -> None:
        """Wait until the owner has taken everything, or is gone."""
        give_up = math.inf
        while self._has_owner and self._channel.backlog:
            now = time.monotonic()
            if not self._has_lifeline:
                give_up = min(give_up, now + FLUSH_TIMEOUT)
            if now >= give_up:
                return
            self._poll(self._interests_outside(), give_up - now)
