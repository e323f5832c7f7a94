# The chain. Its rules are made from the register of steps (rs_pipeline/steps.py and rs_pipeline/products/*/product.py): files, configuration
# keys, threads, memory. A step runs again when a file it reads changed, one of its configuration keys, or a table that it reads.
# What follows `assign` is planned after it, by the lists of scenes that it changed: that is how a new search costs only what is new.
import shlex
import sys
from collections import Counter
from pathlib import Path

from snakemake.exceptions import WorkflowError

from rs_pipeline.checks import check_files, check_missing
from rs_pipeline.config import parse
from rs_pipeline.errors import PipelineError
from rs_pipeline.layout import Layout
from rs_pipeline.provinces import load_province
from rs_pipeline.operations.code import changed_code, words_on_code
from rs_pipeline.operations.console import tell_end, watch
from rs_pipeline.operations.run import begin, end, mend, settle_times
from rs_pipeline.products.register import StepContext, period_maps
from rs_pipeline.simulation import world_files
from rs_pipeline.steps import BEFORE_TILES, depends_on, final_outputs, steps_of
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
    watch(S, lambda: Counter(job.rule.name for job in workflow.dag.needrun_jobs()))
    settle_times(S.root)
    mend(S, only_tell=workflow.dryrun)
    if changed := changed_code(S):
        print(words_on_code(changed, Layout(S.root).settings), file=sys.stderr)

L, RETRIES = Layout(S.root), read_retries(Layout(S.root).retries)
VERB = f"{shlex.quote(sys.executable)} -m rs_pipeline.cli"
WORLD = [S.simulation.path / name for name in world_files(S.simulation.landscape)] if S.simulation else []
COMMAND = "{VERB} {params.verb} --config {params.config:q} --threads {threads} --attempt {resources.attempt} 2> {log:q}"


def tile_ids():
    from rs_pipeline.tiles import read_tiles
    checkpoints.assign.get()
    return [tile.id for tile in read_tiles(S)]


def here(wildcards): return StepContext(S, ask_tiles=tile_ids, **dict(wildcards.items()))


def inputs_of(step):
    """What the step reads: of others, of the simulated world before there is a search, and the user's files that exist."""
    def read(wildcards):
        if step not in BEFORE_TILES:
            checkpoints.assign.get()
        place = here(wildcards)
        mine = [p for p in step.side_files(place) if p and (p.exists() or S.simulation)]  # onstart tells those that are missing
        return [*step.reads(place), *mine, *(WORLD[:1] if step.name == "search" else [])]
    return read


def outputs_of(step):
    """What the step writes. Chips are removed after use where the configuration says so; the report's pictures are a folder. The rest stays until
    its successor stands: steps write whole files or none."""
    kinds = {"native": lambda p: temp(directory(p)), "pictures": lambda p: update(directory(p))}
    return [kinds.get(path.name, update)(path) for path in step.writes(StepContext(S))]


def resources_of(step):
    """Memory grows by half with every attempt; steps without a demand of their own get what the profile says."""
    memory = {"mem_mb": lambda wildcards, attempt: int(step.memory_mb(S) * 1.5 ** (min(attempt, S.resources.attempts) - 1))} if step.memory_mb else {}
    return memory | {"attempt": this_attempt}


def times_retried(step):
    """How often the job was marked to run again: given up, fetched in part, or with a damaged file."""
    def times(wildcards):
        names = dict(wildcards.items())
        verb = ":".join(filter(None, (step.verb, names.get("product"))))
        return RETRIES.get(job_name(verb, names.get("tile"), names.get("period")), Retry()).times
    return times


def this_attempt(wildcards, attempt): return attempt


def log_of(step):
    of = {"map": "/{product}_{period}", "period": "/{period}", "tile": "/{tile}", "tile_period": "/{period}/{tile}"}
    return f"{L.root}/logs/{step.name}{of.get(step.scope, '')}.log"


def verb_of(step):
    """The verb with the names it works on."""
    return lambda wildcards: " ".join([step.verb, *(f"--{name} {shlex.quote(wildcards[name])}" for name in step.names)])


wildcard_constraints:
    period="[A-Za-z0-9][A-Za-z0-9-]*",
    tile=r"r\d+c\d+",
    product="|".join(period_maps()),


localrules: all


rule all:
    input: lambda w: checkpoints.assign.get() and final_outputs(S)


onstart:
    try:
        check_missing(S, made=[PROVINCE_UNITS])
        begin(S)
    except PipelineError as fault:
        raise WorkflowError(str(fault))


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
        benchmark: f"{L.root}/benchmarks/sample.tsv"
        shell: "{VERB} simulate {params.path:q} --seed {params.seed} --years {params.years} --landscape {params.land} --size {params.size} 2> {log:q}"


rule province_units:
    output: PROVINCE_UNITS
    params: province=S.province
    log: f"{L.root}/logs/province_units.log"
    shell: "{VERB} units {params.province:q} {output:q} 2> {log:q}"


checkpoint assign:
    input: inputs_of(BEFORE_TILES[-1])
    output: outputs_of(BEFORE_TILES[-1])
    params: verb=verb_of(BEFORE_TILES[-1]), config=L.settings, depends=depends_on(BEFORE_TILES[-1], S), retry=times_retried(BEFORE_TILES[-1])
    resources: attempt=this_attempt
    log: log_of(BEFORE_TILES[-1])
    shell: COMMAND


for step in [s for s in steps_of(S) if s.name != "assign"]:
    rule:
        name: step.name
        input: inputs_of(step)
        output: outputs_of(step)
        params: verb=verb_of(step), config=L.settings, depends=depends_on(step, S), retry=times_retried(step)
        threads: step.threads
        priority: step.priority
        resources: **resources_of(step)
        retries: S.resources.attempts if step.of_tile else 2 if step.name == "search" else 0
        log: log_of(step)
        benchmark: log_of(step).replace("/logs/", "/benchmarks/").replace(".log", ".tsv")
        shell: COMMAND
