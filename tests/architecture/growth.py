"""How the processor time of a function grows with the length of the text it is given.

The unit is processor time of this process, so load on the machine does not matter. What is judged is the ratio between
a text and one four times as long in the same run: 4 where time is proportional to the length, 16 where it is quadratic.
The limit lies between the two and the shortest of several runs is taken. Nothing is judged where the longer text takes
too little time to measure: even quadratic growth would then be harmless at the lengths that are accepted.
"""

from __future__ import annotations

import gc
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

HIGHEST_RATIO = 9.0
"""Growth from one length to four times that length: above 4 by a factor, below 16 by a factor."""
MEASURABLE = 0.03
"""Seconds of processor time of the longest text below which a ratio would be noise."""
CPU_LIMIT = 20.0
"""Seconds of processor time after which a call is ended: exponential growth would never return."""

GENERATORS: dict[str, Callable[[int], str]] = {
    "spaces after a heading": lambda n: "# a" + " " * n + "b",
    "tabs after a heading": lambda n: "# a" + "\t" * n + "b",
    "number signs": lambda n: "# " + "#" * n + "b",
    "spaced number signs": lambda n: "# a" + " #" * (n // 2) + " b",
    "digits": lambda n: "# " + "1" * n + "x",
    "digits with dots": lambda n: "1." * (n // 2) + "x",
    "digits alone": lambda n: "1" * n + "x",
    "opening braces": lambda n: "{" * n,
    "pairs of braces": lambda n: "{{ a " * (n // 5),
    "opening brackets": lambda n: "[" * n,
    "closed brackets": lambda n: "[a](" * (n // 4),
    "image brackets": lambda n: "![" * (n // 2),
    "nested links": lambda n: "[" * (n // 8) + "a" + "](b)" * (n // 8),
    "asterisks": lambda n: "*" * n,
    "asterisks around words": lambda n: "*a **b " * (n // 7),
    "asterisks that close nothing": lambda n: "*a_ " * (n // 4),
    "underscores": lambda n: "_a" * (n // 2),
    "tildes": lambda n: "~~a " * (n // 4),
    "backticks": lambda n: "`" * n,
    "growing backticks": lambda n: "".join("a" + "`" * k for k in range(1, int((2 * n) ** 0.5))),
    "less-than signs": lambda n: "<" * n,
    "opened tags": lambda n: "<a " * (n // 3),
    "addresses": lambda n: "<http://a" * (n // 9),
    "comments": lambda n: "<!-- -->" * (n // 8),
    "opened comments": lambda n: "<!--" * (n // 4),
    "processing instructions": lambda n: "<?" * (n // 2),
    "entities": lambda n: "&" * n,
    "backslashes": lambda n: "\\" * n,
    "exclamation marks": lambda n: "!" * n,
    "quotation marks": lambda n: '"' * n,
    "apostrophes": lambda n: "a'" * (n // 2),
    "vertical bars": lambda n: "|" * n,
    "a wide table": lambda n: "a|" * (n // 6) + "\n" + "-|" * (n // 6) + "\n" + "b|" * (n // 6),
    "a long table": lambda n: "a|b\n-|-\n" + "c|d\n" * (n // 4),
    "short table rows": lambda n: "|".join("a" * int(n**0.5 / 2)) + "\n" + "|".join("-" * int(n**0.5 / 2))
    + "\n" + "x\n" * (n // 4),
    "quotes": lambda n: ">" * n,
    "nested quotes": lambda n: "".join("> " * (k % 20) + "a\n" for k in range(n // 22)),
    "a nested list": lambda n: "".join("  " * k + "- a\n" for k in range(int(n**0.5))),
    "list marks": lambda n: "- " * (n // 2),
    "many list items": lambda n: "- a\n" * (n // 4),
    "loose list items": lambda n: "1. a\n\n" * (n // 6),
    "link definitions": lambda n: "".join(f"[a{k}]: b\n" for k in range(n // 10)),
    "an opened link definition": lambda n: "[a]: b '" + "\n" * 1 + "c\n" * (n // 2),
    "many headings": lambda n: "# a\n" * (n // 4),
    "underlined headings": lambda n: "a\n=\n" * (n // 4),
    "hyphens": lambda n: "-" * n,
    "equals signs": lambda n: "a\n" + "=" * n + "b",
    "one long line": lambda n: "a" * n,
    "one long line of words": lambda n: "ab " * (n // 3),
    "many short lines": lambda n: "a\n" * (n // 2),
    "empty lines": lambda n: "\n" * n,
    "spaces": lambda n: " " * n + "b",
    "spaces and line ends": lambda n: " \n" * (n // 2),
    "commas": lambda n: "," * n,
    "at signs": lambda n: "a@" * (n // 2),
    "slashes": lambda n: "/a" * (n // 2),
    "an address of slashes": lambda n: "https://" + "a-/" * (n // 3) + "x",
    "colons": lambda n: "a:" * (n // 2),
    "a key of colons": lambda n: "a: " + "1:" * (n // 2),
    "base-60 numbers": lambda n: "a: 1" + ":59" * (n // 3),
    "dots": lambda n: "." * n,
    "almost a placeholder": lambda n: "lorem ipsum " * (n // 12),
    "almost an insertion": lambda n: "insert " * (n // 7),
    "almost a name": lambda n: "your " + "a" * n,
    "almost missing information": lambda n: "[more information neede " * (n // 24),
    "unfinished filters": lambda n: "name = 'a' AND " * (n // 15),
    "an unfinished list": lambda n: "name IN (" + "'a', " * (n // 5),
    "non-ASCII letters": lambda n: "é" * n,
    "combining marks": lambda n: "a" + "\u0301" * n,
    "bidirectional controls": lambda n: "\u202ea" * (n // 2),
    "emoji": lambda n: "\U0001f600" * n,
    "a front matter of aliases": lambda n: "---\na: &a [x]\nb: [" + "*a, " * (n // 4) + "]\n---\n",
    "a front matter of merge keys": lambda n: "---\na0: &a0 {x: 1}\n" + "".join(
        f"a{k + 1}: &a{k + 1} {{<<: [{', '.join([f'*a{k}'] * 9)}]}}\n" for k in range(n // 64)
    ) + "---\n",
    "a front matter of lists": lambda n: "---\na: " + "[" * n + "\n---\n",
    "a front matter of keys": lambda n: "---\n" + "".join(f"k{k}: v\n" for k in range(n // 9)) + "---\n",
    "nested tables": lambda n: "[" + "a." * (n // 2) + "a]\nb = 1",
}  # fmt: skip
"""Texts that patterns and parsers are known to be slow on, by what they consist of: length to text."""


class TookTooLong(Exception):
    """A call used more processor time than CPU_LIMIT."""


@dataclass(frozen=True)
class Growth:
    """Processor time in seconds for a text, for one twice as long and for one four times as long."""

    short: float
    half: float
    long: float

    @property
    def ratio(self) -> float:
        """How many times longer the longest text took; 1 where that cannot be measured."""
        return self.long / max(self.short, MEASURABLE / 20) if self.long >= MEASURABLE else 1.0


def growth(call: Callable[[str], object], make: Callable[[int], str], size: int, *, runs: int = 3) -> Growth:
    """Measure `call` on texts of `size`/4, `size`/2 and `size` characters.

    Args:
        call: the function.
        make: a generator of texts.
        size: characters of the longest text.
        runs: how often each is measured where a single run shows growth.
    """
    texts = [make(length) for length in (size // 4, size // 2, size)]
    with _cpu_limit():
        long = _seconds(call, texts[2])
        if long < MEASURABLE:
            return Growth(0.0, 0.0, long)
        short, half = (_seconds(call, text) for text in texts[:2])
        for _ in range(runs - 1):
            if long < HIGHEST_RATIO * short:
                break
            found = (_seconds(call, text) for text in texts)
            short, half, long = (min(pair) for pair in zip((short, half, long), found, strict=True))
    return Growth(short, half, long)


def _seconds(call: Callable[[str], object], text: str) -> float:
    """Seconds of processor time of one call, without Python's collector of cycles: it runs by counts of objects."""
    gc.disable()
    try:
        start = time.process_time()
        call(text)
        return time.process_time() - start
    finally:
        gc.enable()


@contextmanager
def _cpu_limit() -> Iterator[None]:
    """End a call that uses too much processor time. Python's pattern matcher looks for signals while it works."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TookTooLong(f"more than {CPU_LIMIT:.0f} s of processor time")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, CPU_LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
