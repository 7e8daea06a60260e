#!/usr/bin/env node
// The npm build of solc (WASM, pinned by package-lock.json) behind the two calls that py-solc-x,
// and through it Brownie, makes of a native compiler: `--version` and `--standard-json`.
"use strict";
const fs = require("fs");
const path = require("path");
const solc = require("solc");

const root = path.resolve(__dirname, "..");

// Sources that the input does not carry (OpenZeppelin's) are read from the project's folder, nowhere else.
function readImport(file) {
  const full = path.resolve(root, file);
  if (!full.startsWith(root + path.sep)) return { error: `${file} is outside the project` };
  try {
    return { contents: fs.readFileSync(full, "utf8") };
  } catch (error) {
    return { error: error.message };
  }
}

const args = process.argv.slice(2);
if (args.includes("--version")) {
  const version = solc.version().replace(/\.Emscripten\.clang$/, ".Linux.g++");
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${version}\n`);
} else if (args.includes("--standard-json")) {
  const input = fs.readFileSync(0, "utf8");
  process.stdout.write(solc.compile(input, { import: readImport }));
} else {
  process.stderr.write("scripts/solc.js answers --version and --standard-json only\n");
  process.exit(1);
}
