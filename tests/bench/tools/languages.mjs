// How an app of the AWS CDK is spelled in JavaScript and in Python. All functions take and return code.
//
// In Python a structure is an object of a class of its own, so there everything has to be of the type that it is declared
// with; in JavaScript it is a literal, and nothing asks.

const quoted = (value) => JSON.stringify(value);
const braced = (pairs) => `{${pairs.map(([key, value]) => `${quoted(key)}: ${value}`).join(", ")}}`;
const bracketed = (parts) => `[${parts.join(", ")}]`;

// `aws-cdk-lib.aws_ec2.CfnVPC` → `aws_ec2` and `CfnVPC`; what CDK's core has is in no module.
function place(type) {
  const [, module, name] = /^aws-cdk-lib\.(?:([a-z0-9_]+)\.)?(.+)$/.exec(type);
  return { module, name };
}

export const javascript = {
  literal: quoted,
  list: bracketed,
  map: braced,
  struct: (type, pairs) => braced(pairs),
  fn: (name, values) => `cdk.Fn.${name}(${values.join(", ")})`,
  token: (name, value) => `cdk.Token.${name}(${value})`,
  asText: (value) => `${value}.toString()`,
  // Nothing asks for the type of what stands for a value.
  fitting: (value) => value,
  condition: (id) => `this.conditions[${quoted(id)}]`,
  policy: (name) => `cdk.CfnDeletionPolicy.${name}`,
  create(type, id, pairs) {
    const { module, name } = place(type);
    const from = module ? `require("aws-cdk-lib/${module.replaceAll("_", "-")}")` : "cdk";
    return `new (${from}.${name})(this, ${quoted(id)}, ${braced(pairs)})`;
  },
  named: (element, id) => `named(${element}, ${quoted(id)})`,
  set: (target, names, value) => `${[target, ...names].join(".")} = ${value};`,
  call: (target, name, values) => `${target}.${name}(${values.join(", ")});`,
  resource: (created) => `resource = ${created};`,
  run: (element) => `${element};`,
  stack: (name, description, statements) => `class ${name} extends cdk.Stack {
  conditions = {};
  constructor(scope, id) {
    super(scope, id, {description: ${description}, synthesizer: new cdk.DefaultStackSynthesizer({generateBootstrapVersionRule: false})});
    let resource;
    this.templateOptions.templateFormatVersion = "2010-09-09";
    ${statements.join("\n    ")}
  }
}`,
  files: (names, stacks) => ({
    "app.cjs": `"use strict";
const cdk = require("aws-cdk-lib");
const named = (element, logicalId) => { element.overrideLogicalId(logicalId); return element; };
${stacks.join("\n")}
const app = new cdk.App({analyticsReporting: false, treeMetadata: false, outdir: process.argv[2]});
const copies = Number(process.argv[3] ?? 1);
for (let copy = 0; copy < copies; copy++)
  for (const stack of [${names.join(", ")}]) new stack(app, \`\${stack.name}\${copy || ""}\`);
app.synth();
`,
  }),
};

const KEYWORDS = new Set(
  ("and as assert async await break class continue def del elif else except finally for from global if import in is lambda " +
    "nonlocal not or pass raise return try while with yield").split(" "),
);

// `sizeGiB` → `size_gib`, `lambda` → `lambda_`: as jsii names things in Python; a wrong name is refused when the app runs.
function snakeCase(name) {
  const words = name.replace(/([KMGT])iB/g, "$1ib").replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(/([A-Z]+)([A-Z][a-z])/g, "$1_$2");
  return KEYWORDS.has(words.toLowerCase()) ? `${words.toLowerCase()}_` : words.toLowerCase();
}

const keywords = (pairs) => pairs.map(([key, value]) => `${snakeCase(key)}=${value}`).join(", ");
const inPython = (type) => { const { module, name } = place(type); return `${module ?? "cdk"}.${name}`; };
const TEXTS = /^cdk\.Fn\.(ref|sub)\(|^cdk\.Token\.as_string\(|\.to_string\(\)$/;

export const python = {
  literal(value) {
    if (value === null) return "None";
    if (typeof value === "boolean") return value ? "True" : "False";
    if (Array.isArray(value)) return bracketed(value.map(this.literal, this));
    if (typeof value === "object") return braced(Object.entries(value).map(([key, each]) => [key, this.literal(each)]));
    return quoted(value);
  },
  list: bracketed,
  map: braced,
  struct: (type, pairs) => `${inPython(type)}(${keywords(pairs)})`,
  fn: (name, values) => `cdk.Fn.${snakeCase(name)}(${values.join(", ")})`,
  token: (name, value) => `cdk.Token.${snakeCase(name)}(${value})`,
  asText: (value) => (TEXTS.test(value) ? value : `${value}.to_string()`),
  fitting(value, kind) {
    if (kind === "text") return this.asText(value);
    if (kind === "list" || kind === "number") return this.token(`as_${kind}`, value);
    return kind === "resolvable" && TEXTS.test(value) ? this.token("as_any", value) : value;
  },
  condition: (id) => `conditions[${quoted(id)}]`,
  policy: (name) => `cdk.CfnDeletionPolicy.${name}`,
  create: (type, id, pairs) => `${inPython(type)}(self, ${[quoted(id), keywords(pairs)].filter(Boolean).join(", ")})`,
  named: (element, id) => `named(${element}, ${quoted(id)})`,
  set: (target, names, value) => `${[target === "this" ? "self" : target, ...names.map(snakeCase)].join(".")} = ${value}`,
  call: (target, name, values) => `${target}.${snakeCase(name)}(${values.join(", ")})`,
  resource: (created) => `resource = ${created}`,
  run: (element) => element,
  stack: (name, description, statements) => `class ${name}(cdk.Stack):
    def __init__(self, scope, id):
        synthesizer = cdk.DefaultStackSynthesizer(generate_bootstrap_version_rule=False)
        super().__init__(scope, id, description=${description}, synthesizer=synthesizer)
        self.template_options.template_format_version = "2010-09-09"
        conditions = {}
        ${statements.join("\n        ")}
`,
  files(names, stacks) {
    const modules = new Set(stacks.flatMap((stack) => [...stack.matchAll(/\b(aws_[a-z0-9]+|alexa_ask)\.Cfn/g)].map((found) => found[1])));
    return {
      // A module of its own: Python compiles the script that it runs anew each time.
      "stacks.py": `import aws_cdk as cdk
${[...modules].sort().map((module) => `from aws_cdk import ${module}\n`).join("")}

def named(element, logical_id):
    element.override_logical_id(logical_id)
    return element


${stacks.join("\n\n")}

STACKS = (${names.join(", ")})
`,
      "app.py": `import sys

import aws_cdk as cdk

from stacks import STACKS

app = cdk.App(analytics_reporting=False, tree_metadata=False, outdir=sys.argv[1])
for copy in range(int(sys.argv[2])):
    for stack in STACKS:
        stack(app, f"{stack.__name__}{copy or ''}")
app.synth()
`,
    };
  },
};
