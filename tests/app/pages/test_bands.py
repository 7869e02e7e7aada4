"""The Bands pages: list, make, import, edit in versions, export, delete; bad input in one line."""

from __future__ import annotations

import json

import pytest

HTML = {"accept": "text/html"}
CSV = "step,d_loss\n" + "\n".join(f"{s},{1 + s / 10}" for s in range(6))


def api(page):
    """The API's address of a set whose page this is."""
    return page.replace("/bands/", "/api/bandsets/")


@pytest.fixture
def got(client, parse):
    def get(url, status=200):
        answer = client.get(url, headers=HTML)
        assert answer.status_code == status, answer.text[:400]
        return parse(answer.text)

    return get


@pytest.fixture
def three(make_run):
    ids = []
    for seed in range(3):
        points = {
            "loss/disc": [1.0 + seed / 10 + s / 100 for s in range(6)],
            "progress/epoch": [s / 2 for s in range(6)],
        }
        ids.append(
            make_run(
                points, "finished", trainer="codec", preset="fixed", size="tiny", seed=seed, name=f"s{seed}"
            )
        )
    return ids


@pytest.fixture
def made(client, three):
    answer = client.post("/api/bandsets", json={"name": "mine", "runs": three, "note": "three seeds"})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_the_library_is_listed_and_filtered(got, made):
    page = got("/bands")
    rows = {r.attrs["data-set"]: r for r in page.all("tr") if "data-set" in r.attrs}
    assert {made["id"], "cgan-published-logs", "cgan-log-sngan", "codec-measured", "codec-claimed"} <= set(
        rows
    )
    assert "library" in rows["codec-measured"].words()
    assert "3 runs" in rows[made["id"]].words()
    some = got("/bands?trainer=cgan&origin=published&series=eval/fid")
    shown = {r.attrs["data-set"] for r in some.all("tr") if "data-set" in r.attrs}
    assert {"cgan-published-logs", "cgan-published"} <= shown
    assert not [s for s in shown if s.startswith("codec")]
    assert "No set fits" in got("/bands?trainer=nobody").words()


def test_a_set_shows_its_chart_protocol_and_runs(got, made, three):
    page = got(f"/bands/{made['id']}")
    assert page.one("h1").words() == "mine"
    (chart,) = [e for e in page.all("svg") if e.attrs.get("class") == "band-chart"]
    assert chart.attrs["aria-label"] == (
        "Discriminator loss, measured: 1.00 to 1.20 at epoch 0, 1.05 to 1.25 at epoch 2.5"
    )
    assert "Lowest to highest of 3 runs, resampled on epoch at 6 places" in page.words()
    links = [a.attrs.get("href", "") for a in page.all("a")]
    assert [f"/runs/{i}" for i in three] == [h for h in links if h.startswith("/runs/")]
    shipped = got("/bands/cgan-published-logs")
    assert "not over seeds" in shipped.words()
    assert "CIFAR10__SNGAN" in shipped.words()
    assert got("/bands/nothing", 404)


def test_the_form_makes_a_band_of_runs_and_logs(client, got, three):
    page = got(f"/bands/new?runs={','.join(three)}")
    ticked = {i.attrs["value"] for i in page.all("input", name="runs") if "checked" in i.attrs}
    assert ticked == set(three)
    answer = client.post(
        "/bands/new",
        data={"name": "with a log", "x": "step", "least": "2", "runs": three[:1], "low": "0", "high": "1"},
        files={"logs": ("mine.csv", CSV, "text/csv")},
        follow_redirects=False,
    )
    assert answer.status_code == 303, answer.text[:500]
    whole = client.get(api(answer.headers["location"])).json()
    (band,) = whole["bands"]
    assert band["runs"] == [three[0], "mine.csv"]
    assert band["points"][5] == [5.0, 1.05, 1.5]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": " "}, "a set of bands needs a name"),
        ({"low": "x"}, "low &#39;x&#39; is not a number"),
        ({"low": "0.9", "high": "0.1"}, "quantiles 0.9 and 0.1 must rise"),
        ({"least": "9"}, "3 runs were chosen and 9 are needed"),
        ({"x": "hours"}, "&#39;hours&#39; is no unit of a band"),
        ({"series": "eval/none"}, "no series is shared by 3 of the runs"),
        ({"by_phase": "1", "x": "samples"}, "no series is shared"),
    ],
)
def test_the_form_says_what_is_wrong_and_keeps_what_was_typed(client, three, change, said):
    data = {"name": "kept", "x": "epoch", "least": "3", "runs": three, "note": "my note", **change}
    answer = client.post("/bands/new", data=data, follow_redirects=False)
    assert answer.status_code == 422
    assert said in answer.text
    assert "my note" in answer.text


def test_a_bad_log_names_its_line(client):
    files = {"logs": ("bad.csv", "step,d_loss\n1,0.5\nx,0.4\n", "text/csv")}
    answer = client.post("/bands/new", data={"name": "n", "x": "step", "least": "1"}, files=files)
    assert answer.status_code == 422
    assert "bad.csv, line 3" in answer.text


