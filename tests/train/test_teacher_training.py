"""Teacher and encoder runs: losses fall, runs resume exactly, what is left behind loads."""

import json
from dataclasses import replace

import pytest
import torch

from tests.models.tiny_teacher import (
    LAYERS,
    PICTURES,
    TOWER,
    layer_teacher,
    write_base,
    write_clip,
)
from tryon.errors import ConfigError, WeightsError
from tryon.models.encoder import new_encoder
from tryon.models.teacher import Splice, new_teacher
from tryon.models.teacher_files import (
    load_encoder,
    load_teacher,
    pretrained_teacher,
    save_encoder,
)
from tryon.models.tokens import group_masks
from tryon.train import encoder as encoder_command
from tryon.train import teacher as teacher_command
from tryon.train.ahead import Ahead
from tryon.train.encoder import EncoderTask, EncoderTraining, worn_of
from tryon.train.retrieval import retrieve
from tryon.train.run import Run
from tryon.train.run_config import RunConfig, of_process
from tryon.train.source import SourceConfig
from tryon.train.teacher import TeacherTask, TeacherTraining, build_teacher, draw_splice
from tryon.train.teacher_eval import judge
from tryon.train.words import captions_of


class Repeat:
    """The same pairs again and again, so that a run's randomness is its own."""

    def __init__(self, pairs, size: int, count: int) -> None:
        fresh = pairs.__class__()
        self._batch, self._held_out = fresh.batch(size, count), list(fresh.held_out(size))

    def batch(self, size, count):
        return self._batch

    def held_out(self, size):
        return self._held_out


def settings(folder, **changes) -> RunConfig:
    plain = {"out": folder, "bf16": False, "threads": 1, "evaluate_every": 1e5, "average": 0.9}
    return RunConfig(**{**plain, **changes})


def teacher_run(folder, pairs, teacher=None, eval_steps=(2,), **changes) -> Run:
    run = settings(folder, **changes)
    config = TeacherTraining(batch=3, eval_steps=eval_steps, eval_pairs=2)
    teacher = teacher or layer_teacher()
    source = Repeat(pairs, teacher.config.size, 3)
    return Run(run, TeacherTask(config, run, teacher, source))


def equal(one: dict, two: dict) -> bool:
    return one.keys() == two.keys() and all(torch.equal(one[k], two[k]) for k in one)


def test_a_few_steps_lower_the_loss(tmp_path, pairs):
    run = teacher_run(tmp_path, pairs, steps=1000)
    losses = [run.step(2e-3)["total"] for _ in range(24)]
    assert sum(losses[-8:]) < 0.8 * sum(losses[:8])
    assert run.skipped == 0


class Shown(Repeat):
    """Held-out pairs are those that were shown: what a short training can know."""

    def held_out(self, size):
        return [self._batch]


def test_a_teacher_paints_the_pairs_it_was_shown(tmp_path, pairs):
    run = settings(tmp_path, steps=1000)
    always = {"swap": 0.0, "drop_text": 0.0, "drop_style": 0.0, "drop_both": 0.0, "start": 0.6}
    config = TeacherTraining(batch=3, eval_steps=(1, 2), eval_pairs=3, **always)
    task = TeacherTask(config, run, layer_teacher(), Shown(pairs, 32, 3))
    trainer = Run(run, task)
    losses = [trainer.step(4e-3 * (1 - 0.01 * number)) for number in range(80)]
    assert losses[-1]["attention"] < 0.6 * losses[0]["attention"]
    task.model.eval()
    with torch.no_grad():
        scores = task.evaluate(trainer.progress)
    for steps in (1, 2):
        assert scores[f"psnr_{steps} all"] > scores["psnr_0 all"] + 3
        assert scores[f"ssim_{steps}"] > scores["ssim_0"] + 0.1


def test_a_splice_takes_whole_regions_and_their_place(pairs):
    batch = replace(pairs.batch(32, 64), regions=pairs.batch(32, 1).regions)
    masks = group_masks(batch.regions)
    whole = draw_splice(batch, 0.0, torch.Generator())
    assert bool((whole.groups == 1).all())
    assert bool((whole.where == 1).all())
    some = draw_splice(batch, 1.0, torch.Generator().manual_seed(0))
    assert 0.4 < float(some.groups.mean()) < 0.6
    wanted = torch.einsum("bg,ghw->bhw", some.groups, masks)
    torch.testing.assert_close(some.where[:, 0], wanted)


def test_what_is_not_taken_from_a_reference_is_to_stay_as_it_is(tmp_path, pairs, monkeypatch):
    task = teacher_run(tmp_path, pairs, steps=10).task
    plain = float(task.loss(task.model, 0, 0.0)["diffusion"].detach())
    nothing = Splice(torch.zeros(3, 4), torch.zeros(3, 1, 32, 32))
    monkeypatch.setattr(teacher_command, "draw_splice", lambda *_: nothing)
    assert plain > 0.01
    assert (
        float(task.loss(task.model, 0, 0.0)["diffusion"].detach()) < 1e-9
    )  # a new teacher paints nothing


