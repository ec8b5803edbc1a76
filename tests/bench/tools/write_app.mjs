// Writes an AWS CDK app that makes given templates: `node write_app.mjs templates.json FOLDER javascript|python`.
//
// Every resource becomes its typed L1 construct, with the properties that somebody would have written by hand; CDK's own
// reader of CloudFormation says how they are called. Type, count and properties of what the app then synthesizes are
// compared with the templates elsewhere.

import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import * as languages from "./languages.mjs";
import { ANY, TEXT, Types } from "./types.mjs";

const [, , templatesFile, folder, languageName] = process.argv;
const language = languages[languageName];
const require = createRequire(path.join(process.cwd(), "package.json"));
const cdk = require("aws-cdk-lib");
const LIBRARY = path.dirname(require.resolve("aws-cdk-lib/package.json"));
const CLASSES = JSON.parse(fs.readFileSync(path.join(LIBRARY, "cloudformation-include/cfn-types-2-classes.json"), "utf8"));
const types = new Types(language === languages.python ? path.join(LIBRARY, ".jsii.gz") : undefined);

const INTRINSICS = new Set([
  "Ref", "Condition", "Fn::Base64", "Fn::Cidr", "Fn::FindInMap", "Fn::GetAtt", "Fn::GetAZs", "Fn::If", "Fn::ImportValue",
  "Fn::Join", "Fn::Select", "Fn::Split", "Fn::Sub",
]);
const CONDITION_FUNCTIONS = {
  "Fn::And": "conditionAnd", "Fn::Or": "conditionOr", "Fn::Not": "conditionNot", "Fn::Equals": "conditionEquals",
  "Fn::Contains": "conditionContains", "Fn::EachMemberEquals": "conditionEachMemberEquals",
  "Fn::EachMemberIn": "conditionEachMemberIn",
};
const OPTIONS = { DeletionPolicy: "deletionPolicy", UpdateReplacePolicy: "updateReplacePolicy" };
const POLICIES = { Delete: "DELETE", Retain: "RETAIN", Snapshot: "SNAPSHOT", RetainExceptOnCreate: "RETAIN_EXCEPT_ON_CREATE" };

class Intrinsic {
  // What stands for `{"Ref": …}` while CDK translates the properties around it.
  creationStack = [];
  constructor(value) { this.value = value; }
  resolve() { return this.value; }
  toString() { return cdk.Token.asString(this); }
}

const isObject = (value) => value && typeof value === "object" && !Array.isArray(value);

function isIntrinsic(value) {
  const keys = isObject(value) ? Object.keys(value) : [];
  return keys.length === 1 && INTRINSICS.has(keys[0]);
}

function hidden(value) {
  if (isIntrinsic(value)) return new Intrinsic(value);
  if (Array.isArray(value)) return value.map(hidden);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, hidden(v)]));
  return value;
}

// A value as code: literals as they are, intrinsic functions as calls of `cdk.Fn`, structures by their types.
function code(value, type = ANY) {
  if (value instanceof Intrinsic) return language.fitting(call(value.value), types.kind(type));
  if (isIntrinsic(value)) return language.fitting(call(value), types.kind(type));
  if (typeof value === "string") return text(value);
  if (typeof value === "number" && cdk.Token.isUnresolved(value))
    return language.token("asNumber", call(cdk.Tokenization.reverseNumber(value).value));
  if (Array.isArray(value) && cdk.Token.isUnresolved(value))
    return language.token("asList", call(cdk.Tokenization.reverseList(value).value));
  if (Array.isArray(value)) return language.list(value.map((each) => code(each, types.elements(type, "array"))));
  if (isObject(value)) return object(value, type);
  return language.literal(value);
}

function object(value, type) {
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  const structure = types.structure(type, entries.map(([key]) => key));
  if (!structure) return language.map(entries.map(([key, each]) => [key, code(each, types.elements(type, "map"))]));
  return language.struct(structure.name, entries.map(([key, each]) => [key, code(each, structure.properties[key])]));
}

// What a construct is given: names and code.
function properties(values, type) {
  const declared = types.properties(type) ?? {};
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return given.map(([key, value]) => [key, code(value, declared[key])]);
}

function text(value) {
  if (!cdk.Token.isUnresolved(value)) return language.literal(value);
  const { tokens } = cdk.Tokenization.reverseString(value);
  if (tokens.length !== 1) throw new Error(`text with more than one token: ${value}`);
  return language.asText(call(tokens[0].value));
}

function call(intrinsic) {
  const [[name, argument]] = Object.entries(intrinsic);
  switch (name) {
    case "Ref": return language.fn("ref", [code(argument)]);
    case "Condition": return language.condition(argument);
    case "Fn::GetAtt": return language.fn("getAtt", argument.map((part) => code(part)));
    case "Fn::If": return language.fn("conditionIf", argument.map((each) => code(each)));
    case "Fn::Sub": return language.fn("sub", Array.isArray(argument) ? [code(argument[0]), variables(argument[1])] : [code(argument)]);
    // cdk.Fn.join and select compute what they can; what stands in the templates is to stay.
    default: return language.token("asAny", language.map([[name, code(argument)]]));
  }
}

