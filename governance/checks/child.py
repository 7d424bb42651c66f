"""The program inside the sandbox: restricts its own process, imports one check, runs it once, reports the outcome.

Started by `governance.checks.runner` as `python -I -B child.py`, in a new session, with an empty environment and an
empty directory. Only the standard library is imported before the limits apply. The job is read from standard input; the
answer goes to the original standard output, as two lines of JSON (isolation of the process; end of the check) and then
the outcome. Output printed by the check goes to standard error.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import signal
import stat
import struct
import sys
from typing import Any

CLONE_THREAD = 0x00010000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2
_ERROR_LENGTH = 1_000


def main() -> None:
    """Run the job."""
    job = json.loads(sys.stdin.buffer.read())
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    root = os.getuid() == 0
    held = apply_sandbox(job["limits"], job["readable"], job["writable"], parent=job["parent"])
    _say(answer, {**held, "root": root})
    if job["isolation_demanded"] and not is_isolated(held):
        _say(answer, {"kind": "not_isolated"})
        return
    try:
        outcome = _run(job)
    except MemoryError:
        _say(answer, {"kind": "out_of_memory"})
    except Exception as error:
        kind = "refused_output" if type(error).__name__ == "CheckContractError" else "crashed"
        _say(answer, {"kind": kind, "error": f"{type(error).__name__}: {error}"[:_ERROR_LENGTH]})
        raise
    else:
        _say(answer, {"kind": "outcome"})
        answer.write(outcome)
        answer.flush()


def apply_sandbox(limits: dict[str, int], readable: list[str], writable: list[str], *, parent: int) -> dict[str, str]:
    """Restrict this process permanently to what a check needs.

    `RLIMIT_NPROC` does not limit root; the system call filter does.

    Args:
        limits: resource limits, by the field names of `base.Sandbox`.
        readable: files and folders the check may read.
        writable: folders in which it may create, change and remove files.
        parent: process id of the parent; the process exits if it is not.

    Returns:
        What is in effect: `net` is "isolated" (a network namespace without interfaces) or "unavailable"; `files` is
        "landlock N", with the version of the kernel's interface, or "unavailable"; `calls` is "seccomp" or
        "unavailable".
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # An unprivileged process may create a network namespace inside a new user namespace; no interface is up in it.
    isolated = libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 or libc.unshare(CLONE_NEWNET) == 0
    # After unshare, which would reset it.
    libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits["open_files"], limits["open_files"]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits["file_size"], limits["file_size"]))
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu"], limits["cpu"] + 1))
    abi = _limit_files(libc, readable, writable)
    filtered = _limit_calls(libc)
    resource.setrlimit(resource.RLIMIT_AS, (limits["memory"], limits["memory"]))
    return {
        "net": "isolated" if isolated else "unavailable",
        "files": f"landlock {abi}" if abi else "unavailable",
        "calls": "seccomp" if filtered else "unavailable",
    }


def is_isolated(held: dict[str, str]) -> bool:
    """Return whether the check has access neither to sockets nor to files other than its own."""
    return held["calls"] != "unavailable" and held["files"] != "unavailable"


# --- files: Landlock (https://docs.kernel.org/userspace-api/landlock.html)

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_READ = 1 << 2 | 1 << 3
"""Reading files and listing folders. Executing is a separate right, which is never given."""
_OF_FILES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
_SYSTEM = (
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/usr/share/zoneinfo",
    "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/sys/devices/system/cpu", "/proc/cpuinfo",
    "/proc/meminfo", "/proc/self",
)  # fmt: skip
"""Paths that interpreter and libraries read: shared libraries, time zones, randomness, facts about this process."""


def _limit_files(libc: Any, readable: list[str], writable: list[str]) -> int:
    """Restrict file access to the given paths. Return the kernel's Landlock version, 0 if there is none."""
    abi = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)
    if abi < 1:
        return 0
    rights = 13 + (abi >= 2) + (abi >= 3) + (abi >= 5)
    handled = (1 << rights) - 1
    # Files, then TCP (bind, connect), then abstract sockets and signals to processes outside.
    attributes = [handled, *([3] if abi >= 4 else []), *([3] if abi >= 6 else [])]
    packed = struct.pack(f"{len(attributes)}Q", *attributes)
    ruleset = libc.syscall(_CREATE_RULESET, packed, ctypes.c_size_t(len(packed)), 0)
    if ruleset < 0:
        return 0
    try:
        mapped = {line.split()[-1] for line in open("/proc/self/maps") if "/" in line}  # noqa: SIM115 - closed at once
        libraries = {os.path.dirname(path) for path in mapped if ".so" in path}
        given = [(path, _READ) for path in (*_SYSTEM, *libraries, *sys.path, *readable)]
        given += [(path, handled & ~1) for path in writable] + [("/dev/null", 1 << 1)]
        if not all(_allow(libc, ruleset, path, allowed & handled) for path, allowed in given):
            return 0
        return int(abi) if libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0 else 0
    finally:
        os.close(ruleset)


