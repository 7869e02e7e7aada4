"""A blind test as a listener takes it: keys alone, no name in anything that comes over the wire, an exact p at the end."""

from __future__ import annotations

import csv
import io
import math
import re
from array import array
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Page, Response
from scipy import stats

import nashboard
from tests.e2e.support import Product, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

RATE = 16000
NAMES = ("zephyrous", "quasarish")
TRIALS = 8


def tone(hz: float, amplitude: float) -> array[float]:
    return array("f", [amplitude * math.sin(2 * math.pi * hz * i / RATE) for i in range(RATE)])


def made(product: Product, folder: Path, name: str, hz: float) -> str:
    run = nashboard.init(project="blindfold", name=name, dir=folder / name, url=product.address)
    for slot in ("marimba", "bassoon"):
        run.audio("reference", tone(440, 0.5), rate_hz=RATE, step=10, slot=slot)
        run.audio("reconstruction", tone(hz, 0.4), rate_hz=RATE, step=10, slot=slot)
    run.finish()
    return run.id


def secrets_of(page: Page, product: Product, ids: list[str]) -> list[bytes]:
    """Everything that would tell what is heard: ids, names, project, slots, series, digests."""
    words = [*ids, *NAMES, "blindfold", "marimba", "bassoon", "reconstruction"]
    for run in ids:
        until(partial(all_there, page, product, run), 30, product, "the sounds")
        words += [s["sha256"] for s in samples(page, product, run)]
    return [w.encode() for w in words]


def all_there(page: Page, product: Product, run: str) -> bool:
    found = samples(page, product, run)
    return len(found) == 4 and all(s["url"] for s in found)


def samples(page: Page, product: Product, run: str) -> list[dict]:
    found = page.request.get(f"{product.address}/api/runs/{run}/samples").json()
    return found if isinstance(found, list) else found["samples"]


class Wire:
    """What came to a listener's page: addresses, headers and bodies, but files of the product.

    The result alone names the runs, and it comes last, so it is left out.
    """

    def __init__(self, page: Page) -> None:
        self.came: list[Response] = []
        self.urls: list[str] = []
        self.parts: list[tuple[str, bytes]] = []
        page.on("response", lambda r: self.came.append(r))

    def read(self) -> None:
        while self.came:
            r = self.came.pop(0)
            if not r.url.endswith("/result") and "/static/" not in r.url:
                head = "\n".join(f"{k}: {v}" for k, v in r.all_headers().items()).encode()
                self.parts += [(r.url, head), (r.url, r.body()), (r.url, r.url.encode())]
                self.urls.append(r.url)

    def leaks(self, secret: list[bytes]) -> list[tuple[str, bytes]]:
        self.read()
        return [(url, w) for url, part in self.parts for w in secret if w in part]


def submitted(page: Page) -> None:
    """Make the test, and be where its listener begins."""
    page.locator("#blind-form [type='submit']").click()
    page.wait_for_url(re.compile(r"/blind/[\w-]{32}$"))
    page.locator("#intro").wait_for()
    page.wait_for_load_state("networkidle")


def ready(page: Page, product: Product, number: int) -> None:
    until(
        lambda: page.evaluate("() => document.getElementById('hear').dataset.ready") == str(number),
        30, product, f"trial {number}",
    )  # fmt: skip


def test_an_abx_by_keys_leaks_nothing_and_its_p_is_scipys(
    page: Page, product: Product, tmp_path: Path
) -> None:
    ids = [made(product, tmp_path, name, hz) for name, hz in zip(NAMES, (440, 460), strict=True)]
    secret = secrets_of(page, product, ids)

    page.goto(f"{product.address}/blind?runs={','.join(ids)}")
    page.locator("[name='trials']").fill(str(TRIALS))
    until(
        lambda: f"With {TRIALS} trials" in page.locator("#blind-power").inner_text(), 20, product, "the power"
    )

    wire = Wire(page)
    submitted(page)
    wire.came.clear()  # from here on it is the listener's
    page.reload()
    page.locator("#intro [type='submit']").click()

    for number in range(1, TRIALS + 1):
        ready(page, product, number)
        wire.read()
        assert [w for w in secret if w in page.content().encode()] == []
        if number == 1:
            page.keyboard.press("Space")
            until(lambda: page.evaluate("() => nashboard.player.playing"), 20, product, "sound")
            before = page.evaluate("() => nashboard.player.currentTime")
            for key in "abx":
                page.keyboard.press(key)
                assert page.locator("[data-sound][aria-pressed='true']").inner_text() == key.upper()
            assert page.evaluate("() => nashboard.player.playing"), "switching goes on playing"
            assert page.evaluate("() => nashboard.player.currentTime") != before
            assert page.locator("#answer").is_disabled(), "nothing is chosen yet"
        if number == 3:  # left, and gone on with
            page.reload()
            ready(page, product, number)
            assert page.locator("#progress").inner_text() == f"trial {number} of {TRIALS}"
        page.keyboard.press("1" if number % 3 else "2")
        page.keyboard.press("Enter")
    until(lambda: page.locator("#end").is_visible(), 30, product, "the end")
    assert wire.leaks(secret) == []

    sounds = [u for u in wire.urls if "/audio/" in u]
    assert len(set(sounds)) == 3 * TRIALS, "an address of its own for each sound of each trial"
    assert len([b for _, b in wire.parts if b[:4] == b"RIFF"]) >= 3 * TRIALS
    assert not [u for u in wire.urls if "/api/blobs" in u or "/api/runs" in u]

    test = next(t for t in page.request.get(f"{product.address}/api/blind").json() if t["link"] in page.url)
    rows = list(
        csv.DictReader(
            io.StringIO(page.request.get(f"{product.address}/api/blind/{test['id']}/answers.csv").text())
        )
    )
    right = sum(r["choice"] == r["X"] for r in rows)
    known = stats.binomtest(right, TRIALS, 0.5, alternative="greater").pvalue
    print(
        f"\n{right} of {TRIALS} right, p = {known:.4f}; {len(wire.urls)} answers searched for {len(secret)} words"
    )
    assert len(rows) == TRIALS
    assert test["result"]["pooled"]["p"] == pytest.approx(known)
    words = page.locator("#end-words").inner_text()
    assert words.startswith(f"{right} of {TRIALS} right, p = {known:.2g}.")
    assert NAMES[0] in page.locator("#end-names").inner_text(), "now the names are told"

    page.goto(f"{product.address}/runs/{ids[0]}")
    series = page.request.get(f"{product.address}/api/runs/{ids[0]}/series").text()
    assert "listen/abx_p" in series


