# Two images: `server` without torch, `worker` with it. Build arguments: TORCH_INDEX, where torch comes from
# (the CPU builds by default; docker-compose.gpu.yml leaves it empty for the CUDA builds of the usual index).
FROM python:3.11-slim-bookworm AS base
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    PATH=/opt/venv/bin:$PATH NASHBOARD_HOME=/var/lib/nashboard
RUN useradd --system --uid 10001 --create-home nashboard \
 && install -d -o nashboard -g nashboard /var/lib/nashboard /var/lib/nashboard/runs /data
WORKDIR /srv/nashboard

FROM base AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
RUN python -m venv /opt/venv
COPY pyproject.toml constraints.txt constraints-gpu.txt README.md LICENSE ./
COPY nashboard nashboard

FROM build AS build-server
RUN pip install -c constraints.txt '.[recipes,doctor,server,postgres,worker]' && pip uninstall -y nashboard

FROM build-server AS build-worker
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN if [ -n "$TORCH_INDEX" ]; then pip install --no-deps --index-url "$TORCH_INDEX" torch==2.13.0; fi \
 && pip install -c constraints.txt '.[trainers,demo,pesq]' && pip uninstall -y nashboard

FROM base AS code
COPY --chown=root:root . .

FROM base AS server
COPY --from=build-server /opt/venv /opt/venv
COPY --from=code /srv/nashboard /srv/nashboard
USER nashboard
EXPOSE 8000
CMD ["python", "-m", "app", "--host", "0.0.0.0", "--port", "8000"]

FROM base AS worker
COPY --from=build-worker /opt/venv /opt/venv
COPY --from=code /srv/nashboard /srv/nashboard
USER nashboard
CMD ["python", "-m", "worker", "train"]