def _allow(libc: Any, ruleset: int, path: str, allowed: int) -> bool:
    """Add a rule; True also if the path does not exist."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            allowed &= _OF_FILES
        return bool(libc.syscall(_ADD_RULE, ruleset, 1, struct.pack("=Qi", allowed, descriptor), 0) == 0)
    finally:
        os.close(descriptor)


# --- system calls: seccomp (https://docs.kernel.org/userspace-api/seccomp_filter.html)

_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""By machine: its number in the kernel's audit interface, and its column in the tables below."""
_REFUSED = {
    # Sockets of every kind, including those with a path, which Landlock does not control; io_uring bypasses the filter.
    "socket": (41, 198), "connect": (42, 203), "accept": (43, 202), "sendto": (44, 206), "recvfrom": (45, 207),
    "sendmsg": (46, 211), "recvmsg": (47, 212), "bind": (49, 200), "listen": (50, 201), "socketpair": (53, 199),
    "accept4": (288, 242), "recvmmsg": (299, 243), "sendmmsg": (307, 269), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    # Processes: starting them, and access to others.
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272), "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "pidfd_send_signal": (424, 424),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "process_madvise": (440, 440), "setpriority": (141, 140),
    "sched_setparam": (142, 118), "sched_setscheduler": (144, 119), "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274), "ioprio_set": (251, 30),
    # Memory shared with other processes, and kernel keys.
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "semget": (64, 190), "semop": (65, 193),
    "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188), "mq_open": (240, 180), "add_key": (248, 217),
    "request_key": (249, 218), "keyctl": (250, 219),
    # File operations that Landlock does not control: permissions, owners, times, attributes, watching.
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None),
    "utimensat": (280, 88), "futimesat": (261, None), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "setxattrat": (463, 463), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "fremovexattr": (199, 16), "removexattrat": (466, 466), "file_setattr": (469, 469), "inotify_init": (253, None),
    "inotify_init1": (294, 26), "inotify_add_watch": (254, 27), "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    # The file system as a whole, namespaces, and the kernel.
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433),
    "mount_setattr": (442, 442), "unshare": (272, 97), "setns": (308, 268), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "mknod": (133, None), "mknodat": (259, 33), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89), "sethostname": (170, 161),
    "setdomainname": (171, 162), "iopl": (172, None), "ioperm": (173, None), "personality": (135, 92),
    "syslog": (103, 116), "quotactl": (179, 60), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "clock_adjtime": (305, 266), "adjtimex": (159, 171),
}  # fmt: skip
_OWN_PROCESS_ONLY = {"kill": (62, 129), "tgkill": (234, 131), "prlimit64": (302, 261)}
_CLONE, _CLONE3 = (56, 220), 435


def _limit_calls(libc: Any) -> bool:
    """Refuse system calls that a check does not need. Return whether the filter is in effect."""
    machine = _ARCHITECTURES.get(os.uname().machine)
    if machine is None or sys.maxsize < 2**32:
        return False
    audit, column = machine
    load, equal, at_least, any_bit, give = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, refuse, absent, kill = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS, 0x80000000
    # Each is (code, jump if true, jump if false, operand); jumps count skipped instructions.
    program = [(load, 0, 0, 4), (equal, 1, 0, audit), (give, 0, 0, kill), (load, 0, 0, 0)]
    if column == 0:  # The x32 calls of x86_64 have their own numbers.
        program += [(at_least, 0, 1, 0x40000000), (give, 0, 0, refuse)]
    for numbers in _REFUSED.values():
        if (number := numbers[column]) is not None:
            program += [(equal, 0, 1, number), (give, 0, 0, refuse)]
    program += [
        (equal, 0, 1, _CLONE3),
        (give, 0, 0, absent),
    ]  # The C library then falls back to clone, whose flags can be inspected.
    program += [(equal, 0, 4, _CLONE[column]), (load, 0, 0, 16), (any_bit, 1, 0, CLONE_THREAD), (give, 0, 0, refuse)]
    program += [(give, 0, 0, allow)]
    for numbers in _OWN_PROCESS_ONLY.values():
        program += [(equal, 0, 5, numbers[column]), (load, 0, 0, 16), (equal, 2, 0, os.getpid())]
        program += [(equal, 1, 0, 0), (give, 0, 0, refuse), (give, 0, 0, allow)]
    program.append((give, 0, 0, allow))
    packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    instructions = ctypes.create_string_buffer(packed, len(packed))
    described = struct.pack("HxxxxxxP", len(program), ctypes.addressof(instructions))
    return bool(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, described, 0, 0) == 0)


def _run(job: dict[str, Any]) -> bytes:
    # Otherwise numerical libraries start a thread per core, each with its own address space.
    os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    sys.path[:] = job["path"]
    from datetime import datetime  # noqa: PLC0415 - nothing else is imported before the limits apply
    from importlib import import_module  # noqa: PLC0415  # after the limits apply
    from pathlib import Path  # noqa: PLC0415  # after the limits apply

    from governance.checks.base import CheckContractError, CheckOutcome, Context, File  # noqa: PLC0415  # after the limits apply

    found: Any = import_module(job["module"])
    for part in job["name"].split("."):
        found = getattr(found, part)
    check = found()
    context = Context(
        files=tuple(File(**{**f, "local": Path(f["local"]) if f["local"] else None}) for f in job["files"]),
        facts=job["facts"],
        now=datetime.fromisoformat(job["now"]),
        seed=job["seed"],
    )
    outcome = check.run(context, check.Params.model_validate_json(json.dumps(job["params"])))
    if not isinstance(outcome, CheckOutcome):
        raise CheckContractError(f"run() must return a CheckOutcome, not {type(outcome).__name__}")
    return outcome.as_json()


def _say(answer: Any, line: dict[str, Any]) -> None:
    answer.write(json.dumps(line).encode() + b"\n")
    answer.flush()


if __name__ == "__main__":
    main()