def test_every_part_of_a_teacher_learns(tmp_path, pairs):
    teacher = layer_teacher()
    before = {n: p.detach().clone() for n, p in teacher.named_parameters()}
    run = teacher_run(tmp_path, pairs, teacher, steps=10)
    for _ in range(4):
        run.step(1e-3)
    still = [n for n, p in teacher.named_parameters() if torch.equal(p, before[n])]
    assert not [n for n in still if not n.endswith((".bias", "norm.weight"))], still


def test_a_resumed_run_ends_where_an_unbroken_one_does(tmp_path, pairs):
    whole = teacher_run(tmp_path / "a", pairs, steps=4)
    whole()
    half = teacher_run(tmp_path / "b", pairs, steps=4)
    for _ in range(2):
        half.step(half.config.rate_at(half.done()))
    half.save()
    torch.manual_seed(99)
    rest = teacher_run(tmp_path / "b", pairs, new_teacher(LAYERS), steps=4, resume=True)
    assert rest.progress.step == 2
    rest()
    assert equal(whole.task.model.state_dict(), rest.task.model.state_dict())
    assert equal(whole.average, rest.average)


def test_a_run_leaves_a_teacher_a_curve_and_a_sheet(tmp_path, pairs):
    run = teacher_run(tmp_path, pairs, steps=2, shard_mib=1)
    scores = run()
    teacher = load_teacher(tmp_path / "teacher")
    assert torch.equal(teacher.prompts, run.average["prompts"].bfloat16().float())
    line = json.loads((tmp_path / "curve.jsonl").read_text().splitlines()[-1])
    assert line["step"] == 2
    assert line["scores"] == scores
    assert {"psnr_2 all", "psnr_0 all", "ssim_2", "leak_2 lips", "seconds_2"} <= set(scores)
    assert list(tmp_path.glob("samples-*.png"))
    assert list(tmp_path.glob("attention-*.png"))
    shards = list((tmp_path / "checkpoint").glob("*.safetensors"))
    assert len(shards) > 4
    assert all(s.stat().st_size < 1.2 * 2**20 for s in shards)


def test_a_checkpoint_of_another_teacher_is_refused(tmp_path, pairs):
    teacher_run(tmp_path, pairs, steps=1)()
    other = new_teacher(LAYERS.with_modes("source", "mesh"))
    with pytest.raises(WeightsError, match="architecture"):
        teacher_run(tmp_path, pairs, other, steps=2, resume=True)
    with pytest.raises(WeightsError, match="without --resume"):
        teacher_run(tmp_path / "none", pairs, steps=2, resume=True)


def test_no_minutes_only_evaluate(tmp_path, pairs):
    scores = teacher_run(tmp_path, pairs, minutes=0.0, eval_steps=(1,))()
    # One step of a new teacher paints nothing, so it scores as doing nothing does.
    assert scores["psnr_1 all"] == pytest.approx(scores["psnr_0 all"], abs=0.01)
    assert not (tmp_path / "checkpoint").exists()


def test_a_teacher_of_pictures_trains_samples_and_comes_back(tmp_path, pairs):
    config = replace(PICTURES, tower=write_clip(tmp_path / "clip"))
    teacher = pretrained_teacher(write_base(tmp_path / "base"), config=config)
    frozen = {n: p.clone() for n, p in teacher.named_parameters() if not p.requires_grad}
    scores = teacher_run(tmp_path / "run", pairs, teacher, steps=2)()
    assert scores["pairs"] == 2
    assert equal(frozen, {n: p for n, p in teacher.named_parameters() if n in frozen})
    back = load_teacher(tmp_path / "run" / "teacher")
    again = judge(back, Repeat(pairs, 64, 2).held_out(64), (2,), 2)
    assert again["psnr_2 all"] == pytest.approx(scores["psnr_2 all"], abs=0.2)


def test_an_encoder_learns_styles(tmp_path, pairs):
    run = settings(tmp_path, steps=1000)
    torch.manual_seed(0)
    config = EncoderTraining(preset="compact-small", batch=8, bend=0.3, views=1.0)
    task = EncoderTask(config, run, new_encoder(TOWER), Repeat(pairs, 32, 8))
    trainer = Run(run, task)
    losses = [trainer.step(2e-3) for _ in range(30)]
    for name in ("views", "styles"):
        assert sum(x[name] for x in losses[-5:]) < 0.8 * sum(x[name] for x in losses[:5])


def test_a_trained_encoder_finds_a_style_on_strangers(tmp_path, pairs):
    held_out = worn_of(pairs.__class__(seed=5).batch(32, 16))
    torch.manual_seed(0)
    encoder = new_encoder(TOWER)
    run = settings(tmp_path, steps=1000)
    task = EncoderTask(EncoderTraining(batch=8, text=0.0), run, encoder, pairs.__class__())
    trainer = Run(run, task)

    def found() -> float:
        with torch.no_grad():
            vectors = encoder.eval().of_pictures(held_out.pictures)
        return retrieve(vectors, held_out.style, held_out.person).knn

    before = found()
    for _ in range(100):
        trainer.step(1e-3)
    assert found() > max(0.9, before)


