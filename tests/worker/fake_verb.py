"""Verbs for the worker's tests: what is to be said decides what happens, so that no torch has to be loaded."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from nashboard.media import wav


def main(words: list[str]) -> int:
    given = dict(w.split("=", 1) for w in words if "=" in w)
    text = given["text"]
    if text == "refuse":
        print("Traceback, or so", file=sys.stderr)
        print("text 'refuse': the symbol '₿' (U+20BF) is unknown", file=sys.stderr)
        return 2
    if text == "hold":
        time.sleep(60)
    if text == "mute":
        return 0
    out = Path(given["out"])
    out.write_bytes(wav([0.0, 0.5, -0.5], 8000))
    name = "../escape.wav" if text == "escape" else out.name
    sample = {"file": name, "media": "audio", "ext": "wav", "series": "said/speech", "slot": text, "step": 9}
    secrets = [
        k for k in os.environ if k in ("REDIS_URL", "DATABASE_URL") or k.startswith("NASHBOARD_WORKER_")
    ]
    print("a word beside the outcome")
    print(json.dumps({"samples": [sample], "secrets": secrets, "gpu": os.environ["CUDA_VISIBLE_DEVICES"]}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
