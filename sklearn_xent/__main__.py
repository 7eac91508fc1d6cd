"""``python -m sklearn_xent``: the demo, and which versions are at work."""

from __future__ import annotations

import argparse
import importlib.metadata
import platform

from sklearn_xent import __version__

__all__ = ["main"]


def main() -> None:
    """Parse the command line and do what it asks for; help without a command."""
    parser = argparse.ArgumentParser(
        prog="python -m sklearn_xent", description="Cross-entropy classifiers for scikit-learn."
    )
    commands = parser.add_subparsers(dest="command")
    demo = commands.add_parser("demo", help="fit bundled data beside LogisticRegression; write pictures")
    demo.add_argument("--out", default="out", help="folder of the pictures (default: out)")
    commands.add_parser("versions", help="print versions, for a bug report")
    arguments = parser.parse_args()
    if arguments.command == "demo":
        from sklearn_xent.demo import run_demo

        run_demo(arguments.out)
    elif arguments.command == "versions":
        print(f"sklearn-xent {__version__}\npython {platform.python_version()}")
        for name in ("numpy", "scipy", "scikit-learn", "matplotlib", "threadpoolctl"):
            print(name, importlib.metadata.version(name))
    else:
        parser.print_help()


if __name__ == "__main__":
    main()
