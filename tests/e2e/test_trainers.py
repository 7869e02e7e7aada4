"""Each of the five trainers, launched from the form on its built-in demo set: its metrics and samples on the Run page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.support import Product, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1500)]

SLOW = 300.0  # s: how long a busy machine may take for what an idle one does in some 30
# one thread each: the first would take all cores, and OpenMP's threads spin where another trainer wants them
SHORT = {"trainer.max_epochs": "2", "trainer.steps_per_epoch": "4", "trainer.threads": "1"}
DRAWN = """(series) => {
  const tile = document.querySelector(`[data-series="${series}"]`);
  if (!tile) return 0;
  for (let box = tile.closest('details'); box; box = box.parentElement.closest('details')) box.open = true;
  tile.scrollIntoView({block: 'center'});
  const lines = (tile.querySelector('.plot').data ?? []).filter((line) => line.meta?.run === 'A');
  return lines.reduce((n, line) => n + Array.from(line.y).filter(Number.isFinite).length, 0);
}"""
OPENED = """(field) => {
  for (let box = field.closest('details'); box; box = box.parentElement.closest('details')) box.open = true;
}"""
LOADED = """() => [...document.querySelectorAll('#samples-grid img')].filter((image) => {
  image.scrollIntoView({block: 'center'});
  return image.complete && image.naturalWidth > 0;
}).length"""
LATEST = """() => {
  const slider = document.getElementById('moment');
  slider.value = slider.max;
  slider.dispatchEvent(new Event('input', {bubbles: true}));
}"""
PLAYED = "() => window.nashboard?.player?.currentTime ?? 0"
HEARD = "(sound) => ({at: sound.currentTime, of: sound.duration, wrong: sound.error?.message ?? ''})"


@dataclass(frozen=True)
class Shown:
    """What a trainer's Run page has to show: a score of its evaluations, and sound or pictures."""

    score: str
    sound: bool = True


CODES = ["1", "2A", "2B", "2B'", "2C", "3", "4", "5"]  # the hypotheses of the document on enhancement

# those with something to ask of their checkpoint come first: it is done while the others train
FIVE = {
    "enhancement": Shown("eval/si_sdr"),
    "tts": Shown("eval/mcd"),
    "codec": Shown("eval/snr"),
    "vae": Shown("eval/stft"),
    "cgan": Shown("eval/fd_classifier", sound=False),
}


def launch(page: Page, product: Product, trainer: str) -> str:
    """Fill the form for the preset fixed, and press the button; the run's id, from the page where it leads."""
    page.goto(f"{product.address}/launch?trainer={trainer}&preset=fixed&size=tiny")
    assert page.locator("input[name=trainer]:checked").input_value() == trainer
    assert page.locator("input[name=preset]:checked").evaluate_all("(all) => all.map((b) => b.value)") == [
        "fixed"
    ]
    assert page.locator("#knob-data-root").input_value() == "", "the built-in demo set"
    page.fill("#name", f"{trainer} of five")
    for knob, value in SHORT.items():
        field = page.locator(f'[name="knob:{knob}"]')
        field.evaluate(OPENED)
        field.fill(value)
    until(
        lambda: all(f"{k}={v}" in (page.text_content("#commands") or "") for k, v in SHORT.items()),
        SLOW,
        product,
        "the command line says what was typed",
    )
    page.click("#go")
    page.wait_for_url("**/runs/*")
    assert page.locator("#head").get_attribute("data-status") in ("queued", "running")
    return page.url.rpartition("/runs/")[2].partition("?")[0]


