"""From a chart to a sound; and sounds that are not alike: other rates, other epochs, bytes that are no sound."""

from __future__ import annotations

import hashlib
import json
import math
import time
from array import array
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route

import nashboard
from nashboard.media import audio_facts, wav
from tests.e2e.support import Product, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

LOUDEST_HZ = """(key) => {
  const { levels, columns, rows, scale, top } = nashboard.listen.lanes.picture(key) ?? {};
  if (!levels) return 0;
  const column = levels.subarray(Math.floor(columns / 2) * rows, (Math.floor(columns / 2) + 1) * rows);
  const share = (column.indexOf(Math.max(...column)) + 0.5) / rows;
  return scale === 'linear' ? share * top : 0;
}"""


def tone(hz: float, amplitude: float, rate: int = 16000, seconds: float = 1.5) -> array[float]:
    return array("f", [amplitude * math.sin(2 * math.pi * hz * i / rate) for i in range(int(rate * seconds))])


def made(
    product: Product, folder: Path, name: str, steps: tuple[int, ...], value: float, *,
    hz: float = 500, rate: int = 16000, stereo: bool = False, seconds: float = 1.5,
) -> str:  # fmt: skip
    """A run of an epoch each 10 steps, with ``eval/snr`` at ``value`` and a sound at each step."""
    run = nashboard.init(project="hear", name=name, dir=folder / name, url=product.address)
    for step in steps:
        run.log(
            {"progress/epoch": step / 10, "progress/samples_seen": 8 * step, "eval/snr": value}, step=step
        )
        run.audio("reference", tone(500, 0.5, seconds=seconds), rate_hz=16000, step=step, slot="clip")
        sound = tone(hz, 0.4 - step / 1000, rate, seconds)
        run.audio(
            "reconstruction", [sound, tone(2 * hz, 0.2, rate, seconds)] if stereo else sound,
            rate_hz=rate, step=step, slot="clip",
        )  # fmt: skip
    run.finish()
    return run.id


def ready(page: Page, product: Product, sounds: int) -> None:
    until(
        lambda: page.evaluate("() => nashboard.listen?.player.tracks.size ?? 0") >= sounds,
        40,
        product,
        "sounds",
    )


def click(page: Page, product: Product, x: float, y: float) -> None:
    """A click into the plot of eval/snr, at shares of its width and height."""
    plot = page.locator("[data-series='eval/snr'] .plot").first
    plot.scroll_into_view_if_needed()
    until(lambda: plot.locator(".scatterlayer .trace").count() > 0, 30, product, "the chart")
    box = plot.locator(".nsewdrag").first.bounding_box()
    assert box
    at = (box["x"] + box["width"] * x, box["y"] + box["height"] * y)
    page.mouse.move(at[0] - 4, at[1])
    page.mouse.move(*at, steps=3)
    page.wait_for_timeout(300)  # plotly looks for points under a pointer that rests
    page.mouse.click(*at)


def test_a_click_on_a_chart_is_heard(page: Page, product: Product, tmp_path: Path) -> None:
    low = made(product, tmp_path, "low", (0, 10, 20), 5.0)
    high = made(product, tmp_path, "high", (0, 15, 30), 20.0, hz=700)
    page.goto(f"{product.address}/compare?runs={low},{high}")
    ready(page, product, 3)
    said = page.locator("#toasts")

    click(page, product, 0.5, 0.06)  # the higher curve, half-way: steps go to 30
    until(lambda: "B, epoch 1.50, step 15" in said.inner_text(), 20, product, "the step of the upper run")
    assert page.evaluate("() => nashboard.player.chosen") == "B"
    assert page.locator("#moment-value").inner_text() == "1.50"
    said.locator("button").click()
    until(lambda: page.evaluate("() => nashboard.player.playing"), 20, product, "it plays")
    page.keyboard.press("Space")

    for axis in ("epoch", "samples"):
        page.locator(f"[data-x='{axis}']").first.click()
        until(
            lambda a=axis: page.evaluate("() => nashboard.view.state.x") == a
            and not page.evaluate("() => nashboard.view.board.busy"),
            20, product, axis,
        )  # fmt: skip
        click(page, product, 0.01, 0.94)
        until(lambda: "A, epoch 0, step 0" in said.inner_text(), 20, product, f"the beginning, by {axis}")
        assert page.evaluate("() => nashboard.player.chosen") == "A"
        click(page, product, 0.97, 0.06)
        until(lambda: "B, epoch 3, step 30" in said.inner_text(), 20, product, f"the end, by {axis}")


