// Writes an AWS CDK app that makes given templates: `node write_app.mjs templates.json app.cjs`.
//
// Every resource becomes its typed L1 construct, with the properties that somebody would have written by hand; CDK's own
// reader of CloudFormation says how they are called. Type, count and properties of what the app then synthesizes are
// compared with the templates elsewhere.

import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const [, , templatesFile, appFile] = process.argv;
const require = createRequire(path.join(process.cwd(), "package.json"));
const cdk = require("aws-cdk-lib");
const LIBRARY = path.dirname(require.resolve("aws-cdk-lib/package.json"));
const CLASSES = JSON.parse(fs.readFileSync(path.join(LIBRARY, "cloudformation-include/cfn-types-2-classes.json"), "utf8"));

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

class Intrinsic {
  // What stands for `{"Ref": …}` while CDK translates the properties around it.
  creationStack = [];
  constructor(value) { this.value = value; }
  resolve() { return this.value; }
  toString() { return cdk.Token.asString(this); }
}

function isIntrinsic(value) {
  const keys = value && typeof value === "object" && !Array.isArray(value) ? Object.keys(value) : [];
  return keys.length === 1 && INTRINSICS.has(keys[0]);
}

function hidden(value) {
  if (isIntrinsic(value)) return new Intrinsic(value);
  if (Array.isArray(value)) return value.map(hidden);
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, hidden(v)]));
  return value;
}

// A value as JavaScript: literals as they are, intrinsic functions as calls of `cdk.Fn`.
function code(value) {
  if (value instanceof Intrinsic) return call(value.value);
  if (typeof value === "string") return text(value);
  if (typeof value === "number" && cdk.Token.isUnresolved(value))
    return `cdk.Token.asNumber(${call(cdk.Tokenization.reverseNumber(value).value)})`;
  if (Array.isArray(value) && cdk.Token.isUnresolved(value))
    return `cdk.Token.asList(${call(cdk.Tokenization.reverseList(value).value)})`;
  if (Array.isArray(value)) return `[${value.map(code).join(", ")}]`;
  if (isIntrinsic(value)) return call(value);
  if (value && typeof value === "object")
    return `{${Object.entries(value).filter(([, v]) => v !== undefined).map(([k, v]) => `${JSON.stringify(k)}: ${code(v)}`).join(", ")}}`;
  return JSON.stringify(value);
}

function text(value) {
  if (!cdk.Token.isUnresolved(value)) return JSON.stringify(value);
  const { tokens } = cdk.Tokenization.reverseString(value);
  if (tokens.length !== 1) throw new Error(`text with more than one token: ${value}`);
  return `${call(tokens[0].value)}.toString()`;
}

function call(intrinsic) {
  const [[name, argument]] = Object.entries(intrinsic);
  switch (name) {
    case "Ref": return `cdk.Fn.ref(${JSON.stringify(argument)})`;
    case "Condition": return `this.conditions[${JSON.stringify(argument)}]`;
    case "Fn::GetAtt": return `cdk.Fn.getAtt(${argument.map((part) => JSON.stringify(part)).join(", ")})`;
    case "Fn::If": return `cdk.Fn.conditionIf(${argument.map(code).join(", ")})`;
    case "Fn::Sub": return Array.isArray(argument) ? `cdk.Fn.sub(${argument.map(code).join(", ")})` : `cdk.Fn.sub(${code(argument)})`;
    // cdk.Fn.join and select compute what they can; what stands in the templates is to stay.
    default: return `intrinsic(${JSON.stringify(name)}, ${code(argument)})`;
  }
}

function condition(expression) {
  const [[name, argument]] = Object.entries(expression);
  if (name === "Condition") return `this.conditions[${JSON.stringify(argument)}]`;
  if (!CONDITION_FUNCTIONS[name]) return call(expression);
  const parts = argument.map((each) => (each && typeof each === "object" && !Array.isArray(each) ? condition(each) : code(each)));
  return `cdk.Fn.${CONDITION_FUNCTIONS[name]}(${parts.join(", ")})`;
}

const scratch = new cdk.Stack(new cdk.App({ analyticsReporting: false }), "Scratch");

function resource(logicalId, declared, number) {
  const className = CLASSES[declared.Type];
  if (!className) return generic(logicalId, declared);
  const [module, name] = className.split(".");
  const constructor = require(module)[name];
  const parser = { parseValue: hidden, handleAttributes() {}, finder: {} };
  const made = constructor._fromCloudFormation(scratch, `R${number}`, { Properties: declared.Properties ?? {} }, { parser });
  const properties = code(made._cfnProperties);
  const overrides = Object.entries(made.rawOverrides?.Properties ?? {});
  const lines = [`const resource = new (require(${JSON.stringify(module)}).${name})(this, ${JSON.stringify(logicalId)}, ${properties});`];
  for (const [key, value] of overrides) lines.push(`resource.addPropertyOverride(${JSON.stringify(key)}, ${code(value)});`);
  return lines;
}

