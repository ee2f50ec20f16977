// Reads an AsyncAPI document as a subscriber's tools would: node check.mjs FILE
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
const errors = diagnostics.filter((diagnostic) => diagnostic.severity === 0);
for (const { code, path, message } of errors) console.error(`${path.join("/")}: ${code}: ${message}`);
console.log(document?.channels().length ?? 0);
process.exit(document && errors.length === 0 ? 0 : 1);
