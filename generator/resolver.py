"""What a release becomes: the concrete resources of all of its nested stacks, before anything is deployed.

Impact, deployment time, exposure, cost and diagrams read this one model. Parameters are checked as CloudFormation
checks them, conditions are decided, functions evaluated, and values followed through the outputs of one nested stack
into the parameters of the next. What is known only after deployment is a symbol:

    ⟨Network/Vpc⟩              what `Ref` gives of resource Vpc in nested stack Network
    ⟨Network/Vpc.CidrBlock⟩    what `Fn::GetAtt` gives of it
    ⟨WebTier⟩                  `Ref` of a resource of the root itself, here a nested stack
    ⟨ssm:/the/path⟩            a parameter of an SSM type
    ⟨WebTier/AWS::StackName⟩   a pseudo parameter that only CloudFormation knows

Numbers that come from a parameter are text, as CloudFormation hands them on; dynamic references (`{{resolve:...}}`)
stay as they are.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import yaml

from generator import template_yaml
from generator.errors import UserError
from generator.intrinsics import FUNCTIONS, IntrinsicError, apply, as_text, has_symbol, split_items, substitute, symbol
from generator.naming import PROJECT, resource_address, root_stack_name
from generator.nesting import TEMPLATE_URL

NESTED_STACK = "AWS::CloudFormation::Stack"

SSM_VALUE = re.compile(r"AWS::SSM::Parameter::Value<(?P<type>.+)>")
"""The type of a parameter whose value CloudFormation reads from SSM; the parameter itself holds the path."""

CHILD_FILE = re.compile(r"[a-z][a-z0-9_]*\.yaml")

REFERENCE = re.compile(r"⟨(?P<address>\w+(?:/\w+)*)(?:\.(?P<attribute>[\w.-]+))?⟩", re.ASCII)
"""A symbol of a resource; those of SSM and of pseudo parameters have a colon."""

PARTITIONS: Mapping[str, str] = MappingProxyType({"cn-": "aws-cn", "us-gov-": "aws-us-gov"})
"""Partitions by the beginning of their regions' names; every other region is in `aws`.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html"""

DEPLOY_TIME_PSEUDO_PARAMETERS = ("AWS::StackName", "AWS::StackId", "AWS::NotificationARNs")
"""What only CloudFormation knows; the name of the root's own stack is ours."""


CONSTRAINTS = ("AllowedValues", "AllowedPattern", "MinLength", "MaxLength", "MinValue", "MaxValue")
"""The constraints of a parameter."""

ENTRIES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"Parameters": ("Type",), "Rules": ("Assertions",), "Resources": ("Type",), "Outputs": ("Value",)}
)
"""What each entry of a template's section must have."""

SECTIONS = (*ENTRIES, "Conditions", "Mappings")
"""The sections that are mappings by name."""


class Reference(NamedTuple):
    """That a value comes from a resource: its address, and the attribute; empty for what `Ref` gives."""

    address: str
    attribute: str


@dataclass(frozen=True)
class Resource:
    """One resource as it will be asked for."""

    stack: str
    """The path of the nested stack below the root, such as `Network`; empty for the root itself."""
    logical_id: str
    type: str
    properties: Mapping[str, Any]
    attributes: Mapping[str, Any]
    """What stands beside type, condition and properties: `DeletionPolicy`, `CreationPolicy`, `Metadata` and so on.
    `DependsOn` is a list, without resources that do not exist."""
    condition: str | None
    """The name of the condition that holds for it, if it has one."""
    template: str
    """The file that says so, such as `network.yaml`."""
    waits_for: tuple[str, ...]
    """Addresses of the resources of the same stack that CloudFormation finishes first, sorted."""

    @property
    def address(self) -> str:
        """Return the resource's place in the whole: `Network/Vpc`, or `WebTier` in the root."""
        return resource_address(self.stack, self.logical_id)

    @cached_property
    def referred(self) -> frozenset[str]:
        """The addresses of the resources whose symbols stand in its properties."""
        return frozenset(reference.address for reference in references(self.properties))


