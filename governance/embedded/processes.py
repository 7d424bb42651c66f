"""Kernel settings for child processes. Standard library only."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
SECBIT_NO_SETUID_FIXUP = 1 << 2
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAP_SETPCAP = 8
LINUX_CAPABILITY_VERSION_3 = 0x20080522


def die_with_parent(last_signal: signal.Signals = signal.SIGTERM) -> None:
    """Have the kernel signal this process when its parent ends. No effect without ``prctl``.

    For a child, between fork and exec or as its first action, and after any change of user, which would reset it. It is
    bound to the parent's *thread*: the parent must have forked from its main thread.
    """
    parent = os.getppid()
    with suppress(AttributeError):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(last_signal), 0, 0, 0)
        if os.getppid() != parent:  # the parent ended in between
            os.kill(os.getpid(), signal.SIGKILL)


def drop_privileges(user: int, group: int, *, may_pass_everywhere: bool = False) -> None:
    """Give up root permanently, between fork and exec.

    Args:
        user: id of the user to become.
        group: id of the only group to keep.
        may_pass_everywhere: keep the capability to enter directories closed to that user, for a program inside one. No
            other capability is kept.

    Raises:
        OSError: the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if may_pass_everywhere:
        # Keeps capabilities across the change of user, and makes access(2), which initdb calls, respect them.
        _call(libc.prctl, PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    if may_pass_everywhere:
        capability = CAP_DAC_READ_SEARCH if _holds(CAP_DAC_READ_SEARCH) else CAP_DAC_OVERRIDE
        mask = 1 << capability
        header = (ctypes.c_uint32 * 2)(LINUX_CAPABILITY_VERSION_3, 0)
        _call(libc.capset, header, (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0))
        _call(libc.prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)


@dataclass
class Child:
    """A child process in its own session: a Ctrl-C in the terminal is sent only to its parent.

    Must be started from the main thread, because the parent-death signal is bound to it.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    directory: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start or restart it; its output is appended to its log."""
        self._end_session()  # its own children may have outlived it
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                cwd=self.directory,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - started from a process with one thread
            )

    @property
    def ended(self) -> int | None:
        """Its exit status if it has ended."""
        return self.process.poll() if self.process else None

    def stop(self, patience: float) -> None:
        """Ask it to terminate, and kill its session after ``patience`` seconds."""
        if self.process is None:
            return
        with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            self.process.terminate()
            self.process.wait(patience)
        self._end_session()
        self.process.wait()

    def _end_session(self) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def last_lines(self, count: int = 15) -> str:
        """Return the last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])


def has_dac_override() -> bool:
    """Return whether root can leave a child the capability to enter closed directories; containers may withhold it."""
    return _holds(CAP_SETPCAP) and (_holds(CAP_DAC_READ_SEARCH) or _holds(CAP_DAC_OVERRIDE))


def _holds(capability: int) -> bool:
    with open("/proc/self/status") as status:
        held = next(int(line.split()[1], 16) for line in status if line.startswith("CapPrm:"))
    return bool(held >> capability & 1)


def _call(function: ctypes._NamedFuncPointer, *arguments: object) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
