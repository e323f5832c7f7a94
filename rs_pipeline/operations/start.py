"""Verb ``run``: runs Snakemake with the shipped Snakefile and profile, from any folder and with short output."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import psutil

from rs_pipeline.config import Settings
from rs_pipeline.errors import ConfigError
from rs_pipeline.operations.due import FORCED, forced_steps
from rs_pipeline.paths import config_folder, shipped_folder
from rs_pipeline.steps import rounds

OWN_CONFIG = Path("rs-pipeline.yaml")
"""Configuration file that `rs-pipeline init` writes and `rs-pipeline run` reads by default."""

MEMORY_SHARE = 0.9
"""Share of the memory available at the start of a run that its jobs may use."""


def own_config(named: Path | None, *, sample: bool) -> Path:
    """The configuration of a run: the named one, that of the embedded sample, or OWN_CONFIG in the working folder.

    Raises
    ------
    ConfigError : there is none, or a file and the sample are both given.
    """
    if named and sample:
        raise ConfigError("a configuration and --sample are both given", where=str(named), remedy="give one of them")
    if sample:
        return config_folder() / "config.yaml"
    if named is None and not OWN_CONFIG.is_file():
        raise ConfigError(
            f"no configuration is named, and there is no {OWN_CONFIG} here",
            where=str(Path.cwd()),
            remedy="write one by `rs-pipeline init`, name yours by --config, or see the simulated sample by `rs-pipeline run --sample`",
        )
    return named or OWN_CONFIG


def snakemake_arguments(
    config: Path, *, cores: str | None = None, dry_run: bool = False, details: bool = False, values: Sequence[str] = (), profile: str | None = None,
    more: Sequence[str] = (),
) -> list[str]:  # fmt: skip
    """Arguments of `snakemake` for a run.

    Parameters
    ----------
    cores : a number or ``all``; default all of this machine, or with a profile the profile's.
    details : show all output of Snakemake, instead of one line per step.
    values : ``KEY=VALUE`` that override the configuration, see `override`.
    profile : name of a shipped profile such as ``slurm``, or path of the user's own.
    more : further options of Snakemake, passed on.
    """
    profiles = shipped_folder() / "profiles"
    arguments = ["--configfile", str(config)]
    if not _names(more, "--workflow-profile"):
        arguments += ["--workflow-profile", str(profiles / "default")]
    if profile:
        arguments += ["--profile", str(profiles / profile) if (profiles / profile).is_dir() else profile]
    if cores or not profile:
        arguments += ["--cores", cores or "all"]
    if not profile and not _names(more, "--resources", "--res", "--executor", "-e"):
        arguments += ["--resources", f"mem_mb={int(psutil.virtual_memory().available / 2**20 * MEMORY_SHARE)}"]
    if values:
        arguments += ["--config", *map(override, values)]
    if dry_run:
        arguments += ["--dry-run", *([] if details else ["--quiet", "rules"])]
    elif not details:
        arguments += ["--logger", "rs-pipeline"]
    return [*arguments, "--snakefile", str(shipped_folder() / "Snakefile"), *more]  # last of ours, because it takes one value: what follows may be targets


def override(value: str) -> str:
    """A value of ``--set`` in the form of Snakemake's ``--config``, which has only top-level keys and no null inside a section.

    >>> override("water.min_probability=0.6")
    'water={min_probability: "0.6"}'

    Raises
    ------
    ConfigError : it is no ``KEY=VALUE``, or sets a key of a section to null.
    """
    key, sign, text = value.partition("=")
    if not sign or not re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", key):
        raise ConfigError(
            f"{value!r} is not KEY=VALUE", where="--set", remedy="write run=trial, 'periods=[2024]', or water.min_probability=0.6 for a key of a section"
        )
    top, *inner = key.split(".")
    if text in _NULL and not inner:
        return f"{top}="
    if text in _NULL or re.search(r":\s*(null|~)?\s*[,}]", text):
        raise ConfigError(f"{value!r} sets a key of a section to null", where="--set", remedy="write null in the configuration file")
    if inner and text[0] not in "[{\"'":
        text = json.dumps(text, ensure_ascii=False)  # quoted, so that a comma in it does not end the entry; numbers in sections are read as text in any case
    for name in reversed(inner):
        text = f"{{{name}: {text}}}"
    return f"{top}={text}"


_NULL = ("", "null", "~")


def force_steps(more: Sequence[str], settings: Settings) -> list[str]:
    """Options for Snakemake in which each step that `--forcerun` names is replaced by its rule, where several steps share one. The environment variable
    FORCED tells the jobs which steps are meant."""
    round_of, words, found, forced = {step.name: r.name for r in rounds(settings) for step in r.steps}, False, [], []
    for word in more:
        words = word in ("--forcerun", "-R") or (words and not word.startswith("-"))
        forced += [word] * (words and not word.startswith("-"))
        found.append(round_of.get(word, word) if words else word)
    if forced:
        os.environ[FORCED] = " ".join(sorted(forced_steps(settings, forced)))
    return found


def _names(arguments: Sequence[str], *options: str) -> bool:
    return any(a.partition("=")[0] in options for a in arguments)


def _refuse(message: str) -> NoReturn:
    raise ConfigError(message, where="rs-pipeline run", remedy="`rs-pipeline run --help` lists its options, `snakemake --help` those that are passed on")


def is_dry_run(arguments: Sequence[str]) -> bool:
    """Whether a command line of Snakemake, or of `rs-pipeline run`, asks for a dry run. The Snakefile is read before
    Snakemake gives it this option.

    >>> [is_dry_run(line.split()) for line in ("-n", "-np", "run --dry-run --cores 2", "--dryrun", "--cores 2 -p", "")]
    [True, True, True, True, False, False]
    """
    from snakemake.cli import get_argument_parser
    from snakemake.exceptions import CliException

    parser = get_argument_parser()
    parser.error = _refuse
    try:
        return bool(parser.parse_known_args(list(arguments))[0].dryrun)
    except (CliException, ConfigError):
        return False


def run_chain(arguments: Sequence[str]) -> int:
    """Run Snakemake in this process and return its exit code.

    Raises
    ------
    ConfigError : Snakemake refuses an option or its value.
    """
    from snakemake.cli import get_argument_parser, main
    from snakemake.exceptions import CliException
    from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

    from rs_pipeline.operations import console

    LoggerPluginRegistry().register_plugin("rs-pipeline", console)
    parser = get_argument_parser()
    parser.error = _refuse  # instead of printing all options
    try:
        options = parser.parse_args(list(arguments))
    except CliException as fault:
        _refuse(str(fault))
    try:
        main(list(arguments))
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    if code == 0:
        console.tell_nothing_to_do(only_tell=options.dryrun)
    return code
