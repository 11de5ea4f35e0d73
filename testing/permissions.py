"""Take root's right to ignore the permissions of files, so that tests of refused folders hold for every user."""

from __future__ import annotations

import ctypes
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# From Linux's `capability.h`: the version of the structures, and the bits of CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
_VERSION = 0x20080522
_IGNORE_PERMISSIONS = 0b110


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Capabilities(ctypes.Structure):
    _fields_ = (
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    )


@contextmanager
def permissions_hold() -> Iterator[None]:
    """Make permissions hold for root too, in this thread and in the threads that it starts meanwhile."""
    if os.geteuid():
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, capabilities = _Header(_VERSION, 0), (_Capabilities * 2)()
    _call(libc.capget, header, capabilities)
    before = capabilities[0].effective
    capabilities[0].effective = before & ~_IGNORE_PERMISSIONS
    _call(libc.capset, header, capabilities)
    try:
        yield
    finally:
        capabilities[0].effective = before
        _call(libc.capset, header, capabilities)


@contextmanager
def read_only(folder: Path) -> Iterator[Path]:
    """Create a folder in which nobody may write, not even root."""
    folder.mkdir()
    folder.chmod(0o555)
    try:
        with permissions_hold():
            yield folder
    finally:
        folder.chmod(0o755)


def _call(
    function: ctypes._NamedFuncPointer, header: _Header, capabilities: ctypes.Array[_Capabilities]
) -> None:
    if function(ctypes.byref(header), capabilities):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
