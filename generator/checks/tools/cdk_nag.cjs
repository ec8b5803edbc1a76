// Judges plain templates by cdk-nag's AwsSolutions pack and prints every evaluation, passed or failed, as JSON.
// Usage: node cdk_nag.cjs <folder of templates, *.json>

"use strict";

const { readdirSync } = require("node:fs");
const path = require("node:path");
// This file stands beside its lock file, and the packages where the environment was made: on NODE_PATH.
const { App, Stack } = require("aws-cdk-lib");
const { CfnInclude } = require("aws-cdk-lib/cloudformation-include");
const { AwsSolutionsChecks } = require("cdk-nag");

const [folder] = process.argv.slice(2);
const evaluations = [];

for (const file of readdirSync(folder).filter((name) => name.endsWith(".json")).sort()) {
  const stack = new Stack(new App(), path.parse(file).name);
  new CfnInclude(stack, "Template", { templateFile: path.join(folder, file) });
  const pack = new AwsSolutionsChecks();
  // The pack itself reports failures alone; without the passes, silence could also mean that nothing was looked at.
  pack.applyRule = ({ rule, ruleSuffixOverride, info, node }) => {
    const evaluation = { template: file, rule: ruleSuffixOverride ?? rule.name, logical_id: node.node.id, info };
    try {
      evaluation.result = rule(node);
    } catch (error) {
      evaluation.error = error.message;
    }
    if (evaluation.result !== "N/A") evaluations.push(evaluation);
  };
  pack.validateScope(stack);
}

process.stdout.write(JSON.stringify(evaluations));
