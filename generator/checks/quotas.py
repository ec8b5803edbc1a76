"""CloudFormation's quotas, gated at 80 %: a template is split while there is time, not when it no longer deploys.

A root's body is gated at 90 %: there is little to split in a root that holds nothing but nested stacks, and the rest is
room for ten more of them.

Source of every figure: "AWS CloudFormation quotas" in the AWS CloudFormation User Guide, and for the descriptions of
outputs and parameters the sections "Outputs" and "Parameters" of the same guide.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html

One quota is EC2's, which nobody checks before an instance is to start: the size of user data before it is encoded.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

GATE_PERCENT = 80
GATE_PERCENT_OF_ROOTS = 90

Amounts = Iterable[tuple[str, int]]
"""What is measured, as the message says it (empty for the template as a whole), and how much of it there is."""

Measure = Callable[[Mapping[str, Any]], Amounts]


@dataclass(frozen=True)
class Quota:
    """One quota: how much of which unit, what to do when it gets tight, and whose it is."""

    limit: int
    unit: str
    advice: str
    service: str = "CloudFormation"
    gate_percent: int = GATE_PERCENT

    @property
    def gate(self) -> int:
        """The largest amount that still passes."""
        return self.limit * self.gate_percent // 100

    def objection(self, subject: str, amount: int) -> str:
        """Return the message for an amount above the gate."""
        gate = f"the gate is at {self.gate:,}, {self.gate_percent} % of {self.service}'s {self.limit:,}"
        return f"{subject} has {amount:,} {self.unit}; {gate}. {self.advice}"


BODY_IN_S3 = Quota(1_048_576, "bytes", "Split the stack.")
BODY_IN_REQUEST = Quota(
    51_200,
    "bytes",
    "It is deployed directly, not from S3: move resources into a nested stack, and say descriptions in fewer words.",
    gate_percent=GATE_PERCENT_OF_ROOTS,
)
DYNAMIC_REFERENCES = Quota(60, "dynamic references", "Split the stack.")
PARAMETER_VALUE = Quota(4_096, "bytes", "Shorten it, or hand it over in an SSM parameter or an S3 object.")
NAME = Quota(255, "characters", "Shorten it.")
USER_DATA = Quota(16_384, "bytes", "Shorten the scripts, or fetch a part of them from a bucket.", service="EC2")


def check_quotas(name: str, body: str, template: Mapping[str, Any], *, root: bool) -> list[str]:
    """Return a message for each quota of which a template uses more than its gate lets pass.

    `name` is the file's name for the messages, `body` its text and `template` the same parsed, with long-form
    intrinsics. A `root` is deployed directly: its body travels in the request, which takes far less than S3.
    """
    measured = [
        (BODY_IN_REQUEST if root else BODY_IN_S3, "its body", _bytes(body)),
        (DYNAMIC_REFERENCES, "", body.count("{{resolve:")),
        *((quota, subject, amount) for quota, measure in TEMPLATE_QUOTAS for subject, amount in measure(template)),
    ]
    return [
        quota.objection(f"{name}: {subject}" if subject else name, amount)
        for quota, subject, amount in measured
        if amount > quota.gate
    ]


def check_parameter_values(source: str, values: Mapping[str, str]) -> list[str]:
    """Return a message for each parameter value longer than 80 % of what CloudFormation takes.

    `source` says in the messages where the values come from, such as `params/prod.json`.
    """
    return [
        PARAMETER_VALUE.objection(f"{source}: the value of parameter {parameter}", _bytes(value))
        for parameter, value in values.items()
        if _bytes(value) > PARAMETER_VALUE.gate
    ]


def _bytes(text: str) -> int:
    return len(text.encode())


def _section(template: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    return template.get(section) or {}


def _entries(section: str) -> Measure:
    return lambda template: [("", len(_section(template, section)))]


def _names(section: str, kind: str) -> Measure:
    return lambda template: [(f"the name of {kind} {name}", len(name)) for name in _section(template, section)]


def _descriptions(section: str, kind: str, size: Callable[[str], int]) -> Measure:
    return lambda template: [
        (f"the description of {kind} {name}", size(declared.get("Description", "")))
        for name, declared in _section(template, section).items()
    ]


def _template_description(template: Mapping[str, Any]) -> Amounts:
    return [("its description", _bytes(template.get("Description") or ""))]


def _defaults(template: Mapping[str, Any]) -> Amounts:
    return [
        (f"the default of parameter {name}", _bytes(str(declared.get("Default", ""))))
        for name, declared in _section(template, "Parameters").items()
    ]


def _mapping_attributes(template: Mapping[str, Any]) -> Amounts:
    """Count both levels: the guide does not say which is meant, and cfn-lint holds both to the quota."""
    for name, rows in _section(template, "Mappings").items():
        yield f"mapping {name}", len(rows)
        for key, row in rows.items():
            yield f"mapping {name}.{key}", len(row)


def _mapping_names(template: Mapping[str, Any]) -> Amounts:
    for name, rows in _section(template, "Mappings").items():
        yield f"the name of mapping {name}", len(name)
        for key, row in rows.items():
            yield f"the name of attribute {name}.{key}", len(key)
            for attribute in row:
                yield f"the name of attribute {name}.{key}.{attribute}", len(attribute)


def _user_data(template: Mapping[str, Any]) -> Amounts:
    """Measure what stands in the template. For what deployment fills in, names and ids, the rest above the gate is."""
    for name, resource in _section(template, "Resources").items():
        if resource.get("Type") == "AWS::EC2::LaunchTemplate":
            data = resource.get("Properties", {}).get("LaunchTemplateData", {})
            yield f"the user data of {name}", _literal_bytes(data.get("UserData", ""))


def _literal_bytes(value: Any) -> int:
    match value:
        case str():
            return _bytes(value)
        case list():
            return sum(_literal_bytes(item) for item in value)
        case {"Ref": _} | {"Fn::GetAtt": _}:
            return 0
        case {"Fn::Sub": [text, _]}:
            return _literal_bytes(text)
        case dict():
            return sum(_literal_bytes(item) for item in value.values())
        case _:
            return 0


TEMPLATE_QUOTAS: tuple[tuple[Quota, Measure], ...] = (
    (Quota(500, "resources", "Split the stack."), _entries("Resources")),
    (Quota(200, "parameters", "Split the stack, or make a constant of what does not differ."), _entries("Parameters")),
    (Quota(200, "outputs", "Split the stack."), _entries("Outputs")),
    (Quota(200, "mappings", "Split the stack."), _entries("Mappings")),
    (Quota(200, "attributes", "Split the mapping."), _mapping_attributes),
    (NAME, _names("Resources", "resource")),
    (NAME, _names("Parameters", "parameter")),
    (NAME, _names("Outputs", "output")),
    (NAME, _mapping_names),
    (Quota(1_024, "bytes", "Shorten it."), _template_description),
    (Quota(1_024, "bytes", "Shorten it."), _descriptions("Outputs", "output", _bytes)),
    (Quota(4_000, "characters", "Shorten it."), _descriptions("Parameters", "parameter", len)),
    (PARAMETER_VALUE, _defaults),
    (USER_DATA, _user_data),
)
"""What is counted in every template, in the order of the messages."""
