"""Write a result to a file that the user names, completely or not at all.

A regular file is replaced by a rename. The new file has the mode and the extended attributes of the old file, and its owner if
the user has the right to set it. A file with several hard links is overwritten in place, so that all its names refer to the new
content. Such a file is overwritten only after the complete result is on the disk. A symbolic link stays, and the file that the link
points to is replaced. A FIFO, a device or a descriptor such as `/dev/stdout` is opened and written to.

The functions raise `SettingError` for a folder or for an existing file without permission to replace it, and `ExportFailed`
when the file cannot be written. An existing file is then unchanged.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from wiki_trends.errors import ExportFailed, SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_SYMBOLIC_LINKS = 40


def is_written_into(target: Path) -> bool:
    """Return whether the target is a FIFO, a device or a descriptor, which is opened for writing and not replaced.

    Raises:
        ExportFailed: the target cannot be examined.
    """
    try:
        if _descriptor_number(target) is not None:
            return True
        mode = target.stat().st_mode
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _export_failed(target, error) from error
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextmanager
def output_stream(target: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Open a stream to the target, and replace an existing regular file only if `force` is true."""
    if is_written_into(target):
        with _export_errors(target), _existing_stream(target) as file:
            yield file
        return
    if target.is_dir():
        raise _target_error(
            target, "is a folder", f"Name a file in it, for example {target / 'wiki-trends.out'}."
        )
    with _export_errors(target), _replacement_stream(Path(os.path.realpath(target)), force=force) as file:
        yield file


@contextmanager
def _replacement_stream(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Open a stream to a new file, and sync and rename this file to `path` at the end of the context."""
    new = path.with_name(f".wiki-trends-{secrets.token_hex(6)}.part")
    with ExitStack() as undo:
        if not force:
            # Create the file now: an existing file raises an error before the result is computed, and no other process takes the name.
            path.open("xb").close()
            undo.callback(path.unlink, missing_ok=True)
        old = path.stat() if path.exists() else None
        # The old file may be private. So only the owner can read the new file until it has the mode of the old file.
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if old is None else 0o600)
        undo.callback(new.unlink, missing_ok=True)
        with os.fdopen(handle, "wb") as file:
            if old is not None:
                _copy_owner(handle, old)
                shutil.copystat(path, new)
            yield file
            file.flush()
            os.fsync(handle)
        if old is not None and old.st_nlink > 1:
            _copy_into(new, path)
            return
        new.replace(path)
        # The result is complete, so keep it.
        undo.pop_all()


def _copy_into(new: Path, path: Path) -> None:
    """Overwrite a file in place. A rename would leave the old content under the other hard links to the file."""
    with new.open("rb") as source, path.open("r+b") as target:
        shutil.copyfileobj(source, target)
        target.truncate()
        target.flush()
        os.fsync(target.fileno())


def _copy_owner(handle: int, old: os.stat_result) -> None:
    """Set the owner and the group of the old file on the new file, where this user has the right to."""
    new = os.fstat(handle)
    if new.st_gid != old.st_gid:
        with suppress(PermissionError):
            os.fchown(handle, -1, old.st_gid)
    if new.st_uid != old.st_uid:
        with suppress(PermissionError):
            os.fchown(handle, old.st_uid, -1)


@contextmanager
def _existing_stream(target: Path) -> Iterator[BinaryIO]:
    """Open a stream to an existing target that is not a regular file."""
    number = _descriptor_number(target)
    # Duplicate the descriptor, because opening its path would truncate a file that the shell redirects the output to.
    handle = os.open(target, os.O_WRONLY) if number is None else os.dup(number)
    with os.fdopen(handle, "wb") as file:
        yield file


def _descriptor_number(target: Path) -> int | None:
    """Return the number of the descriptor that a target such as `/dev/stdout` or `/dev/fd/3` names.

    Return None for a target that is not a descriptor of this process.
    """
    path = target.absolute()
    descriptor_folders = {Path(os.path.realpath("/proc/self/fd")), Path(f"/proc/{os.getpid()}/fd")}
    for _ in range(_MAX_SYMBOLIC_LINKS):
        if path.name.isdigit() and Path(os.path.realpath(path.parent)) in descriptor_folders:
            return int(path.name)
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None


@contextmanager
def _export_errors(target: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise _target_error(
            target, "is there already", "Name another file, or give --force to replace it."
        ) from None
    except OSError as error:
        raise _export_failed(target, error) from error


def _target_error(target: Path, problem: str, fix: str) -> SettingError:
    return SettingError(name="output", value=str(target), origin="--output", problem=problem, fix=fix)


def _export_failed(target: Path, error: OSError) -> ExportFailed:
    return ExportFailed(target=str(target), problem=error.strerror or str(error))
