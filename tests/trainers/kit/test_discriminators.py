"""Contracts of the discriminators, each shown to fail on a twin with the defect that it guards against."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrize import is_parametrized

from recipes.codec import Discriminator
from trainers.kit.discriminators import (
    DACDiscriminator,
    MultiPeriodDiscriminator,
    MultiScaleDiscriminator,
    MultiScaleSTFTDiscriminator,
    build_discriminator,
    normalise,
)

MSD = [4, 8, 8]
SMALL = {
    "msd_channels": MSD,
    "msd_groups": [2, 4],
    "mpd_channels": [4, 8],
    "stft_channels": 4,
    "n_ffts": [128, 64],
    "periods": [2, 3],
}
KINDS = ["msd_grouped", "msd_grouped_mpd", "mpd_stft", "mpd", "stft"]


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def broken(is_broken: bool) -> AbstractContextManager[object]:
    """Expect the contract to hold, or to be broken by the twin."""
    return pytest.raises(AssertionError) if is_broken else nullcontext()


class TestParameterCounts:
    """Against the published sizes, at full width."""

    def test_grouped_multi_scale(self) -> None:
        net = MultiScaleDiscriminator(num_scales=3)
        assert [count(scale) for scale in net.scales] == [5_637_953] * 3
        mixing = count(net.scales[0].layers[-1])
        assert mixing / count(net.scales[0]) == pytest.approx(0.93, abs=0.005)

    def test_groups_save_a_factor_of_ten_not_a_million(self) -> None:
        dense = MultiScaleDiscriminator(num_scales=1, groups=(1, 1, 1, 1))
        assert count(dense) / count(MultiScaleDiscriminator(num_scales=1)) == pytest.approx(10.6, abs=0.05)

    def test_multi_period(self) -> None:
        net = MultiPeriodDiscriminator()
        assert [round(count(fold) / 1e6, 2) for fold in net.folds] == [8.22] * 5
        assert round(count(net) / 1e6, 1) == 41.1

    def test_dac_stft(self) -> None:
        assert round(count(MultiScaleSTFTDiscriminator(input="complex", bands=5)) / 1e6, 2) == 1.41

    def test_quarter_width_keeps_the_groups(self) -> None:
        assert count(MultiScaleDiscriminator(channels=(4, 16, 64, 256, 256))) == 1_060_899


class TestShape:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("length", [256, 509])
    def test_logits_and_features_belong_to_the_names(self, kind: str, length: int) -> None:
        net = build_discriminator(Discriminator(kind=kind, **SMALL))
        logits, features = net(torch.randn(2, 1, length))
        assert len(logits) == len(features) == len(net.names) == len(set(net.names))
        assert all(len(logit) == 2 and logit.isfinite().all() for logit in logits)
        assert all(layers and all(layer.ndim >= 3 for layer in layers) for layers in features)

    def test_eight_in_all(self) -> None:
        net = DACDiscriminator(mpd_channels=(4, 4), stft_channels=4)
        assert net.names == ["mpd2", "mpd3", "mpd5", "mpd7", "mpd11", "stft2048", "stft1024", "stft512"]
        assert len(net(torch.randn(1, 1, 2048))[0]) == 8

    def test_stereo(self) -> None:
        net = build_discriminator(Discriminator(kind="mpd_stft", **SMALL), audio_channels=2)
        assert len(net(torch.randn(2, 2, 256))[0]) == 4

    def test_silence_has_a_finite_gradient(self) -> None:
        wave = torch.zeros(1, 1, 256, requires_grad=True)
        logits, _ = build_discriminator(Discriminator(kind="mpd_stft", **SMALL))(wave)
        torch.stack([logit.mean() for logit in logits]).sum().backward()
        assert wave.grad is not None
        assert wave.grad.isfinite().all()

    def test_wave_shorter_than_a_window(self) -> None:
        net = MultiScaleSTFTDiscriminator((256,), channels=2)
        assert net(torch.randn(1, 1, 100))[0][0].isfinite().all()

    def test_bfloat16(self) -> None:
        net = build_discriminator(Discriminator(kind="mpd_stft", **SMALL))
        with torch.autocast("cpu", torch.bfloat16):
            logits, _ = net(torch.randn(1, 1, 256).bfloat16())
        assert all(logit.isfinite().all() for logit in logits)


class SameLength(MultiScaleDiscriminator):
    """The result of the downsampling is lost, as in audiocraft's msd.py."""

    def downsample(self, wave: Tensor) -> Tensor:
        self.pool(wave)
        return wave


