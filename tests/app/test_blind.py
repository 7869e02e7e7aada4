"""Blind tests: what is served leaks no name, answers count once, results are exact, and the runs get their points."""

from __future__ import annotations

import csv
import hashlib
import io

import numpy as np
import pytest
from scipy import stats

from app import blind, blindtrials, blobs, db, ingest, reading, runs
from nashboard import events
from nashboard.media import audio_facts, wav

RATE = 16000
SLOTS = ("violin", "speech")
SECRETS = ("warble", "hearken", "paperclip")


def tone(hz: float, amplitude: float, seconds: float = 0.5) -> np.ndarray:
    at = np.arange(int(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * hz * at)).astype(np.float32)


@pytest.fixture
def sounding(database):
    """``sounding(name, {slot: {series: wave}})`` → id of a run with these sounds at steps 10 and 20."""

    def made(name: str, sounds: dict[str, dict[str, np.ndarray]], steps=(10, 20), **fields) -> str:
        with db.transaction() as session:
            run = runs.create(session, name=name, trainer="codec", preset=SECRETS[2], **fields)
            found: list[events.Event] = [events.RunStarted(run=run.id, seq=0, time=1.7e9)]
            for step in steps:
                for slot, waves in sounds.items():
                    for series, wave in waves.items():
                        data = wav(wave if series == "reference" else wave * (1 + step / 1e4), RATE)
                        digest = hashlib.sha256(data).hexdigest()
                        blobs.put(session, digest, data)
                        found.append(events.SampleMade(
                            seq=len(found), time=1.7e9 + step, step=step, series=series, slot=slot, media="audio",
                            sha256=digest, ext="wav", size=len(data), facts=audio_facts(wave, RATE), caption="",
                        ))  # fmt: skip
            ingest.apply(session, run.id, found, 1.7e9)
            return run.id

    return made


@pytest.fixture
def pair(sounding) -> tuple[str, str]:
    """Two runs over the same references, in two slots."""
    ids = []
    for n, name in enumerate(SECRETS[:2]):
        sounds = {
            slot: {"reference": tone(400 + 100 * s, 0.5),
                   "reconstruction": tone(400 + 100 * s, 0.4 - 0.1 * n) + tone(5000, 0.05)}
            for s, slot in enumerate(SLOTS)
        }  # fmt: skip
        ids.append(sounding(name, sounds, steps=(10,) if n == 0 else (10, 20)))
    return ids[0], ids[1]


@pytest.fixture
def make(client, pair):
    def made(kind="abx", **more):
        sources = [{"run": pair[0]}, {"run": pair[1], "step": 10}]
        asked = {"kind": kind, "sources": sources, "trials": 4, "seed": 7, **more}
        answer = client.post("/api/blind", json=asked)
        assert answer.status_code == 201, answer.text
        return answer.json()

    return made


def api_of(test: dict) -> str:
    return f"/api/blind/at/{test['link'].rsplit('/', 1)[-1]}"


def truth(trial_id: str) -> dict[str, str]:
    with db.reading() as session:
        return session.get(blindtrials.BlindTrial, trial_id).hidden


def take(client, test, answers, name="") -> dict:
    """Answer every trial by ``answers(trial, hidden, number)``; the last state."""
    at = api_of(test)
    assert client.post(f"{at}/begin", json={"name": name}).status_code == 201
    for number in range(test["trials"]):
        trial = client.get(f"{at}/trial").json()
        given = answers(trial, truth(trial["trial"]), number)
        answer = client.post(f"{at}/answers", json={"trial": trial["trial"], **given})
        assert answer.status_code == 200, answer.text
    client.cookies.clear()
    return answer.json()


def right(_trial, hidden, _number) -> dict:
    return {"choice": next(k for k in "AB" if hidden[k] == hidden["X"])}


def wrong(_trial, hidden, _number) -> dict:
    return {"choice": next(k for k in "AB" if hidden[k] != hidden["X"])}


