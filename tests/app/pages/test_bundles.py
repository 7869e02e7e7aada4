"""The Bundles page: what a bundle would tell before it is shared, and a bundle opened without scripts."""

from __future__ import annotations

import pytest

from nashboard.packing import pack
from tests.nashboard.test_bundle import HOST, RUN, folder


@pytest.fixture
def bundle(tmp_path):
    return pack([folder(tmp_path / "old")], tmp_path / "old.nashboard.zip", strip=False).path


def test_what_a_bundle_would_tell_is_listed_before_it_is_shared(client, parse, make_run):
    run_id = make_run(
        points={"loss/disc": [1.0, 2.0]}, name="mine", environment={"hostname": HOST},
        recipe={"data.root": "/Users/marie/music"},
    )  # fmt: skip
    page = parse(client.get("/bundles", params={"runs": run_id}).text)
    told = page.one("div", class_="tells").words()
    assert f"host name {HOST}" in told
    assert "/Users/marie/music" in told
    form = next(f for f in page.all("form") if f.attrs["action"] == "/api/bundle")
    assert form.one("input", name="runs").attrs["value"] == run_id
    assert [i.attrs["value"] for i in form.all("input", name="strip") if "checked" in i.attrs] == ["true"]
    assert f"nashboard pack http://127.0.0.1:8000/runs/{run_id}" in page.words()


def test_a_bundle_is_opened_without_scripts(client, parse, bundle):
    for said in (f"run {RUN} was imported:", f"run {RUN} is here already"):
        answer = client.post("/bundles", files={"bundle": ("old.nashboard.zip", bundle.read_bytes())})
        assert answer.status_code == 200
        assert said in parse(answer.text).one("section", id="opened").words()
    assert "imported" in client.get(f"/runs/{RUN}").text


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ({"bundle": ("x.zip", b"hello")}, 422, "'x.zip' is no bundle: not a zip file"),
        ({"other": ("x.zip", b"hello")}, 422, "no file came: choose a bundle"),
    ],
)
def test_what_is_no_bundle_is_said_in_the_page(client, parse, given, status, said):
    answer = client.post("/bundles", files=given)
    assert answer.status_code == status
    assert said in parse(answer.text).one("section", id="opened").words()


def test_the_page_alone_and_for_a_run_that_is_gone(client, parse):
    page = parse(client.get("/bundles").text)
    assert "hidden" in page.one("section", id="opened").attrs
    assert client.get("/bundles?runs=nosuch").status_code == 404
