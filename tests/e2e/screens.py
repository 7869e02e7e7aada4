"""``make screens``: every page in light and dark at 1280 and 390 px, with runs that were trained for it.

Starts the product on a home of its own, trains short runs of all five trainers on their built-in demo sets, makes a
plan, a set of bands, a blind test and a dropped log, and writes ``docs/screens/pages/NAME-THEME-WIDTH.webp`` with an
index. A home that is kept (``--home``) is gone on with, so that a second call only takes the pictures.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.conftest import FLAGS, chromium
from tests.e2e.support import DROP, ROOT, Product, until
from tests.e2e.test_doctor import gan_log

FOLDER = ROOT / "docs" / "screens" / "pages"
THEMES = ("light", "dark")
WIDTHS = {1280: 900, 390: 844}
TALLEST = 2400  # px: what is cut off below is more of the same
PROJECT = "screens"
SHORT: dict[str, dict[str, Any]] = {
    "codec": {"trainer.max_epochs": 6},
    "cgan": {"trainer.max_epochs": 4, "trainer.steps_per_epoch": 40},
    "enhancement": {"trainer.max_epochs": 3, "trainer.steps_per_epoch": 20},
    "vae": {"trainer.max_epochs": 3, "trainer.steps_per_epoch": 30},
    "tts": {"trainer.max_epochs": 4, "trainer.steps_per_epoch": 30},
}
PLAN = {
    "title": "Learning rates of D",
    "trainer": "codec",
    "preset": "fixed",
    "seeds": 2,
    "patch": {"trainer.max_epochs": 2, "trainer.steps_per_epoch": 20},
    "grid": {"disc.lr": [5e-5, 2e-4]},
    "metric": "eval/mel",
}
Act = Callable[[Page], None]


@dataclass(frozen=True)
class Shot:
    """A page to look at: its address, what is done on it first, and what the picture says."""

    name: str
    address: str
    says: str
    act: Act | None = None
    empty: bool = False  # of an installation without a run


@dataclass
class Made:
    """What the pictures show, by id."""

    runs: dict[str, str] = field(default_factory=dict)
    plan: str = ""
    bands: str = ""
    blind: str = ""
    heard: str = ""
    token: str = ""


class Api:
    """The product's own API, as a script would call it."""

    def __init__(self, product: Product, page: Page) -> None:
        self.product, self.page = product, page

    def get(self, path: str) -> Any:
        return self.page.request.get(self.product.address + path).json()

    def post(self, path: str, body: Any) -> Any:
        answer = self.page.request.post(self.product.address + path, data=body)
        if not answer.ok:
            raise RuntimeError(f"{path}: {answer.status} {answer.text()[:400]}")
        return answer.json()


def launched(api: Api) -> Made:
    """Runs of the five trainers, a plan of four more, all asked for at once; those that are there are kept."""
    made = Made()
    known = {r["name"]: r["id"] for r in api.get(f"/api/runs?project={PROJECT}&limit=100")["runs"]}
    for trainer, patch in SHORT.items():
        for preset in ("old", "fixed") if trainer in ("codec", "cgan") else ("fixed",):
            name = f"{trainer} {preset}"
            asked = {"trainer": trainer, "preset": preset, "patch": patch, "name": name, "project": PROJECT}
            made.runs[name] = known.get(name) or api.post("/api/launch", asked)["id"]
    plans = [p for p in api.get("/api/plans")["plans"] if p["name"] == PLAN["title"]]
    made.plan = (
        plans[0]["id"] if plans else api.post("/api/plans", {"plan": PLAN, "name": PLAN["title"]})["id"]
    )
    return made


def ended(api: Api, run: str) -> bool:
    status = api.get(f"/api/runs/{run}")["status"]
    if status in ("failed", "lost", "cancelled"):
        raise RuntimeError(f"run {run} is {status}\n{api.product.logs()}")
    return status == "finished"


def planned(api: Api, plan: str) -> bool:
    """Whether the plan's runs have all finished; those that a stop of this script had stopped go again."""
    items = api.get(f"/api/plans/{plan}")["items"]
    stopped = [i["index"] for i in items if i["status"] in ("stopped", "lost")]
    if stopped:
        api.post(f"/api/plans/{plan}/again", {"items": stopped})
    return all(i["status"] == "finished" for i in items)


