"""`python -m benchmarks [NAME ...]`: all measurements, or those named."""

import sys

from benchmarks.speed import ALL, main

if __name__ == "__main__":
    unknown = set(sys.argv[1:]) - set(ALL)
    if unknown:
        sys.exit(f"no measurement {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    main(sys.argv[1:])