const variables = (values) => language.map(Object.entries(values).map(([key, value]) => [key, code(value, TEXT)]));

function condition(expression) {
  const [[name, argument]] = Object.entries(expression);
  if (!CONDITION_FUNCTIONS[name]) return call(expression);
  return language.fn(CONDITION_FUNCTIONS[name], argument.map((each) => (isObject(each) ? condition(each) : code(each))));
}

const scratch = new cdk.Stack(new cdk.App({ analyticsReporting: false }), "Scratch");
let counter = 0;

// `aws-cdk-lib/aws-ec2.CfnVPC` → `aws-cdk-lib.aws_ec2.CfnVPC`: where a class is, and what its type is called.
const typeOf = (className) => className.replace("/core", "").replaceAll("/", ".").replaceAll("aws-cdk-lib.aws-", "aws-cdk-lib.aws_");

function resource(logicalId, declared) {
  const create = (type, values) => language.resource(language.create(type, logicalId, properties(values, `${type}Props`)));
  const className = CLASSES[declared.Type];
  if (!className) return [create("aws-cdk-lib.CfnResource", { type: declared.Type, properties: declared.Properties ?? {} })];
  const [module, name] = className.split(".");
  const parser = { parseValue: hidden, handleAttributes() {}, finder: {} };
  const given = { Properties: declared.Properties ?? {} };
  const made = require(module)[name]._fromCloudFormation(scratch, `R${counter++}`, given, { parser });
  const overrides = Object.entries(made.rawOverrides?.Properties ?? {});
  return [
    create(typeOf(className), made._cfnProperties),
    ...overrides.map(([key, value]) => language.call("resource", "addPropertyOverride", [code(key), code(value)])),
  ];
}

function withAttributes(logicalId, declared) {
  const set = (option, value) => language.set("resource", ["cfnOptions", option], value);
  const lines = resource(logicalId, declared);
  for (const [attribute, option] of Object.entries(OPTIONS))
    if (declared[attribute]) lines.push(set(option, language.policy(POLICIES[declared[attribute]])));
  if (declared.Condition) lines.push(set("condition", language.condition(declared.Condition)));
  if (declared.Metadata) lines.push(set("metadata", code(declared.Metadata)));
  for (const attribute of ["CreationPolicy", "UpdatePolicy", "DependsOn"])
    if (declared[attribute]) lines.push(language.call("resource", "addOverride", [code(attribute), code(declared[attribute])]));
  return lines;
}

// Parameters, outputs and the like may be called as a resource is; for CDK all are children of one stack.
function named(kind, id, pairs) {
  return language.named(language.create(`aws-cdk-lib.Cfn${kind}`, kind + id, pairs), id);
}

function parameter(id, declared) {
  const values = Object.fromEntries(Object.entries(declared).map(([key, value]) => [key[0].toLowerCase() + key.slice(1), value]));
  return language.run(named("Parameter", id, properties(values, "aws-cdk-lib.CfnParameterProps")));
}

function rule(id, declared) {
  const assertions = declared.Assertions.map((each) =>
    language.struct("aws-cdk-lib.CfnRuleAssertion", [["assert", condition(each.Assert)], ["assertDescription", code(each.AssertDescription)]]),
  );
  const when = declared.RuleCondition ? [["ruleCondition", condition(declared.RuleCondition)]] : [];
  return language.run(named("Rule", id, [...when, ["assertions", language.list(assertions)]]));
}

function output(id, declared) {
  const value = isIntrinsic(declared.Value) ? language.asText(call(declared.Value)) : code(declared.Value);
  const when = declared.Condition ? [["condition", language.condition(declared.Condition)]] : [];
  return language.run(named("Output", id, [["value", value], ["description", code(declared.Description)], ...when]));
}

function stack(name, template) {
  const each = (section, statements) => Object.entries(template[section] ?? {}).flatMap(([id, declared]) => statements(id, declared));
  return language.stack(name, code(template.Description), [
    ...each("Parameters", parameter),
    ...each("Mappings", (id, declared) => language.run(named("Mapping", id, [["mapping", language.literal(declared)]]))),
    ...each("Conditions", (id) => language.set(language.condition(id), [], named("Condition", id, []))),
    ...each("Conditions", (id, declared) => language.set(language.condition(id), ["expression"], condition(declared))),
    ...each("Rules", rule),
    ...each("Resources", withAttributes),
    ...each("Outputs", output),
    ...(template.Metadata ? [language.set("this", ["templateOptions", "metadata"], code(template.Metadata))] : []),
  ]);
}

const templates = JSON.parse(fs.readFileSync(templatesFile, "utf8"));
const stacks = Object.entries(templates).map(([name, template]) => stack(name, template));
for (const [file, content] of Object.entries(language.files(Object.keys(templates), stacks)))
  fs.writeFileSync(path.join(folder, file), content);