def grown(api: Api, made: Made, page: Page) -> None:
    """A set of bands of the plan's runs, a blind test that is open and one that was heard to the end."""
    address = api.product.address
    sources = [{"run": made.runs[f"codec {side}"]} for side in ("old", "fixed")]
    known = api.get("/api/blind")
    tests = known if isinstance(known, list) else known["tests"]
    closed = [t for t in tests if t["closed"]]
    opened = [t for t in tests if not t["closed"]]
    if not closed:
        test = api.post("/api/blind", {"kind": "abx", "sources": sources, "trials": 8, "alone": False})
        answered(page, address + test["link"], 8)
        closed = [api.post(f"/api/blind/{test['id']}/close", {})]
    if not opened:
        opened = [
            api.post("/api/blind", {"kind": "preference", "sources": sources, "trials": 8, "alone": False})
        ]
    made.heard, made.token = closed[0]["id"], opened[0]["link"]
    page.goto(f"{address}/bands?origin=measured")
    own = page.locator("a[href^='/bands/']", has_text="Our codec runs")
    if not own.count():
        ids = ",".join(made.runs[f"codec {side}"] for side in ("old", "fixed"))
        page.goto(f"{address}/bands/new?runs={ids}")
        page.fill("[name='name']", "Our codec runs")
        page.locator("#band-form button.main").click()
        page.wait_for_url(lambda url: "/bands/" in url and "/new" not in url)
        made.bands = page.url.rpartition("/")[2]
    else:
        made.bands = (own.first.get_attribute("href") or "").rpartition("/")[2]


def answered(page: Page, link: str, trials: int) -> None:
    """Somebody takes an ABX test by keys; which answer is right they do not know."""
    page.goto(link)
    page.locator("#intro [type='submit']").click()
    for number in range(1, trials + 1):
        said = "() => document.getElementById('hear').dataset.ready"
        deadline = time.monotonic() + 60
        while page.evaluate(said) != str(number) and time.monotonic() < deadline:
            page.wait_for_timeout(100)
        page.keyboard.press("2" if number % 3 == 0 else "1")
        page.keyboard.press("Enter")
    page.wait_for_timeout(1500)


def opened_finding(page: Page) -> None:
    page.keyboard.press("n")
    page.wait_for_selector("#finding[open]", timeout=20_000)
    page.wait_for_timeout(1500)


def dropped(page: Page) -> None:
    page.evaluate(DROP, ["biggan.csv", gan_log()])
    page.wait_for_selector("#result .js-plotly-plot", timeout=20_000)
    page.wait_for_timeout(1000)


def bad_value(page: Page) -> None:
    field = page.locator('[name="knob:trainer.max_epochs"]')
    field.evaluate(
        "(f) => { for (let b = f.closest('details'); b; b = b.parentElement.closest('details')) b.open = true; }"
    )
    field.fill("-3")
    page.click("#go")
    page.wait_for_selector('[name="knob:trainer.max_epochs"][aria-invalid="true"]', timeout=30_000)


def shots(made: Made) -> list[Shot]:
    runs = made.runs
    pair = f"{runs['codec old']},{runs['codec fixed']}"
    gans = f"{runs['cgan old']},{runs['cgan fixed']}"
    log = f"/runs/{runs['codec old']}"
    return [
        Shot("runs-empty", "/", "Runs, before there is one", empty=True),
        Shot("runs", "/", "Runs"),
        Shot("launch", "/launch", "Launch"),
        Shot("launch-problem", "/launch?trainer=vae&preset=fixed", "Launch with a value it can't take", bad_value),
        Shot("run", log, "A run: an old discriminator of the codec"),
        Shot("finding", log, "A finding: evidence, samples nearest, suspects, remedies", opened_finding),
        Shot("run-cgan", f"/runs/{runs['cgan fixed']}", "A run of the conditional GAN"),
        Shot("run-enhancement", f"/runs/{runs['enhancement fixed']}", "A run of the speech enhancer"),
        Shot("run-vae", f"/runs/{runs['vae fixed']}", "A run of the AudioVAE"),
        Shot("run-tts", f"/runs/{runs['tts fixed']}", "A run of FastSpeech2"),
        Shot("compare-empty", "/compare", "Compare, before runs are chosen"),
        Shot("compare", f"/compare?runs={pair}", "Compare"),
        Shot("compare-cgan", f"/compare?runs={gans}", "Compare, with pictures"),
        Shot("listen-empty", "/listen", "Listen, before runs are chosen"),
        Shot("listen", f"/listen?runs={pair}", "Listen"),
        Shot("report", f"/report?runs={pair}", "The report: old against fixed"),
        Shot("doctor", "/doctor", "Doctor"),
        Shot("doctor-log", "/doctor", "A log that was dropped on the doctor", dropped),
        Shot("plans", "/plans", "Plans"),
        Shot("plan", f"/plans/{made.plan}", "A plan"),
        Shot("bands", "/bands", "Bands"),
        Shot("bands-new", f"/bands/new?runs={pair}", "Making a set of bands"),
        Shot("band", f"/bands/{made.bands}", "A set of bands"),
        Shot("blind", f"/blind?runs={pair}", "Making a blind test"),
        Shot("blind-test", made.token, "A blind test as its listener sees it"),
        Shot("blind-results", f"/blind/results/{made.heard}", "What a blind test showed"),
        Shot("bundles", "/bundles", "Opening runs that somebody packed"),
        Shot("help", "/help", "Help"),
        Shot("not-found", "/no-such-page", "An address that leads nowhere"),
    ]  # fmt: skip