def test_rates_and_channels_that_differ_play_on_one_clock(
    page: Page, product: Product, tmp_path: Path
) -> None:
    slow = made(product, tmp_path, "slow", (10,), 1.0, hz=1000, seconds=8)
    fast = made(product, tmp_path, "fast", (10,), 1.0, hz=1500, rate=44100, stereo=True, seconds=8)
    page.goto(f"{product.address}/listen?runs={slow},{fast}&freq=linear")
    ready(page, product, 3)
    assert (
        page.evaluate("() => [...nashboard.player.tracks.values()].map((t) => t.buffer.sampleRate)")
        == [44100] * 3
    )
    assert "16 kHz" in page.locator("[data-row='A'] .rate").inner_text()
    assert "resampled to 44.1 kHz" in page.locator("[data-row='A'] .when").inner_text()
    assert page.locator("[data-row='B'] .rate").inner_text() == "44.1 kHz, stereo"
    assert "resampled" not in page.locator("[data-row='B'] .when").inner_text()
    for key, hz in (("R", 500), ("A", 1000), ("B", 1500)):
        until(
            lambda k=key, f=hz: abs(page.evaluate(LOUDEST_HZ, k) - f) < 300, 20, product, f"{hz} Hz of {key}"
        )
    lengths = page.evaluate("() => [...nashboard.player.tracks.values()].map((t) => t.buffer.duration)")
    assert lengths == pytest.approx([8.0] * 3, abs=0.002)

    page.keyboard.press("b")
    page.keyboard.press("Space")
    until(lambda: page.evaluate("() => nashboard.player.heardTime") > 0.1, 20, product, "sound")
    offset = "() => nashboard.player.currentTime - nashboard.player.context.currentTime"
    before = page.evaluate(offset)
    page.keyboard.press("a")
    assert page.evaluate("() => nashboard.player.chosen") == "A"
    assert page.evaluate(offset) == pytest.approx(before, abs=1e-6), "the clock goes on over another rate"
    page.keyboard.press("Space")
    page.locator("[data-set='ch'][data-value='right']").click()
    until(
        lambda: abs(page.evaluate(LOUDEST_HZ, "B") - 3000) < 300,
        20,
        product,
        "the right channel, an octave up",
    )
    page.locator("[data-set='ch'][data-value='side']").click()
    until(
        lambda: page.evaluate(
            "() => { const p = nashboard.listen.lanes.picture('A'); return p.channel === 'side' && Math.max(...p.levels); }"
        )
        == -150,
        20, product, "a mono sound has no side",
    )  # fmt: skip


def test_the_slider_of_epochs_snaps_to_the_nearest_of_each_run(
    page: Page, product: Product, tmp_path: Path
) -> None:
    often = made(product, tmp_path, "often", (0, 10, 20, 30), 1.0)
    rarely = made(product, tmp_path, "rarely", (0, 25), 2.0)
    page.goto(f"{product.address}/listen?runs={often},{rarely}")
    ready(page, product, 3)
    seen = []
    slider = page.locator("#moment")
    slider.focus()
    page.keyboard.press("Home")
    for place in ("0", "1", "2", "2.50", "3"):
        until(
            lambda p=place: page.locator("#moment-value").inner_text() == p
            and not page.evaluate("() => nashboard.listen.states.size"),
            20, product, f"epoch {place}",
        )  # fmt: skip
        steps = page.evaluate(
            "() => nashboard.listen.sources.filter((s) => s.key !== 'R').map((s) => s.take.step)"
        )
        near = [page.locator(f"[data-row='{k}'] .off-epoch").count() for k in "AB"]
        seen.append((place, *steps, *near))
        page.keyboard.press("ArrowRight")
    assert seen == [
        ("0", 0, 0, 0, 0),
        ("1", 10, 0, 0, 1),
        ("2", 20, 25, 0, 1),
        ("2.50", 20, 25, 1, 0),
        ("3", 30, 25, 0, 1),
    ]
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    until(lambda: "epoch=1" in page.url, 20, product, "the address")
    page.reload()
    ready(page, product, 3)
    assert slider.get_attribute("aria-valuetext") == "epoch 1"


def test_a_slow_sound_never_wears_the_picture_of_the_one_before(
    page: Page, product: Product, tmp_path: Path
) -> None:
    run = nashboard.init(project="hear", name="slowly", dir=tmp_path / "slowly", url=product.address)
    for step, hz in ((0, 3000), (10, 2000), (20, 1000)):
        run.log({"progress/epoch": step / 10}, step=step)
        run.audio("reconstruction", tone(hz, 0.4), rate_hz=16000, step=step, slot="clip")
    run.finish()
    page.goto(f"{product.address}/listen?runs={run.id}&freq=linear")
    ready(page, product, 1)
    until(lambda: abs(page.evaluate(LOUDEST_HZ, "A") - 1000) < 150, 20, product, "the last epoch")
    held: list[Route] = []
    slow = True

    def hold(route: Route) -> None:
        if slow:  # as slow as this test wants it
            held.append(route)
        else:
            route.continue_()

    page.route("**/api/blobs/*", hold)
    page.locator("#moment").focus()
    page.keyboard.press("Home")  # its sound was not read ahead
    until(
        lambda: "reading" in page.locator("[data-row='A'] .lvl").inner_text(), 20, product, "that it is read"
    )
    page.keyboard.press("+")  # drawn meanwhile
    page.keyboard.press("0")
    page.wait_for_timeout(300)
    slow = False
    while held:
        held.pop().continue_()
    until(lambda: not page.evaluate("() => nashboard.listen.states.size"), 30, product, "all of it is read")
    until(lambda: not page.evaluate("() => nashboard.listen.lanes.painting"), 30, product, "a picture")
    assert page.evaluate(LOUDEST_HZ, "A") == pytest.approx(3000, abs=150), "the first epoch's own"


