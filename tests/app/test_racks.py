"""Which charts a page shows: every series once, somewhere."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app import racks

CODEC = [
    "loss/disc", "loss/feat", "loss/gen", "loss/vq", "weighted/adv", "disc/lr", "disc/sign_acc", "eval/snr", "eval/kbps",
    "codebook/use.0", "progress/epoch", "made/up", "loose", "disc/mpd2/sign_acc", "disc/mpd11/sign_acc",
    "disc/stft2048/sign_acc", "disc/stft512/sign_acc", "disc/mpd2/margin", "disc/mpd11/margin", "disc/mpd2/mean.real",
]  # fmt: skip
names = st.lists(st.sampled_from([*CODEC, "a/b/c", "disc/x", "x", "eval/q"]), unique=True)


def everywhere(have, trainers):
    main = racks.main(have, trainers)
    subs = racks.subs({"A": have}, {})
    others = racks.others(have, main)
    found = [row.name for row in main] + [row.name for s in subs for row, _ in s.charts]
    return found + [row.name for rack in others for row in rack.charts]


@given(names, st.sets(st.sampled_from(["codec", "cgan"])))
def test_every_series_has_one_place(have, trainers):
    found = everywhere(have, trainers)
    assert len(found) == len(set(found))
    assert set(have) <= set(found)


def test_a_known_trainer_has_its_frame_before_the_first_point():
    assert [row.name for row in racks.main([], {"codec"})] == list(racks.MAIN)
    assert [row.name for row in racks.main([], {"cgan"})] == ["loss/disc", "loss/gen"]
    assert racks.main([], set()) == ()


def test_the_main_charts_are_those_of_the_issue_in_its_order():
    first = [row.name for row in racks.main(CODEC, {"codec"})][:6]
    assert first == ["loss/disc", "loss/feat", "eval/snr", "eval/si_sdr", "eval/amplitude", "eval/mel"]


def test_another_trainer_shows_its_losses_and_what_it_is_judged_by():
    have = ["eval/recall", "eval/fid", "eval/kbps", "disc/grad_norm", "loss/gen", "loss/disc", "loss/r1"]
    first = [row.name for row in racks.main(have, {"cgan"})]
    assert first == ["loss/disc", "loss/gen", "eval/fid", "eval/recall", "disc/grad_norm"]


def test_groups_follow_the_vocabulary_and_strangers_come_last():
    titles = [rack.title for rack in racks.others(CODEC, racks.main(CODEC, {"codec"}))]
    assert titles == [
        "Losses", "Weighted losses", "Discriminator", "Codebooks", "Evaluation", "Progress", "Without a group", "made",
        "Margin of each sub-discriminator", "Mean logit on real of each sub-discriminator",
    ]  # fmt: skip


def test_runs_of_the_same_parts_share_their_charts_and_parts_are_in_the_order_of_numbers():
    same = racks.subs({"A": CODEC, "B": CODEC}, {"A": "MPD and STFT", "B": "MPD and STFT"})
    assert [s.keys for s in same] == [("A", "B")]
    assert same[0].title == "MPD and STFT"
    assert [short for _, short in same[0].charts] == ["period 2", "period 11", "STFT 512", "STFT 2048"]
    other = racks.subs({"A": ["disc/msd0/sign_acc"], "B": CODEC}, {"A": "MSD, grouped"})
    assert [(s.keys, s.title) for s in other] == [(("A",), "MSD, grouped"), (("B",), "")]
    assert other[0].charts[0][1] == "scale 1"


def test_a_part_without_a_number_keeps_its_name():
    assert racks.short("disc/edge/sign_acc") == "edge"