@pytest.mark.parametrize(("make", "is_broken"), [(MultiScaleDiscriminator, False), (SameLength, True)])
def test_scales_see_different_lengths(make: type[MultiScaleDiscriminator], is_broken: bool) -> None:
    _, features = make(3, MSD, [2, 4])(torch.randn(1, 1, 512))
    lengths = [layers[0].shape[-1] for layers in features]
    with broken(is_broken):
        assert lengths == [512, 256, 128]


class WholePeriod(MultiPeriodDiscriminator):
    """Pads a whole period where none is missing, as DAC does."""

    @staticmethod
    def fold(wave: Tensor, period: int) -> Tensor:
        return F.pad(wave, (0, period - wave.shape[-1] % period), "reflect").unflatten(-1, (-1, period))


@pytest.mark.parametrize(("make", "is_broken"), [(MultiPeriodDiscriminator, False), (WholePeriod, True)])
@pytest.mark.parametrize("period", [2, 3, 11])
def test_divisible_length_is_folded_without_padding(
    make: type[MultiPeriodDiscriminator], is_broken: bool, period: int
) -> None:
    wave = torch.arange(period * 12.0)[None, None]
    folded = make.fold(wave, period)
    with broken(is_broken):
        assert folded.shape == (1, 1, 12, period)
        assert torch.equal(folded.flatten(2), wave)
    assert make((period,), (4, 4))(wave)[0][0].isfinite().all()


def test_indivisible_length_is_reflected() -> None:
    folded = MultiPeriodDiscriminator.fold(torch.arange(10.0)[None, None], 4)
    assert folded[0, 0].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 8, 7]]


