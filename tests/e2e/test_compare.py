"""Compare in a real Chromium: an address gives a view back, also after back and forward; keys; pictures; saved views."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from nashboard.run import init
from tests.e2e.support import Product, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

RATES = (1e-4, 1e-4, 1e-3)


@pytest.fixture(scope="module")
def three(product: Product, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Ids of three runs of known values: two of one learning rate, one of another."""
    made = []
    for n, rate in enumerate(RATES):
        folder = tmp_path_factory.mktemp(f"run{n}") / "run"
        with init(
            "compare",
            name=f"try {n}",
            config={"disc": {"lr": rate}, "seed": n},
            url=product.address,
            dir=folder,
        ) as run:
            for step in range(60):
                value = 2 - step / 100 + n / 10
                run.log(
                    {"loss/disc": value, "eval/snr": 5 + n + step / 30, "progress/epoch": step / 10},
                    step=step,
                )
            made.append(run.id)
    return made


@pytest.fixture
def opened(page: Page, address: str, three: list[str]) -> Callable[[str], Page]:
    def open_(search: str = "") -> Page:
        page.goto(f"{address}/compare?runs={','.join(three)}{search}")
        settled(page)
        return page

    return open_


def settled(page: Page) -> None:
    page.wait_for_selector('[data-series="loss/disc"] .plot .scatterlayer', state="attached")
    deadline = time.monotonic() + 20
    while page.evaluate("globalThis.nashboard.view.board.busy"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def drawn(page: Page, series: str = "loss/disc") -> dict:
    """What the chart of a series shows: its x range and title, and the keys of its lines."""
    return page.evaluate(
        """(series) => {
          const plot = document.querySelector(`[data-series="${series}"] .plot`);
          const lines = plot.data.filter((t) => t.meta?.part === 'line').map((t) => t.meta.run);
          return { x: plot.layout.xaxis.title.text, range: plot.layout.xaxis.range, lines };
        }""",
        series,
    )


def test_an_address_restores_a_view_and_back_and_forward_walk_through_it(opened, three, product) -> None:
    page = opened(
        f"&x=epoch&group=disc.lr&base={three[1]}&mode=diff&from=1&to=4&smooth=0.3&off=A&sort=-eval/snr.best"
    )
    expect(page.locator('[data-x="epoch"]')).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#group-by")).to_have_value("disc.lr")
    expect(page.locator("#baseline")).to_have_value(three[1])
    expect(page.locator('[data-option="mode"]')).to_be_checked()
    expect(page.locator('[data-toggle-run="A"]')).to_have_attribute("aria-pressed", "false")
    expect(page.locator("#smooth-value")).to_have_text("0.30")
    assert drawn(page) == {
        "x": "epoch",
        "range": [1, 4],
        "lines": ["2"],
    }  # group 1: its runs are hidden or the baseline
    rows = page.locator("#scores-table [data-row]").evaluate_all("(rows) => rows.map((r) => r.dataset.row)")
    assert rows == ["C", "B", "A"]

    first = page.url
    page.locator('[data-option="mode"]').uncheck()
    page.locator("#group-by").select_option("")
    page.locator('[data-x="step"]').click()
    settled(page)
    until(lambda: drawn(page)["lines"] == ["B", "C"], 10, product, "the runs are drawn one by one")
    assert drawn(page)["x"] == "step"
    assert "from=" not in page.url, "another axis has another range"
    for _ in range(3):
        page.go_back()
    assert page.url == first
    until(lambda: drawn(page) == {"x": "epoch", "range": [1, 4], "lines": ["2"]}, 10, product, "back")
    expect(page.locator("#group-by")).to_have_value("disc.lr")
    page.go_forward()
    expect(page.locator('[data-option="mode"]')).not_to_be_checked()
    until(lambda: set(drawn(page)["lines"]) == {"1", "2"}, 10, product, "forward")
    expect(page.locator("#groups [data-toggle-run]")).to_have_count(2)


def test_keys_hide_a_run_and_brush_an_axis(opened, product) -> None:
    page = opened()
    page.keyboard.press("Shift+B")
    until(lambda: drawn(page)["lines"] == ["A", "C"], 10, product, "B is hidden")
    assert "off=B" in page.url
    page.keyboard.press("Shift+B")
    page.locator("#knobs").scroll_into_view_if_needed()
    axis = page.locator('[data-axis="disc.lr"]')
    axis.focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("#knobs-note")).to_contain_text("2 of 3 runs lie in what is brushed")
    expect(axis).to_be_focused()
    expect(page.locator('[data-toggle-run="C"]')).to_have_attribute("aria-pressed", "false")
    assert "brush=disc.lr" in page.url
    page.keyboard.press("Delete")
    expect(page.locator('[data-toggle-run="C"]')).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()


def test_a_view_is_saved_listed_and_opened(opened, address) -> None:
    page = opened("&x=epoch&off=C")
    page.locator("#save-view").click()
    page.locator("#view-name").fill("two by epoch")
    page.locator("#view-form .main").click()
    expect(page.locator("#toasts")).to_contain_text("Saved as two by epoch.")
    page.goto(f"{address}/compare")
    row = page.locator("#views [data-view]")
    row.get_by_role("button", name="Rename").click()
    page.locator("#view-name").fill("renamed")
    page.locator("#view-go").click()
    row.get_by_role("link", name="renamed").click()
    settled(page)
    assert drawn(page) | {"range": None} == {"x": "epoch", "range": None, "lines": ["A", "B"]}
    page.goto(f"{address}/compare")
    page.get_by_role("button", name="Delete renamed").click()
    page.locator("#view-go").click()
    expect(page.locator("#views")).to_have_count(0)


def test_a_chart_is_a_picture_and_a_view_a_file(opened, tmp_path: Path) -> None:
    page = opened("&off=C")
    tile = page.locator('[data-series="loss/disc"]')
    tile.hover()
    for kind, begins in (("png", b"\x89PNG"), ("svg", b"<svg")):
        with page.expect_download() as found:
            tile.locator(f'[data-save="{kind}"]').click()
        found.value.save_as(tmp_path / "chart")
        assert found.value.suggested_filename == f"loss_disc.{kind}"
        data = (tmp_path / "chart").read_bytes()
        assert data.startswith(begins)
        assert len(data) > 3000
    page.locator("#export summary").click()
    with page.expect_download() as found:
        page.locator('[data-export="csv"]').click()
    found.value.save_as(tmp_path / "points.csv")
    lines = (tmp_path / "points.csv").read_text().splitlines()
    assert lines[0] == "run,name,key,series,step,time,x,value"
    assert sum(",loss/disc," in line for line in lines) == 180