@pytest.mark.parametrize("kind", ["abx", "preference", "mushra"])
def test_nothing_that_is_served_before_the_end_says_what_is_heard(client, pair, make, kind) -> None:
    with db.reading() as session:
        secret = [*pair, *SECRETS, "codec", *SLOTS, "reconstruction"]
        secret += [s.sha256 for i in pair for s in blind.listening.records.samples(session, i)]
    test = make(kind, alone=False, level="matched")
    seen: list[bytes] = []

    def noted(answer):
        seen.append(answer.content)
        seen.append("\n".join(f"{k}: {v}" for k, v in answer.headers.items()).encode())
        seen.append(str(answer.url).encode())
        return answer

    at = api_of(test)
    noted(client.get(at))
    noted(client.post(f"{at}/begin", json={}))
    addresses: set[str] = set()
    for _ in range(test["trials"]):
        trial = noted(client.get(f"{at}/trial")).json()
        lengths, digests, headers = set(), set(), []
        for sound in trial["sounds"]:
            answer = noted(client.get(sound["url"]))
            assert answer.status_code == 200, answer.text
            assert answer.headers["cache-control"] == "no-store"
            assert "etag" not in answer.headers
            assert sound["url"] not in addresses
            addresses.add(sound["url"])
            lengths.add(answer.headers["content-length"])
            digests.add(hashlib.sha256(answer.content).hexdigest())
            headers.append({k: v for k, v in answer.headers.items() if k != "date"})
            assert [answer.content[i : i + 4] for i in (0, 12, 38, 50)] == [
                b"RIFF",
                b"fmt ",
                b"fact",
                b"data",
            ]
            assert int.from_bytes(answer.content[54:58], "little") == len(answer.content) - 58, (
                "no chunk more"
            )
        assert len(lengths) == 1, "all sounds of a trial are as long"
        assert all(h == headers[0] for h in headers)
        assert len(digests) == len(trial["sounds"]), "X has not the bytes of A or B"
        given = {"choice": "A"}
        if kind == "mushra":
            given = {"ratings": {s["label"]: 50 for s in trial["sounds"] if s["label"] != "R"}}
        noted(client.post(f"{at}/answers", json={"trial": trial["trial"], **given}))
    noted(client.get(f"{at}/result"))
    for body in seen:
        assert [w for w in secret if w.encode() in body] == [], body[:200]
    assert len(addresses) == test["trials"] * {"abx": 3, "preference": 3, "mushra": 5}[kind]
    # the seal opens when the test is closed
    assert client.get(f"/api/blind/{test['id']}").json()["result"] is None
    assert client.get(f"/api/blind/{test['id']}/answers.csv").json()["error"]["code"] == "sealed"
    client.post(f"/api/blind/{test['id']}/close")
    told = client.get(f"{at}/result").json()
    assert told["closed"]
    assert {s["name"] for s in told["sources"]} >= set(SECRETS[:2])


