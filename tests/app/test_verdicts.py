"""One line a chart: inside, above or below, since when, by how much; stuck; no number; claims never judge."""

from __future__ import annotations

import numpy as np
import pytest

from app import verdicts
from app.verdicts import Said, Track
from nashboard.vocabulary import describe
from recipes.band import Band

LOSS, SNR, FEAT = describe("loss/disc"), describe("eval/snr"), describe("loss/feat")


def band(series="loss/disc", low=1.2, high=1.4, **more):
    values = {"origin": "measured", "source": "five runs", "x": "epoch", "x_from": 0.0, "x_to": 10.0, **more}
    return Band(series=series, low=low, high=high, **values)


def track(y, epochs=10.0, **more):
    return Track(np.linspace(0, epochs, len(y)), np.array(y, dtype=float), **more)


def test_a_discriminator_at_its_dead_value_is_stuck_since_it_stays_there():
    said = verdicts.of_run(LOSS, track([1.9] + [2.0003, 1.9996] * 20), band(), dead=2.0)
    assert (said.strong, said.tone) == ("stuck at 2.000", "fail")
    assert said.rest == "since epoch 0.2."


@pytest.mark.parametrize(("off", "stuck"), [(0.0199, True), (0.0201, False)])
def test_stuck_is_within_a_fiftieth(off, stuck):
    said = verdicts.of_run(LOSS, track([2.0 + off] * 30), None, dead=2.0)
    assert (said.state == "stuck") is stuck


def test_every_discriminator_begins_at_its_dead_value_and_is_not_blamed_for_it():
    said = verdicts.of_run(LOSS, track([2.0, 2.0, 1.999], epochs=0.5), None, dead=2.0)
    assert said == Said("at 2.000 so far.", state="young")


def test_least_squares_has_another_dead_value():
    assert verdicts.of_run(LOSS, track([1.0] * 30), None, dead=1.0).strong == "stuck at 1.000"
    assert verdicts.of_run(LOSS, track([1.0] * 30), None, dead=2.0).state == "plain"


def test_above_says_since_when_and_by_how_much():
    said = verdicts.of_run(LOSS, track([1.3, 1.3, 1.5, 1.6, 1.6, 1.97]), band(), dead=2.0)
    assert f"{said.strong} {said.rest}" == "above measured since epoch 4, now by 0.570."
    assert said.tone == "warn"


def test_inside_has_no_colour():
    said = verdicts.of_run(LOSS, track([2.0, 1.3, 1.3, 1.3, 1.3]), band(), dead=2.0)
    assert said == Said("inside measured since epoch 2.5.", state="inside")


def test_better_than_measured_is_no_warning():
    said = verdicts.of_run(SNR, track([9.0, 9.0, 9.0]), band("eval/snr", 5.6, 7.1))
    assert (said.strong, said.tone) == ("above measured", "")
    assert said.rest == "since epoch 0, now by 1.9 dB."
    assert verdicts.of_run(SNR, track([2.0] * 3), band("eval/snr", 5.6, 7.1)).tone == "warn"


def test_series_over_decades_are_told_by_factor():
    said = verdicts.of_run(FEAT, track([0.0011] * 5), band("loss/feat", 0.2, 0.28))
    assert said.rest == "since epoch 0, now by a factor of 180."


def test_a_published_range_is_told_and_does_not_warn():
    said = verdicts.of_run(SNR, track([2.0] * 3), band("eval/snr", 8, 9, origin="published"))
    assert (said.strong, said.tone) == ("below published", "")


def test_a_claim_is_said_last_and_never_judges():
    claim = band("eval/snr", 20, 28, origin="claimed")
    said = verdicts.of_run(SNR, track([13.1] * 3), None, [claim])
    assert said.tone == ""
    assert said.rest == "13.1 dB at epoch 10. Below claimed."
    assert verdicts.of_run(SNR, track([2.8] * 3), None, [claim]).rest.endswith("Far below claimed.")
    assert verdicts.of_run(SNR, track([25.0] * 3), None, [claim]).rest.endswith("Inside claimed.")


