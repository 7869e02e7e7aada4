"""Rules for items without a score, the fixed lag, and a queue that survives a checkpoint."""

from concurrent.futures import Future
from typing import Any

import pytest
import torch

from recipes.enhancement import Pesq
from trainers.enhancement.pesqs import Entry, LaggedScores, targets_of
from trainers.kit.checkpoints import copied, plain
from trainers.kit.scorers import ScoreBook
from trainers.kit.scores import Reason, Score

GOOD, MUTE = Score(2.75), Score(None, Reason.NO_UTTERANCE, "PESQ finds no utterance")


class Told:
    """Scores by the estimate's first sample: below 0 there is no utterance. Done at once."""

    def submit(self, clean: Any, estimate: Any) -> Future[Score]:
        done: Future[Score] = Future()
        first = float(estimate[0])
        done.set_result(MUTE if first < 0 else Score(first))
        return done


def lagged(lag: int = 2, failures: str = "item") -> LaggedScores:
    return LaggedScores(ScoreBook(Told(), 100), Pesq(lag=lag, failures=failures))  # type: ignore[arg-type]


def push(queue: LaggedScores, *firsts: float, name: str = "a") -> None:
    estimate = torch.tensor(firsts)[:, None].expand(-1, 10)
    mags = torch.tensor(firsts)[:, None, None].expand(-1, 3, 4)
    keys = {"est": [f"{name}{i}" for i in range(len(firsts))]}
    queue.push(Entry(torch.zeros_like(mags), {"est": mags}, keys), {"est": (estimate, estimate)})


def test_three_rules_for_a_missing_score() -> None:
    scores = [GOOD, MUTE, Score(1.0)]
    assert targets_of(scores, "item") == ([0, 2], [0.5, 0.0])
    assert targets_of(scores, "batch") == ([], [])
    assert targets_of([GOOD, GOOD], "batch") == ([0, 1], [0.5, 0.5])
    rows, targets = targets_of(scores, "keep")
    assert (rows, targets[1]) == ([0, 1, 2], pytest.approx(-2 / 3.5))


@pytest.mark.parametrize("rule", ["item", "batch", "keep"])
def test_a_package_that_is_not_there_is_no_failure_of_an_item(rule: str) -> None:
    absent = [Score(None, Reason.NOT_INSTALLED, "not installed")] * 2
    assert targets_of(absent, rule) == ([], [])


def test_scores_are_used_at_the_lag_and_not_before() -> None:
    queue = lagged(lag=2)
    for i, first in enumerate((2.0, 3.0, 4.0)):
        push(queue, first, first, name=f"b{i}")
        got = queue.pop()
        assert (got is None) == (i < 2)
    assert got is not None
    assert got.groups["est"].targets.tolist() == pytest.approx([1 / 3.5] * 2)
    assert float(got.groups["est"].estimate[0, 0, 0]) == 2.0
    assert lagged(lag=0).pop() is None


def test_the_rest_of_a_batch_trains_by_item_and_none_by_batch() -> None:
    for failures, left in (("item", 1), ("batch", 0), ("keep", 2)):
        queue = lagged(0, failures)
        push(queue, 2.0, -1.0)
        got = queue.pop()
        assert got is not None
        assert len(got.groups["est"].targets) == left
        assert got.trains == (failures != "batch")
        found = queue.points(1.0)
        assert (found["pesq/missing_items"], found["pesq/missing_batches"]) == (0.5, 1.0)
        assert found["pesq/trained"] == float(failures != "batch")
        assert found["pesq/reason.no_utterance"] == 0.5
        assert queue.points(1.0) == {}


def test_the_queue_comes_back_from_a_checkpoint() -> None:
    one = lagged(lag=2)
    push(one, 2.0, -1.0, name="x")
    push(one, 3.0, 3.5, name="y")
    state = copied(plain(one.state_dict()))
    two = lagged(lag=2)
    two.load_state_dict(state)
    for queue in (one, two):
        push(queue, 4.0, 4.0, name="z")
    got, want = two.pop(), one.pop()
    assert got is not None
    assert want is not None
    assert torch.equal(got.groups["est"].targets, want.groups["est"].targets)
    assert torch.equal(got.clean, want.clean)
    assert len(got.groups["est"].targets) == 1


def test_what_is_asked_for_twice_is_computed_once() -> None:
    book = ScoreBook(Told(), 2)  # type: ignore[arg-type]
    for _ in range(2):
        book.ask("a", [2.0], [2.0])
    book.ask("b", [3.0], [3.0])
    assert (book.asked, book.hits) == (3, 1)
    assert book.answer("b").value == 3.0
    assert book.answer("a").value == 2.0
    book.ask("c", [4.0], [4.0])
    book.answer("c")
    book.trim(["b"])
    assert list(book.state_dict()["scores"]) == ["b", "c"]
    with pytest.raises(KeyError):
        book.answer("a")
