// Prints what the official AsyncAPI parser says of the document on standard input: {accepted, errors, messages}.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const { Parser } = require("@asyncapi/parser");

const { document, diagnostics } = await new Parser().parse(readFileSync(0, "utf8"));
const errors = diagnostics
  .filter((found) => found.severity === 0)
  .map((found) => `${found.path.join(".")}: ${found.message}`);
const messages = document ? document.allMessages().all().map((message) => message.name()) : [];
console.log(JSON.stringify({ accepted: document !== undefined, errors, messages }));
