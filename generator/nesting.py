"""From a stack module to a template, and from a template to a nested stack: the two verbs of the generator.

A stack module has a docstring, two frozen dataclasses `Parameters` and `Outputs`, and a function `build(template,
parameters) -> Outputs`. `synthesize` calls it with references to the template's own parameters and emits the outputs;
`nest` puts the stack into a root and returns the *same* `Outputs` class, now holding `GetAtt`s. What one stack hands to
another is thereby typed: a missing input, a misspelled output, a wrong type or a stack nested twice fails here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Mapping
from dataclasses import Field, fields
from functools import cache
from typing import Any, TypeVar, cast, get_type_hints

from troposphere import AWSHelperFn, GetAtt, If, Output, Parameter, Ref, Sub, Template
from troposphere.cloudformation import Stack

from generator.naming import pascal_case, stack_logical_id, template_file
from generator.parameter_types import ParameterType
from generator.retention import retain

P = TypeVar("P")
R = TypeVar("R")
Build = Callable[[Template, P], R]

TEMPLATE_URL = "https://s3.${AWS::Region}.${AWS::URLSuffix}/${TemplateBucketName}/${TemplateKeyPrefix}"
"""Where CloudFormation finds a child template: path-style, below the prefix of this one release."""


class WiringError(Exception):
    """A stack is wired wrongly. A defect of the generator's source, found before anything is written."""


def synthesize(build: Build[P, R]) -> Template:
    """Return the template of a stack module, given its `build` function.

    Raises `WiringError` where `build` returns something else than its declared `Outputs`, or an output of a wrong type.
    """
    parameters_class, outputs_class = boundary(build)
    template = Template(Description=_description(build))
    template.set_version()
    references = {f.name: _add_parameter(template, f, kind) for f, kind in _typed_fields(parameters_class)}
    outputs = build(template, parameters_class(**references))
    if type(outputs) is not outputs_class:
        raise WiringError(f"{build.__module__}.build returns {type(outputs).__name__}, not {outputs_class.__name__}")
    for declared, kind in _typed_fields(outputs_class):
        value = getattr(outputs, declared.name)
        _check_type(build, "output", declared.name, value, kind)
        title = pascal_case(declared.name)
        template.add_output(Output(title, Description=declared.metadata["description"], Value=value))
    return template


@cache
def synthesized(build: Build[Any, Any]) -> Mapping[str, Any]:
    """Return the template of a stack module as plain dictionaries with long-form intrinsics, made once a process.

    The release and the roots that are computed from its templates share it: copy before you change one.
    """
    template: Mapping[str, Any] = synthesize(build).to_dict()
    return template


def nest(root: Template, build: Build[P, R], parameters: P, condition: str | None = None) -> R:
    """Add the stack of a module to a root template and return its outputs, ready to be handed to the next stack.

    Where the stack has a condition, its outputs are `none` elsewhere: whoever takes one must allow it.

    Raises `WiringError` where the parameters are another module's, hold a value of a wrong type, or the stack is there.
    """
    parameters_class, outputs_class = boundary(build)
    logical_id = stack_logical_id(build.__module__)
    if type(parameters) is not parameters_class:
        raise WiringError(f"{logical_id} takes {parameters_class.__module__}.Parameters, not {type(parameters)!r}")
    if logical_id in root.resources:
        raise WiringError(f"{logical_id} is nested twice")
    for declared, kind in _typed_fields(parameters_class):
        _check_type(build, "parameter", declared.name, getattr(parameters, declared.name), kind)
    values = {pascal_case(f.name): getattr(parameters, f.name) for f, _ in _typed_fields(parameters_class)}
    template_url = Sub(TEMPLATE_URL + template_file(build.__module__))
    stack = Stack(logical_id, TemplateURL=template_url, Parameters=values, **conditional(condition))
    root.add_resource(retain(stack))

    def value(name: str) -> AWSHelperFn:
        attribute = GetAtt(logical_id, f"Outputs.{pascal_case(name)}")
        return If(condition, attribute, "none") if condition else attribute

    return outputs_class(**{f.name: kind(value(f.name)) for f, kind in _typed_fields(outputs_class)})


def add_condition(template: Template, name: str, condition: AWSHelperFn) -> str:
    """Add a condition and return its name. Raises `WiringError` for a second one; troposphere would overwrite the
    first.
    """
    if name in template.conditions:
        raise WiringError(f"condition {name} is defined twice")
    return template.add_condition(name, condition)


def only_if(condition: str, value: object) -> If:
    """Return the value where the condition holds, and no value at all elsewhere."""
    return If(condition, value, Ref("AWS::NoValue"))


def conditional(condition: str | None) -> dict[str, Any]:
    """Return the `Condition` attribute of a resource, or nothing for a resource that is always there."""
    return {"Condition": condition} if condition else {}


def boundary(build: Build[P, R]) -> tuple[type[P], type[R]]:
    """Return the `Parameters` and `Outputs` classes that a `build` function declares in its signature."""
    hints = _hints(build)
    return hints["parameters"], hints["return"]


@cache
def _hints(annotated: Hashable) -> Mapping[str, Any]:
    """Return the types that a function or class declares, evaluated once: a stack is made in one place, nested in
    another.
    """
    return get_type_hints(annotated)


def _description(build: Build[P, R]) -> str:
    docstring = sys.modules[build.__module__].__doc__
    if not docstring:
        raise WiringError(f"{build.__module__} has no docstring; its first line is the template's description")
    return docstring.strip().splitlines()[0]


def _typed_fields(boundary_class: type[Any]) -> list[tuple[Field[Any], type[ParameterType]]]:
    hints = _hints(cast(Hashable, boundary_class))
    return [(declared, hints[declared.name]) for declared in fields(boundary_class)]


def _add_parameter(template: Template, declared: Field[Any], kind: type[ParameterType]) -> ParameterType:
    properties: dict[str, Any] = {"Type": kind.cloudformation_type, "Description": declared.metadata["description"]}
    if declared.metadata["default"] is not None:
        properties["Default"] = declared.metadata["default"]
    title = pascal_case(declared.name)
    template.add_parameter(Parameter(title, **properties, **kind.constraints()))
    return kind(Ref(title))


def _check_type(build: Build[P, R], side: str, name: str, value: object, kind: type[ParameterType]) -> None:
    if not isinstance(value, kind):
        found = type(value).__name__
        raise WiringError(f"{side} {name} of {build.__module__} must be a {kind.__name__}, but is a {found}")
