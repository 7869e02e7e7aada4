#!/usr/bin/env bash
# Make .venv and install everything into it; called by `make install`.
set -euo pipefail
constraints=${CONSTRAINTS:-constraints.txt}
[ -x .venv/bin/python ] || "${PYTHON:-python3}" -m venv .venv || {
  echo "nashboard: no virtual environment could be made; on Debian: apt-get install python3-venv" >&2; exit 1; }
pip=(.venv/bin/python -m pip --disable-pip-version-check --quiet)
echo "nashboard: installing into .venv (some minutes the first time)"
if [ -n "${TORCH_INDEX:-}" ]; then
  "${pip[@]}" install -c "$constraints" --index-url "$TORCH_INDEX" torch==2.13.0
fi
"${pip[@]}" install -c "$constraints" -e '.[recipes,doctor,server,postgres,worker,embedded,trainers,demo,dev]'
# PESQ is a source package and needs a compiler; without one everything else works and pages say why PESQ is missing
if ! "${pip[@]}" install -c "$constraints" 'pesq==0.0.4' >.venv/pesq.log 2>&1; then
  echo "nashboard: PESQ left out, its package could not be built (.venv/pesq.log says why)"
fi
