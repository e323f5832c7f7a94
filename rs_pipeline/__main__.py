"""``python -m rs_pipeline``: the command ``rs-pipeline``. A job of a run is done by a fork of the run's server where there is one (`forks`)."""

from __future__ import annotations

import sys

from rs_pipeline.forks import forked

if __name__ == "__main__":
    code = forked(sys.argv[1:])
    if code is None:
        from rs_pipeline.cli import main

        main()
    sys.exit(code)
