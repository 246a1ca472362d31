"""Wrong labels: as many as asked for, in the training part alone, the same for every method; in every domain."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from mixupe.data.base import DataBundle, DataRequest
from mixupe.data.label_noise import noisy_labels, with_label_noise
from mixupe.data.registry import load_dataset
from mixupe.errors import UserError
from mixupe.experiment.compose import compose_settings, hydra_initialised
from mixupe.experiment.identity import run_id
from mixupe.experiment.settings import RunSettings
from tests.tiny_sets import tiny_sets

DOMAINS = ["images", "tabular", "speech", "graphs"]


def composed(folder: Path, domain: str, *overrides: str) -> RunSettings:
    chosen = tiny_sets(folder / "-".join(("set", *overrides)).replace("=", "-"))[domain]
    with hydra_initialised():
        return compose_settings([*chosen, *overrides])


def loaded(settings: RunSettings, root: Path, seed: int = 0) -> DataBundle:
    return load_dataset(settings.dataset, DataRequest(root, seed, "heldout"))


@pytest.mark.parametrize("domain", DOMAINS)
def test_only_training_labels_are_noisy(domain: str, tmp_path: Path) -> None:
    clean = loaded(composed(tmp_path, domain), tmp_path)
    settings = composed(tmp_path, domain, "dataset.label_noise=0.5")
    noisy = loaded(settings, tmp_path)
    wrong = noisy.train.labels != clean.train.labels
    count = round(0.5 * len(wrong))
    assert wrong.sum() == count
    assert noisy.notes == (*clean.notes, f"label noise: {count} of {len(wrong)} training labels are another class's")
    assert noisy.split_digest == clean.split_digest
    for part in ("validation", "test"):
        assert torch.equal(getattr(noisy, part).labels, getattr(clean, part).labels)
    batched = torch.cat([y for _, y in noisy.train.batches(torch.split(torch.arange(len(wrong)), 16))])
    assert torch.equal(batched.cpu(), noisy.train.labels)
    assert torch.equal(loaded(settings, tmp_path).train.labels, noisy.train.labels)


@pytest.mark.parametrize("domain", DOMAINS)
def test_few_training_examples_are_an_option_of_every_domain(domain: str, tmp_path: Path) -> None:
    clean = loaded(composed(tmp_path, domain), tmp_path)
    few = loaded(composed(tmp_path, domain, "dataset.train_size=12", "dataset.label_noise=0.25"), tmp_path)
    assert len(few.train.labels) == 12
    assert "label noise: 3 of 12 training labels are another class's" in few.notes
    for part in ("validation", "test"):
        assert torch.equal(getattr(few, part).labels, getattr(clean, part).labels)


def test_noise_is_symmetric_and_drawn_by_the_seed() -> None:
    labels = torch.arange(4).repeat(3000)
    noisy = noisy_labels(labels, 4, 0.3, torch.Generator().manual_seed(0))
    assert (noisy != labels).sum() == 3600
    for own in range(4):
        found = noisy[labels == own].bincount(minlength=4) / 3000
        assert found[own].item() == pytest.approx(0.7, abs=0.03)
        assert [found[other].item() for other in range(4) if other != own] == pytest.approx([0.1] * 3, abs=0.02)
    assert not torch.equal(noisy, noisy_labels(labels, 4, 0.3, torch.Generator().manual_seed(1)))


def test_it_is_part_of_the_identity_where_it_is_used(tmp_path: Path) -> None:
    plain, zero, half = (
        composed(tmp_path, "tabular", *overrides)
        for overrides in ((), ("dataset.label_noise=0",), ("dataset.label_noise=0.5",))
    )
    assert run_id(plain) == run_id(zero) != run_id(half)
    for wrong in ("1", "-0.1", "nan"):
        with pytest.raises(UserError, match=r"^dataset\.label_noise: "):
            composed(tmp_path, "tabular", f"dataset.label_noise={wrong}")


def test_a_split_that_cannot_be_changed_is_refused(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Other:
        labels: torch.Tensor

    data = replace(loaded(composed(tmp_path, "tabular"), tmp_path), train=Other(torch.zeros(3)))  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"^dataset\.label_noise: needs a training part with `targets`"):
        with_label_noise(data, 0.2, 0)
