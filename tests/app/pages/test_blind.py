"""The pages of blind tests: the form, the listener's page that names nothing, the result; links as the only key."""

from __future__ import annotations

import hashlib

import pytest
from fastapi.testclient import TestClient

from app import blobs, db, ingest, runs
from app import settings as settings_module
from app.main import create_app
from app.settings import load
from nashboard import events
from nashboard.media import audio_facts, wav

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"])
RATE = 16000


def sounding(name: str, level: float) -> str:
    """A run with a reference and a reconstruction at two epochs."""
    with db.transaction() as session:
        run = runs.create(session, name=name, preset="paperclip")
        found: list[events.Event] = [events.RunStarted(run=run.id, seq=0, time=1.7e9)]
        for step in (10, 20):
            found.append(
                events.Points(seq=len(found), time=1.7e9, step=step, values={"progress/epoch": step / 10})
            )
            for series, scale in (("reference", 0.5), ("reconstruction", level * step / 20)):
                wave = [scale * ((i % 32) / 16 - 1) for i in range(RATE // 2)]
                data = wav(wave, RATE)
                digest = hashlib.sha256(data).hexdigest()
                blobs.put(session, digest, data)
                found.append(events.SampleMade(
                    seq=len(found), time=1.7e9, step=step, series=series, slot="violin", media="audio",
                    sha256=digest, ext="wav", size=len(data), facts=audio_facts(wave, RATE), caption="",
                ))  # fmt: skip
        ingest.apply(session, run.id, found, 1.7e9)
        return run.id


@pytest.fixture
def pair(database) -> tuple[str, str]:
    return sounding("warble", 0.4), sounding("hearken", 0.3)


@pytest.fixture
def make(client, pair):
    def made(**more):
        asked = {"kind": "abx", "sources": [{"run": i} for i in pair], "trials": 2, "alone": False, **more}
        return client.post("/api/blind", json=asked).json()

    return made


def test_the_form_has_the_runs_at_the_epoch_that_listen_was_at(client, parse, pair) -> None:
    query = {"runs": ",".join(pair), "epoch": "1.2", "slot": "violin", "level": "matched"}
    page = parse(client.get("/blind", params=query).text)
    form = page.one("form", id="blind-form")
    chosen = [o.words() for o in form.all("option") if "selected" in o.attrs]
    assert chosen.count("epoch 1, step 10") == 4, "each run at that epoch, and the first of the other times"
    assert "violin" in chosen
    assert "loudness matched" in chosen
    boxes = form.all("input", name="source")
    assert [b.attrs["data-run"] for b in boxes if "checked" in b.attrs] == list(pair)
    assert len([b for b in boxes if "data-reference" in b.attrs]) == 1
    assert "16 trials 12 right are needed" in page.one("p", id="blind-power").words()


def test_odd_questions_for_the_form(client, parse, pair, make_run) -> None:
    page = parse(client.get("/blind", params={"runs": f"{pair[0]},nosuch", "epoch": "much"}).text)
    assert "There is no run 'nosuch' here" in page.one("div", class_="told").words()
    silent = parse(client.get("/blind", params={"runs": make_run()}).text)
    assert "no sound to test" in silent.one("div", class_="told").words()
    assert "No blind test yet" in parse(client.get("/blind").text).one("h3").words()


def test_the_listeners_page_names_nothing_and_leads_nowhere(client, parse, pair, make) -> None:
    test = make()
    text = client.get(test["link"]).text
    page = parse(text)
    assert [w for w in (*pair, "warble", "hearken", "paperclip", "violin", test["id"]) if w in text] == []
    section = page.one("section", id="hear")
    assert section.attrs["data-kind"] == "abx"
    assert page.all("nav") == []
    assert {a.attrs["href"] for a in page.all("a")} == {"#main", "/help"}, "and help is in the dialog alone"


@pytest.mark.parametrize("kind", ["abx", "preference", "mushra"])
def test_the_result_is_sealed_then_told(client, parse, make, kind) -> None:
    test = make(kind=kind)
    address = f"/blind/results/{test['id']}"
    page = parse(client.get(address).text)
    assert page.one("button", id="blind-close").attrs["data-test"] == test["id"]
    assert page.one("code", id="blind-link").words() == test["link"]
    at = f"/api/blind/at/{test['link'].rsplit('/', 1)[-1]}"
    for _ in range(2):
        client.cookies.clear()
        client.post(f"{at}/begin", json={"name": "Ada <b>"})
        for _ in range(2):
            trial = client.get(f"{at}/trial").json()
            labels = [s["label"] for s in trial["sounds"] if s["label"] != "R"]
            given = {"ratings": dict.fromkeys(labels, 80)} if kind == "mushra" else {"choice": "A"}
            client.post(f"{at}/answers", json={"trial": trial["trial"], **given})
    client.post(f"/api/blind/{test['id']}/close")
    text = client.get(address).text
    page = parse(text)
    words = {"abx": "of 4 right, p =", "preference": "sign test", "mushra": "Mean ratings"}[kind]
    assert words in page.one("section", class_="blind-found").words()
    assert "Ada <b>" not in text
    assert "Ada &lt;b&gt;" in text
    assert "warble" in page.words()
    assert words in parse(client.get("/blind").text).one("table").words()


@pytest.mark.parametrize("path", ["/blind/nosuch", "/blind/" + "a" * 32, "/blind/results/nosuch", "/blind/%00",
                                  "/blind/results/%ED%A0%80", "/blind/" + "a" * 32 + "/audio/" + "b" * 22])  # fmt: skip
def test_links_that_are_none_get_a_page_that_says_so(client, path) -> None:
    answer = client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == 404
    assert "Nothing here" in answer.text
    assert "aaaa" not in answer.text


def test_with_a_server_token_the_link_opens_its_test_and_nothing_else(client, settings, make) -> None:
    test, other = make(), make()
    made = load(home=settings.home, token="sesame", host="0.0.0.0")
    settings_module.use(made)
    here = "http://lab.example:8000"
    with TestClient(create_app(made), base_url=here, follow_redirects=False) as guest:
        at = f"/api/blind/at/{test['link'].rsplit('/', 1)[-1]}"
        assert guest.get(test["link"], headers={"Accept": "text/html"}).status_code == 200
        assert guest.get("/static/js/blind.js").status_code == 200
        assert (
            guest.post(f"{at}/begin", json={}, headers={"Origin": "http://evil.example"}).status_code == 403
        )
        assert guest.post(f"{at}/begin", json={}).status_code == 201
        trial = guest.get(f"{at}/trial").json()
        sound = trial["sounds"][0]["url"]
        assert guest.get(sound).status_code == 200
        moved = sound.replace(test["link"], other["link"])
        assert guest.get(moved).status_code == 404, "a sound belongs to its own test"
        sent = guest.post(f"{at}/answers", json={"trial": trial["trial"], "choice": "A"})
        assert sent.status_code == 200
        closed = ("/blind", f"/blind/results/{test['id']}", "/api/blind", f"/api/blind/{test['id']}", "/api/runs",
                  f"/api/blind/{test['id']}/answers.csv", "/", f"{test['link']}/", f"{test['link']}/audio",
                  f"{at}/close", "/blind/" + "a" * 31)  # fmt: skip
        assert {path: guest.get(path).status_code for path in closed} == dict.fromkeys(closed, 401)
        assert guest.post(f"/api/blind/{test['id']}/close").status_code == 401
    settings_module.use(settings)
