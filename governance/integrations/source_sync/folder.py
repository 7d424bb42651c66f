"""Files of a mounted folder. No symbolic link is followed, so nothing outside the folder is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import BinaryIO

from governance.integrations.source_sync.sources import MOST_FILES, CopyError, FolderSource, SourceFile

_STEP = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def files(source: FolderSource, rest: str) -> Iterator[SourceFile]:
    """Yield the files below `rest`, or `rest` itself if it is a file.

    Raises:
        CopyError: the path is invalid, missing or unreadable, contains a link, or has too many entries.
    """
    parts = [part for part in rest.split("/") if part]
    if any(part in (".", "..") or "\x00" in part for part in parts):
        raise CopyError("The source leads out of its folder: “..” is not allowed in a source.")
    kind = _kind(source, parts)
    if stat.S_ISREG(kind.st_mode):
        yield SourceFile(parts[-1], kind.st_size, partial(_open, source, parts))
        return
    seen = 0
    waiting = [parts]
    while waiting:
        at = waiting.pop()
        with _descend(source, at) as folder:
            for name in sorted(os.listdir(folder), reverse=True):
                seen += 1
                if seen > MOST_FILES:
                    raise CopyError(f"The source holds more than {MOST_FILES:,} entries: attach what belongs to it.")
                about = os.stat(name, dir_fd=folder, follow_symlinks=False)
                inside = [*at, name]
                if stat.S_ISDIR(about.st_mode):
                    waiting.append(inside)
                elif stat.S_ISREG(about.st_mode):
                    path = "/".join(inside[len(parts) :])
                    yield SourceFile(path, about.st_size, partial(_open, source, inside))
                else:
                    raise CopyError(
                        f"“{name}” at the source is a link or not a file; links are not followed: remove it."
                    )


def _kind(source: FolderSource, parts: list[str]) -> os.stat_result:
    if not parts:
        return os.stat(source.path)
    with _descend(source, parts[:-1]) as folder:
        try:
            return os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            raise CopyError("There is nothing at the source: attach the files.") from None


@contextmanager
def _descend(source: FolderSource, parts: list[str]) -> Iterator[int]:
    """Open the folder step by step, so that no link can be inserted meanwhile."""
    try:
        at = os.open(source.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise CopyError(f"The folder of the source cannot be read: {error.strerror}.") from None
    try:
        for part in parts:
            try:
                inner = os.open(part, _STEP | os.O_DIRECTORY, dir_fd=at)
            except OSError as error:
                raise CopyError(
                    f"“{part}” of the source is not a readable folder ({error.strerror}); no link is followed."
                ) from None
            os.close(at)
            at = inner
        yield at
    finally:
        os.close(at)


@contextmanager
def _open(source: FolderSource, parts: list[str]) -> Iterator[BinaryIO]:
    with _descend(source, parts[:-1]) as folder:
        try:
            file = os.open(parts[-1], _STEP, dir_fd=folder)
        except OSError as error:
            raise CopyError(f"“{parts[-1]}” of the source cannot be read: {error.strerror}.") from None
    with os.fdopen(file, "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise CopyError(f"“{parts[-1]}” of the source is not a file.")
        yield stream
