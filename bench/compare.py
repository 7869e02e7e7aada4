"""The Compare page in a real Chromium: ms until it can be used, and bytes over the wire, for 2, 10 and 20 runs.

Each run has 30 series of 100,000 points. "Can be used": the first chart on the screen is drawn, and the page answers
a key. The baseline is the same page with 2 runs: what 10 and 20 runs cost more.
"""

from __future__ import annotations

import tempfile
import time
from array import array
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from app import db, ingest, runs
from app import settings as settings_module
from app.points import Pending, _Fresh
from bench.serving import FLAGS, chromium, served
from nashboard.events import RunEnded, RunStarted

POINTS, MOST, ROUNDS = 100_000, 20, 3
COUNTS = (2, 10, 20)
SUBS = [f"disc/mpd{p}/sign_acc" for p in (2, 3, 5, 7, 11)] + [
    f"disc/stft{n}/sign_acc" for n in (512, 1024, 2048)
]
NAMES = [
    *("loss/disc", "loss/gen", "loss/feat", "loss/adv", "loss/mel", "loss/recon", "loss/vq"),
    *("disc/sign_acc", "disc/grad_norm", "disc/lr", "disc/margin", "gen/grad_norm", "gen/lr"),
    *SUBS,
    *("eval/snr", "eval/si_sdr", "eval/mel", "eval/amplitude"),
    *(
        "progress/epoch",
        "progress/disc_steps",
        "progress/samples_seen",
        "speed/steps_per_s",
        "speed/items_per_s",
    ),
]


def run() -> Iterator[dict[str, Any]]:
    """Yields ms to interactive and kB on the wire for each number of runs."""
    browser = chromium()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        ids = filled(home, MOST)
        with served(home) as address:
            measured = {n: opened(browser, address, ids[:n]) for n in COUNTS}
    for place, unit, what in ((0, "ms", "time to interactive"), (1, "kB", "bytes on the wire, first screen"),
                              (2, "kB", "bytes on the wire, scrolled to the end")):  # fmt: skip
        base = measured[COUNTS[0]][place]
        for n in COUNTS:
            value = measured[n][place]
            yield {"name": f"compare page, {n} runs of 30 series of 100,000 points, {what}", "value": round(value),
                   "unit": unit, "baseline": round(base), "ratio": round(value / base, 2)}  # fmt: skip


def filled(home: Path, count: int, points: int = POINTS) -> list[str]:
    """The ids of ``count`` runs with all series, in a new database under ``home``."""
    settings_module.use(settings_module.load(home=home, database_url="").prepared())
    try:
        db.migrate()
        return [_filled(seed, points) for seed in range(count)]
    finally:
        db.dispose()
        settings_module.use(None)


def _filled(seed: int, points: int) -> str:
    draw = np.random.default_rng(seed)
    step = np.arange(points)
    recipe = {"trainer": "codec", "disc": {"lr": [1e-4, 2e-4, 5e-4, 1e-3][seed % 4]}, "seed": seed // 4}
    with db.transaction() as session:
        made = runs.create(session, name=f"run {seed}", recipe=recipe, seed=seed // 4)
        ingest.apply(session, made.id, [RunStarted(seq=0, time=1.7e9, run=made.id)])
        pending = Pending()
        for n, name in enumerate(NAMES):
            values: np.ndarray = (
                1 + np.exp(-step / points * (2 + n)) + 0.05 * draw.normal(size=points) + 0.02 * (seed % 4)
            )
            if name == "progress/epoch":
                values = np.asarray(step / 1000)
            elif name.startswith("progress/"):
                values = step * (8.0 if name.endswith("seen") else 1.0)
            columns = (array("q", step.tolist()), array("d", (1.7e9 + step * 0.1).tolist()))
            pending.series[name] = _Fresh(*columns, array("d", np.float32(values).astype(float).tolist()))
        pending.store(session, made.id)
        made.last_step = points - 1
        ingest.apply(session, made.id, [RunEnded(seq=1, time=1.7e9 + points * 0.1, status="finished")])
        return made.id


def opened(browser: str, address: str, ids: list[str]) -> tuple[float, float, float]:
    """(ms to interactive, kB of the first screen, kB after a scroll to the end), medians of fresh browsers."""
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser, headless=True, args=FLAGS)
        for _ in range(ROUNDS):
            context = chromium.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            session = context.new_cdp_session(page)
            session.send("Network.enable")
            wire = [0.0]
            session.on(
                "Network.loadingFinished", lambda e, w=wire: w.__setitem__(0, w[0] + e["encodedDataLength"])
            )
            page.goto(f"{address}/compare?runs={','.join(ids)}", wait_until="commit")
            page.wait_for_selector("#board .plot .scatterlayer", timeout=120_000)
            # one turn of the event loop after the first drawing: a key would be answered now
            took = page.evaluate("() => new Promise((done) => setTimeout(() => done(performance.now()), 0))")
            first = wire[0]
            _settled(page)
            page.evaluate(
                """async () => { for (let y = 0; y < document.body.scrollHeight; y += 500) {
                scrollTo(0, y); await new Promise((done) => setTimeout(done, 60)); } }"""
            )
            _settled(page)
            found.append((took, first / 1000, wire[0] / 1000))
            context.close()
        chromium.close()
    took, first, whole = (median(column) for column in zip(*found, strict=True))
    return took, first, whole


def _settled(page: Any) -> None:
    """Waits until nothing is asked for any more; by polls, as the page's policy forbids to evaluate text."""
    deadline = time.monotonic() + 120
    while page.evaluate("globalThis.nashboard.view.board.busy"):
        if time.monotonic() > deadline:
            raise RuntimeError("the page was not ready within 120 s")
        time.sleep(0.05)
