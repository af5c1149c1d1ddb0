"""`python -m benchmarks [NAME ...]`: all measurements, or those named."""

import sys

from benchmarks import comparing, speed

ALL = speed.ALL | comparing.ALL

if __name__ == "__main__":
    unknown = set(sys.argv[1:]) - set(ALL)
    if unknown:
        sys.exit(f"no measurement {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    speed.main([ALL[name] for name in sys.argv[1:] or ALL])
