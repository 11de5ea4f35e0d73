"""Write a result to a file that the user names, completely or not at all.

A regular file is replaced by rename; its mode, extended attributes and, where the user may, its owner stay. A file with
several hard links is overwritten in place, when the complete result is on the disk, so every name has the new content.
Symbolic links are followed: the file that they point to is replaced. Anything else that has the name (a FIFO, a device, a descriptor such
as `/dev/stdout`) is written into.

Fails with `SettingError` for a folder or an existing file that must not be replaced, and with `ExportFailed` when the file
cannot be written; an existing file is then unchanged.
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

_MAX_LINKS = 40


def is_written_into(target: Path) -> bool:
    """Whether the target exists and is opened for writing instead of being replaced: a FIFO, a device or a descriptor.

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
    """Open a stream to the target; an existing regular file is replaced only with `force`."""
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
    """Open a stream to a new file, which is synced and renamed to `path` at the end of the context."""
    new = path.with_name(f".wiki-trends-{secrets.token_hex(6)}.part")
    with ExitStack() as undo:
        if not force:
            path.open("xb").close()
            undo.callback(path.unlink, missing_ok=True)
        old = path.stat() if path.exists() else None
        # Until the mode of the old file is copied, only the owner may read the new one.
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
        undo.pop_all()


def _copy_into(new: Path, path: Path) -> None:
    """Overwrite a file in place: its other names are hard links, which a rename would leave with the old content."""
    with new.open("rb") as source, path.open("r+b") as target:
        shutil.copyfileobj(source, target)
        target.truncate()
        target.flush()
        os.fsync(target.fileno())


def _copy_owner(handle: int, old: os.stat_result) -> None:
    """Give the new file the owner and group of the old one, as far as this user is permitted to."""
    now = os.fstat(handle)
    if now.st_gid != old.st_gid:
        with suppress(PermissionError):
            os.fchown(handle, -1, old.st_gid)
    if now.st_uid != old.st_uid:
        with suppress(PermissionError):
            os.fchown(handle, old.st_uid, -1)


@contextmanager
def _existing_stream(target: Path) -> Iterator[BinaryIO]:
    """Open a stream to an existing target that is not a regular file."""
    number = _descriptor_number(target)
    # A descriptor is duplicated, because opening its path would truncate a file that the shell redirects to.
    handle = os.open(target, os.O_WRONLY) if number is None else os.dup(number)
    with os.fdopen(handle, "wb") as file:
        yield file


def _descriptor_number(target: Path) -> int | None:
    """The number of the descriptor of this process that the target names, such as `/dev/stdout` and `/dev/fd/3`; else None."""
    path = target.absolute()
    own = {Path(os.path.realpath("/proc/self/fd")), Path(f"/proc/{os.getpid()}/fd")}
    for _ in range(_MAX_LINKS):
        if path.name.isdigit() and Path(os.path.realpath(path.parent)) in own:
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
