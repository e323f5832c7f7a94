"""``python -m rs_pipeline``: the command ``rs-pipeline``; of a run's jobs those that its server can do are forks of it (`forks`)."""

from __future__ import annotations

import sys

from rs_pipeline.forks import forked

if __name__ == "__main__":
    code = forked(sys.argv[1:])
    if code is None:
        from rs_pipeline.cli import main

        main()
    sys.exit(code)
