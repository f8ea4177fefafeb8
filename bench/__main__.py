"""Run every bench of this folder; each also runs alone (`python -m bench.<name> --help`)."""

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Run the benches one after another, alone on the machine; the exit status is that of the worst."""
    folder = Path(__file__).parent
    names = sorted(path.stem for path in folder.glob("[a-z]*.py"))
    statuses = [
        subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode for name in names
    ]
    return max(statuses, default=0)


if __name__ == "__main__":
    sys.exit(main())
