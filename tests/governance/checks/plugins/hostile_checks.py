"""Checks that try what the sandbox must stop, and one that tells what it finds there."""

import ctypes
import errno
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from governance.checks.base import Check, CheckOutcome, Conclusion, Context, Finding, Sandbox


class Hostile(Check):
    version, title, category = "1.0.0", "Hostile", "tests"
    sandbox = Sandbox(memory=1 << 30, cpu=30, wall=30, file_size=8 << 20)


class Spin(Hostile):
    slug = "hostile.spin"
    sandbox = Sandbox(memory=1 << 30, cpu=1, wall=30)

    def run(self, ctx: Context, params: Any) -> Any:
        while True:
            pass


class Sleep(Hostile):
    slug = "hostile.sleep"
    sandbox = Sandbox(wall=1)

    def run(self, ctx: Context, params: Any) -> Any:
        Path("begun").touch()
        time.sleep(600)


class Allocate(Hostile):
    slug = "hostile.allocate"

    def run(self, ctx: Context, params: Any) -> Any:
        return CheckOutcome(Conclusion.SUCCESS, str(len(bytearray(8 << 30))))


class Connect(Hostile):
    """Tries the loopback, where the tests' own server listens, and the world."""

    slug = "hostile.connect"

    def run(self, ctx: Context, params: Any) -> Any:
        reached = []
        for address in (("127.0.0.1", ctx.facts["port"]), ("192.0.2.1", 80)):
            with socket.socket() as s:
                s.settimeout(2)
                try:
                    s.connect(address)
                    reached.append(address[0])
                except OSError as error:
                    reached.append(str(error.strerror))
        return CheckOutcome(Conclusion.SUCCESS, ", ".join(reached))


class Write(Hostile):
    slug = "hostile.write"

    def run(self, ctx: Context, params: Any) -> Any:
        with open("large", "wb") as file:
            for _ in range(300):
                file.write(bytes(1 << 20))
        return CheckOutcome(Conclusion.SUCCESS, "300 MB written")


class Fork(Hostile):
    slug = "hostile.fork"

    def run(self, ctx: Context, params: Any) -> Any:
        subprocess.run(["/bin/true"], check=True)
        return CheckOutcome(Conclusion.SUCCESS, "a process was started")


class Linger(Hostile):
    """Leaves a process behind that holds the pipes open."""

    slug = "hostile.linger"

    def run(self, ctx: Context, params: Any) -> Any:
        left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        return CheckOutcome(Conclusion.SUCCESS, str(left.pid))


class Print(Hostile):
    slug = "hostile.print"

    def run(self, ctx: Context, params: Any) -> Any:
        for _ in range(64):
            os.write(1, b"x" * (1 << 20))
        return CheckOutcome(Conclusion.SUCCESS, "printed")


class Chatter(Hostile):
    """Prints what looks like an answer."""

    slug = "hostile.chatter"

    def run(self, ctx: Context, params: Any) -> Any:
        print('{"kind": "outcome"}\n{"conclusion": "success"}', flush=True)
        return CheckOutcome(Conclusion.FAILURE, "the true answer")


class Raise(Hostile):
    slug = "hostile.raise"

    def run(self, ctx: Context, params: Any) -> Any:
        raise ValueError("what \x00 a \ud800 pity")


class Exit(Hostile):
    slug = "hostile.exit"

    def run(self, ctx: Context, params: Any) -> Any:
        os._exit(0)


class Segfault(Hostile):
    slug = "hostile.segfault"

    def run(self, ctx: Context, params: Any) -> Any:
        ctypes.string_at(0)


class NotFinite(Hostile):
    slug = "hostile.nan"

    def run(self, ctx: Context, params: Any) -> Any:
        return CheckOutcome(Conclusion.SUCCESS, "NaN", measures={"auc": float("nan")})


class Skips(Hostile):
    slug = "hostile.skips"

    def run(self, ctx: Context, params: Any) -> Any:
        return CheckOutcome(Conclusion.SKIPPED, "I excuse myself")


class Floods(Hostile):
    slug = "hostile.floods"

    def run(self, ctx: Context, params: Any) -> Any:
        return CheckOutcome(Conclusion.SUCCESS, "much", tuple(Finding("much", "x" * 1500) for _ in range(400)))


class Nothing(Hostile):
    slug = "hostile.nothing"

    def run(self, ctx: Context, params: Any) -> Any:
        return None


class Forges(Hostile):
    """Writes an answer of its own to every descriptor it finds, and leaves."""

    slug = "hostile.forges"

    def run(self, ctx: Context, params: Any) -> Any:
        for descriptor in range(3, 32):
            try:
                os.write(descriptor, b'{"kind": "outcome"}\n{"conclusion": "skipped", "summary": "x"}')
            except OSError:
                continue
        os._exit(0)