@dataclass(frozen=True)
class Resolution:
    """All that a release becomes with one environment's parameters. Mappings are in the order of the templates."""

    stack_name: str
    account_id: str
    region: str
    resources: Mapping[str, Resource]
    """By address; a nested stack comes before what it holds. Only what exists under the conditions."""
    parameters: Mapping[str, Mapping[str, Any]]
    """The values of each stack's parameters, by the stack's path; the root is the empty path."""
    stack_outputs: Mapping[str, Mapping[str, Any]]
    """The outputs of each stack, by the stack's path."""

    @property
    def outputs(self) -> Mapping[str, Any]:
        """The root's outputs."""
        return self.stack_outputs[""]

    def of_type(self, resource_type: str) -> list[Resource]:
        """Return the resources of one type."""
        return [resource for resource in self.resources.values() if resource.type == resource_type]

    def of_stack(self, stack: str) -> list[Resource]:
        """Return the resources of one stack by its path, without those of stacks nested in it."""
        return [resource for resource in self.resources.values() if resource.stack == stack]

    def dependencies(self) -> dict[str, frozenset[str]]:
        """Return, for each address, the addresses that it refers to or waits for, also in other stacks."""
        return {
            address: frozenset(
                {reference.address for reference in references([resource.properties, resource.attributes])}
                | set(resource.waits_for)
            )
            for address, resource in self.resources.items()
        }


def resolve(
    release: Path,
    root: str,
    parameters: Mapping[str, str],
    account_id: str,
    region: str,
    known: Mapping[str, str] = MappingProxyType({}),
    stack_name: str = "",
) -> Resolution:
    """Return what the root of a release becomes with these parameters.

    `root` is a short name such as `platform`; `known` gives symbols, brackets included, the values that they have after
    a deployment; `stack_name` is the root stack's where it is not an environment's. Raises `UserError` for parameters
    that CloudFormation would refuse, a template that it would refuse, or a condition that hangs on what only a
    deployment tells.
    """
    context = _Context(release, account_id, region, known, stack_name)
    context.check()
    given = {name: context.with_known(value) for name, value in parameters.items()}
    stacks = list(_Stack(context, "", f"{root}.yaml", given).with_nested())
    return Resolution(
        stack_name=stacks[0].pseudo["AWS::StackName"],
        account_id=account_id,
        region=region,
        resources={resource.address: resource for each in stacks for resource in each.existing()},
        parameters={each.path: each.parameters for each in stacks},
        stack_outputs={each.path: each.outputs() for each in stacks},
    )


@lru_cache(maxsize=128)
def parsed(text: str) -> Mapping[str, Any]:
    """Return a template that nobody changes: the same few are read for every setting. Raises `yaml.YAMLError`."""
    return template_yaml.load(text)


def references(value: Any) -> set[Reference]:
    """Return the resources whose symbols stand anywhere in a value, also inside longer text and other symbols."""
    found: set[Reference] = set()
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            if "⟨" in part:
                named = REFERENCE.finditer(part)
                found.update(Reference(match["address"], match["attribute"] or "") for match in named)
        elif isinstance(part, (list, tuple)):
            waiting.extend(part)
        elif isinstance(part, Mapping):
            waiting.extend(part.values())
    return found


class _Defect(Exception):  # noqa: N818 - becomes a UserError as soon as the place is known
    """What CloudFormation would refuse, without the place where it stands."""


class _NoValue:
    """What `AWS::NoValue` gives, and what is then left out."""

    def __repr__(self) -> str:
        return "AWS::NoValue"


