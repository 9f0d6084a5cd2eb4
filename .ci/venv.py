"""Puts the pinned packages and passhub itself into .venv; the Makefile calls it when a lock or pyproject.toml changed.

    python3 .ci/venv.py requirements-demo.lock

Nothing outside the clone is written: no pip cache unless PIP_CACHE_DIR names one, temporary files in .venv too.
Every package is checked against the hash in the lock.
"""

import fcntl
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
MACHINES = ("x86_64", "aarch64")
GLIBC = (2, 28)
# Where these point elsewhere, pip would install elsewhere, or Python would import from elsewhere.
FOREIGN = ("PIP_PREFIX", "PIP_ROOT", "PIP_TARGET", "PIP_USER", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")


def main(lock: Path) -> int:
    fault = unsupported()
    if fault:
        return fail(fault)
    clone = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(clone, fcntl.LOCK_EX)  # two makes at once: the second waits, then finds the work done
    started = time.monotonic()
    if not usable():
        print(f"making .venv with Python {platform.python_version()}", flush=True)
        made = subprocess.run(
            [sys.executable, "-m", "venv", "--clear", str(VENV)], capture_output=True, text=True, check=False
        )
        if made.returncode:
            return fail("no .venv could be made: " + last_line(made.stdout + made.stderr))
    scratch = VENV / "tmp"
    scratch.mkdir(exist_ok=True)
    try:
        pins = len(re.findall(r"^\w[^=\s]*==", lock.read_text(), re.MULTILINE))
        print(f"installing up to {pins} pinned packages from {lock.name}", flush=True)
        failed = pip("install", "--require-hashes", "-r", str(lock), total=pins)
        failed = failed or pip("install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if failed:
        return fail(f"the packages of {lock.name} could not be installed; pip's last words are above")
    print(f"installed in {time.monotonic() - started:.0f} s", flush=True)
    return 0


def unsupported() -> str | None:
    """One line that says why passhub cannot run here, or None."""
    libc, version = platform.libc_ver()
    here = f"{platform.system()} {platform.machine()} {libc} {version}".strip()
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if platform.system() == "Linux" and platform.machine() in MACHINES and libc == "glibc" and numbers >= GLIBC:
        return None
    return f"it runs on Linux with glibc 2.28 or newer, on x86_64 or aarch64; this is {here}"


def usable() -> bool:
    """Whether .venv is whole: an interrupted start may leave one without pip, or one whose Python is gone."""
    if not PYTHON.exists():
        return False
    return subprocess.run([PYTHON, "-c", "import pip"], capture_output=True, check=False).returncode == 0


def pip(*arguments: str, total: int = 0) -> int:
    """Runs pip with one line of progress; its output is shown only when it fails. Returns its exit code."""
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    environment |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "TMPDIR": str(VENV / "tmp")}
    if "PIP_CACHE_DIR" not in environment:
        environment["PIP_NO_CACHE_DIR"] = "1"
    tail: deque[str] = deque(maxlen=15)
    seen = 0
    with subprocess.Popen(
        [PYTHON, "-m", "pip", *arguments], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        for line in process.stdout or ():
            tail.append(line)
            if line.startswith("Collecting ") and total:
                seen += 1
                show(f"  {seen} of {total} fetched", last=False, every=seen % 20 == 0)
            elif line.startswith("Installing collected") and seen:
                show(f"  {seen} fetched, unpacking", last=True, every=True)
    if process.returncode:
        sys.stderr.write("".join(tail))
    return process.returncode


def show(text: str, *, last: bool, every: bool) -> None:
    """On a terminal one line that is rewritten; elsewhere a line now and then."""
    if sys.stdout.isatty():
        print(f"\r{text}\033[K", end="\n" if last else "", flush=True)
    elif every:
        print(text, flush=True)


def last_line(output: str) -> str:
    if "ensurepip" in output:
        return "this Python has no ensurepip (on Debian and Ubuntu: apt-get install python3-venv)"
    return next((line for line in reversed(output.splitlines()) if line.strip()), "no reason given")


def fail(message: str) -> int:
    print(f"passhub: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(ROOT / sys.argv[1]))