def describe(styles, seed):
    return tuple(f"{'abcdefgh'[number]} lips" for number in styles)


def test_words_and_pictures_come_together(tmp_path, pairs):
    run = settings(tmp_path, steps=1000)
    torch.manual_seed(0)
    config = EncoderTraining(preset="compact-small", text=1.0, bend=0.3)
    task = EncoderTask(config, run, new_encoder(TOWER), Repeat(pairs, 32, 6), describe)
    trainer = Run(run, task)
    losses = [trainer.step(2e-3)["text"] for _ in range(40)]
    assert sum(losses[-5:]) < 0.9 * sum(losses[:5])
    with torch.no_grad():
        assert set(task.evaluate(trainer.progress)) >= {"encoder", "words"}


def test_captions_come_from_the_numbers_of_styles():
    numbers = [3, 7, 3, 7]
    one = captions_of(numbers, seed=1)
    assert one == captions_of(numbers, seed=1)
    assert captions_of([3], 0, dropout=0.0) != captions_of([7], 0, dropout=0.0)
    assert all(isinstance(words, str) and words for words in one)


def test_an_encoders_run_reports_its_rivals_and_loads(tmp_path, pairs):
    run = settings(tmp_path, steps=1)
    config = EncoderTraining(preset="compact-small", batch=4)
    encoder = new_encoder(TOWER)
    scores = Run(run, EncoderTask(config, run, encoder, Repeat(pairs, 32, 4)))()
    assert set(scores) == {"encoder", "untrained", "histogram"}
    assert load_encoder(tmp_path / "encoder").config == TOWER
    worn = worn_of(pairs.batch(32, 3))
    assert worn.pictures.shape == (6, 4, 32, 32)
    assert torch.equal(worn.style[:3], worn.style[3:])


def test_a_trained_encoder_is_taken_frozen(tmp_path, monkeypatch):
    encoder = new_encoder(TOWER)
    save_encoder(tmp_path, encoder)
    monkeypatch.setitem(teacher_command.PRESETS, "compact-small", LAYERS)
    config = TeacherTraining(preset="compact-small", encoder=tmp_path)
    teacher = build_teacher(config)
    assert not any(p.requires_grad for p in teacher.tower.parameters())
    kept = encoder.image.place.bfloat16().float()
    assert torch.equal(teacher.tower.place, kept)
    monkeypatch.setitem(
        teacher_command.PRESETS, "compact-small", replace(LAYERS, tower=replace(TOWER, hidden=(2,)))
    )
    with pytest.raises(ConfigError, match="shape"):
        build_teacher(config)


def test_the_next_batch_is_made_ahead_and_in_order(pairs):
    ahead, plain = Ahead(pairs, "cpu"), pairs.__class__()
    for size, count in ((16, 2), (16, 2), (32, 3)):
        found = ahead.batch(size, count)
        assert found.source.shape == (count, 4, size, size)
    ahead.close()
    assert torch.equal(
        Ahead(pairs.__class__(), "cpu").batch(16, 2).source, plain.batch(16, 2).source
    )


@pytest.mark.parametrize("command", [teacher_command, encoder_command])
def test_a_command_without_a_cache_says_how_to_get_one(command, tmp_path, capsys):
    arguments = ["--data", str(tmp_path / "none"), "--out", str(tmp_path / "run"), "--workers", "0"]
    assert command.main([*arguments, "--preset", "compact-small"]) == 1
    assert "tryon.train.faces" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "values", "word"),
    [
        (TeacherTraining, {"preset": "huge"}, "preset"),
        (TeacherTraining, {"swap": 2.0}, "swap"),
        (TeacherTraining, {"modes": ("depth",)}, "modes"),
        (EncoderTraining, {"batch": 1}, "batch"),
        (RunConfig, {"rate": 0.0}, "rate"),
        (RunConfig, {"device": "tpu"}, "device"),
        (SourceConfig, {"fresh": 0.0}, "fresh"),
    ],
)
def test_settings_out_of_range_are_named(kind, values, word):
    with pytest.raises(ConfigError, match=word):
        kind(**values)


def test_each_of_several_processes_has_its_own_gpu_and_pairs(tmp_path, monkeypatch):
    alone = settings(tmp_path, device="cuda", seed=3)
    assert of_process(alone) == alone
    monkeypatch.setenv("RANK", "5")
    monkeypatch.setenv("LOCAL_RANK", "1")
    other = of_process(alone)
    assert other.device == "cuda:1"
    assert other.seed != alone.seed


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_gpu_that_is_not_there_is_no_traceback(tmp_path, pairs):
    with pytest.raises(ConfigError, match="use cpu"):
        teacher_run(tmp_path, pairs, device="cuda")