def test_an_abx_of_one_person_closes_itself_and_its_p_is_scipys(client, pair, make) -> None:
    test = make(trials=16)
    at = api_of(test)
    answers = lambda t, h, n: right(t, h, n) if n < 12 else wrong(t, h, n)  # noqa: E731
    assert take(client, test, answers)["finished"]
    found = client.get(f"/api/blind/{test['id']}").json()
    pooled = found["result"]["pooled"]
    known = stats.binomtest(12, 16, 0.5, alternative="greater").pvalue
    assert (pooled["right"], pooled["of"]) == (12, 16)
    assert pooled["p"] == pytest.approx(known)
    assert pooled["words"].startswith(
        "12 of 16 right, p = 0.038. With 16 trials 12 right are needed for p ≤ 0.05"
    )
    assert pooled["powers"]["0.7"] == pytest.approx(stats.binom.sf(11, 16, 0.7))
    assert found["seed"] == 7
    assert client.post(f"{at}/begin", json={}).json()["error"]["code"] == "closed"
    # the runs have it as a metric, at the step that was heard, and their journals go on where they were
    with db.reading() as session:
        for run_id, step in ((pair[0], 10), (pair[1], 10)):
            assert reading.at(session, run_id, "listen/abx_p", step) == pytest.approx(known)
            assert reading.at(session, run_id, "listen/abx_p", step - 1) is None
        before = runs.get(session, pair[0]).next_seq
    with db.transaction() as session:
        more = events.Points(seq=before, time=1.8e9, step=30, values={"loss/gen": 1.0})
        ingest.apply(session, pair[0], [more], 1.8e9)
    with db.reading() as session:
        assert runs.get(session, pair[0]).next_seq == before + 1
    rows = list(csv.DictReader(io.StringIO(client.get(f"/api/blind/{test['id']}/answers.csv").text)))
    assert len(rows) == 16
    assert sum(int(r["right"]) for r in rows) == 12
    assert {r["A_run"] for r in rows} | {r["B_run"] for r in rows} == set(pair)


def test_preference_leaves_ties_out_and_pools_listeners(client, pair, make) -> None:
    test = make("preference", trials=6, alone=False)

    def prefers(key, ties):
        def give(_trial, hidden, number):
            return {"choice": "same" if number < ties else next(k for k in "AB" if hidden[k] == key)}

        return give

    take(client, test, prefers("B", 2), "Ada")
    take(client, test, prefers("B", 0), "=1+1")
    at = api_of(test)
    client.post(f"{at}/begin", json={"name": "left"})  # somebody who never finishes
    client.post(f"/api/blind/{test['id']}/close")
    result = client.get(f"/api/blind/{test['id']}").json()["result"]
    assert result["counted"] == 2
    assert [x["words"] for x in result["listeners"]][2] == "not finished, left out"
    assert result["pooled"]["won"] == {"A": 0, "B": 10}
    assert result["pooled"]["ties"] == 2
    assert result["pooled"]["p"] == pytest.approx(stats.binomtest(10, 10).pvalue)
    assert result["pooled"]["majorities_p"] == pytest.approx(stats.binomtest(2, 2).pvalue)
    assert "sign test, two-sided; 2 ties left out" in result["pooled"]["words"]
    assert "not independent" in result["caveat"] or "are not, so" in result["caveat"]
    with db.reading() as session:
        assert reading.at(session, pair[1], "listen/preference") == 1.0
        assert reading.at(session, pair[0], "listen/preference") == 0.0
    assert "'=1+1" in client.get(f"/api/blind/{test['id']}/answers.csv").text


def test_ratings_have_a_hidden_reference_an_anchor_and_screening(client, pair, make) -> None:
    test = make("mushra", trials=2, alone=False)
    given = {"A": 80.0, "B": 40.0, "L": 10.0}

    def rates(hidden_reference):
        values = {**given, "R": hidden_reference}
        return lambda _t, hidden, _n: {"ratings": {x: values[k] for x, k in hidden.items() if x != "R"}}

    take(client, test, rates(100.0), "careful")
    take(client, test, rates(30.0), "careless")
    client.post(f"/api/blind/{test['id']}/close")
    pooled = client.get(f"/api/blind/{test['id']}").json()["result"]["pooled"]
    assert pooled["flagged"] == ["careless"]
    assert pooled["rated"]["R"]["mean"] == 65.0
    assert pooled["without_flagged"]["R"]["mean"] == 100.0
    assert "hidden reference 65" in pooled["words"]
    with db.reading() as session:
        assert reading.at(session, pair[0], "listen/mushra", 10) == 80.0
    rows = list(csv.DictReader(io.StringIO(client.get(f"/api/blind/{test['id']}/answers.csv").text)))
    assert len(rows) == 2 * 2 * 4
    assert {r["source"] for r in rows} >= {"hidden reference", "low anchor (3.5 kHz)"}