@dataclass(frozen=True)
class _Context:
    """What is the same for all stacks of a resolution."""

    release: Path
    account_id: str
    region: str
    known: Mapping[str, str]
    stack_name: str

    def check(self) -> None:
        if not re.fullmatch(r"\d{12}", self.account_id, re.ASCII):
            raise UserError(f"account id {self.account_id!r} is not allowed; allowed: 12 digits")
        if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", self.region, re.ASCII):
            raise UserError(f"region {self.region!r} is not allowed; allowed: a region's name such as eu-west-1")
        for unknown in self.known:
            if not (unknown.startswith("⟨") and unknown.endswith("⟩")):
                raise UserError(f"known value of {unknown!r}: a symbol stands between ⟨ and ⟩, such as ⟨Network/Vpc⟩")

    def pseudo_parameters(self) -> dict[str, Any]:
        partition = next((name for prefix, name in PARTITIONS.items() if self.region.startswith(prefix)), "aws")
        return {
            "AWS::AccountId": self.account_id,
            "AWS::Region": self.region,
            "AWS::Partition": partition,
            "AWS::URLSuffix": "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com",
            "AWS::NoValue": _NoValue(),
        }

    def symbol(self, content: str) -> str:
        """Return a symbol, or its value where that is known."""
        return self.with_known(symbol(content))

    def with_known(self, text: str) -> str:
        """Return text with the known values in the places of their symbols."""
        for unknown, value in self.known.items():
            text = text.replace(unknown, value)
        return text


