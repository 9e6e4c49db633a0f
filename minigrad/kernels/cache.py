"""Where compiled kernels are kept: one folder, safe to delete at any time.

The folder is, in this order: what `set_kernel_cache` was given, the environment variable
MINIGRAD_CACHE_DIR, the platform's cache folder.  A folder that cannot be written is still read;
one that does not exist and cannot be made costs a compilation in each process, nothing else.
"""

import contextlib
import functools
import hashlib
import os
import sys
import tempfile
import uuid
from pathlib import Path

_chosen: Path | None = None


def set_kernel_cache(path: str | os.PathLike[str] | None) -> None:
    """Keep compiled kernels in `path` from now on (None: back to the default folder)."""
    global _chosen
    _chosen = None if path is None else Path(path).expanduser()


def kernel_cache() -> Path:
    """The folder of the compiled kernels and their generated source."""
    if _chosen is not None:
        return _chosen
    setting = os.environ.get("MINIGRAD_CACHE_DIR")
    return Path(setting).expanduser() if setting else default_folder()


def default_folder() -> Path:
    if sys.platform == "win32":
        home = os.environ.get("LOCALAPPDATA")
        return Path(home) / "minigrad" if home else Path(tempfile.gettempdir()) / "minigrad"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "minigrad"
    home = os.environ.get("XDG_CACHE_HOME")
    return Path(home) / "minigrad" if home else Path.home() / ".cache" / "minigrad"


@functools.cache
def fingerprint() -> str:
    """A hash of every file that kernels are made of: any change makes new cache entries."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def digest(*parts: object) -> str:
    return hashlib.sha256(repr((fingerprint(), *parts)).encode()).hexdigest()[:16]


def read(name: str) -> bytes | None:
    """The contents of a file of the cache, or None."""
    try:
        return (kernel_cache() / name).read_bytes()
    except OSError:
        return None


def write(name: str, contents: bytes) -> None:
    """Put a file into the cache, whole or not at all; a folder that refuses it is no error."""
    folder = kernel_cache()
    temporary = folder / f"writing-{uuid.uuid4().hex}"  # other users may read it, unlike mkstemp's
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(contents)
        os.replace(temporary, folder / name)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