def posted(page: Page, product: Product, sounds: list[tuple[int, str, bytes, bool]]) -> str:
    """A run whose journal came by the API: (step, series, bytes, whether they are sent)."""
    run = page.request.post(f"{product.address}/api/runs", data={"name": "by hand"}).json()["id"]
    lines: list[dict[str, Any]] = [{"kind": "run_started", "run": run}]
    for step, series, data, send in sounds:
        digest = hashlib.sha256(data).hexdigest()
        facts = audio_facts(tone(500, 0.5), 16000)
        lines.append({"kind": "sample_made", "step": step, "series": series, "slot": "clip", "media": "audio",
                      "sha256": digest, "ext": "wav", "size": len(data), "facts": facts, "caption": ""})  # fmt: skip
        if send:
            answer = page.request.put(f"{product.address}/api/blobs/{digest}", data=data)
            assert answer.status == 204
    text = "".join(json.dumps({"seq": n, "time": time.time(), **line}) + "\n" for n, line in enumerate(lines))
    answer = page.request.post(
        f"{product.address}/api/runs/{run}/events",
        data=text,
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert answer.ok, answer.text()
    return run


def test_what_is_no_sound_and_what_has_not_come_are_told(page: Page, product: Product) -> None:
    reference, fine, late = (wav(tone(hz, 0.4), 16000) for hz in (510, 610, 710))
    run = posted(page, product, [
        (0, "reference", reference, True), (0, "reconstruction", fine, True),
        (10, "reconstruction", b"RIFF, but no more of it", True), (20, "reconstruction", late, False),
    ])  # fmt: skip
    page.goto(f"{product.address}/listen?runs={run}")
    ready(page, product, 1)
    lane = page.locator("[data-lane='A'] .lane-state")
    until(lambda: lane.inner_text() == "has not come yet", 20, product, "bytes that are on their way")
    assert page.locator("#sources [data-source='A']").is_disabled()
    page.keyboard.press("a")
    assert page.evaluate("() => nashboard.player.chosen") == "R", "what is not there cannot be chosen"

    page.keyboard.press("j")
    until(
        lambda: "the browser cannot decode it (23 bytes of audio/wav)" in lane.inner_text(),
        20,
        product,
        "why",
    )
    assert "cannot be heard" in page.locator("[data-row='A'] .lvl").inner_text()
    page.keyboard.press("Space")
    until(
        lambda: page.evaluate("() => nashboard.player.playing"),
        20,
        product,
        "the reference plays none the less",
    )
    page.keyboard.press("j")
    until(
        lambda: page.evaluate("() => nashboard.player.tracks.size") == 2, 20, product, "the one that is fine"
    )
    until(lambda: not lane.is_visible(), 20, product, "nothing more to say")

    page.keyboard.press("k")
    page.keyboard.press("k")
    until(lambda: lane.inner_text() == "has not come yet", 20, product, "the last one")
    digest = hashlib.sha256(late).hexdigest()
    assert page.request.put(f"{product.address}/api/blobs/{digest}", data=late).status == 204
    until(
        lambda: page.evaluate("() => nashboard.player.tracks.size") == 2, 30, product, "it came, and is there"
    )


def test_two_fingers_zoom_and_one_repeats(page: Page, product: Product, tmp_path: Path) -> None:
    run = made(product, tmp_path, "touched", (10,), 1.0)
    page.goto(f"{product.address}/listen?runs={run}")
    ready(page, product, 2)
    box = page.locator("[data-lane='A'] .cv").bounding_box()
    assert box
    hands = page.context.new_cdp_session(page)
    y = box["y"] + 30

    def touch(kind: str, *shares: float) -> None:
        spots = [{"x": box["x"] + s * box["width"], "y": y, "id": n} for n, s in enumerate(shares)]
        hands.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": spots})

    touch("touchStart", 0.2)
    for share in (0.3, 0.4, 0.5, 0.6):
        touch("touchMove", share)
    touch("touchEnd")
    until(lambda: page.evaluate("() => nashboard.player.looping"), 20, product, "a loop")
    loop = page.evaluate("() => nashboard.player.loop")
    assert loop == pytest.approx([0.3, 0.9], abs=0.02)

    touch("touchStart", 0.4, 0.6)
    for n in range(1, 6):
        touch("touchMove", 0.4 - 0.04 * n, 0.6 + 0.04 * n)
    touch("touchEnd")
    until(lambda: "span=" in page.url, 20, product, "a zoomed view in the address")
    assert page.evaluate("() => nashboard.listen.view.span") == pytest.approx([0.5, 1.0], abs=0.03)
    assert page.evaluate("() => nashboard.player.loop") == loop, "a pinch repeats nothing"