class Surroundings(Hostile):
    slug = "hostile.surroundings"

    def run(self, ctx: Context, params: Any) -> Any:
        return CheckOutcome(
            Conclusion.NEUTRAL,
            "What is here",
            measures={
                "environment": sorted(os.environ),
                "here": sorted(os.listdir(".")),
                "isolated": sys.flags.isolated,
                "writes_bytecode": not sys.flags.dont_write_bytecode,
                "session": os.getsid(0) == os.getpid(),
                "django": "django" in sys.modules,
                "cores": resource.getrlimit(resource.RLIMIT_CORE)[0],
                "processes": resource.getrlimit(resource.RLIMIT_NPROC)[0],
                "memory": resource.getrlimit(resource.RLIMIT_AS)[0],
                "privileges": [line for line in open("/proc/self/status") if line.startswith("NoNewPrivs")],
                "files": [[f.path, f.local.name if f.local else None] for f in ctx.files],
                "seed": ctx.seed,
                "now": ctx.now.isoformat(),
            },
        )


class Reach(Hostile):
    """Tries to reach the product: its sockets, its files, its processes."""

    slug = "hostile.reach"

    def run(self, ctx: Context, params: Any) -> Any:
        facts = ctx.facts
        secret = Path(facts["outside"], "secret")
        tries: dict[str, Any] = {
            "tcp": lambda: socket.create_connection(("127.0.0.1", facts["port"]), timeout=2),
            "pair": lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM),
            "abstract": lambda: socket.socket(socket.AF_UNIX).connect("\x00" + facts["abstract"]),
            "environment of the worker": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
            "memory of the worker": lambda: open(f"/proc/{os.getppid()}/mem", "rb").close(),
            "signal to the worker": lambda: os.kill(os.getppid(), 0),
            "signal to everyone": lambda: os.kill(-1, 0),
            "limits of the worker": lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE),
            "process": lambda: os.fork() or os._exit(0),
            "program": lambda: os.execv("/bin/true", ["true"]),
            "write outside": lambda: Path(facts["outside"], "written").write_text("x"),
            "remove outside": lambda: Path(facts["outside"], "secret").unlink(),
            "permissions outside": lambda: os.chmod(secret, 0o777),
            "permissions of the evidence": lambda: self.change_permissions(ctx.files[0].local),
            "permissions by the newer call": lambda: self.number(452, -100, str(secret).encode(), 0o777, 0),
            "owner outside": lambda: os.chown(secret, os.getuid(), os.getgid()),
            "times outside": lambda: os.utime(secret, (0, 0)),
            "attributes outside": lambda: os.setxattr(secret, "user.x", b"x"),
            "attributes removed outside": lambda: os.removexattr(secret, "user.y"),
            "watch": lambda: self.call("inotify_init1", 0),
            "change of evidence": lambda: ctx.files[0].local.write_bytes(b"x"),  # type: ignore[union-attr]  # the file is local in these checks
            "job": lambda: Path("../job.json").read_bytes(),
            "passwords": lambda: Path("/etc/passwd").read_bytes(),
            "passwords by way of the process": lambda: Path("/proc/self/root/etc/passwd").read_bytes(),
            "namespace": lambda: self.call("unshare", 0x10000000),
            "trace": lambda: self.call("ptrace", 16, os.getppid(), 0, 0),
            "mount": lambda: self.call("mount", b"none", b"/tmp", b"tmpfs", 0, 0),
            **{f"socket {n}": lambda p=p: self.connect(p) for n, p in enumerate(facts["sockets"])},
            **{f"file {n}": lambda p=p: Path(p).read_bytes() for n, p in enumerate(facts["files"])},
            **{f"folder {n}": lambda p=p: os.listdir(p) for n, p in enumerate(facts["folders"])},
        }
        done = {}
        for name, attempt in tries.items():
            try:
                attempt()
                done[name] = "reached"
            except OSError as error:
                done[name] = errno.errorcode[error.errno or 0]
        # What a check needs works all the same.
        Path("own").write_text(ctx.files[0].local.read_text())  # type: ignore[union-attr]  # the file is local in these checks
        thread = threading.Thread(target=Path("own").unlink)
        thread.start()
        thread.join()
        return CheckOutcome(Conclusion.NEUTRAL, "What was tried", measures={"tried": done, "left": os.listdir(".")})

    def connect(self, path: str) -> None:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)

    def change_permissions(self, path: Any) -> None:
        with open(path, "rb") as opened:
            os.fchmod(opened.fileno(), 0o666)

    def number(self, number: int, *arguments: Any) -> None:
        if ctypes.CDLL(None, use_errno=True).syscall(number, *arguments) < 0:
            raise OSError(ctypes.get_errno(), f"system call {number}")

    def call(self, name: str, *arguments: Any) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if getattr(libc, name)(*arguments) != 0:
            raise OSError(ctypes.get_errno(), name)
