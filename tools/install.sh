#!/usr/bin/env bash
# Make .venv and install everything into it; called by `make install`.
set -euo pipefail
say() { echo "nashboard: $*"; }
die() { echo "nashboard: $*" >&2; exit 1; }

constraints=${CONSTRAINTS:-constraints.txt}
python=${PYTHON:-python3}
[ -f "$constraints" ] || die "there is no constraints file $constraints"
command -v "$python" >/dev/null 2>&1 || die "there is no $python; name one with PYTHON="
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  die "$python is $("$python" -V 2>&1); Python 3.11 or later is needed, name one with PYTHON="

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
  rm -rf .venv   # a half-made one, or one whose Python was removed
  "$python" -m venv .venv >/dev/null || {
    rm -rf .venv
    die "no virtual environment could be made; on Debian: apt-get install python3-venv"
  }
fi
pip=(.venv/bin/python -m pip --disable-pip-version-check --no-input --quiet --retries 8)
say "installing into .venv (some minutes the first time)" >&2
if [ -n "${TORCH_INDEX:-}" ]; then
  # torch alone: what it needs comes from the usual index, in the versions of the constraints
  "${pip[@]}" install --no-deps --index-url "$TORCH_INDEX" torch==2.13.0
fi
"${pip[@]}" install -c "$constraints" -e '.[recipes,doctor,server,postgres,worker,embedded,trainers,demo,dev]' ||
  die "pip could not install; its message is above. A machine without a network needs PIP_INDEX_URL or a wheelhouse"
# PESQ is a source package and needs a compiler; without one everything else works and pages say why PESQ is missing
if ! "${pip[@]}" install -c "$constraints" 'pesq==0.0.4' >.venv/pesq.log 2>&1; then
  say "PESQ left out, its package could not be built (.venv/pesq.log says why)" >&2
fi
