"""Preflights on the server: asked once, confined to the allowed folders, refused in a line, forgotten in time."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import pytest

from app import blobs, db, preflights
from app.models import Blob
from app.tables_preflights import Preflight
from recipes.compose import build

pytestmark = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
BODY = {"trainer": "codec", "preset": "fixed", "size": "tiny", "kind": "card"}


def post(client: Any, **body: Any) -> Any:
    return client.post("/api/preflights", json={**BODY, **body})


def test_what_is_asked_twice_is_one_and_what_failed_is_asked_anew(client: Any, launchable: Any) -> None:
    first = post(client)
    assert first.status_code == 201, first.text
    made = first.json()["preflights"][0]
    assert (made["state"], made["preset"], made["kind"]) == ("queued", "fixed", "card")
    again = post(client, patch={"disc.lr": 1e-5, "data.batch": 3}, device="cpu")
    assert again.status_code == 200, "the same data"
    assert again.json()["preflights"][0]["id"] == made["id"]
    with db.transaction() as session:
        preflights.end(session, made["id"], reason="it could not be read")
    shown = client.get(f"/api/preflights/{made['id']}").json()
    assert (shown["state"], shown["reason"]) == ("failed", "it could not be read")
    second = post(client)
    assert second.status_code == 201
    assert second.json()["preflights"][0]["id"] != made["id"]


def test_one_that_is_done_answers_until_somebody_asks_again(client: Any, launchable: Any) -> None:
    made = post(client, kind="dry").json()["preflights"][0]["id"]
    with db.transaction() as session:
        preflights.end(session, made, outcome={"steps": 1})
    assert post(client, kind="dry").json()["preflights"][0]["outcome"] == {"steps": 1}
    assert post(client, kind="dry", again=True).json()["preflights"][0]["id"] != made
    assert post(client, kind="dry", patch={"disc.lr": 0.5}).json()["preflights"][0]["state"] == "queued"


def test_a_pair_has_a_dry_run_each_and_one_card(client: Any, launchable: Any) -> None:
    both = {"presets": ["old", "fixed"], "sides": {"old": {"disc.lr": 0.01}}}
    assert [p["preset"] for p in post(client, kind="dry", **both).json()["preflights"]] == ["old", "fixed"]
    assert len(post(client, **both).json()["preflights"]) == 1


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"kind": "wet"}, "card"),
        ({"trainer": "codex"}, "codex"),
        ({"preset": "fixd"}, "fixd"),
        ({"patch": {"disc.lrr": 1}}, "disc.lrr"),
        ({"patch": {"data.root": "/etc"}}, "outside the allowed data folders"),
        ({"patch": {"data.root": "relative"}}, "not a full path"),
        ({"device": "tpu"}, "tpu"),
        ({"presets": ["a"] * 9}, "presets"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_made(
    client: Any, launchable: Any, body: dict[str, Any], said: str
) -> None:
    answer = post(client, **body)
    assert answer.status_code == 422, answer.text
    assert said in answer.text
    with db.reading() as session:
        assert session.query(Preflight).count() == 0


def test_a_link_out_of_the_allowed_folder_is_refused(client: Any, launchable: Any, tmp_path: Path) -> None:
    (tmp_path / "data" / "way").symlink_to("/etc")
    answer = post(client, patch={"data.root": str(tmp_path / "data" / "way")})
    assert answer.status_code == 422
    assert "outside the allowed data folders" in answer.text


def test_what_is_not_there_is_said(client: Any, launchable: Any) -> None:
    assert client.get("/api/preflights/nowhere").status_code == 404
    assert client.get("/launch/preflight?ids=nowhere").status_code == 404
    assert client.get("/launch/preflight?ids=").status_code == 404


def test_too_many_that_wait_are_refused(client: Any, launchable: Any) -> None:
    for i in range(preflights.MOST_WAITING):
        assert post(client, kind="dry", patch={"disc.lr": 0.1 + i / 100}).status_code == 201
    answer = post(client, kind="dry", patch={"disc.lr": 0.9})
    assert answer.status_code == 409
    assert "wait already" in answer.text


def test_old_ones_are_forgotten_with_their_blobs(database: Any) -> None:
    digests = []
    with db.transaction() as session:
        for i in range(4):
            data = bytes([i]) * 10
            digest = hashlib.sha256(data).hexdigest()
            blobs.put(session, digest, data)
            digests.append(digest)
            shown = [{"sha256": digest}, {"sha256": digests[0]}]
            session.add(
                Preflight(id=f"p{i}", kind="card", key="k", ask={}, state="done", reason="", created=float(i),
                          outcome={"samples": shown if i == 3 else shown[:1]}, owner="")
            )  # fmt: skip
    with db.transaction() as session:
        preflights.forget(session, kept=2)
        session.flush()
        left = {row.id for row in session.query(Preflight)}
        kept = {row.sha256 for row in session.query(Blob)}
    assert left == {"p2", "p3"}
    assert kept == {digests[0], digests[2], digests[3]}, "one that is still shown stays"


def test_the_part_of_the_page_in_each_state(client: Any, launchable: Any) -> None:
    made = post(client, kind="dry").json()["preflights"][0]["id"]
    path = f"/launch/preflight?ids={made}"
    assert 'data-active="true"' in client.get(path).text
    assert "queued" in client.get(path).text
    facts = {
        "seconds_per_step": 0.5, "evaluation_seconds": 2.0, "steps": 600, "seconds": 330.0, "memory": 5e8,
        "gpu_memory": 0, "checkpoint": 1e6, "disk": 3e6, "device": "CPU", "threads": 2, "from": "the last of 2 steps",
        "notes": ["measured in one process; the run has 2"],
    }  # fmt: skip
    with db.transaction() as session:
        preflights.end(session, made, outcome=facts)
    text = client.get(path).text
    for part in (
        "5 min 30 s",
        "500 MB",
        "Extrapolated from the last of 2 steps",
        "the run has 2",
        "data-ends",
    ):
        assert part in text
    failed = post(client).json()["preflights"][0]["id"]
    with db.transaction() as session:
        preflights.end(session, failed, reason="data.root '<b>': no <script>")
    text = client.get(f"/launch/preflight?ids={failed}").text
    assert "no &lt;script&gt;" in text
    assert 'data-active="false"' in text


def test_a_card_is_shown_with_what_is_wrong_and_what_can_be_heard(client: Any, launchable: Any) -> None:
    made = post(client).json()["preflights"][0]["id"]
    trouble = {
        "code": "leak",
        "level": "fail",
        "title": "The same in both",
        "text": "so",
        "items": ["a = b"],
        "count": 3,
    }
    card = {
        "kind": "audio", "root": "", "found": 3, "measured": 2, "left": 1, "facts": [["Rates", "8000 Hz"]],
        "counts": [["Files", 2, 1]], "durations": {"edges": [0, 1, 2], "train": [1, 1], "eval": [0, 1], "low": 0.5,
        "middle": 1, "high": 2}, "troubles": [trouble],
        "samples": [{"media": "audio", "name": "a.wav", "caption": "train", "url": "/api/blobs/00"}],
    }  # fmt: skip
    with db.transaction() as session:
        preflights.end(session, made, outcome=card)
    text = client.get(f"/launch/preflight?ids={made}").text
    for part in (
        "The same in both",
        "a = b",
        "and 2 more",
        "8000 Hz",
        "<audio",
        "time was up for the other 1",
        "<rect",
    ):
        assert part in text


def test_the_form_has_both_beside_what_they_are_about(client: Any, launchable: Any) -> None:
    text = client.get("/launch").text
    assert 'data-preflight="card"' in text
    assert 'data-preflight="dry"' in text
    assert 'name="stop_on" value="disc-stuck"' in text
    words = f"/launch?trainer=codec&preset=fixed&stop_on=disc-stick&t={time.time()}"
    assert "did you mean disc-stuck" in client.get(words).text


def test_a_key_hangs_on_what_matters(database: Any) -> None:
    base = build("codec")
    changed = build("codec", patch={"data.crop": 4096})
    assert preflights.key_of("card", base, "cpu") != preflights.key_of("card", changed, "cpu")
    assert preflights.key_of("card", base, "cpu") == preflights.key_of("card", base, "auto")
    assert preflights.key_of("dry", base, "cpu") != preflights.key_of("dry", base, "auto")
    other = build("codec", patch={"seed": 9})
    assert preflights.key_of("dry", base, "cpu") == preflights.key_of("dry", other, "cpu")
