from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from ml.config import ModelConfig
from ml.errors import BadData
from ml.model import AAUNet, count_parameters, folded
from ml.modules import ALCA, GAG, MADM, MDCK, InvertedMDCK

K = 3
SMALL = ModelConfig(num_labels=K, widths=(8, 8, 16, 16, 16))


def train_a_little(model):
    """Move batch-norm statistics and weights away from where they start."""
    for parameter in model.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    model.train()
    with torch.no_grad():
        for _ in range(3):
            model(torch.randn(2, 1, 128, 128))
    return model.eval()


@pytest.mark.parametrize(
    ("letter", "full", "inverted", "default", "aux"),
    [
        ("T", 470_167, 487_011, 638_771, 864),
        ("B", 2_591_900, 2_654_760, 2_729_768, 1_728),
        ("L", 7_959_160, 8_201_604, 8_672_900, 3_456),
    ],
)
def test_parameter_counts_are_those_of_the_specification(letter, full, inverted, default, aux):
    """MODEL.md counts the automatic network; the auxiliary stem adds 2K × C_0 × 9 to it. The default is ours."""
    config = replace(ModelConfig.variant(letter, K), aux=False)
    assert count_parameters(AAUNet(config.full_resolution())) == full
    assert count_parameters(AAUNet(replace(config, dense_entry=False))) == inverted
    assert count_parameters(AAUNet(config)) == default
    assert count_parameters(AAUNet(replace(config, aux=True))) == default + aux


def test_each_part_of_variant_b_has_the_parameters_of_the_specification():
    model = AAUNet(ModelConfig.variant("B", K).full_resolution())
    assert count_parameters(model.stem) == 352 and count_parameters(model.aux_stem) == 2 * K * 32 * 9
    assert [count_parameters(part) for part in model.encoder] == [10_183, 14_343, 134_934, 314_902, 765_206]
    assert count_parameters(model.middle) == 774_764
    assert [count_parameters(part) for part in model.up] == [2_784, 9_664, 26_816, 65_152]
    assert [count_parameters(part) for part in model.gates] == [1_244, 2_476, 6_996, 13_564]
    assert [count_parameters(part) for part in model.decoder] == [8_636, 32_076, 125_588, 280_540]
    assert count_parameters(model.heads) == 1_680


