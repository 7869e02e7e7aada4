"""``python -m doctor.validate FOLDER [--json]``: how often the doctor is right on a folder of logs.

The folder holds CSVs or journals, gzipped or not, and an ``index.json`` {name without ending: {"adv_loss": …,
"n_sub": …, …}}; "truth": healthy or sick stands for the truth that is else taken from the FID. Each run is
judged with all columns, without the FID columns and from the two losses alone, whole and up to 25, 50 and 75 %.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from doctor.__main__ import USAGE, Parser
from doctor.engine import diagnose
from doctor.reading import Unusable, index_facts, loss_named, read
from doctor.score import median_of, rate
from doctor.truth import Truth, truth
from doctor.view import RunView

PARTS = (25, 50, 75, 100)
LOSSES = ("loss/disc", "loss/gen")
ENDINGS = (".jsonl.gz", ".jsonl", ".csv.gz", ".csv")


def _all(name: str) -> bool:
    return True


def _without_fid(name: str) -> bool:
    return not name.startswith(("eval/fid", "eval/fd_", "eval/kid"))


def _two_losses(name: str) -> bool:
    return name in LOSSES


SIGHTS: dict[str, Callable[[str], bool]] = {"all": _all, "no_fid": _without_fid, "losses": _two_losses}
TITLES = {"all": "all columns", "no_fid": "without the FID columns", "losses": "d_loss and g_loss alone"}


@dataclass(frozen=True)
class Judged:
    """A run with its truth and what the doctor said: {sight: {part: (verdict, first fail step, codes)}}."""

    name: str
    family: str
    truth: Truth
    said: dict[str, dict[int, tuple[str, int | None, list[str]]]]

    def failed(self, sight: str, part: int) -> bool:
        return self.said[sight][part][0] == "fail"

    def lead(self, sight: str) -> int | None:
        """Steps from the doctor's first fail to the evaluation at which the FID gave it away."""
        first = self.said[sight][100][1]
        if first is None or self.truth.given_away is None:
            return None
        return self.truth.given_away - first


def runs(folder: Path) -> list[tuple[str, RunView]]:
    """The runs of a folder with the facts of its index. Raises `Unusable`."""
    if not folder.is_dir():
        raise Unusable(f"{folder}: there is no such folder")
    index = index_facts(folder / "index.json")
    logs = {p.name.removesuffix(ending): p for ending in ENDINGS for p in sorted(folder.glob(f"*{ending}"))}
    names = sorted({*index, *logs})
    if not names:
        raise Unusable(f"{folder}: the index names no run and there is no CSV")
    found = []
    for name in names:
        view, said = read(logs.get(name, folder / f"{name}.csv")), index.get(name, {})
        if view.facts.trainer:  # a journal says itself what it is
            found.append((name, view))
            continue
        facts = replace(
            view.facts,
            adv_loss=loss_named(said.get("adv_loss")),
            n_sub=said.get("n_sub") if isinstance(said.get("n_sub"), int) else None,
            reduction=said["reduction"] if said.get("reduction") in ("sum", "mean") else "mean",
        )
        found.append((name, replace(view, facts=facts)))
    return found


def truths(folder: Path) -> dict[str, Truth]:
    """The truth of the runs of which the index says it. Raises `Unusable` for a word that is none."""
    found = {}
    for name, said in index_facts(folder / "index.json").items():
        state = said.get("truth")
        if state is None:
            continue
        if state not in ("healthy", "sick"):
            raise Unusable(
                f"{folder / 'index.json'}: {name}: the truth is healthy or sick, not {state!r:.40}"
            )
        found[name] = Truth(state)
    return found