class LosesTheTop(MultiScaleSTFTDiscriminator):
    """Band edges from n_fft // 2 instead of the number of bins: the last bin belongs to nobody."""

    @staticmethod
    def edges(n_fft: int, bands: int) -> list[tuple[int, int]]:
        return [(low, min(high, n_fft // 2)) for low, high in MultiScaleSTFTDiscriminator.edges(n_fft, bands)]


@pytest.mark.parametrize(("make", "is_broken"), [(MultiScaleSTFTDiscriminator, False), (LosesTheTop, True)])
@pytest.mark.parametrize("n_fft", [32, 128, 510, 2048])
@pytest.mark.parametrize("bands", [1, 5])
def test_bands_hold_every_bin_once(
    make: type[MultiScaleSTFTDiscriminator], is_broken: bool, n_fft: int, bands: int
) -> None:
    held = [i for low, high in make.edges(n_fft, bands) for i in range(low, high)]
    with broken(is_broken):
        assert held == list(range(n_fft // 2 + 1))


class TestPreparation:
    @pytest.mark.parametrize(("normalize", "blind"), [(True, True), (False, False)])
    def test_normalised_input_hides_loudness(self, normalize: bool, blind: bool) -> None:
        net = build_discriminator(Discriminator(kind="mpd_stft", **SMALL), normalize=normalize)
        wave = 0.1 * torch.randn(2, 1, 256)
        quiet, loud = net(wave)[0], net(2 * wave + 0.05)[0]
        assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(quiet, loud, strict=True)) is blind

    def test_gain(self) -> None:
        part = Discriminator(kind="mpd", **SMALL)
        net = build_discriminator(part)
        louder = build_discriminator(part.model_copy(update={"input_gain": 5.0}))
        louder.load_state_dict(net.state_dict())
        wave = torch.randn(1, 1, 256)
        assert torch.equal(louder(wave)[0][0], net(5 * wave)[0][0])


class TestInitialisation:
    @pytest.mark.parametrize("kind", ["msd_grouped", "mpd_stft"])
    def test_default_shrinks_the_signal_and_kaiming_keeps_it(self, kind: str) -> None:
        deep = SMALL | {"msd_channels": [4, 8, 8, 8], "msd_groups": [2, 4, 4], "mpd_channels": [8, 16, 16]}
        spread = {}
        for how in ("default", "kaiming", "normal"):
            torch.manual_seed(0)
            net = build_discriminator(Discriminator(kind=kind, init=how, **deep))
            _, features = net(torch.randn(4, 1, 1024))
            spread[how] = float(features[0][-1].detach().std())
        assert spread["normal"] < 0.02 < spread["default"] < 0.1
        assert 0.5 < spread["kaiming"] < 1.5

    def test_reaches_weight_normed_layers(self) -> None:
        net = build_discriminator(Discriminator(kind="mpd", init="normal", **SMALL))
        weight = net.parts[0].folds[0].layers[1].weight
        assert float(weight.detach().std()) == pytest.approx(0.02, rel=0.3)
        assert float(net.parts[0].folds[0].layers[1].bias.detach().abs().max()) == 0


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: MultiScaleDiscriminator(1, (4, 8), (2, 2)), "one group fewer"),
        (lambda: MultiScaleDiscriminator(1, (4, 8), (3,)), "groups 3 divide neither 4 nor 8"),
        (lambda: MultiScaleSTFTDiscriminator((64,), 4, "magnitude"), "'magnitude'"),
        (lambda: MultiScaleSTFTDiscriminator((64,), 4, bands=3), "3 bands"),
        (lambda: MultiScaleSTFTDiscriminator((16,), 4, bands=5), "n_fft 16 has 9 bins"),
    ],
)
def test_numbers_that_do_not_fit(make: Callable[[], nn.Module], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


class TestNorms:
    def norms(self, net: nn.Module) -> set[str]:
        """Names of the parametrisations of the convolutions' weights."""
        convs = [m for m in net.modules() if isinstance(m, nn.Conv1d | nn.Conv2d)]
        return {type(c.parametrizations.weight[0]).__name__ if is_parametrized(c) else "" for c in convs}

    @pytest.mark.parametrize("kind", ["msd_grouped_mpd", "mpd_stft"])
    def test_one_norm_for_all_and_each_its_own_by_default(self, kind: str) -> None:
        found = {}
        for how in ("default", "weight", "spectral", "none"):
            torch.manual_seed(0)
            found[how] = build_discriminator(Discriminator(**SMALL, kind=kind, normalize=how, init="kaiming"))
        assert self.norms(found["default"]) == ({"", "_WeightNorm"} if "msd" in kind else {"_WeightNorm"})
        assert self.norms(found["weight"]) == {"_WeightNorm"}
        assert self.norms(found["spectral"]) == {"_SpectralNorm"}
        assert self.norms(found["none"]) == {""}
        wave = torch.randn(2, 1, 512, generator=torch.Generator().manual_seed(1))
        one, two, three = (found[how](wave)[0] for how in ("default", "weight", "none"))
        for a, b, c in zip(one, two, three, strict=True):
            assert torch.allclose(a, b, atol=1e-5)
            assert torch.allclose(a, c, atol=1e-5)

    def test_the_spectral_norm_bounds_every_layer_and_the_others_do_not(self) -> None:
        def largest(how: str) -> float:
            torch.manual_seed(0)
            net = build_discriminator(Discriminator(**SMALL, kind="mpd", normalize=how, init="kaiming"))
            for _ in range(30):
                net(torch.randn(1, 1, 512))
            convs = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
            return max(float(torch.linalg.matrix_norm(c.weight.detach().flatten(1), 2)) for c in convs)

        assert largest("spectral") == pytest.approx(1.0, abs=0.02)
        assert largest("weight") > 1.2

    def test_a_norm_that_there_is_not(self) -> None:
        with pytest.raises(ValueError, match="norm 'batch' is none of default, weight, spectral, none"):
            normalise(nn.Conv1d(1, 1, 1), "batch")