@pytest.mark.parametrize("size", [128, 256, 320, 384])
@pytest.mark.parametrize("full", [False, True])
def test_output_has_the_size_of_the_input(size, full):
    model = AAUNet(SMALL.full_resolution() if full else SMALL)
    x = torch.randn(1, 1, size, size)
    with torch.no_grad():
        assert model.eval()(x).shape == (1, K + 1, size, size)
        divisors = (1, 2, 4, 8) if full else (1, 4, 8, 16)
        shapes = [tuple(level.shape) for level in model.train()(torch.cat([x, x]))]
    assert shapes == [(2, K + 1, size // d, size // d) for d in divisors]


def test_a_picture_of_250_pixels_is_refused_with_the_size_to_pad_to():
    with pytest.raises(BadData, match=r"multiples of 64.*250×250.*256×256"):
        AAUNet(SMALL)(torch.zeros(1, 1, 250, 250))
    with pytest.raises(BadData, match="128×128"):
        AAUNet(SMALL)(torch.zeros(1, 1, 64, 64))
    with pytest.raises(BadData, match="batch, 1, height, width"):
        AAUNet(SMALL)(torch.zeros(1, 3, 128, 128))


def test_gate_weights_are_one_at_first():
    gate = GAG(16, use_global=True, depthwise=True).eval()
    assert torch.equal(gate.channel_weights(torch.randn(2, 16, 8, 8)), torch.ones(2, 16, 1, 1))


def test_scale_weights_are_one_at_first():
    weights = MADM(16).scale_weights(torch.randn(2, 16), torch.rand(2, 16))
    torch.testing.assert_close(weights, torch.ones(2, 4))


def test_local_and_global_attention_weigh_the_same_at_first():
    attention = ALCA(16)
    assert attention.balance.sigmoid().item() == 0.5
    # Doubling the local kernel must move the result by half of what it moves the local part.
    x = torch.randn(1, 16, 8, 8)
    before = attention.attention(x)
    with torch.no_grad():
        attention.local.weight.zero_()
    moved = attention.attention(x)
    cells = torch.nn.functional.avg_pool2d(x, 2).mean((2, 3)).unsqueeze(1)
    overall = attention.overall(cells).sigmoid().view(1, 16, 1, 1)
    torch.testing.assert_close(moved, (0.25 + 0.5 * overall).expand_as(moved))
    assert not torch.equal(before, moved)


def test_attention_is_constant_where_the_picture_is():
    x = torch.randn(1, 16, 1, 1).expand(1, 16, 16, 16)
    attention = ALCA(16).attention(x)
    torch.testing.assert_close(attention, attention[:, :, :1, :1].expand_as(attention))


@pytest.mark.parametrize("kernels", [(1, 3, 5), (1, 3, 5, 7), (3,)])
def test_one_kernel_computes_what_its_branches_add_up_to(kernels):
    part = MDCK(8, 16, kernels, entered=True)
    u, kernel = torch.randn(2, 16, 32, 32), part.kernel()
    assert kernel.shape == (16, 1, max(kernels), max(kernels))
    found = F.conv2d(u, kernel, padding=max(kernels) // 2, groups=16)
    torch.testing.assert_close(found, sum(branch(u) for branch in part.kernels), atol=1e-4, rtol=1e-4)


def test_only_the_first_block_of_a_level_is_entered():
    model = AAUNet(replace(SMALL, depths=(1, 1, 2, 1, 1)))
    entered = [[not isinstance(block[0].enter, torch.nn.Identity) for block in level] for level in model.encoder]
    assert entered == [[True], [True], [True, False], [True], [True]]


@pytest.mark.parametrize("kernels", [(1, 3, 5), (1, 3, 5, 7), (3,)])
def test_folded_branches_compute_the_same(kernels):
    model = train_a_little(AAUNet(replace(SMALL, dense_entry=False, kernels=kernels)))
    x = torch.randn(1, 1, 128, 128)
    with torch.no_grad():
        inner = torch.randn(1, 8, 32, 32)
        whole, merged = (
            next(part for part in net.modules() if isinstance(part, InvertedMDCK)) for net in (model, folded(model))
        )
        torch.testing.assert_close(merged(inner), whole(inner), atol=1e-5, rtol=0)
        # Through the whole network rounding adds up; what is drawn must not move.
        torch.testing.assert_close(folded(model)(x).softmax(1), model(x).softmax(1), atol=1e-3, rtol=0)
    unfolded = sum(len(module.branches) for module in model.modules() if isinstance(module, InvertedMDCK))
    left = sum(len(module.branches) for module in folded(model).modules() if isinstance(module, InvertedMDCK))
    assert (unfolded, left) == (5 * len(kernels), 5)


@pytest.mark.parametrize("full", [False, True])
def test_without_a_hint_the_network_is_the_automatic_one_exactly(full):
    config = SMALL.full_resolution() if full else SMALL
    torch.manual_seed(3)
    model = AAUNet(config).eval()
    torch.manual_seed(3)
    automatic = AAUNet(replace(config, aux=False)).eval()
    x, hint = torch.randn(2, 1, 128, 128), torch.randn(2, 2 * K, 128, 128)
    with torch.no_grad():
        assert torch.equal(model(x), automatic(x))
        assert torch.equal(model(x, hint), automatic(x))  # at first its weights are zero
        train_a_little(model)
        assert model.aux_stem.weight.abs().max() > 0
        assert torch.equal(model(x, torch.zeros_like(hint)), model(x))
        assert not torch.equal(model(x, hint), model(x))


def test_a_hint_of_another_shape_is_refused():
    x = torch.zeros(1, 1, 128, 128)
    with pytest.raises(BadData, match=r"\(1, 6, 128, 128\).*got \(1, 3, 128, 128\)"):
        AAUNet(SMALL)(x, torch.zeros(1, 3, 128, 128))
    with pytest.raises(BadData, match="aux off"):
        AAUNet(replace(SMALL, aux=False))(x, torch.zeros(1, 6, 128, 128))


@pytest.mark.parametrize("part", [InvertedMDCK(16, 24, (1, 3), True), MADM(16)], ids=["MDCK", "MADM"])
def test_the_faster_way_of_training_computes_the_same(part):
    x = torch.randn(2, 16, 32, 32).to(memory_format=torch.channels_last)
    for module in part.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        if isinstance(part, MADM):
            part.weigh.weight.normal_()
            part.beta.normal_()
        trained = part.train()(x)
        for module in part.modules():  # the running variance is the unbiased one: make it the batch's
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_var *= (2 * 32 * 32 - 1) / (2 * 32 * 32)
        torch.testing.assert_close(part.eval()(x), trained, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("switch", ["mdck", "alca", "gag", "gag_global", "madm"])
def test_each_module_can_be_switched_off(switch):
    model = AAUNet(ModelConfig.from_plain({**SMALL.to_plain(), switch: False}))
    assert count_parameters(model) != count_parameters(AAUNet(SMALL))
    logits = model(torch.randn(2, 1, 128, 128))
    sum(level.mean() for level in logits).backward()
    idle = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert idle == ["aux_stem.weight"]  # no hint was given


def test_every_parameter_learns():
    torch.manual_seed(1)  # one in which no small hidden layer happens to be silent for two pictures of noise
    model = train_a_little(AAUNet(SMALL)).train()
    levels = model(torch.randn(2, 1, 128, 128), torch.randn(2, 2 * K, 128, 128))
    sum(level.square().mean() for level in levels).backward()
    idle = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    # Two biases of the specification's gate cannot learn: a batch norm and a softmax take them out again.
    assert [name for name in idle if not name.endswith(("where.0.bias", "context.bias"))] == []


def test_a_black_picture_gives_numbers():
    with torch.no_grad():
        assert AAUNet(SMALL).eval()(torch.zeros(1, 1, 128, 128)).isfinite().all()


def test_the_prior_is_the_first_prediction():
    model = AAUNet(SMALL)
    model.set_prior([0.2, 0.05, 0.01])
    model.train()
    with torch.no_grad():
        p = model(torch.randn(4, 1, 128, 128))[0].softmax(1).mean((0, 2, 3))
    odds = torch.tensor([0.2 / 0.8, 0.05 / 0.95, 0.01 / 0.99])
    torch.testing.assert_close(p[1:], odds / (1 + odds.sum()), atol=0.03, rtol=0.5)


@pytest.mark.parametrize("dense_entry", [True, False], ids=["dense", "inverted"])
@pytest.mark.parametrize("norm", ["batch", "group"])
def test_attention_lets_everything_through_at_first(norm, dense_entry):
    """Else each level halves what it passes on, and the network learns slowly (docs/model.md)."""
    torch.manual_seed(0)
    model = AAUNet(replace(ModelConfig.variant("T", 3), norm=norm, dense_entry=dense_entry))
    gate, skip = torch.randn(2, 2, 16, 32, 32)
    opened = model.gates[0](gate, skip) / skip
    assert opened.min() > 0.75 and opened.max() < 1.0
    without = AAUNet(replace(model.config, alca=False, gag=False, aux=False))
    x = torch.randn(2, 1, 128, 128)
    levels = []
    for network in (model, without):
        features = network.stem(x)
        for i, level in enumerate(network.encoder):
            features = level(F.max_pool2d(features, 2) if i else features)
        levels.append(features.std().item())
    assert 0.5 < levels[0] / levels[1] < 2


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_in_training_a_tenth_of_the_deepest_channels_is_dropped_and_in_use_none(norm):
    model = AAUNet(replace(SMALL, widths=(8, 8, 16, 16, 160), norm=norm))
    dropped = []
    model.middle.register_forward_pre_hook(lambda _, given: dropped.append((given[0] == 0).all((2, 3)).float().mean()))
    with torch.no_grad():
        for training in (True, False):
            model.train(training)(torch.randn(4, 1, 128, 128))
    assert 0.05 < dropped[0] < 0.15 and dropped[1] == 0
