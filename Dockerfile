# docker build --tag social-corpus .
# docker run --rm --volume "$PWD:/data" --user "$(id -u):$(id -g)" social-corpus build plan.yaml
#
# EXTRAS are the extras of pyproject.toml: --build-arg EXTRAS=tokens,s3
FROM python:3.12-slim AS installed
ARG EXTRAS=tokens
COPY . /source
RUN python -m venv /opt/corpus \
 && /opt/corpus/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
      --constraint /source/constraints.txt "/source[${EXTRAS}]"

FROM python:3.12-slim
RUN useradd --create-home --uid 1000 corpus \
 && mkdir /data \
 && chown corpus:corpus /data
COPY --from=installed /opt/corpus /opt/corpus
# The compiled functions of numba go to a folder that every user may write to.
ENV PATH=/opt/corpus/bin:$PATH \
    NUMBA_CACHE_DIR=/tmp/numba
USER corpus
WORKDIR /data
ENTRYPOINT ["corpus"]
CMD ["--help"]