function generic(logicalId, declared) {
  const properties = code(declared.Properties ?? {});
  return [`const resource = new cdk.CfnResource(this, ${JSON.stringify(logicalId)}, {type: ${JSON.stringify(declared.Type)}, properties: ${properties}});`];
}

let counter = 0;
function withAttributes(logicalId, declared) {
  const lines = resource(logicalId, declared, counter++);
  for (const [attribute, option] of Object.entries(OPTIONS))
    if (declared[attribute]) lines.push(`resource.cfnOptions.${option} = ${JSON.stringify(POLICIES[declared[attribute]])};`);
  if (declared.Condition) lines.push(`resource.cfnOptions.condition = this.conditions[${JSON.stringify(declared.Condition)}];`);
  if (declared.Metadata) lines.push(`resource.cfnOptions.metadata = ${code(declared.Metadata)};`);
  for (const attribute of ["CreationPolicy", "UpdatePolicy", "DependsOn"])
    if (declared[attribute]) lines.push(`resource.addOverride("${attribute}", ${code(declared[attribute])});`);
  return `{ ${lines.join("\n      ")} }`;
}
const POLICIES = { Delete: cdk.CfnDeletionPolicy.DELETE, Retain: cdk.CfnDeletionPolicy.RETAIN, Snapshot: cdk.CfnDeletionPolicy.SNAPSHOT, RetainExceptOnCreate: cdk.CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE };

const camel = (key) => key[0].toLowerCase() + key.slice(1);
const camelled = (declared) => code(Object.fromEntries(Object.entries(declared).map(([k, v]) => [camel(k), v])));

function stack(name, template) {
  const statements = [];
  for (const [id, each] of Object.entries(template.Parameters ?? {}))
    statements.push(named("Parameter", id, camelled(each)) + ";");
  for (const [id, each] of Object.entries(template.Mappings ?? {}))
    statements.push(named("Mapping", id, `{mapping: ${JSON.stringify(each)}}`) + ";");
  for (const [id, each] of Object.entries(template.Conditions ?? {}))
    statements.push(`this.conditions[${JSON.stringify(id)}] = ${named("Condition", id, "{}")};`);
  for (const [id, each] of Object.entries(template.Conditions ?? {}))
    statements.push(`this.conditions[${JSON.stringify(id)}].expression = ${condition(each)};`);
  for (const [id, each] of Object.entries(template.Rules ?? {}))
    statements.push(rule(id, each));
  for (const [id, each] of Object.entries(template.Resources)) statements.push(withAttributes(id, each));
  for (const [id, each] of Object.entries(template.Outputs ?? {})) statements.push(output(id, each));
  if (template.Metadata) statements.push(`this.templateOptions.metadata = ${code(template.Metadata)};`);
  return `class ${name} extends cdk.Stack {
  conditions = {};
  constructor(scope, id) {
    super(scope, id, {description: ${JSON.stringify(template.Description)}, synthesizer: new cdk.DefaultStackSynthesizer({generateBootstrapVersionRule: false})});
    this.templateOptions.templateFormatVersion = "2010-09-09";
    ${statements.join("\n    ")}
  }
}`;
}

// Parameters, outputs and the like may be called as a resource is; for CDK all are children of one stack.
function named(kind, id, properties) {
  return `named(new cdk.Cfn${kind}(this, ${JSON.stringify(kind + id)}, ${properties}), ${JSON.stringify(id)})`;
}

function rule(id, declared) {
  const assertions = declared.Assertions.map(
    (each) => `{assert: ${condition(each.Assert)}, assertDescription: ${JSON.stringify(each.AssertDescription)}}`,
  );
  const when = declared.RuleCondition ? `ruleCondition: ${condition(declared.RuleCondition)}, ` : "";
  return named("Rule", id, `{${when}assertions: [${assertions.join(", ")}]}`) + ";";
}

function output(id, declared) {
  const when = declared.Condition ? `, condition: this.conditions[${JSON.stringify(declared.Condition)}]` : "";
  const value = isIntrinsic(declared.Value) ? `${call(declared.Value)}.toString()` : code(declared.Value);
  return named("Output", id, `{value: ${value}, description: ${JSON.stringify(declared.Description)}${when}}`) + ";";
}

const templates = JSON.parse(fs.readFileSync(templatesFile, "utf8"));
const stacks = Object.entries(templates).map(([name, template]) => stack(name, template));
fs.writeFileSync(appFile, `"use strict";
const cdk = require("aws-cdk-lib");
const named = (element, logicalId) => { element.overrideLogicalId(logicalId); return element; };
const intrinsic = (name, argument) => cdk.Token.asAny({[name]: argument});
${stacks.join("\n")}
const app = new cdk.App({analyticsReporting: false, treeMetadata: false, outdir: process.argv[2]});
const copies = Number(process.argv[3] ?? 1);
for (let copy = 0; copy < copies; copy++)
  for (const stack of [${Object.keys(templates).join(", ")}]) new stack(app, \`\${stack.name}\${copy || ""}\`);
app.synth();
`);