def test_several_listeners_rate_by_link(page: Page, product: Product, tmp_path: Path) -> None:
    ids = [made(product, tmp_path, name, hz) for name, hz in zip(NAMES, (440, 500), strict=True)]
    secrets_of(page, product, ids)
    page.goto(f"{product.address}/blind?runs={','.join(ids)}")
    page.locator("[name='kind'][value='mushra']").check()
    page.locator("[name='trials']").fill("1")
    page.locator("[name='alone']").select_option("")
    page.locator("#blind-form [type='submit']").click()
    page.wait_for_url("**/blind/results/*")
    result = page.url
    link = page.locator("#blind-link").inner_text()
    assert link.startswith(product.address)

    page.goto(link)
    page.locator("[name='name']").fill("Ada")
    page.locator("#intro [type='submit']").click()
    ready(page, product, 1)
    for key in "1234":
        page.keyboard.press(key)
        assert page.evaluate("() => nashboard.player.chosen") == key
        page.keyboard.press("ArrowRight")
    assert not page.locator("#answer").is_disabled()
    page.keyboard.press("Enter")
    until(lambda: page.locator("#end").is_visible(), 30, product, "the end")
    assert NAMES[0] not in page.content(), "sealed until the maker closes it"

    page.goto(result)
    page.locator("#blind-close").click()
    page.locator(".blind-found").wait_for()
    assert "not ITU-R BS.1534 compliant" in page.locator(".blind-found").inner_text()
    assert "Ada" in page.locator(".blind-tbl").inner_text()
    page.goto(link)
    until(lambda: NAMES[0] in page.locator("#end-names").inner_text(), 20, product, "the names")


def test_a_preference_by_pointer_has_the_sign_tests_p_and_can_be_deleted(
    page: Page, product: Product, tmp_path: Path
) -> None:
    ids = [made(product, tmp_path, name, hz) for name, hz in zip(NAMES, (440, 470), strict=True)]
    secret = secrets_of(page, product, ids)
    page.goto(f"{product.address}/blind?runs={','.join(ids)}")
    page.locator("[name='kind'][value='preference']").check()
    page.locator("[name='trials']").fill(str(TRIALS))
    submitted(page)
    wire = Wire(page)
    page.reload()
    page.locator("#intro [type='submit']").click()
    for number in range(1, TRIALS + 1):
        ready(page, product, number)
        wire.read()
        assert [w for w in secret if w in page.content().encode()] == []
        assert page.locator("[data-sound]").all_inner_texts() == ["Reference", "A", "B"], "what it should be"
        page.locator("[data-sound='B']").click()
        assert page.evaluate("() => nashboard.player.chosen") == "B"
        page.locator(f"#choice [value='{'same' if number == TRIALS else 'A'}']").check()
        page.locator("#answer").click()
    until(lambda: page.locator("#end").is_visible(), 30, product, "the end")
    assert wire.leaks(secret) == []

    test = next(t for t in page.request.get(f"{product.address}/api/blind").json() if t["link"] in page.url)
    pooled = test["result"]["pooled"]
    won = sorted(pooled["won"].values())
    assert sum(won) == TRIALS - 1
    assert pooled["ties"] == 1, "the last answer was no difference"
    known = stats.binomtest(won[0], TRIALS - 1, 0.5).pvalue
    print(f"\npreferred {won[1]} of {TRIALS - 1}, p = {known:.4f}")
    assert pooled["p"] == pytest.approx(known)
    assert "1 tie left out" in page.locator("#end-words").inner_text()
    assert len(page.locator("#end-trials li").all()) == TRIALS

    link = page.url
    page.goto(f"{product.address}/blind/results/{test['id']}")
    page.locator("#blind-delete-open").click()
    asked = page.locator("#blind-delete")
    assert "answers of 1 listener go with it" in asked.inner_text()
    page.keyboard.press("Escape")
    assert page.request.get(f"{product.address}/api/blind/{test['id']}").status == 200, (
        "Escape deletes nothing"
    )
    page.locator("#blind-delete-open").click()
    page.locator("#blind-delete-go").click()
    page.wait_for_url(f"{product.address}/blind")
    assert test["id"] not in page.content()
    assert page.request.get(f"{product.address}/api/blind/{test['id']}").status == 404
    assert page.request.get(link).status == 404
    series = page.request.get(f"{product.address}/api/runs/{ids[0]}/series").text()
    assert "listen/preference" in series, "what the runs were given stays"
