"""The environment of the peers: their own published packages, apart from ours.

``python -m benchmarks.baselines.peers`` makes it: CoastSat as packaged for pip, DEA Tools and scikit-learn, pinned in
peers.txt. All are installed without their dependencies, and peers.txt lists those that are needed: DEA Tools would install a data
cube and old releases of libraries that we use, CoastSat would install Earth Engine, Qt and a SAR model. `peer_runner` gives CoastSat
stand-ins for modules that it imports but does not need here. The peers run in their own process and exchange files; ours contains none
of their code.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np

from rs_pipeline.errors import PipelineError

REQUIREMENTS = Path(__file__).with_name("peers.txt")
RUNNER = Path(__file__).with_name("peer_runner.py")

DEFAULT_FOLDER = Path(".peers")

FOLDER_VARIABLE = "RS_PIPELINE_PEERS"
"""Environment variable that names a folder other than DEFAULT_FOLDER."""


class PeerError(PipelineError):
    """The peers' environment is missing or a peer failed."""


def peers_folder(folder: Path | None = None) -> Path:
    """Folder of the environment: the given one, that of the environment variable, or DEFAULT_FOLDER."""
    return Path(folder or os.environ.get(FOLDER_VARIABLE) or DEFAULT_FOLDER)


def peers_python(folder: Path | None = None) -> Path:
    return peers_folder(folder) / "bin" / "python"


def available(folder: Path | None = None) -> bool:
    """Whether the environment has been made."""
    return peers_python(folder).exists()


def create(folder: Path) -> None:
    """Make the environment with pip, in the configuration that pip has on this machine.

    Raises
    ------
    PeerError : pip failed; the folder must not be used.
    """
    venv.create(folder, with_pip=True)
    command = [str(peers_python(folder)), "-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "-r", str(REQUIREMENTS)]
    if subprocess.run(command).returncode:
        raise PeerError("pip could not install the peers", where=str(folder), remedy="read its output above; remove the folder before another try")


def run_peer(job: str, inputs: dict[str, np.ndarray], work: Path, folder: Path | None = None) -> dict[str, np.ndarray]:
    """Run a job of `peer_runner` in the peers' environment: arrays in, arrays out, through files in ``work``.

    Raises
    ------
    PeerError : the environment is missing, or the job failed.
    """
    if not available(folder):
        raise PeerError(
            "the peers are not installed",
            where=str(peers_folder(folder)),
            remedy=f"run `python -m benchmarks.baselines.peers`, or name their folder in {FOLDER_VARIABLE}",
        )
    work.mkdir(parents=True, exist_ok=True)
    source, result = work / f"{job}_in.npz", work / f"{job}_out.npz"
    np.savez(source, **inputs)
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")} | {"MPLBACKEND": "Agg"}
    command = [str(peers_python(folder)), "-P", "-W", "ignore", str(RUNNER), job, str(source), str(result)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    source.unlink()
    if done.returncode:
        raise PeerError(f"the peer job {job!r} failed: {done.stderr.strip()[-2000:]}", where=str(RUNNER), remedy="run it alone to see more")
    with np.load(result, allow_pickle=False) as out:
        return {k: out[k] for k in out.files}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.baselines.peers", description="Install the peers in an environment of their own.")
    parser.add_argument("--folder", type=Path, default=None, help=f"default {DEFAULT_FOLDER}, or ${FOLDER_VARIABLE}")
    folder = peers_folder(parser.parse_args().folder)
    try:
        create(folder)
    except PeerError as fault:
        sys.exit(str(fault))
    print(f"the peers are in {folder}")


if __name__ == "__main__":
    main()
