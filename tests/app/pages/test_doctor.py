"""The Doctor page and the endpoint behind it: a log from anywhere, good and bad, and the rule book."""

from __future__ import annotations

import json

import pytest

from doctor.rulebook import RULES
from nashboard.packing import pack
from tests.nashboard.test_bundle import folder

STUCK = "step,d_loss,g_loss\n" + "".join(f"{s},2.0,0.0\n" for s in range(0, 10_000, 50))
BAD = {
    "": "the file is empty",
    "epoch,loss\n1,2\n": "no column is called step",
    "step,d_loss\n1,0.5\n2,much\n": "line 3: 'much' in the column 'd_loss' is not a number",
    "step,d_loss\n1.5,0.5\n": "line 2: the step '1.5' is not a whole number",
    "step,d_loss\n1," + "9" * 140_000 + "\n": "no CSV",
}


@pytest.fixture
def sent(client, parse):
    def send(text, status=200, adv_loss="hinge", name="log.csv"):
        body = text if isinstance(text, bytes) else text.encode()
        answer = client.post(
            "/doctor",
            files={"log": (name, body)},
            data={"adv_loss": adv_loss},
            headers={"accept": "text/html"},
        )
        assert answer.status_code == status, answer.text[:300]
        return parse(answer.text)

    return send


def test_the_page_offers_a_form_and_every_rule(client, parse):
    page = parse(client.get("/doctor").text)
    form = page.one("form", id="drop")
    assert (form.attrs["method"], form.attrs["enctype"]) == ("post", "multipart/form-data")
    assert "No log yet" in page.one(id="result").words()
    assert len(page.all("details", class_="rule")) == len(RULES)
    words = page.one(id="rule-disc-stuck").words()
    for part in (RULES[0].title, RULES[0].sees, RULES[0].why, RULES[0].try_):
        assert part in words


def test_a_sick_log_has_its_finding_with_suspects_and_what_could_not_look(sent):
    result = sent(STUCK).one(id="result")
    assert "fail" in result.one(class_="hd").words()
    found = result.all("article", class_="fail")[0].words()
    assert "disc-stuck" in found
    assert "loss/disc" in found
    assert "Test: overfit one batch" in found
    assert "could not look" in result.one(class_="blind").words()
    assert not result.all("button")


def test_without_anything_to_look_at_the_verdict_is_unknown(sent):
    result = sent("step,apples\n1,2\n2,3\n").one(id="result")
    words = result.words()
    assert "fail" not in words
    assert "found nothing" in words or "No rule could look" in words


@pytest.mark.parametrize(("text", "says"), BAD.items(), ids=lambda t: t[:16])
def test_a_log_that_cannot_be_read_is_named_with_its_line(sent, client, text, says):
    assert says in sent(text, 422).one(role="alert", class_="find").words()
    answer = client.post("/api/diagnose", content=text)
    assert answer.status_code == 422
    assert says in answer.json()["error"]["message"]


def test_bytes_and_forms_that_do_not_fit(sent, client):
    assert "not UTF-8" in sent(b"step,a\n1,\xff\n", 422).one(id="result").words()
    assert "not known" in sent(STUCK, 422, adv_loss="cubic").one(id="result").words()
    assert client.post("/doctor", data={"adv_loss": ""}).status_code == 422


def test_names_are_escaped(sent):
    assert "<b>x" in sent(STUCK, name="<b>x.csv").one(id="result").words()


def test_the_endpoint_says_the_same_as_the_command_line(client):
    told = client.post("/api/diagnose?adv_loss=hinge", content=STUCK).json()
    assert (told["verdict"], told["findings"][0]["code"]) == ("fail", "disc-stuck")
    assert json.dumps(told, allow_nan=False)
    assert "/api/diagnose" in client.get("/openapi.json").json()["paths"]


def test_a_log_is_drawn_with_what_wanders_in_it(sent):
    steps = [*range(0, 1000, 10), *range(600, 1200, 10), *range(5000, 6000, 10)]
    rows = [f"{s},{'nan' if s == 500 else 1.0}" for s in steps]
    tile = sent("step,d_loss\n" + "\n".join(rows) + "\n").all("section", class_="tile")[0]
    words = tile.words()
    assert "1 NaN, first at step 500" in words
    assert "No report from step 1,190 to 5,000" in words
    assert "Steps go back from 990 to 600" in words
    figure = json.loads(tile.attrs["data-log-figure"])
    assert any(t["meta"].get("part") == "nonfinite" for t in figure["data"])


def test_findings_are_marked_on_the_series_of_their_evidence(sent):
    page = sent(STUCK)
    figures = [json.loads(t.attrs["data-log-figure"]) for t in page.all("section", class_="tile")]
    marks = {f["layout"]["meta"]["series"]: f["layout"]["meta"]["findings"] for f in figures}
    first = marks["loss/disc"][0]
    assert first["code"] == "disc-stuck"
    page.one(id=f"found-{first['code']}-{first['step']}")


def test_ten_thousand_rows_answer_and_a_million_are_refused_with_the_limit(sent, client):
    rows = "".join(f"{s},1.0,1.2\n" for s in range(10_000))
    assert "20,000 points" in sent("step,d_loss,g_loss\n" + rows).one(id="result").words()
    million = b"step,d_loss,g_loss\n" + b"123456,1.0,1.2\n" * 1_000_000
    answer = client.post("/doctor", files={"log": ("log.csv", million)}, headers={"accept": "text/html"})
    assert answer.status_code == 413
    assert "the limit is" in answer.text


def _bundle(tmp_path, *names):
    return pack([folder(tmp_path / name) for name in names], tmp_path / "x.nashboard.zip", strip=False).path


def test_a_bundle_is_diagnosed_and_not_kept(client, parse, tmp_path):
    body = _bundle(tmp_path, "old").read_bytes()
    answer = client.post("/doctor/bundle", params={"name": "dir/x.nashboard.zip"}, content=body)
    assert answer.status_code == 200
    said = parse(answer.text).one("section", id="result").words()
    assert "in x.nashboard.zip" in said
    assert "points of" in said
    assert client.get("/api/runs").json()["runs"] == []


def test_a_bundle_is_diagnosed_without_scripts(client, sent, tmp_path):
    page = sent(_bundle(tmp_path, "old").read_bytes(), name="x.nashboard.zip", adv_loss="")
    assert "in x.nashboard.zip" in page.one("section", id="result").words()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "x.zip' is no bundle: not a zip file"),
        (b"step,d_loss\n1,2\n", "x.zip' is no bundle: not a zip file"),
        (b"PK\x03\x04 cut", "x.zip' is cut short"),
    ],
)
def test_what_is_no_bundle_is_said_in_one_line(client, parse, body, why):
    answer = client.post("/doctor/bundle", params={"name": "x.zip"}, content=body)
    assert answer.status_code == 422
    assert why in parse(answer.text).one("section", id="result").words()
