"""Templates as YAML: what is written is read back the same, in the form that people write by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from generator.template_yaml import ONE_LINE, SHORT_FORMS, dump, load

NASTY = [
    "", " ", "yes", "no", "on", "off", "y", "n", "Yes", "NO", "true", "null", "~", "Null", "12:30", "1:2:3",
    "2012-10-17", "2010-09-09", "2024-01-01T00:00:00Z", "010", "0o10", "0x1f", "1_000", "1e3", ".5", "+1", "-1",
    "1.0", ".inf", ".nan", "=", "<<", "-", "?", ":", "- a", "a: b", "a #b", "#a", "!Ref a", "&a", "*a", "@a", "`a",
    "%a", "{a}", "[a]", "a, b", "a]", "'", '"', "a'b", "a\nb", "a\n", "\na", "a\n\n", " a\nb", "a \nb", "\ta\nb",
    "\n", "\n\n", "a\r\nb", "a\rb", "\x85", "\u2028", "\ufeff", "\x7f", "é", "日本語", "😀", "\x00", "*",
    "#!/bin/bash\nset -e\n", "${AWS::Region}", "arn:aws:s3:::b/*", "a: |\n  b\n",
]  # fmt: skip

TEXTS = st.sampled_from(NASTY) | st.text(st.characters(codec="utf-8"), max_size=30)
SCALARS = TEXTS | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.from_regex(r"[A-Z][A-Za-z0-9]{0,10}", fullmatch=True)
FUNCTIONS = sorted(function for function in SHORT_FORMS if function.startswith("Fn::") and function != "Fn::GetAtt")


def intrinsics(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return every form in which a template calls a function, on these values."""
    return st.one_of(
        st.builds(lambda name: {"Ref": name}, TEXTS),
        st.builds(lambda name: {"Condition": name}, TEXTS),
        st.builds(
            lambda name, attribute: {"Fn::GetAtt": [name, attribute]}, NAMES, st.sampled_from(["Arn", "Outputs.A"])
        ),
        st.builds(lambda name, items: {name: items}, st.sampled_from(FUNCTIONS), st.lists(values, max_size=4)),
        st.builds(lambda name, value: {name: value}, st.sampled_from(FUNCTIONS), values),
        st.builds(lambda text, values: {"Fn::Sub": [text, values]}, TEXTS, st.dictionaries(NAMES, values, max_size=3)),
    )


VALUES = st.recursive(
    SCALARS,
    lambda values: (
        st.lists(values, max_size=4) | st.dictionaries(NAMES | TEXTS, values, max_size=4) | intrinsics(values)
    ),
    max_leaves=15,
)


def template_with(value: Any) -> dict[str, Any]:
    return {"Resources": {"Some": {"Type": "AWS::Some::Type", "Properties": {"Value": value}}}}


@given(VALUES)
def test_what_is_written_is_read_back_the_same(value: Any) -> None:
    assert load(dump(template_with(value))) == template_with(value)


@given(VALUES)
def test_reading_and_writing_again_gives_the_same_bytes(value: Any) -> None:
    text = dump(template_with(value))
    assert dump(load(text)) == text