class _Stack:
    """One stack while it is resolved. Its parts are resolved when they are first asked for, and then kept."""

    def __init__(self, context: _Context, path: str, file: str, given: Mapping[str, Any]) -> None:
        self.context, self.path, self.file = context, path, file
        self.template = _read_template(context.release / file)
        self._conditions: dict[str, bool | None] = {}
        self._resources: dict[str, Resource] = {}
        self._outputs: dict[str, Any] = {}
        self._nested: dict[str, _Stack | None] = {}
        self.parameters = self._parameter_values(given)
        self.pseudo = self._pseudo_parameters()
        self._check_rules()

    def with_nested(self) -> Iterator[_Stack]:
        """Yield this stack and, in the order of the templates, all that are nested in it."""
        yield self
        for logical_id in self._existing_ids():
            if self._is_nested_stack(logical_id):
                yield from self._nested_stack(logical_id).with_nested()

    def existing(self) -> list[Resource]:
        """Return the stack's own resources."""
        return [self._resource(logical_id) for logical_id in self._existing_ids()]

    def outputs(self) -> dict[str, Any]:
        """Return the outputs that exist under the conditions."""
        declared = self.template.get("Outputs", {})
        return {name: self._output(name) for name in declared if self._applies(f"Outputs/{name}", declared[name])}

    # Parameters

    def _pseudo_parameters(self) -> dict[str, Any]:
        at_deployment = {
            name: self.context.symbol(resource_address(self.path, name)) for name in DEPLOY_TIME_PSEUDO_PARAMETERS
        }
        name = self.context.stack_name or _root_stack_name(self.file, self.parameters)
        own_name = {} if self.path else {"AWS::StackName": name}
        return {**self.context.pseudo_parameters(), **at_deployment, **own_name}

    def _parameter_values(self, given: Mapping[str, Any]) -> dict[str, Any]:
        declared = self.template.get("Parameters", {})
        undeclared = [name for name in given if name not in declared]
        if undeclared:
            allowed = ", ".join(declared) or "none"
            raise UserError(
                f"{self.context.release / self.file}: parameter {undeclared[0]} is not declared; allowed: {allowed}"
            )
        values = {}
        for name, parameter in declared.items():
            with self._at(f"Parameters/{name}"):
                if name not in given and "Default" not in parameter:
                    raise _Defect(f"parameter {name} has neither a value nor a Default; give it one")
                text = as_text(given[name] if name in given else parameter["Default"])
                values[name] = self._parameter_value(parameter, text)
        return values

    def _parameter_value(self, parameter: Mapping[str, Any], text: str) -> Any:
        from_ssm = SSM_VALUE.fullmatch(parameter["Type"])
        kind = from_ssm["type"] if from_ssm else parameter["Type"]
        is_list = kind == "CommaDelimitedList" or kind.startswith("List<")
        if from_ssm:
            # The constraints are those of the path.
            _check_parameter(parameter, "String", [text])
            text = self.context.symbol(f"ssm:{text}")
        else:
            _check_parameter(parameter, kind, _items(text) if is_list else [text])
        return _items(text) if is_list else text

    def _check_rules(self) -> None:
        for name, rule in self.template.get("Rules", {}).items():
            with self._at(f"Rules/{name}"):
                if "RuleCondition" in rule and not self._test(rule["RuleCondition"]):
                    continue
                for assertion in rule["Assertions"]:
                    if not self._test(assertion["Assert"]):
                        raise _Defect(assertion.get("AssertDescription", "an assertion does not hold"))

    # Conditions

    def _applies(self, where: str, declared: Mapping[str, Any]) -> bool:
        """Return whether a resource or an output exists."""
        with self._at(where):
            return "Condition" not in declared or self._holds(declared["Condition"])

    def _holds(self, name: Any) -> bool:
        """Return whether the condition of this name is true."""
        if not isinstance(name, str) or name not in self.template.get("Conditions", {}):
            raise _Defect(f"condition {name} is not defined")
        if name not in self._conditions:
            self._conditions[name] = None
            with self._at(f"Conditions/{name}"):
                self._conditions[name] = self._test(self.template["Conditions"][name])
        holds = self._conditions[name]
        if holds is None:
            raise _Defect(f"condition {name} depends on itself")
        return holds

    def _test(self, condition: Any) -> bool:
        match condition:
            case {"Condition": str(name)}:
                return self._holds(name)
            case {"Fn::Equals": [left, right]}:
                return self._equal(self._value(left, set()), self._value(right, set()))
            case {"Fn::Not": [part]}:
                return not self._test(part)
            case {"Fn::And": [*parts]}:
                return all(self._test(part) for part in parts)
            case {"Fn::Or": [*parts]}:
                return any(self._test(part) for part in parts)
        raise _Defect(f"{condition!r} is no condition; allowed: Condition, Fn::And, Fn::Equals, Fn::Not, Fn::Or")

    def _equal(self, left: Any, right: Any) -> bool:
        """Compare as text, as CloudFormation does. Two symbols may come to the same value, so they decide nothing."""
        left, right = (side if isinstance(side, list) else as_text(side) for side in (left, right))
        for side, other in ((left, right), (right, left)):
            if has_symbol(side) and side != other:
                raise _Defect(f"the condition depends on {side}, which is known only after deployment")
        return bool(left == right)

    # Resources and outputs

    def _existing_ids(self) -> list[str]:
        declared = self.template["Resources"]
        return [name for name in declared if self._applies(f"Resources/{name}", declared[name])]

    def _is_nested_stack(self, logical_id: str) -> bool:
        return bool(self.template["Resources"][logical_id]["Type"] == NESTED_STACK)

    def _resource(self, logical_id: str) -> Resource:
        if logical_id not in self._resources:
            with self._at(f"Resources/{logical_id}"):
                self._resources[logical_id] = self._resolved(logical_id, self.template["Resources"][logical_id])
        return self._resources[logical_id]

    def _resolved(self, logical_id: str, declared: Mapping[str, Any]) -> Resource:
        used: set[str] = set()
        beside = {key: value for key, value in declared.items() if key not in ("Type", "Condition", "Properties")}
        if "DependsOn" in beside:
            beside["DependsOn"] = self._depends_on(declared["DependsOn"])
            used.update(beside["DependsOn"])
        return Resource(
            stack=self.path,
            logical_id=logical_id,
            type=declared["Type"],
            properties=self._properties(declared.get("Properties") or {}, used),
            attributes=self._value(beside, used),
            condition=declared.get("Condition"),
            template=self.file,
            waits_for=tuple(resource_address(self.path, name) for name in sorted(used)),
        )

    def _properties(self, declared: Any, used: set[str]) -> Mapping[str, Any]:
        properties = self._value(declared, used)
        if not isinstance(properties, dict):
            raise _Defect("Properties must be a mapping")
        return properties

    def _depends_on(self, names: str | list[str]) -> list[str]:
        """Return the resources among these that exist; CloudFormation waits for no others."""
        wanted = [names] if isinstance(names, str) else names
        declared = self.template["Resources"]
        for name in wanted:
            if not isinstance(name, str) or name not in declared:
                raise _Defect(f"DependsOn names {name}, which is no resource")
        return [name for name in wanted if self._applies(f"Resources/{name}", declared[name])]

    def _output(self, name: str) -> Any:
        if name not in self._outputs:
            with self._at(f"Outputs/{name}"):
                self._outputs[name] = self._value(self.template["Outputs"][name]["Value"], set())
        return self._outputs[name]

    def _nested_stack(self, logical_id: str) -> _Stack:
        """Return the stack that a resource nests, resolved as far as its parameters."""
        if logical_id not in self._nested:
            self._nested[logical_id] = None
            properties = self._resource(logical_id).properties
            with self._at(f"Resources/{logical_id}"):
                file = self._child_file(logical_id)
                given = properties.get("Parameters", {})
                if not isinstance(given, dict):
                    raise _Defect("Parameters of a nested stack must be a mapping")
                self._nested[logical_id] = _Stack(self.context, resource_address(self.path, logical_id), file, given)
        stack = self._nested[logical_id]
        if stack is None:
            raise _Defect(f"nested stack {logical_id} waits for itself")
        return stack

    def _child_file(self, logical_id: str) -> str:
        """Return the name of a nested template's file, which stands beside this one in the release."""
        url = self.template["Resources"][logical_id].get("Properties", {}).get("TemplateURL")
        match url:
            case {"Fn::Sub": str(text)} if CHILD_FILE.fullmatch(text.removeprefix(TEMPLATE_URL)):
                return text.removeprefix(TEMPLATE_URL)
        raise _Defect(f"TemplateURL must be a Sub of {TEMPLATE_URL} and the name of a file, not {url!r}")

    # Values

    def _value(self, value: Any, used: set[str]) -> Any:
        """Return a value with its functions evaluated; add the resources that it names to `used`."""
        if isinstance(value, list):
            items = (self._value(item, used) for item in value)
            return [item for item in items if not isinstance(item, _NoValue)]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(function, argument)] = value.items()
            if function == "Ref" or str(function).startswith("Fn::"):
                return self._function(function, argument, used)
        functions = [key for key in value if str(key).startswith("Fn::")]
        if functions:
            raise _Defect(f"{functions[0]} must stand alone, but stands beside {len(value) - 1} others")
        content = {key: self._value(item, used) for key, item in value.items()}
        return {key: item for key, item in content.items() if not isinstance(item, _NoValue)}

    def _function(self, function: str, argument: Any, used: set[str]) -> Any:
        match function, argument:
            case "Ref", str(name):
                return self._ref(name, used)
            case "Fn::GetAtt", [str(name), attribute]:
                return self._attribute(name, as_text(self._value(attribute, used)), used)
            case "Fn::GetAtt", str(text) if "." in text:
                name, _, attribute = text.partition(".")
                return self._attribute(name, attribute, used)
            case "Fn::If", [str(name), chosen, otherwise]:
                return self._value(chosen if self._holds(name) else otherwise, used)
            case "Fn::Sub", str(text):
                return self._substituted(text, {}, used)
            case "Fn::Sub", [str(text), dict(values)]:
                return self._substituted(text, values, used)
            case "Fn::FindInMap", [_, _, _]:
                return self._find_in_map(*(as_text(self._value(key, used)) for key in argument))
        if function not in FUNCTIONS:
            raise _Defect(f"{function} of {argument!r} is nothing that the resolver knows")
        result = apply(function, self._value(argument, used))
        return self.context.with_known(result) if isinstance(result, str) else result

    def _ref(self, name: str, used: set[str]) -> Any:
        for values in (self.parameters, self.pseudo):
            if name in values:
                return values[name]
        self._use(name, used)
        return self.context.symbol(resource_address(self.path, name))

    def _attribute(self, name: str, attribute: str, used: set[str]) -> Any:
        self._use(name, used)
        kind, _, output = attribute.partition(".")
        if self._is_nested_stack(name) and kind == "Outputs":
            nested = self._nested_stack(name)
            if output not in nested.outputs():
                there = ", ".join(nested.outputs()) or "none"
                raise _Defect(f"nested stack {name} has no output {output}; those of {nested.file}: {there}")
            return nested.outputs()[output]
        return self.context.symbol(f"{resource_address(self.path, name)}.{attribute}")

    def _use(self, name: str, used: set[str]) -> None:
        if name not in self.template["Resources"]:
            raise _Defect(f"{name} is neither a parameter nor a resource")
        if not self._applies(f"Resources/{name}", self.template["Resources"][name]):
            condition = self.template["Resources"][name]["Condition"]
            raise _Defect(f"{name} is used, but does not exist: its condition {condition} does not hold")
        used.add(name)

    def _substituted(self, text: str, values: Mapping[str, Any], used: set[str]) -> str:
        def value_of(name: str) -> Any:
            if name in values:
                return self._value(values[name], used)
            resource, dot, attribute = name.partition(".")
            return self._attribute(resource, attribute, used) if dot else self._ref(name, used)

        return substitute(text, value_of)

    def _find_in_map(self, *keys: str) -> Any:
        if any(has_symbol(key) for key in keys):
            return self.context.symbol(" ".join(["Fn::FindInMap", *keys]))
        found: Any = self.template.get("Mappings", {})
        for key in keys:
            if key not in found:
                raise _Defect(f"Fn::FindInMap finds no {key}; the mapping has {', '.join(found) or 'nothing'}")
            found = found[key]
        return found

    # Places

    @contextlib.contextmanager
    def _at(self, section: str) -> Iterator[None]:
        """Say of what goes wrong inside where it stands."""
        try:
            yield
        except (_Defect, IntrinsicError) as error:
            raise UserError(f"{self.context.release / self.file}: {section}: {error}") from error


