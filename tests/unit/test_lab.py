"""The incentive lab: attackers do what they say, the literature's rules pay what their papers say, the document is fresh."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from labelshare import cli
from labelshare.lab import aggregations, payments
from labelshare.lab.attacks import ATTACKS, Attack, good_accuracy, inject
from labelshare.lab.measures import auc, judge, spearman
from labelshare.lab.panel import audit, draw_sample
from labelshare.lab.replay import UNKNOWN, Replay, load, stream
from labelshare.lab.report import TABLES
from labelshare.lab.rules import OURS, all_rules
from labelshare.lab.run import replay, run
from labelshare.lab.summary import from_json, summarise, to_json
from labelshare.rules.consensus import NO_VERDICT
from labelshare.rules.sums import Labels
from scripts.lab import incentives_doc

DATA = Path(__file__).resolve().parents[2] / "data"
BY_NAME = {attack.name: attack for attack in ATTACKS}


@pytest.fixture(scope="module")
def face() -> Replay:
    return load(DATA / "face")


def attacked(crowd: Replay, name: str, seed: int = 0) -> tuple[Replay, np.ndarray]:
    sample = draw_sample(crowd.labels.tasks, 26, stream("sample", crowd.name, seed))
    return inject(crowd, BY_NAME[name], stream("attack", name, seed), sample), sample


# Attackers


@pytest.mark.parametrize("attack", [attack for attack in ATTACKS if attack.share], ids=lambda attack: attack.name)
def test_attackers_take_their_share_of_the_seats_and_nobody_else_changes(face: Replay, attack: Attack) -> None:
    after, _ = attacked(face, attack.name)
    theirs = after.attacker[after.labels.contributor]
    least = 0.8 if attack.picks or attack.per_identity < 60 else 0.95
    assert least * attack.share <= theirs.mean() <= attack.share + 0.01
    assert (after.labels.task == face.labels.task).all()
    assert (after.labels.answer[~theirs] == face.labels.answer[~theirs]).all()
    assert (after.labels.contributor[~theirs] == face.labels.contributor[~theirs]).all()
    pairs = after.labels.task * after.labels.contributors + after.labels.contributor
    assert len(np.unique(pairs)) == len(pairs)
    again, _ = attacked(face, attack.name)
    assert (again.labels.answer == after.labels.answer).all()


def test_each_kind_of_attacker_answers_as_it_says(face: Replay) -> None:
    def theirs(name: str) -> tuple[Replay, np.ndarray, np.ndarray, np.ndarray]:
        after, sample = attacked(face, name)
        mine = np.flatnonzero(after.faked)
        return after, after.labels.task[mine], after.labels.answer[mine], sample

    _, _, constant, _ = theirs("constant")
    assert len(set(constant.tolist())) == 1
    _, task, wrong, _ = theirs("all-wrong")
    assert (wrong != face.stand_in[task]).all()
    _, task, picked, _ = theirs("picking")
    assert 0.8 < (picked == face.stand_in[task]).mean() <= 1
    for name, most in (("clique-33", 1), ("two-cliques", 2), ("three-cliques", 3), ("good-mind", 1)):
        _, task, said, _ = theirs(name)
        answers = {t: set(said[task == t].tolist()) for t in set(task.tolist())}
        assert max(map(len, answers.values())) == most
    _, task, mind, _ = theirs("good-mind")
    assert abs((mind == face.stand_in[task]).mean() - good_accuracy(face)) < 0.1
    _, task, leaked, sample = theirs("leaked-sample")
    assert (leaked[sample[task]] == face.stand_in[task[sample[task]]]).all()
    after, _, _, _ = theirs("camouflage")
    real = after.attacker[after.labels.contributor] & ~after.faked
    assert 0.25 < real.sum() / (real.sum() + after.faked.sum()) < 0.35
    turned, _, _, _ = theirs("turncoat")
    assert turned.two_rounds
    assert turned.later[turned.faked].all()


def test_corrupt_validators_vote_for_the_clique_and_honest_ones_for_the_truth(face: Replay) -> None:
    after, sample = attacked(face, "corrupt-45")
    clean = audit(after, sample, stream("panel", 0), 0.0)
    bought = audit(after, sample, stream("panel", 0), 1.0)
    known = sample & (clean != NO_VERDICT)
    assert (clean[known] == after.stand_in[known]).mean() > 0.9
    scripted = sample & (after.script != UNKNOWN) & (bought != NO_VERDICT)
    assert (bought[scripted] == after.script[scripted]).all()


# The rules of the literature, on cases small enough to work out


def table(rows: list[tuple[int, int, int]], classes: int = 2) -> Labels:
    columns = np.array(rows)
    return Labels(columns[:, 0], columns[:, 1], columns[:, 2], columns[:, 0].max() + 1, columns[:, 1].max() + 1, classes)


UNANIMOUS = table([(t, p, t % 2) for t in range(4) for p in range(3)])
ONE_DISSENTS = table([(t, p, (t % 2) ^ (p == 2)) for t in range(4) for p in range(3)])
NOBODY = np.full(4, NO_VERDICT)


def test_output_agreement_pays_the_share_of_peers_who_say_the_same() -> None:
    assert payments.output_agreement(UNANIMOUS, NOBODY).tolist() == [4, 4, 4]
    assert payments.output_agreement(ONE_DISSENTS, NOBODY).tolist() == [2, 2, 0]


@pytest.mark.parametrize(
    "pay",
    [payments.peer_truth_serum, payments.dasgupta_ghosh, payments.correlated_agreement, payments.determinant_mutual_information],
)
def test_rules_of_peer_prediction_pay_an_informed_crowd_and_next_to_nothing_for_one_word(pay: object) -> None:
    assert callable(pay)
    tasks = 40
    informed = pay(table([(t, p, t // 2 % 2) for t in range(tasks) for p in range(3)]), np.full(tasks, NO_VERDICT))
    one_word = pay(table([(t, p, 0) for t in range(tasks) for p in range(3)]), np.full(tasks, NO_VERDICT))
    assert (informed > 0).all()
    assert (one_word < informed / 10).all()


def test_gold_scoring_looks_at_the_audited_tasks_alone() -> None:
    verdicts = np.array([0, 1, NO_VERDICT, NO_VERDICT])
    good, also, dissenter = payments.gold_scoring(ONE_DISSENTS, verdicts)
    assert good == also > dissenter
    assert (payments.gold_scoring(ONE_DISSENTS, NOBODY) == 0).all()


@pytest.mark.parametrize("find", [aggregations.majority_vote, aggregations.one_coin, aggregations.ebcc])
def test_aggregations_find_what_all_but_one_say(find: object) -> None:
    assert callable(find)
    assert find(ONE_DISSENTS, 0).tolist() == [0, 1, 0, 1]


# Measures, reports, the command


def test_measures_are_what_their_names_say() -> None:
    assert spearman([1, 2, 3], [10, 20, 30]) == 1
    assert spearman([1, 2, 3], [3, 2, 1]) == -1
    assert spearman([1, 1], [1, 2]) == 0
    assert auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, False, True, True])) == 0.875


@pytest.fixture(scope="module")
def result() -> object:
    attacks = [BY_NAME[name] for name in ("none", "random", "constant", "picking", "clique-33", "good-mind")]
    return run([DATA / "rte", DATA / "face"], attacks, [r for r in all_rules(None) if r.kind == "ours"], 2)


def test_on_two_sets_spam_picking_and_a_third_in_a_clique_lose_and_nobody_honest_is_flagged(result: object) -> None:
    summary = summarise(result)  # type: ignore[arg-type]
    for attack in ("random", "constant", "picking", "clique-33"):
        assert all(row["attack_net"] < 0 < row["honest_net"] for row in summary["figures"][OURS][attack].values())
    assert all(row["honest_flagged"] <= 0.01 for attack in ("none", "random") for row in summary["figures"][OURS][attack].values())
    assert summary["targets"]["pay_spearman"]["reached"] > 0.6


def test_a_runs_rows_survive_their_file_and_make_every_table(result: object) -> None:
    assert from_json(to_json(result)) == result  # type: ignore[arg-type]
    summary = summarise(result)  # type: ignore[arg-type]
    assert all(OURS in make(summary) or "---" in make(summary) for make in TABLES.values())
    with pytest.raises(ValueError, match="not a file of the lab's rows"):
        from_json("{}")


def test_every_rule_judges_the_same_replay(face: Replay) -> None:
    first, verdicts = replay(face, BY_NAME["clique-20"], 3)
    second, again = replay(face, BY_NAME["clique-20"], 3)
    assert (first.labels.answer == second.labels.answer).all()
    assert (verdicts == again).all()
    for rule in all_rules(None):
        figures = judge(first, rule.pay(first, verdicts, 3))
        assert figures.attack_labels == pytest.approx(0.2, abs=0.01)


def test_the_command_writes_a_report_and_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    run_it = CliRunner().invoke
    chosen = ["lab", "--sets", "face", "--attacks", "none,random", "--rules", OURS, "--seeds", "1", "--out", str(tmp_path)]
    assert run_it(cli.app, chosen).exit_code == 0
    assert {"summary.json", "tables.md", "rows.json"} <= {path.name for path in tmp_path.iterdir()}
    assert any(path.suffix == ".svg" for path in tmp_path.iterdir())
    unknown = run_it(cli.app, ["lab", "--attacks", "bribery"])
    assert (unknown.exit_code, "bribery" in unknown.output) == (2, True)
    assert run_it(cli.app, ["lab", "--data", str(tmp_path)]).exit_code != 0


def test_the_worked_example_of_the_document_is_what_the_rule_gives() -> None:
    document = incentives_doc.DOCUMENT.read_text(encoding="utf-8")
    assert incentives_doc.filled(document, "example", incentives_doc.example()) == document
    for title in TABLES:
        assert f"<!-- {title} -->" in document
