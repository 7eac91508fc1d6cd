"""Set up and run: `python3 run.py demo` or `python3 run.py test`. Needs Python >= 3.11 and pip, nothing else.

It makes .venv beside this file, installs the package into it, and prints every command it runs. Further
arguments are passed on: `python3 run.py test -m "not slow"`.
"""

from __future__ import print_function

import hashlib
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(HERE, os.environ.get("SKLEARN_XENT_VENV", ".venv"))
PYTHON = os.path.join(VENV, *(["Scripts", "python.exe"] if os.name == "nt" else ["bin", "python"]))
MADE = os.path.join(VENV, "made")  # written last: an interrupted environment is made again
EXTRAS = os.environ.get("SKLEARN_XENT_EXTRAS", "demo,test")
COMMANDS = {"demo": ["-m", "sklearn_xent", "demo"], "test": ["-m", "pytest"]}


def run(*command, **options):
    print("+ " + " ".join(command), flush=True)
    return subprocess.call(list(command), cwd=HERE, **options)


def must(*command, **options):
    status = run(*command, **options)
    if status:
        sys.exit(status)


def make_environment():
    """A virtual environment by venv, or by virtualenv where ensurepip is missing (stock Debian)."""
    try:
        import ensurepip  # noqa: F401 - only whether it is there
        import venv  # noqa: F401
    except ImportError:
        boot = os.path.join(HERE, ".boot")
        # --target is exempt from the check that keeps pip away from a system's own Python
        must(sys.executable, "-m", "pip", "install", "--quiet", "--target", boot, "virtualenv")
        path = os.pathsep.join(filter(None, [boot, os.environ.get("PYTHONPATH")]))
        must(sys.executable, "-m", "virtualenv", "--quiet", VENV, env=dict(os.environ, PYTHONPATH=path))
    else:
        must(sys.executable, "-m", "venv", VENV)
    open(MADE, "w").close()


def install():
    """Install the package unless this pyproject.toml, with these extras, is installed already."""
    with open(os.path.join(HERE, "pyproject.toml"), "rb") as file:
        key = hashlib.sha256(file.read() + EXTRAS.encode()).hexdigest()
    stamp = os.path.join(VENV, "installed")
    if os.path.exists(stamp):
        with open(stamp) as file:
            if file.read() == key:
                return
    must(PYTHON, "-m", "pip", "install", "--quiet", "-e", ".[" + EXTRAS + "]")
    with open(stamp, "w") as file:
        file.write(key)


def main():
    if sys.version_info < (3, 11):
        sys.exit("sklearn_xent needs Python 3.11 or newer; this is " + sys.version.split()[0] + ".")
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        sys.exit("usage: python3 run.py {demo,test} [arguments]")
    if not (os.path.exists(PYTHON) and os.path.exists(MADE)):
        make_environment()
    install()
    command = COMMANDS[sys.argv[1]] + sys.argv[2:]
    sys.exit(run(PYTHON, *command, env=dict(os.environ, MPLBACKEND="Agg")))


if __name__ == "__main__":
    main()
