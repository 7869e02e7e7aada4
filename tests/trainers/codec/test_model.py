import pytest
import torch
from torch import nn

from recipes.codec import Codec, Data, Generator, Quantizer
from trainers.codec.model import CodecModel, Snake, build_generator, nominal_kbps

DAC = Quantizer(kind="dac", codebooks=9, size=1024)


def recipe(**gen: object) -> Codec:
    small = {
        "kind": "dac",
        "encoder_dim": 4,
        "encoder_rates": [2, 3],
        "decoder_dim": 16,
        "decoder_rates": [3, 2],
    }
    return Codec(
        gen=Generator(**{**small, **gen}),
        quantizer=Quantizer(kind="dac", codebooks=2, size=16, dim=4),
        data=Data(crop=2052),
    )


PATCH = Codec(gen=Generator(channels=8, hop=16, latent=4), quantizer=Quantizer(codebooks=2, size=16))
MAKERS = {"patch": lambda: build_generator(PATCH), "dac": lambda: build_generator(recipe())}


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


class TestParameterCounts:
    def test_patch_codec(self) -> None:
        net = build_generator(Codec())
        books = sum(s.embed.numel() + s.embed_sum.numel() for s in net.quantizer.stages)
        assert count(net) == 419_617
        assert count(net) + books == 485_153

    def test_dac_at_paper_size(self) -> None:
        full = Codec(gen=Generator(kind="dac"), quantizer=DAC, data=Data(rate_hz=44100, crop=16896))
        with torch.device("meta"):
            net = build_generator(full)
        assert count(net.encoder) / 1e6 == pytest.approx(22.30, abs=0.01)
        assert count(net.decoder) / 1e6 == pytest.approx(54.09, abs=0.02)
        assert count(net.quantizer) / 1e6 == pytest.approx(0.235, abs=0.006)
        assert count(net) / 1e6 == pytest.approx(76.6, abs=0.06)
        assert nominal_kbps(full) == pytest.approx(7.75, abs=0.01)

    def test_dac_for_a_cpu(self) -> None:
        small = Codec(gen=Generator(kind="dac", encoder_dim=16, decoder_dim=256), quantizer=DAC)
        assert round(count(build_generator(small)) / 1e6, 1) == 3.2


@pytest.mark.parametrize("kind", MAKERS)
class TestEitherCodec:
    @pytest.mark.parametrize("length", [1, 96, 97, 250])
    def test_gives_back_the_length(self, kind: str, length: int) -> None:
        net = MAKERS[kind]()
        out = net(torch.randn(2, 1, length))
        assert out.wave.shape == (2, 1, length)
        assert out.codes.shape == (2, 2, -(-length // net.hop))
        assert out.vq_loss.ndim == 0

    def test_codes_are_all_that_the_decoder_needs(self, kind: str) -> None:
        net = MAKERS[kind]()
        net.train()(torch.randn(2, 1, 192))
        net.eval()
        wave = torch.randn(1, 1, 100)
        assert torch.allclose(net.decode(net.encode(wave), 100), net(wave).wave, atol=1e-5)

    def test_every_weight_learns(self, kind: str) -> None:
        net = MAKERS[kind]().train()
        wave = torch.randn(2, 1, 192)
        net(wave)
        out = net(wave)
        ((out.wave - wave).abs().mean() + out.vq_loss).backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())
        assert all(p.grad.abs().sum() > 0 for p in net.encoder.parameters() if p.grad is not None)

    def test_learns_a_tone(self, kind: str) -> None:
        torch.manual_seed(0)
        net = MAKERS[kind]().train()
        optimizer = torch.optim.AdamW(net.parameters(), 3e-3)
        phase = torch.rand(8, 1, 1) * 6.28
        wave = 0.3 * torch.sin(torch.arange(192) * 0.2 + phase)
        losses = []
        for _ in range(40):
            out = net(wave)
            loss = (out.wave - wave).abs().mean()
            optimizer.zero_grad()
            (loss + out.vq_loss).backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        assert losses[-1] < 0.6 * losses[0]

    def test_state_goes_through_a_file(self, kind: str, tmp_path: object) -> None:
        net, other = MAKERS[kind](), MAKERS[kind]()
        net.train()(torch.randn(2, 1, 192))
        path = f"{tmp_path}/model.pt"
        torch.save(net.state_dict(), path)
        other.load_state_dict(torch.load(path, weights_only=True))
        wave = torch.randn(1, 1, 96)
        assert torch.equal(net.eval()(wave).wave, other.eval()(wave).wave)


def test_dac_stays_in_range() -> None:
    out = build_generator(recipe())(100 * torch.randn(1, 1, 60))
    assert float(out.wave.detach().abs().max()) <= 1


def test_snake() -> None:
    x = torch.linspace(-3, 3, 7)[None, None]
    assert torch.allclose(Snake(1)(x).detach(), x + torch.sin(x) ** 2)


def test_a_seed_fixes_the_weights() -> None:
    def made() -> CodecModel:
        torch.manual_seed(5)
        return build_generator(PATCH)

    one, two = made().state_dict(), made().state_dict()
    assert all(torch.equal(one[k], two[k]) for k in one)


def test_nominal_rate_of_the_patch_codec() -> None:
    assert nominal_kbps(Codec()) == 8.0


def test_numbers_that_do_not_fit() -> None:
    with pytest.raises(
        ValueError, match=r"gen\.decoder_dim: 18 cannot be halved 2 times; take a multiple of 4"
    ):
        build_generator(recipe(decoder_dim=18))