def judge(name: str, view: RunView, known: Truth | None = None) -> Judged:
    """What the doctor says of a run, seen in every way; ``known`` stands for the truth that its FID tells."""
    said: dict[str, dict[int, tuple[str, int | None, list[str]]]] = {}
    for sight, keep in SIGHTS.items():
        shown = replace(view, tracks={n: t for n, t in view.tracks.items() if keep(n)})
        said[sight] = {}
        for part in PARTS:
            first = view.first_step
            cut = shown if part == 100 else shown.until(first + (view.last_step - first) * part // 100)
            diagnosis = diagnose(cut)
            codes = sorted({f.code for f in diagnosis.findings if f.severity == "fail"})
            said[sight][part] = (diagnosis.verdict, diagnosis.first_fail_step, codes)
    return Judged(name, view.facts.adv_loss or "unknown", known or truth(view), said)


def scored(judged: list[Judged], sight: str, part: int = 100) -> dict[str, Any]:
    """Recall and false alarms over runs whose truth is known."""
    sick = [j for j in judged if j.truth.sick]
    well = [j for j in judged if j.truth.state == "healthy"]
    return {
        "recall": rate(sum(j.failed(sight, part) for j in sick), len(sick)),
        "false_alarms": rate(sum(j.failed(sight, part) for j in well), len(well)),
    }


def validation(judged: list[Judged]) -> dict[str, Any]:
    """All figures as one JSON object."""
    families = sorted({j.family for j in judged})
    scores: dict[str, Any] = {}
    for sight in SIGHTS:
        leads = [float(x) for j in judged if j.truth.sick and (x := j.lead(sight)) is not None]
        scores[sight] = {
            **scored(judged, sight),
            "lead": median_of(leads),
            "until": {str(p): scored(judged, sight, p) for p in PARTS[:-1]},
            "families": {f: scored([j for j in judged if j.family == f], sight) for f in families},
        }
    return {"runs": [_run(j) for j in judged], "scores": scores}


def _run(j: Judged) -> dict[str, Any]:
    return {
        "run": j.name,
        "adv_loss": j.family,
        "truth": j.truth.state,
        "best_fid": list(j.truth.best) if j.truth.best else None,
        "last_fid": list(j.truth.last) if j.truth.last else None,
        "given_away": j.truth.given_away,
        **{
            sight: {
                "verdict": parts[100][0],
                "first_fail_step": parts[100][1],
                "lead": j.lead(sight),
                "failed_by": parts[100][2],
                "until": {str(p): parts[p][0] for p in PARTS[:-1]},
            }
            for sight, parts in j.said.items()
        },
    }


def table(judged: list[Judged]) -> str:
    """The same for people."""
    width = max(len(j.name) for j in judged)
    lines = [f"{'run':{width}}  {'truth':13}  {'all':16} {'no FID':16} {'two losses':16}  lead (all, losses)"]
    for j in judged:
        cells = " ".join(f"{_cell(*j.said[s][100][:2]):16}" for s in SIGHTS)
        leads = ", ".join("-" if (x := j.lead(s)) is None else f"{x:,}" for s in ("all", "losses"))
        lines.append(f"{j.name:{width}}  {j.truth.state:13}  {cells}  {leads}")
    figures = validation(judged)["scores"]
    for sight, title in TITLES.items():
        of = figures[sight]
        lines += ["", f"{title}: recall {_rate(of['recall'])}, false alarms {_rate(of['false_alarms'])}"]
        lead = of["lead"]
        if lead["of"]:
            low, mid, high = (f"{lead[k]:,.0f}" for k in ("low", "median", "high"))
            lines.append(f"  median lead {mid} steps (95 % {low} to {high}, {lead['of']} runs)")
        for part, score in of["until"].items():
            lines.append(
                f"  up to {part} %: recall {_rate(score['recall'])}, false alarms {_rate(score['false_alarms'])}"
            )
    return "\n".join(lines)


def _cell(verdict: str, first: int | None) -> str:
    return verdict if first is None else f"{verdict} at {first:,}"


def _rate(r: dict[str, Any]) -> str:
    if r["rate"] is None:
        return "none to judge"
    return f"{r['rate']:.2f} ({r['hits']} of {r['of']}, 95 % {r['low']:.2f} to {r['high']:.2f})"


def main(argv: list[str] | None = None) -> int:
    parser = Parser(prog="python -m doctor.validate", description=__doc__)
    parser.add_argument("folder", type=Path, help="CSVs or journals with an index.json")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    args = parser.parse_args(argv)
    try:
        found = runs(args.folder)
        known = truths(args.folder)
        judged = [judge(name, view, known.get(name)) for name, view in found]
    except Unusable as problem:
        print(f"doctor: {problem}", file=sys.stderr)
        return USAGE
    print(json.dumps(validation(judged), allow_nan=False) if args.json else table(judged))
    return 0


if __name__ == "__main__":
    sys.exit(main())
