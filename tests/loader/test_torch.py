"""Token blocks: every token once, none predicted across documents, resumed to the token."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import corpus
from corpus.errors import CorpusError
from tests.conftest import ROOT
from tests.support.corpora import make
from tests.support.examples import examples
from tests.support.processes import HANG_SECONDS

torch = pytest.importorskip("torch", reason="torch is not installed (the extra 'torch')")

from corpus.loader.torch import TokenBlocks, attention_mask  # noqa: E402

END = 256


def as_bytes(texts: list[str]) -> list[list[int]]:
    return [list(text.encode()) for text in texts]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("torch"), 60)


@pytest.fixture(scope="module")
def texts(built: Path) -> list[str]:
    return corpus.load(built).scan().collect()["text"].to_list()


def blocks(path: Path, size: int = 50, **how: Any) -> TokenBlocks:
    return TokenBlocks(path, as_bytes, size, separator=END, **how)


def documents(made: list[dict[str, Any]]) -> list[str]:
    """The texts that blocks in a row hold."""
    ids = [one for block in made for one in block["input_ids"][block["document_ids"] >= 0].tolist()]
    found: list[list[int]] = [[]]
    for one in ids:
        if one == END:
            found.append([])
        else:
            found[-1].append(one)
    assert found.pop() == []
    return [bytes(each).decode() for each in found]


def same(one: list[dict[str, Any]], other: list[dict[str, Any]]) -> bool:
    return len(one) == len(other) and all(
        torch.equal(a[name], b[name]) for a, b in zip(one, other, strict=True) for name in a
    )


def test_every_document_is_there_whole_once_and_an_epoch_reshuffles(
    built: Path, texts: list[str]
) -> None:
    data = blocks(built)
    first, second = documents(list(data)), documents(list(data))
    assert sorted(first) == sorted(second) == sorted(texts)
    assert first != second
    assert documents(list(blocks(built, shuffle=False))) == texts


def test_a_block_tells_documents_positions_and_labels_apart(tmp_path: Path) -> None:
    out = make(tmp_path, 3)
    data = TokenBlocks(
        out, lambda texts: [[1, 2, 3], [4], [5, 6]], 6, separator=0, shuffle=False, batch_size=3
    )
    one, two = list(data)
    assert one["input_ids"].tolist() == [1, 2, 3, 0, 4, 0]
    assert one["document_ids"].tolist() == [0, 0, 0, 0, 1, 1]
    assert one["position_ids"].tolist() == [0, 1, 2, 3, 0, 1]
    assert one["labels"].tolist() == [-100, 2, 3, 0, -100, 0]
    assert two["input_ids"].tolist() == [5, 6, 0, 0, 0, 0]
    assert two["document_ids"].tolist() == [0, 0, 0, -1, -1, -1]
    assert two["position_ids"].tolist() == [0, 1, 2, 0, 0, 0]
    assert two["labels"].tolist() == [-100, 6, 0, -100, -100, -100]
    dropped = TokenBlocks(
        out, lambda texts: [[1, 2, 3], [4], [5, 6]], 6, separator=0, shuffle=False, tail="drop",
        batch_size=3,
    )  # fmt: skip
    assert len(list(dropped)) == 1


def test_a_document_that_goes_on_in_the_next_block_is_counted_from_there(tmp_path: Path) -> None:
    out = make(tmp_path, 1)
    data = TokenBlocks(out, lambda texts: [[1, 2, 3, 4, 5]], 4, separator=0, shuffle=False)
    one, two = list(data)
    assert (one["input_ids"].tolist(), two["input_ids"].tolist()) == ([1, 2, 3, 4], [5, 0, 0, 0])
    assert two["position_ids"].tolist() == [0, 1, 0, 0]
    assert two["labels"].tolist() == [-100, 0, -100, -100]


def test_the_mask_keeps_documents_apart_and_looks_only_back() -> None:
    mask = attention_mask(torch.tensor([0, 0, 1]))
    assert mask.tolist() == [[True, False, False], [True, True, False], [False, False, True]]
    assert attention_mask(torch.zeros(2, 5)).shape == (2, 5, 5)


@settings(max_examples=examples(30))
@given(size=st.integers(2, 400), stop=st.integers(0, 60), batch=st.integers(1, 70))
def test_blocks_go_on_at_any_token(built: Path, size: int, stop: int, batch: int) -> None:
    whole = list(blocks(built, size, seed=5, batch_size=batch))
    data = blocks(built, size, seed=5, batch_size=batch)
    going = iter(data)
    begun = [next(going) for _ in range(min(stop, len(whole)))]
    state = json.loads(json.dumps(data.state_dict()))
    assert len(json.dumps(state)) < 500
    again = blocks(built, size, seed=5, batch_size=17)
    again.load_state_dict(state)
    rest = [] if len(begun) == len(whole) and state["stream"]["done"] else list(again)
    assert same(begun + rest, whole)


def test_a_state_of_an_epoch_that_is_over_goes_on_with_the_next(built: Path) -> None:
    data = blocks(built, seed=5)
    list(data)
    state, second = data.state_dict(), list(data)
    again = blocks(built, seed=5)
    again.load_state_dict(state)
    assert same(list(again), second)
    assert same(list(blocks(built, seed=5, epoch=1)), second)
    again.set_epoch(1)
    assert same(list(again), second)


def test_a_state_of_other_settings_is_refused(built: Path) -> None:
    state = blocks(built).state_dict()
    with pytest.raises(CorpusError, match=r"another block_size \(50, here 60\)"):
        blocks(built, 60).load_state_dict(state)
    with pytest.raises(CorpusError, match="another separator"):
        TokenBlocks(built, as_bytes, 50, separator=0).load_state_dict(state)
    data = blocks(built, 5)
    next(iter(data))
    state_of_one = data.state_dict()
    assert (state_of_one["stream"]["row"], state_of_one["token"]) == (0, 5)
    with pytest.raises(CorpusError, match="middle of epoch 0 by other ranks"):
        blocks(built, 5, rank=1, world_size=2).load_state_dict(state_of_one)
    with pytest.raises(CorpusError, match="seed=0 and this stream has seed=1"):
        blocks(built, seed=1).load_state_dict(state)
    with pytest.raises(CorpusError, match="install a newer version"):
        blocks(built).load_state_dict({**state, "version": 2})
    with pytest.raises(CorpusError, match="'token' is missing"):
        blocks(built).load_state_dict({**state, "token": 0} | {"x": 1} and {"stream": {}})
    with pytest.raises(ValueError, match="block_size must be at least 2"):
        blocks(built, 1)
    with pytest.raises(ValueError, match="tail must be"):
        blocks(built, tail="keep")


def test_ranks_are_found_by_the_environment(
    built: Path, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    monkeypatch.setenv("WORLD_SIZE", "3")
    for rank in range(3):
        monkeypatch.setenv("RANK", str(rank))
        found.append(documents(list(blocks(built))))
    assert [len(each) for each in found] == [20, 20, 20]
    assert sorted(text for each in found for text in each) == sorted(texts)
    with pytest.raises(ValueError, match="both rank and world_size"):
        list(blocks(built, rank=1))


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_a_dataloader_s_workers_share_the_documents_out(
    built: Path, texts: list[str], workers: int
) -> None:
    data = blocks(built, 64)
    loader = torch.utils.data.DataLoader(data, batch_size=None, num_workers=workers)
    epochs = [Counter(), Counter()]
    orders = []
    for epoch in epochs:
        made = list(loader)
        orders.append([block["input_ids"].tolist() for block in made])
        tokens = [t for block in made for t in block["input_ids"][block["document_ids"] >= 0]]
        epoch.update(int(token) for token in tokens)
    wanted = Counter(byte for text in texts for byte in [*text.encode(), END])
    assert epochs == [wanted, wanted]
    assert orders[0] != orders[1]  # though each epoch's workers are new processes


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("persistent", [False, True])
def test_torchdata_s_loader_is_resumed_at_any_batch(
    built: Path, workers: int, persistent: bool
) -> None:
    stateful = pytest.importorskip(
        "torchdata.stateful_dataloader", reason="torchdata is not installed"
    )
    how = {
        "batch_size": 3,
        "num_workers": workers,
        "persistent_workers": persistent and workers > 0,
    }
    wanted = list(stateful.StatefulDataLoader(blocks(built, seed=2), **how))
    for stop in (1, 5, len(wanted) - 1):
        loader = stateful.StatefulDataLoader(blocks(built, seed=2), **how)
        going = iter(loader)
        begun = [next(going) for _ in range(stop)]
        state = loader.state_dict()
        del going
        again = stateful.StatefulDataLoader(blocks(built, seed=2), **how)
        again.load_state_dict(state)
        assert same(begun + list(again), wanted)
    second, third = list(again), list(again)
    assert not same(second, wanted) and not same(second, third)


def test_a_state_loaded_before_workers_start_is_not_lost_without_a_word(built: Path) -> None:
    data = blocks(built)
    next(iter(data))
    state = data.state_dict()
    data = blocks(built)
    data.load_state_dict(state)
    loader = torch.utils.data.DataLoader(data, batch_size=None, num_workers=2)
    with pytest.raises(CorpusError, match="StatefulDataLoader"):
        list(loader)


def test_a_mixture_is_tokenised_too(built: Path, tmp_path: Path) -> None:
    small = make(tmp_path, 5, first=1000)
    data = TokenBlocks(corpus.mix([(built, 0.5), (small, 0.5)]), as_bytes, 64, separator=END)
    assert len(documents(list(data))) == 120


def test_an_empty_corpus_and_what_is_no_tokenizer_are_refused(built: Path, tmp_path: Path) -> None:
    fields = {"id": "id", "text": "text"}
    (tmp_path / "posts.jsonl").write_text('{"id": "1", "text": "short"}\n')
    source = {"table": {"path": str(tmp_path / "posts.jsonl"), "fields": fields}}
    plan = {"sources": [source], "stages": [{"quality": {}}], "run": {"runner": "serial"}}
    corpus.build(plan, out=str(tmp_path / "out"))
    with pytest.raises(CorpusError, match="holds no documents"):
        blocks(tmp_path / "out")
    with pytest.raises(CorpusError, match="give its id: separator=0"):
        TokenBlocks(built, as_bytes, 10)
    with pytest.raises(CorpusError, match="'int' is not a tokenizer"):
        TokenBlocks(built, 3, 10)
    with pytest.raises(CorpusError, match="1 lists of ids of 60 texts"):
        list(TokenBlocks(built, lambda texts: [[1]], 10, separator=0, shuffle=False))


TRAIN = """
import json, os, sys, torch, torch.nn.functional as F
from corpus.torch import TokenBlocks
torch.manual_seed(0)
out, save, stop = sys.argv[1], sys.argv[2], int(sys.argv[3])
encode = lambda texts: [list(text.encode()) for text in texts]
blocks = TokenBlocks(out, encode, 64, separator=256, seed=1)
model = torch.nn.Sequential(torch.nn.Embedding(257, 16), torch.nn.Linear(16, 257))
adam = torch.optim.AdamW(model.parameters(), lr=1e-2)
step = 0
if os.path.exists(save):
    was = torch.load(save)
    model.load_state_dict(was["model"]), adam.load_state_dict(was["adam"])
    blocks.load_state_dict(was["blocks"])
    step = was["step"]