def taken(browser: Browser, product: Product, shot: Shot, theme: Any, width: int) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": WIDTHS[width]}, color_scheme=theme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.set_default_timeout(120_000)
    wrong: list[str] = []
    page.on(
        "console",
        lambda m: wrong.append(m.text) if m.type == "error" and "404 (Not Found)" not in m.text else None,
    )
    page.on("pageerror", lambda e: wrong.append(str(e)))
    page.goto(product.address + shot.address)
    page.wait_for_timeout(2500)
    if shot.act:
        shot.act(page)
    if wide := page.evaluate("() => document.documentElement.scrollWidth - innerWidth"):
        wrong.append(f"{wide} px wider than the window")
    tall = shot.name not in ("finding",)
    if tall:
        # charts draw once they come into view; a picture of the whole page needs all of them
        height = int(page.evaluate("() => document.documentElement.scrollHeight"))
        page.set_viewport_size({"width": width, "height": min(max(height, WIDTHS[width]), TALLEST)})
        page.wait_for_timeout(2500)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    picture.save(FOLDER / f"{shot.name}-{theme}-{width}.webp", quality=80, method=4)
    context.close()
    if wrong:
        print(f"{shot.name} ({theme}, {width} px): " + "; ".join(wrong)[:400], flush=True)


def index(every: list[Shot]) -> str:
    """The gallery as Markdown: a row a page."""
    lines = [
        "# Every page",
        "",
        "Made by `make screens` from short runs on the built-in demo sets: tiny presets, stopped early, so the figures in",
        "the pictures say nothing about a model. Below 2,400 px a page is cut off.",
        "",
    ]
    for shot in every:
        lines += [f"## {shot.says}", ""]
        cells = [
            f"![{shot.says}, {t}, {w} px](pages/{shot.name}-{t}-{w}.webp)" for w in WIDTHS for t in THEMES
        ]
        lines += ["| light, 1280 | dark, 1280 | light, 390 | dark, 390 |", "|---|---|---|---|"]
        lines += ["| " + " | ".join(cells) + " |", ""]
    return "\n".join(lines)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="make screens", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--home", type=Path, help="a folder to keep; empty: a temporary one")
    parser.add_argument("names", nargs="*", help="pages to take; none: all")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as play:
        home = args.home or Path(scratch) / "home"
        home.mkdir(parents=True, exist_ok=True)
        browser = play.chromium.launch(executable_path=chromium(), headless=True, args=FLAGS)
        product = Product(home)
        bare = Product(Path(scratch) / "bare")
        try:
            page = browser.new_page()
            api = Api(product, page)
            made = launched(api)
            for name, run in made.runs.items():
                until(lambda r=run: ended(api, r), 1800, product, name)  # type: ignore[misc]
                print(f"{name}: trained", flush=True)
            until(lambda: planned(api, made.plan), 1800, product, "the plan")
            grown(api, made, page)
            FOLDER.mkdir(parents=True, exist_ok=True)
            every = shots(made)
            if unknown := [n for n in args.names if n not in [s.name for s in every]]:
                parser.error(f"there is no page {unknown[0]!r}; there are {', '.join(s.name for s in every)}")
            for shot in every:
                if args.names and shot.name not in args.names:
                    continue
                for width in WIDTHS:
                    for theme in THEMES:
                        taken(browser, bare if shot.empty else product, shot, theme, width)
                print(json.dumps({"page": shot.name}), flush=True)
            (FOLDER.parent / "README.md").write_text(index(every), "utf-8")
        finally:
            product.stop()
            bare.stop()
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
