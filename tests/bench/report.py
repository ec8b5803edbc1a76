"""The results as Markdown: for the page, and for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tests.bench.measurements import Sample, Spread, seconds
from tests.bench.results import Results
from tests.bench.targets import Judgement, Target, judged

MEBI = 2**20


def markdown(results: Results, targets: Sequence[Target]) -> str:
    """Return the generated section of the page."""
    judgements = judged(targets, results.samples())
    return "\n\n".join(part for part in _parts(results, judgements) if part)


def rounds(results: Results) -> str:
    """Return how many rounds there were, in words."""
    return f"{results.rounds} round{'' if results.rounds == 1 else 's'}"


def target_table(judgements: Sequence[Judgement]) -> str:
    """Return the targets with what was found, as a table."""
    rows = [
        f"| {each.target.target} | {each.target.subject} | {each.target.baseline} | {each.target.bound:g} "
        f"| **{each.found.median:.3g}** ({each.found.low:.3g} to {each.found.high:.3g}) "
        f"| {f'{each.cpu.median:.3g}' if each.cpu else ''} | {each.verdict} | {each.target.why} |"
        for each in judgements
    ]
    head = "| target | takes | of the time of | at most | median (least to most) | CPU | | what it is good for |"
    return "\n".join([head, "|---|---|---|---:|---:|---:|---|---|", *rows])


def subject_table(results: Results) -> str:
    """Return every subject with its times, as a table."""
    rows = [
        f"| {each.name} | {_milliseconds(seconds(each.samples))} | {_cpu(each.samples)} | {_peak(each.samples)} "
        f"| {each.what} |"
        for each in results.subjects
    ]
    head = "| subject | ms: median (least to most) | CPU ms | MiB | what it does |"
    return "\n".join([head, "|---|---:|---:|---:|---|", *rows])


def _parts(results: Results, judgements: Sequence[Judgement]) -> Iterator[str]:
    if judgements:
        met = sum(each.met for each in judgements)
        yield f"{met} of {len(judgements)} targets are met."
        yield target_table(judgements)
    if results.refused:
        yield "Not measured, because its output is not ours:"
        yield "\n".join(f"- {name}: {why}" for name, why in results.refused.items())
    yield (
        f"{rounds(results)} over {results.templates} templates with {results.resources} resources. The ratio is"
        " that of the seconds on the clock, taken round by round; the ratio of CPU seconds stands beside it."
    )
    yield "### Every subject"
    yield subject_table(results)
    yield (
        "CPU is that of all processes of a subject, memory that of its largest process. Milliseconds are of this"
        " machine; only ratios travel."
    )
    yield _deployment(results)
    yield _rehearsal(results)
    yield "### The machine"
    yield "\n".join(f"- {name}: {what}" for name, what in results.machine.items()) + (
        f"\n- busy: {results.load:.1f} processes wanted a core on average while it was measured, this run's among them"
    )


def _deployment(results: Results) -> str:
    if not results.deployment:
        return ""
    rows = [
        f"| {name.removeprefix('nested stacks: ')} | {nested[0].seconds / 60:.1f} | {flat[0].seconds / 60:.1f} "
        f"| {nested[0].seconds / flat[0].seconds:.3f} |"
        for name, nested in results.deployment.items()
        if (flat := results.deployment.get(name.replace("nested stacks", "one flat stack")))
        and name.startswith("nested")
    ]
    head = "| environment | nested, minutes | one flat stack, minutes | ratio |\n|---|---:|---:|---:|"
    return "\n\n".join(["### Creating an environment on AWS, by the model of `make impact`", "\n".join([head, *rows])])


def _rehearsal(results: Results) -> str:
    if not results.rehearsal:
        return ""
    rows = [
        f"| {'' if step.within else '**'}{step.name}{'' if step.within else '**'} | {step.seconds:.1f} |"
        for step in results.rehearsal
    ]
    head = "| | seconds |\n|---|---:|"
    return "\n\n".join(["### A rehearsal of three environments", "\n".join([head, *rows])])


def _milliseconds(found: Spread) -> str:
    return f"**{found.median * 1000:,.0f}** ({found.low * 1000:,.0f} to {found.high * 1000:,.0f})"


def _cpu(samples: Sequence[Sample]) -> str:
    return f"{sorted(one.cpu_seconds for one in samples)[len(samples) // 2] * 1000:,.0f}"


def _peak(samples: Sequence[Sample]) -> str:
    return f"{max(one.peak_bytes for one in samples) / MEBI:,.0f}"
