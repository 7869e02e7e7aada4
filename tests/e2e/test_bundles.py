"""A bundle that somebody sent: dropped on Runs it becomes a run, a band is made of it; on Doctor it is diagnosed."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

import nashboard
from nashboard.packing import pack

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
WAIT_MS = 60_000
DROP = """([name, text]) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], name));
    document.body.dispatchEvent(new DragEvent('dragover', { bubbles: true, cancelable: true, dataTransfer }));
    const hovering = [document.body, document.getElementById('drop')].some((e) => e?.classList.contains('over'));
    document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer }));
    return hovering;
}"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a run that this server has never seen."""
    folder = tmp_path_factory.mktemp("theirs")
    run = nashboard.init(name="from elsewhere", config={"disc": {"lr": 1e-4}}, dir=folder / "run")
    for step in range(200):
        run.log(
            {"loss/disc": 2 - step / 400, "loss/gen": 2 + step / 400, "progress/epoch": step / 20}, step=step
        )
    run.finish()
    return pack([folder / "run"], folder / "theirs.nashboard.zip").path


def drop(page: Page, name: str, body: bytes) -> None:
    assert page.evaluate(DROP, [name, base64.b64encode(body).decode()]), "the page shows that it takes files"


def renamed(body: bytes, name: str, data: bytes = b"x") -> bytes:
    """The bundle with one more member."""
    made = io.BytesIO(body)
    with zipfile.ZipFile(made, "a") as packed:
        packed.writestr(name, data)
    return made.getvalue()


def newer(body: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "manifest.json":
                data = json.dumps({**json.loads(data), "version": 99}).encode()
            new.writestr(name, data)
    return made.getvalue()


@pytest.mark.console("422")
def test_a_bundle_is_dropped_on_runs(page: Page, address: str, shared: Path) -> None:
    page.goto(f"{address}/", timeout=WAIT_MS)
    said = page.locator("#bundle-say")
    body = shared.read_bytes()
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("manifest.json", b"0" * (20 * 1024 * 1024))
    for name, wrong, why in (
        ("log.csv", b"step,d_loss", "log.csv is no bundle"),
        ("text.zip", b"hello", "'text.zip' is no bundle: not a zip file"),
        ("new.zip", newer(body), "version 99"),
        ("out.zip", renamed(body, "../../out"), "holds '../../out', which no bundle holds"),
        ("bomb.zip", bomb.getvalue(), "is taken for a bomb"),
        ("cut.zip", body[: len(body) // 2], "is cut short"),
    ):
        drop(page, name, wrong)
        expect(said).to_contain_text(why, timeout=WAIT_MS)
        expect(said).to_have_attribute("role", "alert")
        assert "\n" not in said.inner_text().strip()
    drop(page, shared.name, body)
    page.wait_for_url("**/runs/*", timeout=WAIT_MS, wait_until="commit")
    expect(page.locator("h1")).to_contain_text("from elsewhere", timeout=WAIT_MS)

    run = page.url.rsplit("/", 1)[-1]
    page.goto(f"{address}/bands/new?runs={run}", timeout=2 * WAIT_MS)
    page.locator("#band-form [name=name]").fill("theirs")
    page.locator("#band-form .btn.main").click()
    page.wait_for_url(
        lambda url: "/bands/" in url and "/new" not in url, timeout=WAIT_MS, wait_until="commit"
    )
    expect(page.locator("main")).to_contain_text("from elsewhere", timeout=WAIT_MS)


@pytest.mark.console("422")
def test_a_bundle_is_dropped_on_doctor(page: Page, address: str, shared: Path) -> None:
    page.goto(f"{address}/doctor", timeout=2 * WAIT_MS)  # the chart library takes its time on a busy machine
    drop(page, "bad.zip", b"PK\x03\x04 and no more")
    expect(page.locator("#result")).to_contain_text("'bad.zip' is cut short", timeout=WAIT_MS)
    drop(page, shared.name, shared.read_bytes())
    expect(page.locator("#result")).to_contain_text("from elsewhere in theirs.nashboard.zip", timeout=WAIT_MS)
    expect(page.locator("#result .plot .scatterlayer").first).to_be_attached(timeout=WAIT_MS)