def _root_stack_name(file: str, parameters: Mapping[str, Any]) -> str:
    """Return the name of a root's stack; a stack's name takes hyphens, not underscores."""
    if "EnvironmentName" in parameters:
        return root_stack_name(parameters["EnvironmentName"])
    return f"{PROJECT}-{file.removesuffix('.yaml').replace('_', '-')}"


def _read_template(path: Path) -> Mapping[str, Any]:
    try:
        template = parsed(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}. Generate the release first.") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"{path}: is no template: {error}") from error
    if not template.get("Resources"):
        raise UserError(f"{path}: has no Resources")
    for section, entries in template.items():
        for name, entry in _entries(path, section, entries):
            missing = [key for key in ENTRIES[section] if not (isinstance(entry, dict) and key in entry)]
            if missing:
                raise UserError(f"{path}: {section}/{name}: has no {missing[0]}")
    return template


def _entries(path: Path, section: str, entries: Any) -> list[tuple[str, Any]]:
    """Return what a section declares, for the sections whose entries have a shape."""
    if section in SECTIONS and not isinstance(entries, dict):
        raise UserError(f"{path}: {section} must be a mapping")
    return list(entries.items()) if section in ENTRIES else []


def _items(text: str) -> list[str]:
    return [item.strip() for item in split_items(text)]


