# The chain. Its rules are made from the register of steps (rs_pipeline/steps.py and rs_pipeline/products/*/product.py): files, configuration
# keys, threads, memory. A step runs again when a file or table that it reads, or one of its configuration keys, has changed. The steps of a tile and
# period are grouped into rounds, one job each. A job runs those of its steps that are due, and does nothing if none is (operations/due.py).
# What follows `assign` is planned after it, from the lists of scenes that it changed. So a new search costs only what is new.
import os
import shlex
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path

from snakemake.exceptions import WorkflowError

from rs_pipeline.checks import check_files, check_missing
from rs_pipeline.config import parse
from rs_pipeline.errors import PipelineError
from rs_pipeline.forks import start_server
from rs_pipeline.layout import Layout
from rs_pipeline.provinces import load_province
from rs_pipeline.operations.code import changed_code, words_on_code
from rs_pipeline.operations.console import tell_end, watch
from rs_pipeline.operations.due import FORCED, forced_steps
from rs_pipeline.operations.run import begin, end, mend, settle_times
from rs_pipeline.operations.start import is_dry_run
from rs_pipeline.products.register import StepContext, period_maps
from rs_pipeline.simulation import world_files
from rs_pipeline.steps import BEFORE_TILES, depends_on, final_outputs, rounds, steps_of
from rs_pipeline.storage.retry import Retry, job_name, read_retries
from rs_pipeline.strict import read_mapping

if not workflow.config_settings.configfiles:
    configfile: "config/config.yaml"

try:
    lines = read_mapping(Path(workflow.configfiles[-1]), what="configuration")[1] if workflow.configfiles else None
    S = parse(config, where=" and ".join([*map(str, workflow.configfiles), "--config"]), node=lines)
    PROVINCE_UNITS = load_province(S.province).units.file
    if workflow.is_main_process:
        check_files(S, made=[PROVINCE_UNITS], planning=True)
except PipelineError as fault:
    raise WorkflowError(str(fault))

if workflow.is_main_process:
    DRY = is_dry_run(sys.argv[1:])
    watch(S, lambda: Counter(job.rule.name for job in workflow.dag.needrun_jobs()))
    settle_times(S.root, only_tell=DRY)
    mend(S, only_tell=DRY)
    if changed := changed_code(S):
        print(words_on_code(changed, Layout(S.root).settings), file=sys.stderr)

L, RETRIES = Layout(S.root), read_retries(Layout(S.root).retries)
VERB = f"{shlex.quote(sys.executable)} -m rs_pipeline"
WORLD = [S.simulation.path / name for name in world_files(S.simulation.landscape)] if S.simulation else []
COMMAND = "{VERB} {params.verb} --config {params.config:q} --threads {threads} --attempt {resources.attempt} 2> {log:q}"


def tile_ids():
    from rs_pipeline.tiles import read_tiles
    checkpoints.assign.get()
    return [tile.id for tile in read_tiles(S)]


def here(wildcards): return StepContext(S, ask_tiles=tile_ids, **dict(wildcards.items()))


def inputs_of(*steps):
    """What the steps of one job read: files of other jobs, files of the simulated world (for the search), the user's files that exist, and the marks that make
    it run again (operations/run.py)."""
    def read(wildcards):
        if not set(steps) & set(BEFORE_TILES):
            checkpoints.assign.get()
        place = here(wildcards)
        own = {path for step in steps for path in step.writes(place)}
        theirs = [path for step in steps for path in step.reads(place) if path not in own]
        mine = [p for step in steps for p in step.side_files(place) if p and (p.exists() or S.simulation)]  # onstart reports missing files
        marks = [L.retries / f"{job}.json" for job in jobs_of(steps, wildcards) if job in RETRIES]
        return list(dict.fromkeys([*theirs, *mine, *marks, *(WORLD[:1] if steps[0].name == "search" else [])]))
    return read


def outputs_of(*steps):
    """What steps of one job write. Chips are removed after use where the configuration says so; the report's pictures are a folder. The others stay
    until they are replaced: steps write complete files or none."""
    kinds = {"native": lambda p: temp(directory(p)), "pictures": lambda p: update(directory(p))}
    return [kinds.get(path.name, update)(path) for step in steps for path in step.writes(StepContext(S))]


def depends_of(*steps):
    """Digest of what the steps of one job depend on besides files. A digest, because Snakemake reads braces in a text as wildcards and does not compare
    functions."""
    return sha256("\n".join(depends_on(step, S) for step in steps).encode()).hexdigest()


