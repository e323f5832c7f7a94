"""A real Slurm of one node on this machine, from Debian's packages, without cgroups: started and stopped by tests."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

CONFIGURATION = Path("/etc/slurm/slurm.conf")
"""Where Slurm looks by default: jobs of the executor plugin lose SLURM_CONF."""

MARK = "# written by tests/operations/slurm.py"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun")


def cannot_run() -> str:
    """Why there is no Slurm here; empty where there can be one."""
    if missing := [p for p in PROGRAMS if shutil.which(p, path=f"{os.environ['PATH']}:/usr/sbin") is None]:
        return f"not installed: {', '.join(missing)} (Debian: slurm-wlm, munge)"
    if os.geteuid() != 0:
        return "slurmd must be started by root"
    if CONFIGURATION.exists() and MARK not in CONFIGURATION.read_text():
        return f"this machine has a Slurm of its own: {CONFIGURATION}"
    return ""


class OneNode:
    """Slurm on this machine from `start` to `stop`; its files lie in ``folder``. A job above its memory is killed within seconds."""

    def __init__(self, folder: Path, memory_mb: int = 6000, cpus: int = 2):
        self.folder, self.memory_mb, self.cpus = folder, memory_mb, cpus
        self.processes: list[subprocess.Popen] = []

    def configuration(self) -> str:
        host = socket.gethostname().split(".")[0]
        return "\n".join(
            [
                MARK,
                "ClusterName=test",
                f"SlurmctldHost={host}(127.0.0.1)",
                "SlurmUser=root",
                "AuthType=auth/munge",
                "ProctrackType=proctrack/linuxproc",
                "TaskPlugin=task/none",
                "MpiDefault=none",
                "ReturnToService=2",
                "SchedulerParameters=batch_sched_delay=0,sched_interval=1",
                "SelectType=select/cons_tres",
                "SelectTypeParameters=CR_Core_Memory",
                "MinJobAge=3600",
                "JobAcctGatherType=jobacct_gather/linux",
                "JobAcctGatherFrequency=task=1",
                "JobAcctGatherParams=OverMemoryKill",
                f"StateSaveLocation={self.folder}/state",
                f"SlurmdSpoolDir={self.folder}/spool",
                f"SlurmctldPidFile={self.folder}/slurmctld.pid",
                f"SlurmdPidFile={self.folder}/slurmd.pid",
                f"NodeName={host} NodeAddr=127.0.0.1 CPUs={self.cpus} RealMemory={self.memory_mb} State=UNKNOWN",
                "PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP",
                "",
            ]
        )

    def start(self) -> None:
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        CONFIGURATION.parent.mkdir(exist_ok=True)
        CONFIGURATION.write_text(self.configuration())
        if subprocess.run("munge -n | unmunge", shell=True, capture_output=True).returncode != 0:
            subprocess.run(["install", "-d", "-o", "munge", "-g", "munge", "-m", "755", "/run/munge"], check=True)
            self._open("munged", "runuser", "-u", "munge", "--", "munged", "--foreground")
        self._open("slurmctld", "slurmctld", "-D", "-i")
        self._open("slurmd", "slurmd", "-D")
        for _ in range(300):
            if "idle" in subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True).stdout:
                return
            time.sleep(0.2)
        self.stop()
        raise RuntimeError("Slurm did not start:\n" + "\n".join(p.read_text()[-1500:] for p in self.folder.glob("*.log")))

    def _open(self, name: str, *command: str) -> None:
        path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
        with (self.folder / f"{name}.log").open("w") as out:
            self.processes.append(subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=os.environ | {"PATH": path}))

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        CONFIGURATION.unlink(missing_ok=True)