def _check_parameter(parameter: Mapping[str, Any], kind: str, values: list[str]) -> None:
    """Hold each value to the parameter's constraints, as far as it is known. The pattern must match all of it.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
    """
    for value in values:
        try:
            refused = not has_symbol(value) and not _allowed(parameter, kind, value)
        except (re.error, TypeError, ValueError) as error:
            raise _Defect(f"its constraints cannot be read: {error}") from error
        if refused:
            raise _Defect(f"{value!r} is not allowed; allowed: {_in_words(parameter, kind)}")


def _in_words(parameter: Mapping[str, Any], kind: str) -> str:
    if "ConstraintDescription" in parameter:
        return str(parameter["ConstraintDescription"])
    return ", ".join(f"{key} {parameter[key]}" for key in CONSTRAINTS if key in parameter) or f"a {kind}"


def _allowed(parameter: Mapping[str, Any], kind: str, value: str) -> bool:
    if "AllowedValues" in parameter and value not in map(as_text, parameter["AllowedValues"]):
        return False
    if "AllowedPattern" in parameter and not re.fullmatch(parameter["AllowedPattern"], value, re.ASCII):
        return False
    if not int(parameter.get("MinLength", 0)) <= len(value) <= int(parameter.get("MaxLength", len(value))):
        return False
    if kind not in ("Number", "List<Number>"):
        return True
    if not re.fullmatch(r"-?\d+(\.\d+)?", value, re.ASCII):
        return False
    return float(parameter.get("MinValue", "-inf")) <= float(value) <= float(parameter.get("MaxValue", "inf"))