class _Dumper(yaml.CSafeDumper):
    """PyYAML's own way to the same text, by a tree of nodes."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _represent_text(dumper: yaml.CSafeDumper, text: str, tag: str = "tag:yaml.org,2002:str") -> yaml.Node:
    body = text.removesuffix("\n")
    is_block = "\n" in body and not body.endswith("\n")
    return dumper.represent_scalar(tag, text, style="|" if is_block else None)


def _represent_mapping(dumper: yaml.CSafeDumper, mapping: dict[str, Any]) -> yaml.Node:
    function, argument = next(iter(mapping.items()), (None, None))
    if len(mapping) == 1 and function in SHORT_FORMS:
        parts = argument if isinstance(argument, list) else []
        if function == "Fn::GetAtt" and isinstance(argument, list) and all(isinstance(part, str) for part in parts):
            return dumper.represent_scalar("!GetAtt", ".".join(argument))
        if isinstance(argument, str) and function != "Fn::GetAtt":
            return _represent_text(dumper, argument, SHORT_FORMS[function])
        if isinstance(argument, list) and function not in ("Ref", "Condition", "Fn::GetAtt"):
            is_short = len(json.dumps(argument)) <= ONE_LINE
            return dumper.represent_sequence(SHORT_FORMS[function], argument, flow_style=is_short)
    return dumper.represent_mapping("tag:yaml.org,2002:map", mapping)


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(dict, _represent_mapping)


@given(VALUES)
def test_it_writes_what_pyyaml_would(value: Any) -> None:
    content = {"Metadata": {"A": value, "B": {"C": [value]}}}
    expected = yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)
    assert dump(content) == expected + "Resources: {}\n"


@given(st.dictionaries(NAMES | st.just("A" * 129), VALUES | st.dictionaries(NAMES, VALUES), min_size=1, max_size=4))
def test_a_blank_line_stands_between_resources_and_nowhere_else(values: dict[str, Any]) -> None:
    resources = {name: {"Type": "AWS::Some::Type", "Properties": value} for name, value in values.items()}
    each = [dump({"Resources": {name: resource}}) for name, resource in resources.items()]
    assert dump({"Resources": resources}) == "Resources:\n" + "\n".join(text.partition("\n")[2] for text in each)


@pytest.mark.parametrize("value", [{1, 2}, b"a", object()])
def test_what_has_no_form_is_refused(value: object) -> None:
    with pytest.raises(yaml.YAMLError):
        dump(template_with(value))


@pytest.mark.parametrize("text", NASTY)
def test_text_stays_text_as_value_key_and_argument(text: str) -> None:
    value = [text, {text: text, "Other": 1}, {"Ref": text}, {"Fn::Sub": text}, {"Fn::Join": [text, [text]]}]
    assert load(dump(template_with(value))) == template_with(value)


@pytest.mark.parametrize("text", ["yes", "no", "on", "12:30", "2012-10-17", "010", "1_000", "~", ""])
def test_any_reader_of_yaml_1_1_sees_text(text: str) -> None:
    """CloudFormation reads YAML 1.1: without quotes these are booleans, times, dates, octal numbers and nothing."""
    assert yaml.safe_load(dump(template_with(text)))["Resources"]["Some"]["Properties"]["Value"] == text


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"Ref": "Vpc"}, "Value: !Ref Vpc\n"),
        ({"Ref": "AWS::Region"}, "Value: !Ref AWS::Region\n"),
        ({"Fn::GetAtt": ["Vpc", "CidrBlock"]}, "Value: !GetAtt Vpc.CidrBlock\n"),
        ({"Fn::GetAtt": ["Network", "Outputs.VpcId"]}, "Value: !GetAtt Network.Outputs.VpcId\n"),
        ({"Fn::GetAtt": ["Database", "Endpoint.Address"]}, "Value: !GetAtt Database.Endpoint.Address\n"),
        ({"Fn::Sub": "a-${Name}"}, "Value: !Sub a-${Name}\n"),
        ({"Condition": "HasDomain"}, "Value: !Condition HasDomain\n"),
        (
            {"Fn::Select": ["0", {"Fn::Cidr": [{"Ref": "Vpc"}, "16", "12"]}]},
            "Value: !Select ['0', !Cidr [!Ref Vpc, '16', '12']]\n",
        ),
        (
            {"Fn::Or": [{"Condition": f"AConditionWithALongName{number}"} for number in range(3)]},
            "Value: !Or\n"
            "      - !Condition AConditionWithALongName0\n"
            "      - !Condition AConditionWithALongName1\n"
            "      - !Condition AConditionWithALongName2\n",
        ),
        ({"Fn::Base64": {"Ref": "Script"}}, "Value:\n        Fn::Base64: !Ref Script\n"),
        ({"Fn::Base64": {"Fn::Sub": "a"}}, "Value:\n        Fn::Base64: !Sub a\n"),
        ({"Fn::Sub": "#!/bin/bash\nset -e\n"}, "Value: !Sub |\n        #!/bin/bash\n        set -e\n"),
        ("#!/bin/bash\nset -e\n", "Value: |\n        #!/bin/bash\n        set -e\n"),
    ],
)
def test_function_has_its_short_form_and_a_script_is_a_block(value: Any, written: str) -> None:
    text = dump(template_with(value))
    assert text.endswith(written)
    assert load(text) == template_with(value)


def test_condition_of_a_policy_statement_is_no_function() -> None:
    statement = {"Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    assert "!Condition" not in dump(template_with(statement))
    assert load(dump(template_with(statement))) == template_with(statement)


@pytest.mark.parametrize("text", ["A: !Ref Vpc", "A:\n  Ref: Vpc"])
def test_long_and_short_form_are_read_the_same(text: str) -> None:
    assert load(text) == {"A": {"Ref": "Vpc"}}


@pytest.mark.parametrize("text", ["A: !GetAtt Vpc.CidrBlock", "A: !GetAtt [Vpc, CidrBlock]"])
def test_get_att_is_read_from_text_and_from_a_list(text: str) -> None:
    assert load(text) == {"A": {"Fn::GetAtt": ["Vpc", "CidrBlock"]}}


def test_get_att_is_cut_at_the_first_dot() -> None:
    assert load("A: !GetAtt Network.Outputs.VpcId") == {"A": {"Fn::GetAtt": ["Network", "Outputs.VpcId"]}}


@pytest.mark.parametrize("text", ["A: !Reff Vpc", "A: !ref Vpc", "A: !Fn::Sub a", "A: !Include x", "A: !<!Nope> x"])
def test_unknown_function_is_rejected_with_its_place(text: str) -> None:
    with pytest.raises(yaml.YAMLError, match=r"(?s)is no function that our templates use.*line 1"):
        load(text)


def test_function_of_a_mapping_is_rejected() -> None:
    with pytest.raises(yaml.YAMLError, match="!Ref takes text or a list"):
        load("A: !Ref {B: c}")


def test_python_objects_are_rejected() -> None:
    with pytest.raises(yaml.YAMLError):
        load("A: !!python/object/apply:os.system [id]")


@pytest.mark.parametrize("text", ["", "- a", "text", "1"])
def test_what_is_no_mapping_is_no_template(text: str) -> None:
    with pytest.raises(yaml.YAMLError, match="a template is a mapping of sections"):
        load(text)


def test_sections_come_in_reading_order_whatever_the_input() -> None:
    names = ["Outputs", "Resources", "Conditions", "Mappings", "Rules", "Parameters", "Metadata", "Description"]
    sections = ["AWSTemplateFormatVersion", *reversed(names)]
    content: dict[str, Any] = {name: {} for name in names} | {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Outputs": {"A": {"Value": 1}},
    }
    assert list(load(dump(content))) == sections


def test_resource_says_what_it_is_before_its_properties() -> None:
    resource = {
        "Properties": {}, "UpdateReplacePolicy": "Retain", "DeletionPolicy": "Retain", "Condition": "Some", "Type": "A",
    }  # fmt: skip
    written = load(dump({"Resources": {"Some": resource}}))["Resources"]["Some"]
    assert list(written) == ["Type", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "Properties"]
    assert written == resource


def test_same_object_twice_is_written_twice() -> None:
    """CloudFormation reads no aliases."""
    shared = {"Key": ["a"]}
    text = dump(template_with([shared, shared]))
    assert "&" not in text
    assert "*" not in text


def test_input_stays_as_it_was() -> None:
    content: dict[str, Any] = {"Outputs": {"A": {"Value": 1, "Description": "A."}}, "Resources": {}}
    dump(content)
    assert list(content) == ["Outputs", "Resources"]
    assert list(content["Outputs"]["A"]) == ["Value", "Description"]


def test_what_a_parameter_allows_stands_on_one_line() -> None:
    """The root has many of them, and its body is limited to what a request takes."""
    template = {"Parameters": {"Switch": {"Type": "String", "AllowedValues": ["true", "off", "1"]}}, "Resources": {}}
    assert "    AllowedValues: ['true', 'off', '1']\n" in dump(template)
    assert load(dump(template)) == template
