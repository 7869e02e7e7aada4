"""A spectrogram on the Listen page in a real Chromium: ms from the request to the picture, of 10 s at 44.1 kHz.

Three figures, each the median of several: a picture of a sound that is there (the frequency axis was changed: worker,
colours, canvas, the next frame), the same of two sounds and their difference, and the first picture of a sound that
is not there yet (over the wire, decoded, drawn). The goal is 300 ms a picture. The baseline is numpy making as many
spectra of the same windows, without axis, colours or a browser.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app import blobs, db, ingest, runs
from app import settings as settings_module
from bench.serving import FLAGS, chromium, served
from nashboard.events import RunEnded, RunStarted, SampleMade
from nashboard.media import audio_facts, wav

RATE_HZ, SECONDS, ROUNDS = 44_100, 10, 7
GOAL_MS = 300
READY = """() => { const { listen } = globalThis.nashboard ?? {};
  return Boolean(listen?.lanes.picture('A') && !listen.states.size && !listen.lanes.painting); }"""
REDRAWN = """async (axis) => {
  const { listen } = nashboard;
  const { pictures } = listen.spectra;
  for (const key of [...pictures.things.keys()]) if (key.startsWith('levels|')) pictures.drop(key);
  const painted = new Promise((done) => listen.lanes.list.addEventListener('painted', done, { once: true }));
  const began = performance.now();
  listen.set({ freq: axis });
  await painted;
  await new Promise((done) => requestAnimationFrame(done));
  const { columns, rows, scale, size } = listen.lanes.picture('A');
  if (scale !== axis) throw new Error(`the picture has the ${scale} axis`);
  return { ms: performance.now() - began, columns, rows, size };
}"""
FIRST = """async () => {
  const { listen } = nashboard;
  const before = listen.lanes.picture('A');
  const began = performance.now();
  listen.go(0);
  while (listen.states.size || listen.lanes.picture('A') === before || listen.lanes.painting) {
    await new Promise((done) => requestAnimationFrame(done));
  }
  return performance.now() - began;
}"""


def run() -> Iterator[dict[str, Any]]:
    """Yields ms to a picture of one sound, of two and their difference, and of one that is read for it."""
    browser = chromium()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        alone, paired = filled(home)
        with served(home) as address:
            one, first, shape = opened(browser, address, alone)
            three, _, _ = opened(browser, address, paired)
    plain = _plain(*shape)
    size = f"{shape[0]} x {shape[1]} pixels"
    what = f"spectrogram of {SECONDS} s at 44.1 kHz, {size}, goal {GOAL_MS} ms"
    for name, value, base in (
        (f"{what}: the axis changed", one, plain),
        (f"{what}: two sounds and their difference", three, 2 * plain),
        (f"{what}: read, decoded and drawn", first, plain),
    ):
        yield {
            "name": name,
            "value": round(value),
            "unit": "ms",
            "baseline": round(base),
            "ratio": round(value / base, 2),
        }


def filled(home: Path) -> tuple[str, str]:
    """Ids of a run with one sound a step, and of one that has a reference too, in a new database under ``home``."""
    settings_module.use(settings_module.load(home=home, database_url="").prepared())
    try:
        db.migrate()
        return _filled("alone", False), _filled("paired", True)
    finally:
        db.dispose()
        settings_module.use(None)


def clip(seed: int) -> NDArray[np.float32]:
    """A chirp in noise, ``SECONDS`` long: something at every frequency."""
    at = np.arange(SECONDS * RATE_HZ) / RATE_HZ
    noise = np.random.default_rng(seed).normal(size=len(at))
    return (0.3 * np.sin(2 * np.pi * (100 + 900 * at) * at) + 0.02 * noise).astype(np.float32)


def _filled(name: str, reference: bool) -> str:
    with db.transaction() as session:
        run_id = runs.create(session, name=name).id
        events: list[Any] = [RunStarted(seq=0, time=1.7e9, run=run_id)]
        for step in range(4):  # the last is shown, the one before is read ahead, the first is not
            for series in ("reference", "reconstruction") if reference else ("reconstruction",):
                wave = clip(step + 10 * (series == "reference"))
                data = wav(wave, RATE_HZ)
                digest = hashlib.sha256(data).hexdigest()
                blobs.put(session, digest, data)
                facts = audio_facts(wave, RATE_HZ)
                made = SampleMade(
                    seq=len(events), time=1.7e9, step=step, series=series, slot="clip", media="audio",
                    sha256=digest, ext="wav", size=len(data), facts=facts, caption="",
                )  # fmt: skip
                events.append(made)
        ingest.apply(session, run_id, [*events, RunEnded(seq=len(events), time=1.7e9, status="finished")])
        return run_id


def opened(browser: str, address: str, run_id: str) -> tuple[float, float, tuple[int, int, int]]:
    """(ms to a new picture of a sound that is there, ms to the first picture of another, (columns, rows, window))."""
    from playwright.sync_api import sync_playwright

    again: list[float] = []
    first: list[float] = []
    shape = (0, 0, 0)
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser, headless=True, args=FLAGS)
        for _ in range(ROUNDS):
            context = chromium.new_context(viewport={"width": 1280, "height": 900})
            page = context.new_page()
            page.goto(f"{address}/listen?runs={run_id}")
            _settled(page)
            page.wait_for_timeout(500)  # what is read ahead is there too
            for axis in ("mel", "linear", "log"):
                seen = page.evaluate(REDRAWN, axis)
                again.append(seen["ms"])
                shape = (seen["columns"], seen["rows"], seen["size"])
            first.append(page.evaluate(FIRST))
            context.close()
        chromium.close()
    return median(again), median(first), shape


def _settled(page: Any) -> None:
    """Waits until the picture is there; by polls, as the page's policy forbids to evaluate text."""
    deadline = time.monotonic() + 120
    while not page.evaluate(READY):
        if time.monotonic() > deadline:
            raise RuntimeError("the page was not ready within 120 s")
        time.sleep(0.05)


def _plain(columns: int, _rows: int, size: int) -> float:
    """ms of numpy for the spectra of the same windows: each column is looked at every half window, at most 8 times."""
    sound = clip(0).astype(np.float64)
    looks = min(8, max(1, -(-len(sound) // columns // (size // 2))))
    starts = np.linspace(0, len(sound) - size, columns * looks).astype(int)
    window = np.hanning(size)
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        frames = np.lib.stride_tricks.sliding_window_view(sound, size)[starts] * window
        power = np.abs(np.fft.rfft(frames, 2 * size, axis=1)) ** 2
        10 * np.log10(power.reshape(columns, looks, -1).max(axis=1) + 1e-15)
        took.append(1e3 * (time.perf_counter() - began))
    return median(took)