while step < 40:
    for batch in torch.utils.data.DataLoader(blocks, batch_size=4):
        logits = model(batch["input_ids"])[:, :-1]
        loss = F.cross_entropy(logits.flatten(0, 1), batch["labels"][:, 1:].flatten())
        adam.zero_grad(), loss.backward(), adam.step()
        step += 1
        if step % 5 == 0:
            state = {"model": model.state_dict(), "adam": adam.state_dict(),
                     "blocks": blocks.state_dict(), "step": step}
            torch.save(state, save + ".new"), os.replace(save + ".new", save)
        if step == stop:
            os.kill(os.getpid(), 9)
        if step == 40:
            break
print(loss.item().hex())
"""


def test_a_training_run_that_is_killed_goes_on_to_the_same_loss(
    built: Path, tmp_path: Path
) -> None:
    (tmp_path / "train.py").write_text(TRAIN)

    def run(save: str, stop: int) -> Any:
        return subprocess.run(
            [sys.executable, "train.py", str(built), save, str(stop)], cwd=tmp_path,
            capture_output=True, text=True, timeout=HANG_SECONDS,
            env={"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    straight = run("straight", 99)
    assert straight.returncode == 0, straight.stderr
    assert [run("killed", 13).returncode, run("killed", 33).returncode] == [-9, -9]
    resumed = run("killed", 99)
    assert resumed.stdout == straight.stdout != ""


def test_the_program_in_the_docs_runs_and_goes_on(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "training.md").read_text()
    program = next(
        block.split("```")[0]
        for block in page.split("```python\n")[1:]
        if "torch.optim" in block.split("```")[0]
    )
    assert len(program.strip().splitlines()) < 20
    make(tmp_path, 40)
    (tmp_path / "out").rename(tmp_path / "demo")
    (tmp_path / "out").mkdir()
    (tmp_path / "demo").rename(tmp_path / "out" / "demo")
    code = program + "\nprint(blocks.state_dict()['stream']['epoch'], len(adam.state_dict()))\n"
    for epoch in (0, 1):
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True,
            timeout=HANG_SECONDS, env={"PYTHONPATH": str(ROOT), "PATH": "", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.split()[0] == str(epoch)