@pytest.fixture(scope="module")
def launched(browser: Browser, product: Product) -> Iterator[dict[str, str]]:
    """A run of each trainer, launched from the form one after the other; two train at a time."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(1000 * SLOW)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: wrong.append(str(e)))
    ids = {trainer: launch(page, product, trainer) for trainer in FIVE}
    page.goto("about:blank")
    assert not wrong
    yield ids
    for run in ids.values():  # a failed test leaves nothing that trains
        context.request.post(f"{product.address}/api/runs/{run}/stop", data={})
    context.close()


@pytest.mark.parametrize("trainer", FIVE)
def test_a_trainer_launched_from_the_form_shows_metrics_and_samples(
    trainer: str, page: Page, product: Product, launched: dict[str, str], shoot: Callable[..., Path]
) -> None:
    shown = FIVE[trainer]
    page.set_default_timeout(1000 * SLOW)
    page.goto(f"{product.address}/runs/{launched[trainer]}")
    page.evaluate("window.same = true")
    until(lambda: page.locator("#head .st.finished").count(), 2 * SLOW, product, f"{trainer} has finished")
    if trainer == "enhancement":
        page.click("#diagnose-go")
    if trainer == "tts":
        say(page)

    for series in ("loss/disc", "loss/gen", shown.score):
        points(page, product, series)
    if shown.sound:
        heard(page, product)
    else:
        until(lambda: page.evaluate(LOADED) >= 2, 60, product, "pictures in the grid of samples")
    if trainer in ("cgan", "enhancement", "tts"):
        page.locator("#pictures").scroll_into_view_if_needed()
        until(lambda: page.locator("#pic-stage canvas").count(), 60, product, "a picture on the stage")
    if trainer == "enhancement":
        told = verdicts(page, product)
        assert {v for _, v in told} <= {"supported", "possible", "ruled out", "could not look"}
        assert [c for c, _ in told] == CODES
    if trainer == "tts":
        spoken(page, product)
    assert page.evaluate("window.same") is True, "all of it came without loading the page again"
    shoot(page, f"run-{trainer}-dark-1280")


def points(page: Page, product: Product, series: str) -> None:
    """Real points of a series are drawn in its chart."""
    until(lambda: page.evaluate(DRAWN, series) > 0, 60, product, f"points of {series}")


def heard(page: Page, product: Product) -> None:
    """The last reconstruction plays, and the player's clock goes on."""
    until(lambda: page.locator("#listen [data-play]").count(), 60, product, "a sample to play")
    page.locator("#listen [data-play]").first.scroll_into_view_if_needed()
    page.evaluate(LATEST)
    page.locator("#listen [data-source='A']").first.click()
    page.locator("#listen [data-play]").first.click()
    until(lambda: page.evaluate(PLAYED) > 0.1, 60, product, "the player's clock runs")
    page.locator("#listen [data-play]").first.click()


def say(page: Page) -> None:
    page.locator("#say-form [name=text]").fill("The cat sat on the mat.")
    page.locator("#say-form button").click()


def spoken(page: Page, product: Product) -> None:
    """The typed sentence comes back as a sound that plays."""
    until(lambda: page.locator("#say audio").count(), SLOW, product, "the sentence as a sound")
    assert page.locator("#say .said q").first.inner_text() == "The cat sat on the mat."
    sound = page.locator("#say audio").first
    sound.evaluate("(sound) => { sound.play(); }")
    played = until(
        lambda: (s := sound.evaluate(HEARD)) and (s["wrong"] or (s["at"] or 0) > 0.1) and s,
        60,
        product,
        "the sentence to be heard",
    )
    assert played["wrong"] == ""
    assert played["of"] > 0.2


def verdicts(page: Page, product: Product) -> list[tuple[str, str]]:
    """(code, verdict) of each hypothesis in the table."""
    until(lambda: page.locator("#diagnose .verdict-table").count(), 3 * SLOW, product, "verdicts")
    rows = page.locator("#diagnose .verdict-table tbody tr").all()
    return [(r.locator("td").nth(0).inner_text(), r.locator("td").nth(2).inner_text().strip()) for r in rows]


def test_a_bad_value_stands_beside_its_field_and_all_that_was_typed_is_kept(
    page: Page, product: Product
) -> None:
    page.goto(f"{product.address}/launch?trainer=vae&preset=fixed")
    page.fill("#name", "kept")
    page.fill('[name="knob:trainer.max_epochs"]', "-3")
    page.click("#go")
    field = page.locator('[name="knob:trainer.max_epochs"][aria-invalid="true"]')
    field.wait_for(timeout=30_000)
    beside = page.locator(f"#{field.get_attribute('aria-describedby').split()[0]}")  # type: ignore[union-attr]
    assert "-3 is too small; the least is 1" in beside.inner_text()
    assert field.input_value() == "-3"
    assert page.locator("#name").input_value() == "kept"
    assert page.url.startswith(f"{product.address}/launch")
    time.sleep(1)
    known = page.request.get(f"{product.address}/api/runs?q=name:kept").json()["runs"]
    assert [r["name"] for r in known if r["name"] == "kept"] == []


def test_an_unknown_trainer_is_named_with_those_that_there_are(page: Page, product: Product) -> None:
    page.goto(f"{product.address}/launch?trainer=zzz")
    said = page.locator("#troubles").inner_text()
    assert "'zzz'" in said
    for trainer in FIVE:
        assert trainer in said
