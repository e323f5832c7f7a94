# The pipeline as a container, for clusters without Python or the network: README, "On a cluster".
#   docker build -t rs-pipeline .
#   docker run --rm -v "$PWD/data:/app/data" -v "$PWD/results:/app/results" rs-pipeline --cores 8 --configfile data/my.yaml
# Not run with a container engine yet; its steps are those of the README, on the same Debian.
FROM python:3.11-slim-bookworm
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1
WORKDIR /app
COPY pyproject.toml constraints.txt README.md ./
COPY kernels kernels
COPY rs_pipeline rs_pipeline
COPY config config
COPY profiles profiles
COPY Snakefile ./
RUN pip install -q -c constraints.txt -e '.[hebei,slurm]' && rs-pipeline schema > /dev/null
# Compiled kernels lie beside the sources; whoever runs the container may add to them.
RUN chmod -R a+rwX kernels
ENTRYPOINT ["snakemake"]
CMD ["--cores", "2"]