def resources_of(work):
    """Memory of a step or round grows by half with every attempt; steps that state no memory get that of the profile."""
    memory = {"mem_mb": lambda wildcards, attempt: int(work.memory_mb(S) * 1.5 ** (min(attempt, S.resources.attempts) - 1))} if work.memory_mb else {}
    return memory | {"attempt": this_attempt}


def times_retried(*steps):
    """How often jobs were marked to run again: given up, fetched in part, or with a damaged file."""
    return lambda wildcards: sum(RETRIES.get(job, Retry()).times for job in jobs_of(steps, wildcards))


def jobs_of(steps, wildcards):
    """Names of the jobs of steps."""
    names = dict(wildcards.items())
    return [job_name(":".join(filter(None, (step.verb, names.get("product")))), names.get("tile"), names.get("period")) for step in steps]


def this_attempt(wildcards, attempt): return attempt


def log_of(name, scope):
    of = {"map": "/{product}_{period}", "period": "/{period}", "tile": "/{tile}", "tile_period": "/{period}/{tile}"}
    return f"{L.root}/logs/{name}{of.get(scope, '')}.log"


def verb_of(step):
    """The verb with the tile, period or product it works on. After `assign` a step does only what is due."""
    return called(step.verb, step.names, "" if step in BEFORE_TILES else "--due")


def called(verb, names, options):
    return lambda wildcards: " ".join([verb, *(f"--{name} {shlex.quote(wildcards[name])}" for name in names), options])


wildcard_constraints:
    period="[A-Za-z0-9][A-Za-z0-9-]*",
    tile=r"r\d+c\d+",
    product="|".join(period_maps(S)),


localrules: all


rule all:
    input: lambda w: checkpoints.assign.get() and final_outputs(S)


onstart:
    try:
        check_missing(S, made=[PROVINCE_UNITS])
        begin(S)
    except PipelineError as fault:
        raise WorkflowError(str(fault))
    asked = workflow.dag_settings
    every = [step.name for step in steps_of(S)] if asked.forceall or asked.forcetargets else []
    os.environ.setdefault(FORCED, " ".join(sorted(forced_steps(S, [*every, *asked.forcerun]))))
    if workflow.local_exec:
        start_server(L.root / "logs" / "forks.log")


onsuccess:
    found = end(S, failed=False)
    tell_end(S, found, log)
    if found.given_up or found.lost or found.damaged:
        raise WorkflowError("finished, but not complete: jobs were given up, scenes lost or files damaged, see the summary above and the report")


onerror:
    tell_end(S, end(S, failed=True), log)


if S.simulation:
    rule simulate:
        output: WORLD
        params: path=S.simulation.path, seed=S.simulation.seed, years=S.simulation.years, land=S.simulation.landscape, size="{} {}".format(*S.simulation.size_px)
        log: f"{L.root}/logs/sample.log"
        shell: "{VERB} simulate {params.path:q} --seed {params.seed} --years {params.years} --landscape {params.land} --size {params.size} 2> {log:q}"


rule province_units:
    output: PROVINCE_UNITS
    params: province=S.province
    log: f"{L.root}/logs/province_units.log"
    shell: "{VERB} units {params.province:q} {output:q} 2> {log:q}"


checkpoint assign:
    input: inputs_of(BEFORE_TILES[-1])
    output: outputs_of(BEFORE_TILES[-1])
    params: verb=verb_of(BEFORE_TILES[-1]), config=L.settings, depends=depends_of(BEFORE_TILES[-1]), retry=times_retried(BEFORE_TILES[-1])
    resources: attempt=this_attempt
    log: log_of(BEFORE_TILES[-1].name, BEFORE_TILES[-1].scope)
    shell: COMMAND


for step in [s for s in steps_of(S) if s.name != "assign" and not s.of_tile]:
    rule:
        name: step.name
        input: inputs_of(step)
        output: outputs_of(step)
        params: verb=verb_of(step), config=L.settings, depends=depends_of(step), retry=times_retried(step)
        threads: step.threads
        priority: step.priority
        resources: **resources_of(step)
        retries: 2 if step.name == "search" else 0
        log: log_of(step.name, step.scope)
        shell: COMMAND


for work in rounds(S):
    rule:
        name: work.name
        input: inputs_of(*work.steps)
        output: outputs_of(*work.steps)
        params: verb=called("round", work.steps[0].names, f"--number {work.number}"), config=L.settings, depends=depends_of(*work.steps), retry=times_retried(*work.steps)
        threads: work.threads
        priority: work.priority
        resources: **resources_of(work)
        retries: S.resources.attempts * len(work.steps)
        log: log_of(work.name, "tile_period")
        shell: COMMAND
