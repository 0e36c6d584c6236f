"""Everything a fresh machine needs before anything of ours runs: a virtual environment from the lock.

Needs nothing but Python. Installs only what the lock names, by hash, and only when the lock changed.
"""

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
BIN = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / "python"
PACKAGES = ("agents", "dashboards", "experiments", "policies", "rollout")


def ready(lock: str) -> None:
    """Make ``.venv`` hold exactly what ``lock`` (a file name in the root) asks for, and the project.

    Raises:
        SystemExit: the Python is too old, has no venv, or an installation failed; says what to do.

    """
    if sys.version_info < (3, 11):  # noqa: UP036 - run by whatever Python the machine has
        sys.exit(f"Ridealong needs Python 3.11 or newer; this is {sys.version.split()[0]}. Try python3.11.")
    stamp = ENVIRONMENT / f".installed-{lock}"
    wanted = hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in (lock, "pyproject.toml")))
    wanted.update(str(ROOT).encode())
    if stamp.exists() and stamp.read_text() == wanted.hexdigest() and PYTHON.exists():
        return
    if not PYTHON.exists():
        print("Setting up: a virtual environment in .venv", flush=True)
        try:
            venv.create(ENVIRONMENT, with_pip=True)
        except subprocess.CalledProcessError:
            sys.exit("Python has no working venv module; on Debian: apt-get install python3-venv")
    print(f"Setting up: packages of {lock}, about a gigabyte once; a minute or two", flush=True)
    installer = _installer(lock)
    _run(*installer, "--require-hashes", "-r", str(ROOT / lock))
    _run(*installer, "--no-deps", "--no-build-isolation", "-e", str(ROOT))
    _run(str(PYTHON), "-m", "compileall", "-q", *(str(ROOT / package) for package in PACKAGES))
    stamp.write_text(wanted.hexdigest())


def _installer(lock: str) -> list[str]:
    """uv, itself installed by hash, because it is six times faster; pip where it cannot run."""
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    pinned = re.search(r"^uv==.*?(?=^\S)", (ROOT / lock).read_text(), re.MULTILINE | re.DOTALL)
    if pinned is None:
        return pip
    with tempfile.TemporaryDirectory() as folder:
        requirement = Path(folder) / "uv.txt"
        requirement.write_text(pinned.group().rstrip(" \\\n") + "\n")
        found = subprocess.run([*pip, "--require-hashes", "-r", str(requirement)], check=False)
    if found.returncode != 0:
        return pip
    uv = [str(BIN / "uv"), "pip", "install", "--quiet", "--python", str(PYTHON), "--compile-bytecode"]
    probe = subprocess.run([*uv, "--dry-run", "six"], check=False, capture_output=True)
    return uv if probe.returncode == 0 else pip


def _run(*command: str) -> None:
    if subprocess.run(command, check=False, cwd=ROOT).returncode != 0:
        sys.exit(
            f"Setting up failed at: {' '.join(command)}\nMend what it says above, then run the script again."
        )
