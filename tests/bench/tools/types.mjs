// The types that the AWS CDK declares, as its package describes them for other languages (https://aws.github.io/jsii).

import fs from "node:fs";
import zlib from "node:zlib";

export const ANY = { primitive: "any" };
export const TEXT = { primitive: "string" };

const alternatives = (type) => type.union?.types ?? [type];
const takes = (type, name) => alternatives(type).some((each) => each.primitive === name);

export class Types {
  // Without a description all types are the same: any.
  constructor(file) {
    this.declared = file ? JSON.parse(zlib.gunzipSync(fs.readFileSync(file))).types : {};
  }

  // As what an expression is taken where a type is asked for; the first that holds.
  kind(type) {
    if (takes(type, "any")) return "any";
    if (takes(type, "string")) return "text";
    if (alternatives(type).some((each) => each.fqn === "aws-cdk-lib.IResolvable")) return "resolvable";
    return takes(type, "number") ? "number" : "list";
  }

  elements(type, kind) {
    return alternatives(type).find((each) => each.collection?.kind === kind)?.collection.elementtype ?? ANY;
  }

  // The structure that has such keys, with its name and the types of its properties by their names.
  structure(type, keys) {
    for (const { fqn } of alternatives(type)) {
      const found = this.properties(fqn);
      if (found && keys.every((key) => key in found)) return { name: fqn, properties: found };
    }
    return undefined;
  }

  properties(name) {
    const declared = this.declared[name];
    if (!declared?.datatype) return undefined;
    const inherited = (declared.interfaces ?? []).map((each) => this.properties(each));
    return Object.assign({}, ...inherited, ...(declared.properties ?? []).map((each) => ({ [each.name]: each.type })));
  }
}
