"""The report: two sides, what they say of each other, and the same in one file with nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from app import blobs, db, findings, ingest, report, report_charts, runs
from app.errors import BadInput
from nashboard import events

WAVE = b"RIFF" + bytes(2000)
DIGEST = hashlib.sha256(WAVE).hexdigest()


@pytest.fixture
def side(make_run):
    """``side("old", seed, level)`` → an ended run of 12 epochs of 10 steps whose loss lies at ``level``."""

    def made(preset, seed, level, sound=True, **more):
        steps = 120
        run_id = make_run(
            points={
                "loss/disc": [level + (n % 3) / 100 for n in range(steps)],
                "eval/snr": [level * 2 + seed / 10 for _ in range(steps)],
                "progress/epoch": [(n + 1) / 10 for n in range(steps)],
            },
            name=f"{preset} {seed}", preset=preset, size="tiny", seed=seed,
            recipe={"disc": {"lr": 1e-4 if preset == "old" else 2e-4}, "seed": seed},
            environment={"hostname": "node-17", "python": "3.11.7", "run_dir": "/Users/marie/runs/x"},
            command=["python", "train.py", "data.root=/Users/marie/music"], **more,
        )  # fmt: skip
        with db.transaction() as session:
            at = runs.get(session, run_id).next_seq
            found = []
            if sound:
                for series in ("reference", "reconstruction"):
                    found.append(
                        events.SampleMade(step=119, series=series, slot="clip <1>", media="audio", sha256=DIGEST,
                                          ext="wav", size=len(WAVE), facts={"peak_dbfs": -3.0, "seconds": 1.0})
                    )  # fmt: skip
                blobs.put(session, DIGEST, WAVE)
            found.append(events.RunEnded(status="finished"))
            ingest.apply(
                session, run_id, [events.stamped(e, at + n, 1.7e9 + 500) for n, e in enumerate(found)]
            )
        findings.look(run_id)
        return run_id

    return made


@pytest.fixture
def pair(side):
    return side("old", 0, 2.0), side("fixed", 0, 1.5)


def test_two_runs_on_one_page(client, parse, pair):
    answer = client.get("/report", params={"runs": ",".join(pair)})
    assert answer.status_code == 200
    page = parse(answer.text)
    assert page.one("h1").words() == "old against fixed"
    assert "1 of 2 knobs differ" in page.words() or "2 of 2 knobs differ" in page.words()
    row = page.one("tbody", **{"data-metric": "eval/snr"})
    cells = [c.words() for c in row.all("td")]
    assert "4.0" in cells[1]
    assert "3.0" in " ".join(cells)
    assert "−1.0 dB, one seed: cannot say" in row.words()
    assert "Size tiny" in page.words()
    assert "No run reached epoch 20." in page.words()
    assert len(page.all("svg", class_="chart")) == 2
    assert "of 240 points shown" in page.words()
    assert page.all("audio")[0].attrs["src"] == f"/api/blobs/{DIGEST}"


def test_seeds_give_a_spread_and_a_verdict(client, parse, side):
    old, fixed = [side("old", n, 2.0) for n in (0, 1, 2)], [side("fixed", n, 1.5 + n / 20) for n in (0, 1, 2)]
    page = parse(client.get("/report", params={"runs": ",".join(old + fixed)}).text)
    row = page.one("tbody", **{"data-metric": "eval/snr"})
    assert "4.1 ± 0.1" in row.words()
    assert "over 3 seeds: shown , worse" in row.words()
    given = {"old": ",".join(old[:2]), "fixed": ",".join(fixed)}
    told = parse(client.get("/report", params=given).text).words()
    assert "2 runs against 3, 2 seeds in common." in told
    assert "over 2 seeds" in told


def test_runs_without_a_seed_in_common_are_not_paired(client, parse, side):
    page = parse(
        client.get("/report", params={"old": side("old", 0, 2.0), "fixed": side("fixed", 5, 1.5)}).text
    )
    assert "no seed in common: cannot say" in page.one("tbody", **{"data-metric": "eval/snr"}).words()


def test_the_file_holds_everything_and_names_nobody(client, pair):
    answer = client.get("/report.html", params={"runs": ",".join(pair)})
    assert answer.headers["content-disposition"] == 'attachment; filename="old-against-fixed.html"'
    text = answer.text
    assert f"data:audio/wav;base64,{base64.b64encode(WAVE).decode()}" in text
    assert "default-src 'none'" in text
    script = re.search(r"<script>(.*)</script>", text, re.S)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"sha256-{digest}" in text
    assert re.findall(r'(?:src|href)="(?!data:|#)', text) == []
    assert re.findall(r"url\((?!#clip)", text) == []
    for word in ("marie", "node-17", "/Users"):
        assert word not in text, word
    assert "data.root=[path]/music" in text
    assert "clip &lt;1&gt;" in text


def test_sounds_over_the_limit_stay_out_of_the_file(client, pair, monkeypatch):
    monkeypatch.setattr("app.report_samples.ROOM", 100)
    text = client.get("/report.html", params={"runs": ",".join(pair)}).text
    assert "<audio" not in text
    assert "data:audio" not in text


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("runs={a}", 422, "needs two runs at least"),
        ("old={a}", 422, "a report has two sides"),
        ("old={a}&fixed={a}", 422, "on both sides of the report"),
        ("runs={a},nosuch", 404, "nosuch"),
    ],
)
def test_what_makes_no_report_is_said_in_a_line(client, make_run, query, status, said):
    a = make_run()
    answer = client.get(f"/report?{query.format(a=a)}", headers={"accept": "text/html"})
    assert answer.status_code == status
    assert said in answer.text
    assert client.get(f"/report.html?{query.format(a=a)}").status_code == status


def test_three_presets_make_no_two_sides(database, make_run):
    ids = [make_run(preset=p) for p in ("a", "b", "c")]
    with db.reading() as session, pytest.raises(BadInput, match="say which is which"):
        report.sides([runs.get(session, i) for i in ids])


def test_without_runs_they_can_be_chosen(client, parse, pair):
    page = parse(client.get("/report").text)
    assert {box.attrs["value"] for box in page.all("input", name="runs")} == set(pair)


def test_nothing_to_choose_from(client, parse):
    assert "There are no runs yet" in parse(client.get("/report").text).words()


def test_runs_without_a_point_or_a_sample(client, parse, make_run):
    ids = [make_run(preset=p) for p in ("old", "fixed")]
    page = parse(client.get("/report", params={"runs": ",".join(ids)}).text)
    assert "Neither side has reported a point yet." in page.words()
    assert "There is nothing to put into a table yet." in page.words()


def test_points_that_are_no_numbers_break_the_line_and_are_marked(client, parse, make_run):
    nan = float("nan")
    ids = [make_run(points={"loss/disc": [1.0, 2.0, nan, 1.5]}, preset=p) for p in ("old", "fixed")]
    page = parse(client.get("/report", params={"runs": ",".join(ids)}).text)
    assert len(page.all("path", class_="odd")) == 2
    assert "8 of 8 points shown, 2 not finite" in page.words()


@pytest.mark.parametrize(
    ("low", "high", "found"),
    [(0, 10, [0, 2.5, 5, 7.5, 10]), (0.12, 0.5, [0.2, 0.3, 0.4, 0.5]), (-3, 1, [-3, -2, -1, 0, 1])],
)
def test_ticks_stand_at_round_numbers(low, high, found):
    assert report_charts._steps(low, high) == found