def test_the_order_is_the_seeds_and_x_is_a_fair_coin(make) -> None:
    test_id = make(seed=3, trials=200)["id"]
    with db.reading() as session:
        test = blind.get(session, test_id)
    plans = [blindtrials.plan(test, 1, n) for n in range(200)]
    assert plans == [blindtrials.plan(test, 1, n) for n in range(200)]
    coins = [p["X"] for _, p in plans]
    assert 70 < coins.count("A") < 130
    assert len({(p["A"], p["B"]) for _, p in plans}) == 1, "A and B stay for a listener"
    assert len({blindtrials.plan(test, n, 0)[1]["A"] for n in range(1, 20)}) == 2, (
        "and differ between listeners"
    )
    slots = [s["slot"] for s, _ in plans]
    assert all({slots[n], slots[n + 1]} == set(SLOTS) for n in range(0, 200, 2)), "slots come in blocks"


def test_a_test_is_left_and_gone_on_with(client, make) -> None:
    test = make()
    at = api_of(test)
    client.post(f"{at}/begin", json={})
    first = client.get(f"{at}/trial").json()
    assert client.get(f"{at}/trial").json() == first, "the same trial until it is answered"
    client.post(f"{at}/answers", json={"trial": first["trial"], "choice": "A"})
    assert client.post(f"{at}/begin", json={}).json()["answered"] == 1, "the same browser goes on"
    client.cookies.clear()
    taken = client.post(f"{at}/begin", json={})
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "taken")
    assert client.get(f"{at}/trial").json()["error"]["code"] == "not_begun"


def test_what_cannot_be_answered_is_said(client, make) -> None:
    test = make(alone=False)
    at = api_of(test)
    client.post(f"{at}/begin", json={})
    trial = client.get(f"{at}/trial").json()["trial"]

    def given(**body):
        answer = client.post(f"{at}/answers", json=body)
        return answer.status_code, answer.json()["error"]["code"]

    assert given(trial="nosuch", choice="A") == (404, "unknown_trial")
    assert given(trial=trial, choice="X") == (422, "bad_input")
    assert given(trial=trial) == (422, "bad_input")
    assert given(trial=trial, ratings={"A": 1}) == (422, "bad_input")
    assert client.post(f"{at}/answers", json={"trial": trial, "choice": "A"}).status_code == 200
    assert given(trial=trial, choice="B") == (409, "answered")
    mine = client.get(f"{at}/trial").json()["trial"]
    client.cookies.clear()
    client.post(f"{at}/begin", json={})
    assert given(trial=mine, choice="A") == (404, "unknown_trial"), "a trial of somebody else"
    client.post(f"/api/blind/{test['id']}/close")
    assert given(trial=mine, choice="A") == (409, "closed")
    assert client.post(f"/api/blind/{test['id']}/close").json()["error"]["code"] == "closed"
    assert client.get("/api/blind/at/nosuch").status_code == 404
    assert client.get(f"{test['link']}/audio/nosuch").status_code == 404
    assert client.delete(f"/api/blind/{test['id']}").status_code == 204
    assert client.get(f"/api/blind/{test['id']}").status_code == 404


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"trials": 0}, "give 1 to 200"),
        ({"trials": 10**7}, "give 1 to 200"),
        ({"seed": -1}, "a seed is a whole number"),
        ({"slots": ["moon"]}, "there is no slot 'moon'"),
        ({"sources": []}, "exactly two sources"),
        ({"kind": "mushra", "sources": []}, "1 to 8 sources"),
        ({"note": "x" * 300}, "the limit is 200"),
        ({"kind": "taste"}, "kind"),
        ({"level": "loud"}, "level"),
        ({"colour": 1}, "there is no such field here"),
    ],
)
def test_what_is_no_test_is_said(client, pair, change, words) -> None:
    asked = {"kind": "abx", "sources": [{"run": i} for i in pair], **change}
    answer = client.post("/api/blind", json=asked)
    assert answer.status_code == 422
    assert words in answer.json()["error"]["message"]