def test_an_edit_is_a_new_version_and_the_old_one_comes_back(client, got, made):
    at = f"/bands/{made['id']}"
    rows = {"px": ["0", "1", ""], "plow": ["0.5", "0.6", ""], "phigh": ["2", "−0", ""]}
    bad = client.post(f"{at}/edit", data={"band": "0", **rows, "band_note": ""}, headers=HTML)
    assert bad.status_code == 422
    assert "loss/disc: a point of a band has its low above its high" in bad.text
    rows["phigh"][1] = "3"
    ok = client.post(f"{at}/edit", data={"band": "0", "expected": "1", **rows}, follow_redirects=False)
    assert ok.status_code == 303
    now = client.get(api(at)).json()
    assert (now["version"], now["bands"][0]["points"]) == (2, [[0.0, 0.5, 2.0], [1.0, 0.6, 3.0]])
    assert client.get(api(f"{at}?version=1")).json()["bands"] == made["bands"]
    stale = client.post(f"{at}/edit", data={"name": "late", "expected": "1"}, headers=HTML)
    assert "version 2 was saved meanwhile" in stale.text
    assert "older version" in got(f"{at}?version=1").words()
    client.post(f"{at}/edit", data={"restore": "1"})
    back = client.get(api(at)).json()
    assert (back["version"], back["bands"]) == (3, made["bands"])
    client.post(f"{at}/edit", data={"name": "renamed", "note": "n", "always": "1"})
    last = client.get(api(at)).json()
    assert (last["name"], last["note"], last["always"], last["version"]) == ("renamed", "n", True, 4)
    assert client.get(api(f"{at}?version=9")).status_code == 404


def test_export_and_import_give_the_same_bands(client, made):
    exported = client.get(f"/bands/{made['id']}/export.json")
    assert exported.headers["content-disposition"] == 'attachment; filename="mine.json"'
    taken = client.post("/bands/import", files={"file": ("b.json", exported.content)}, headers=HTML)
    assert taken.status_code == 409
    assert "there are bands called &#39;mine&#39; already" in taken.text
    client.post("/bands/import", files={"file": ("b.json", exported.content)}, data={"name": "theirs"})
    (theirs,) = [s for s in client.get("/api/bandsets").json() if s["name"] == "theirs"]
    assert client.get(f"/api/bandsets/{theirs['id']}").json()["bands"] == made["bands"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "the file is no JSON (line 1"),
        ("[]", "the JSON is no set of bands"),
        ({"bands": []}, "must be a list of bands"),
        ({"bands": [3]}, "band 1: 3 must be names with values"),
        ({"bands": [{"series": "eval/snr", "origin": "guessed", "source": "s"}]},
         "band 1, eval/snr: origin &#39;guessed&#39; is none of claimed, published, measured"),
        ({"bands": [{"series": "eval/snr", "origin": "measured", "source": "s", "points": [[0, 3, 1]]}]},
         "band 1, eval/snr: a point of a band has its low above its high"),
        ({"bands": [{"series": "eval/snr", "origin": "measured", "source": "s", "trainer": 3}]},
         "band 1, eval/snr: trainer 3 is not a text"),
        ({"bands": [{"series": "eval/snr", "origin": "measured", "source": "s"}], "extra": 1},
         "there is no &#39;extra&#39;"),
    ],
)  # fmt: skip
def test_a_bad_file_gets_one_clear_line(client, text, said):
    body = text if isinstance(text, str) else json.dumps({"format": "nashboard-bands", "name": "b", **text})
    answer = client.post("/bands/import", files={"file": ("b.json", body)}, headers=HTML)
    assert answer.status_code == 422
    assert said in answer.text


def test_the_library_stays_and_a_copy_can_be_changed(client):
    assert client.delete("/api/bandsets/codec-claimed").status_code == 409
    moved = client.post("/bands/codec-claimed/copy", follow_redirects=False)
    copied = client.get(api(moved.headers["location"])).json()
    assert copied["bands"] == client.get("/api/bandsets/codec-claimed").json()["bands"]
    assert client.patch(f"/api/bandsets/{copied['id']}", json={"name": "my claims"}).json()["version"] == 2
    assert client.post(f"/bands/{copied['id']}/delete", follow_redirects=False).status_code == 303
    assert client.get(f"/api/bandsets/{copied['id']}").status_code == 404


def test_charts_draw_the_chosen_bands(client, made, three):
    def labels(bands):
        url = f"/api/figures?runs={three[0]}&series=loss/disc&x=epoch&bands={bands}"
        figure = client.get(url).json()["figures"]["loss/disc"]
        return {
            n["text"] for n in figure["layout"]["annotations"] if str(n.get("name", "")).startswith("band:")
        }

    assert labels(made["id"]) == {"measured, mine, 3 runs"}
    assert labels("none") == set()
    assert "measured, mine, 3 runs" not in labels("")
    client.patch(f"/api/bandsets/{made['id']}", json={"always": True})
    assert "measured, mine, 3 runs" in labels("")
    said = client.get(f"/api/figures?runs={three[0]}&series=loss/disc&x=epoch&bands={made['id']}").json()
    assert said["verdicts"]["loss/disc"]["text"] == "Inside measured since epoch 0."
    refused = client.get(f"/api/figures?runs={three[0]}&series=loss/disc&bands=zzz")
    assert refused.status_code == 422
    assert "there are no bands 'zzz'" in refused.json()["error"]["message"]
