"""Mistakes that change a number and no shape, written by hand: what somebody could really get wrong here."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mistake:
    """``old``, which stands once in ``file``, becomes ``new``. tests: names to run, where those that reach the line in
    the package's own folder are not the ones."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = ()


EVALUATION, PROBES = "smcrep/evaluation", "smcrep/probes"
ORACLE, UTILISATION = f"{PROBES}/collapse/oracle.py", f"{PROBES}/collapse/utilisation.py"
BY_OBJECT, RECOGNITION = f"{EVALUATION}/by_object.py", f"{EVALUATION}/recognition.py"
OUTCOME, SIGNALS, SEARCH = (f"{EVALUATION}/{name}.py" for name in ("outcome", "signals", "pose_search"))
POSE, FEW_SHOT, INPUTS = (f"{PROBES}/{name}.py" for name in ("pose", "few_shot", "inputs"))
CALIBRATE, STORES = "smcrep/training/calibrate.py", "smcrep/pretraining/stores.py"
ACTION, ROTATIONS = "smcrep/geometry/action.py", "smcrep/geometry/rotations.py"
SHARDS, INDEX = "smcrep/extraction/shards.py", "smcrep/extraction/index.py"

MISTAKES: list[Mistake] = [
    # ---- what is measured
    Mistake("worst ridge strength", RECOGNITION, "best = max(strengths", "best = min(strengths"),
    Mistake(
        "one accuracy for all objects",
        RECOGNITION,
        "[correct[true == name].mean() for name",
        "[correct.mean() for name",
    ),
    Mistake(
        "accuracy by the equivariant part",
        RECOGNITION,
        "z, asked = encoded.invariant(sense)",
        "z, asked = encoded.equivariant(sense)",
    ),
    Mistake(
        "strength forgets its objects", RECOGNITION, "Strength(best, training.objects)", "Strength(best, frozenset())"
    ),
    Mistake(
        "strength of the test objects accepted", RECOGNITION, "refuse_shared(strength.chosen_on, encoded.objects)", ""
    ),
    Mistake(
        "means over all states", f"{EVALUATION}/encoded.py", "values[self.object_ids == i].mean()", "values.mean()"
    ),
    Mistake(
        "pose probe fitted on test objects",
        BY_OBJECT,
        "for e in (training, encoded))",
        "for e in (encoded, encoded))",
    ),
    Mistake(
        "pose probe tested on training objects",
        BY_OBJECT,
        "probe = pose_probe(train=fit, test=test,",
        "probe = pose_probe(train=test, test=test,",
    ),
    Mistake("shared objects accepted", BY_OBJECT, "    refuse_shared(training.objects, encoded.objects)\n", ""),
    Mistake(
        "ADD-S without the pose before",
        BY_OBJECT,
        "add_s(shapes[i], searched[rows] @ before, true[rows] @ before)",
        "add_s(shapes[i], searched[rows], true[rows])",
    ),
    Mistake(
        "turn in the object's frame",
        BY_OBJECT,
        "rotation[:, 1:] @ rotation[:, :1].swapaxes(-1, -2)",
        "rotation[:, :1].swapaxes(-1, -2) @ rotation[:, 1:]",
    ),
    Mistake(
        "turn the other way",
        BY_OBJECT,
        "rotation[:, 1:] @ rotation[:, :1].swapaxes(-1, -2)",
        "rotation[:, :1] @ rotation[:, 1:].swapaxes(-1, -2)",
    ),
    Mistake(
        "best instead of median error",
        BY_OBJECT,
        "np.median(values[encoded.object_ids == i])",
        "np.min(values[encoded.object_ids == i])",
    ),
    Mistake("median over all objects", BY_OBJECT, "np.median(values[encoded.object_ids == i])", "np.median(values)"),
    Mistake(
        "roll-out that peeks",
        OUTCOME,
        "z = predict(model, encoded, source, action=action, start=z)",
        "z = predict(model, encoded, source, action=action, start=encoded.equivariant(source)[:, i : i + 1])",
    ),
    Mistake(
        "roll-out that starts anew",
        OUTCOME,
        "z = predict(model, encoded, source, action=action, start=z)",
        "z = predict(model, encoded, source, action=action)",
    ),
    Mistake(
        "mismatched action of the same state",
        OUTCOME,
        "action=encoded.action[other])",
        "action=encoded.action)",
    ),
    Mistake(
        "searched motion with the true translation",
        SEARCH,
        "motion[:, :3, 3] = moved - rotations @ action.contact",
        "motion[:, :3, 3] = action.motion[:3, 3]",
    ),
    Mistake(
        "search by one direction",
        SEARCH,
        "query.inverse())",
        "query)",
    ),
    Mistake(
        "mismatched signal of a candidate",
        SIGNALS,
        '"mismatched": np.full_like(own, n)',
        '"mismatched": np.full_like(own, n - 1)',
    ),
    Mistake("shuffled signals in order", SIGNALS, "rng.permuted(own, axis=1)", "own"),
    Mistake(
        "wrong signal that may be the own",
        SIGNALS,
        "rng.integers(1, n, (states, n))",
        "rng.integers(0, n, (states, n))",
    ),
    Mistake(
        "audit store of the test states",
        f"{EVALUATION}/audit.py",
        "clean_depth=True, seed=base.seed + 1)",
        "clean_depth=True, seed=base.seed)",
    ),
    # ---- probes
    Mistake("mismatched outcome of a candidate", ORACLE, "slice(n, n + 1)", "slice(0, 1)"),
    Mistake("mismatched outcome of the last candidate", ORACLE, "slice(n, n + 1)", "slice(n - 1, n)"),
    Mistake(
        "oracle without its uncertainty",
        UTILISATION,
        "models / np.maximum(oracles, oracle / 10)",
        "models / oracle",
    ),
    Mistake(
        "any gain of the oracle identifies",
        UTILISATION,
        "oracle > max(standard_errors * float(oracles.std()), 1e-9)",
        "oracle > 1e-9",
    ),
    Mistake("utilisation of the oracle", UTILISATION, "float(model / oracle)", "float(oracle / model)"),
    Mistake("centred on the queries", FEW_SHOT, "centre = support.mean((1, 2))", "centre = query.mean(1)"),
    Mistake(
        "support and queries of one group",
        FEW_SHOT,
        "rest = np.concatenate([pool[i] for i in order[num_support:]])",
        "rest = np.concatenate([pool[i] for i in order])",
    ),
    Mistake(
        "constant turn learned on test pairs",
        POSE,
        "chordal_mean(torch.as_tensor(train[2], dtype=torch.float64))",
        "chordal_mean(torch.as_tensor(test[2], dtype=torch.float64))",
    ),
    Mistake(
        "pose fitted to test pairs", POSE, "targets = torch.as_tensor(train[2]", "targets = torch.as_tensor(test[2]"
    ),
    Mistake(
        "scaled by the test rows",
        INPUTS,
        "mean, deviation = train.mean(0), train.std(0)",
        "mean, deviation = others[0].mean(0), others[0].std(0)",
    ),
    Mistake("NaN in the test rows accepted", f"{PROBES}/knn.py", '    finite("knn", test=test)\n', ""),
    Mistake(
        "cosine of the outcome with itself",
        f"{PROBES}/retrieval.py",
        "_unit(predicted) @ _unit(outcome)",
        "_unit(outcome) @ _unit(outcome)",
    ),
    # ---- geometry, fusion, models, objectives
    Mistake(
        "inverse keeps the force",
        ACTION,
        "apply(self.motion, self.contact), -self.force",
        "apply(self.motion, self.contact), self.force",
    ),
    Mistake("composition forgets a force", ACTION, "self.force + second.force", "second.force"),
    Mistake(
        "composition in the other order",
        ACTION,
        "kind, second.motion @ self.motion",
        "kind, self.motion @ second.motion",
    ),
    Mistake(
        "inverse keeps the contact point",
        ACTION,
        "apply(self.motion, self.contact), -self.force",
        "self.contact, -self.force",
    ),
    Mistake("uneven grid", ROTATIONS, "np.sqrt(s / num), np.sqrt(1 - s / num)", "s / num, 1 - s / num"),
    Mistake("coarser grid", ROTATIONS, "phi, psi = np.sqrt(2)", "phi, psi = np.sqrt(3)"),
    Mistake(
        "residual of the latent before the turn",
        "smcrep/models/predictors.py",
        "moved = turned + self.residual(torch.cat([turned, condition], -1))",
        "moved = turned + self.residual(torch.cat([z, condition], -1))",
    ),
    Mistake("no small last layer", "smcrep/models/predictors.py", "last.weight.mul_(0.1)", "last.weight.mul_(1.0)"),
    Mistake(
        "equal fusion loaded as precision",
        "smcrep/hub.py",
        "SensorimotorModel.from_pretrained(directory, fusion_of(config))",
        'SensorimotorModel.from_pretrained(directory, rule("precision"))',
    ),
    Mistake("embeds in training mode", "smcrep/models/model.py", "model = evaluating(self)", "model = self"),
    Mistake(
        "physics of the branch beside",
        "smcrep/objectives/pairs.py",
        "torch.where(pairs.target_view > 0, pairs.target_view, pairs.source_view) - 1",
        "torch.where(pairs.target_view > 0, pairs.target_view, pairs.source_view) - 2",
    ),
    Mistake(
        "physics of the source's branch",
        "smcrep/objectives/pairs.py",
        "torch.where(pairs.target_view > 0, pairs.target_view, pairs.source_view) - 1",
        "torch.where(pairs.source_view > 0, pairs.source_view, pairs.target_view) - 1",
    ),
    # ---- training, stores, worlds
    Mistake(
        "calibration's parts mixed up",
        CALIBRATE,
        "torch.where(is_invariant, shift[:, :1], shift[:, 1:])",
        "torch.where(is_invariant, shift[:, 1:], shift[:, :1])",
    ),
    Mistake(
        "shifts of the other part in the heads",
        CALIBRATE,
        "for name, (invariant, equivariant) in zip(names, shift, strict=True)",
        "for name, (equivariant, invariant) in zip(names, shift, strict=True)",
    ),
    Mistake(
        "precision calibrated on training objects",
        "smcrep/pretraining/pretrain.py",
        'val = made["val"]\n    known',
        'val = made["train"]\n    known',
    ),
    Mistake("no clipping of gradients", "smcrep/training/fit.py", "max_norm=recipe.optim.grad_clip", "max_norm=1e9"),
    Mistake("splits share their objects", STORES, "len(SPLITS) * data.seed + i for i", "len(SPLITS) * data.seed for i"),
    Mistake("stores ignore the seed", STORES, "            seed=data.seed,\n", "            seed=0,\n"),
    Mistake(
        "world ignores its seed",
        "smcrep/worlds/simulation.py",
        "np.random.default_rng([self.seed, ",
        "np.random.default_rng([0, ",
    ),
    Mistake(
        "loader ignores its seed",
        "smcrep/data/loader.py",
        'np.random.default_rng([draw["seed"], epoch])',
        "np.random.default_rng([0, epoch])",
    ),
    Mistake(
        "note written before its shard",
        "smcrep/data/shard.py",
        "    sidecar(path).unlink(missing_ok=True)\n    atomic_write_bytes(path",
        '    atomic_write_bytes(sidecar(path), (json.dumps(note) + "\\n").encode())\n    atomic_write_bytes(path',
    ),
    Mistake(
        "physics of the clutter changed by a branch",
        "smcrep/worlds/world.py",
        "physics=(p, *state.physics[1:])",
        "physics=(p,) * len(state.physics)",
    ),
    Mistake(
        "noise of the quietest environment",
        "smcrep/worlds/rendering/environments.py",
        "np.max([ENVIRONMENTS[name].noise.depth_sigma",
        "np.min([ENVIRONMENTS[name].noise.depth_sigma",
        ("tests/evaluation/test_audit.py::test_the_oracle_knows_the_noise_of_the_noisiest_environment",),
    ),
    Mistake("shards of another model accepted", SHARDS, 'return "was made by another model"', "pass"),
    Mistake("shards of another store accepted", SHARDS, 'return "was made from another store"', "pass"),
    Mistake("rows of a shard counted from 0", SHARDS, '| {"row": index}', '| {"row": index - index[0]}'),
    Mistake("offset of the store", INDEX, "rows % manifest.rows_per_shard", "rows"),
    Mistake(
        "shard of the row beside", INDEX, "rows // manifest.rows_per_shard", "(rows + 1) // manifest.rows_per_shard"
    ),
    Mistake("dirty checkout not marked", "smcrep/results.py", '"-dirty" if head', '"" if head'),
]