def test_sources_that_cannot_be_heard_are_said(client, pair, sounding, make_run) -> None:
    def said(*sources, kind="abx"):
        answer = client.post("/api/blind", json={"kind": kind, "sources": list(sources)})
        assert answer.status_code in (404, 422), answer.text
        return answer.json()["error"]["message"]

    a, b = ({"run": i} for i in pair)
    assert "no sound at step 11; it has 10, 20" in said(a, {**b, "step": 11})
    assert "given twice" in said(a, {**a, "step": 10})
    assert "no sound to test" in said(a, {"run": make_run()})
    assert "'nobody'" in said(a, {"run": "nobody"})
    assert "against itself" in said({**a, "reference": True}, {**b, "reference": True})
    assert "by itself" in said({**a, "reference": True}, kind="mushra")
    other = sounding("other", {"violin": {"reference": tone(700, 0.5), "reconstruction": tone(700, 0.3)}})
    assert "different references" in said(a, {"run": other}, kind="mushra")
    lonely = sounding("lonely", {"drum": {"reconstruction": tone(700, 0.3)}})
    assert "there is no sound of" in said(a, {"run": lonely})
    copy = {"violin": {"reconstruction": tone(400, 0.4) + tone(5000, 0.05)}}
    assert "the same sound, byte by byte" in said({"run": sounding("copy", copy, (10,))},
                                                  {"run": sounding("again", copy, (10,))})  # fmt: skip


def test_a_run_against_its_reference(client, pair) -> None:
    asked = {"kind": "abx", "sources": [{"run": pair[0], "reference": True}, {"run": pair[0]}], "trials": 5}
    test = client.post("/api/blind", json=asked).json()
    take(client, test, right)
    found = client.get(f"/api/blind/{test['id']}").json()["result"]
    assert found["pooled"]["p"] == 1 / 32
    assert found["sources"][0]["name"] == f"reference of {SECRETS[0]}"
    with db.reading() as session:
        assert reading.at(session, pair[0], "listen/abx_p") == 1 / 32


def test_points_of_several_tests_and_a_deleted_run(client, pair, make) -> None:
    with db.transaction() as session:
        runs.set_status(session, runs.get(session, pair[1]), "finished")
    test = make()
    with db.transaction() as session:
        runs.remove(session, pair[1])
    at = api_of(test)
    client.post(f"{at}/begin", json={})
    trial = client.get(f"{at}/trial").json()
    answers = [client.get(s["url"]).status_code for s in trial["sounds"]]
    assert set(answers) == {200}, "an open test keeps what it needs"
    assert client.post(f"/api/blind/{test['id']}/close").status_code == 200


def test_sounds_of_two_rates_are_refused_with_both(client, sounding) -> None:
    first = sounding("one", {"violin": {"reconstruction": tone(440, 0.4)}}, steps=(10,))
    with db.transaction() as session:
        second = runs.create(session, name="two", trainer="codec").id
        data = wav(tone(500, 0.4), 44100)
        digest = hashlib.sha256(data).hexdigest()
        blobs.put(session, digest, data)
        made = events.SampleMade(
            seq=1, time=1.7e9, step=10, series="reconstruction", slot="violin", media="audio", sha256=digest,
            ext="wav", size=len(data), facts=audio_facts(tone(500, 0.4), 44100), caption="",
        )  # fmt: skip
        ingest.apply(session, second, [events.RunStarted(run=second, seq=0, time=1.7e9), made], 1.7e9)
    asked = {"kind": "abx", "sources": [{"run": first}, {"run": second}]}
    answer = client.post("/api/blind", json=asked)
    assert answer.status_code == 422
    assert "'violin' have 16 kHz and 44.1 kHz" in answer.json()["error"]["message"]