def test_no_number_says_from_when():
    said = verdicts.of_run(LOSS, track([1.5, 1.4, np.nan, np.nan]), band())
    assert said == Said("from epoch 6.7 on.", "NaN", "fail", "nonfinite")
    assert verdicts.of_run(LOSS, track([-np.inf]), band()).strong == "−Inf"


def test_a_hole_is_counted_where_the_curve_goes_on():
    said = verdicts.of_run(LOSS, track([1.3, np.nan, 1.3, 1.3], nonfinite=1), band())
    assert said.rest == "inside measured since epoch 0. 1 value not finite, last at epoch 3.3."


def test_nothing_yet_and_nothing_ever_are_different():
    assert verdicts.of_run(LOSS, track([], live=True), None).rest == "no data yet."
    assert verdicts.of_run(LOSS, track([]), None).rest == "no data."


def test_one_noisy_step_at_the_end_is_no_verdict():
    said = verdicts.of_run(LOSS, track([1.3] * 200 + [1.5]), band())
    assert said.state == "inside"


def test_without_epochs_steps_are_counted():
    said = verdicts.of_run(LOSS, track([2.0] * 20, epochs=1900, unit="step"), None, dead=2.0)
    assert said.rest == "since step 0."
    said = verdicts.of_run(LOSS, track([1.7] * 20, epochs=1900, unit="step"), band(), dead=2.0)
    assert said.rest == "1.70 at step 1,900."


def test_past_the_end_of_a_band_the_verdict_is_in_the_past():
    said = verdicts.of_run(LOSS, track([1.3] * 10, epochs=20), band())
    assert said.rest == "was inside measured up to epoch 10, where the band ends."


def test_equal_verdicts_are_joined_and_one_run_begins_with_a_capital():
    inside = Said("inside measured since epoch 1.", state="inside")
    stuck = Said("since epoch 0.7.", "stuck at 2.000", "fail", "stuck")
    both = verdicts.chart({"A": inside, "B": inside}, named=True)
    assert both["text"] == "A, B inside measured since epoch 1."
    pair = verdicts.chart({"A": stuck, "B": inside}, named=True)
    assert pair["text"] == "A stuck at 2.000 since epoch 0.7. B inside measured since epoch 1."
    assert pair["tone"] == ""
    alone = verdicts.chart({"A": stuck}, named=False)
    assert alone["text"] == "Stuck at 2.000 since epoch 0.7."
    assert alone["tone"] == "fail"


def test_all_inside_is_said_once_without_the_epochs():
    said = {
        "A": Said("inside measured since epoch 1.", state="inside"),
        "B": Said("inside measured since epoch 3.", state="inside"),
    }
    assert verdicts.chart(said, named=True)["text"] == "A, B inside measured."


def test_of_many_runs_a_line_says_who_is_where_and_no_more():
    said = {k: Said("inside measured since epoch 1.", state="inside") for k in "ABC"}
    said |= {"D": Said("since epoch 2, now by 0.4.", "above measured", "warn", "above")}
    said |= {"E": Said("since epoch 3, now by 0.9.", "above measured", "warn", "above")}
    said |= {"F": Said("since epoch 0.7.", "stuck at 2.000", "fail", "stuck")}
    assert "now by 0.9" in verdicts.chart(said, named=True)["text"]
    said["C"] = Said("inside measured at epoch 0.1. Far above claimed.", state="inside")
    said["G"] = Said("4.89 at epoch 2, best 4.1 at epoch 1.", state="plain")
    line = verdicts.chart(said, named=True)
    assert line["text"] == "A, B, C inside measured. D, E above measured. F stuck at 2.000."
    assert [part["tone"] for part in line["parts"]] == ["", "warn", "fail"]
