#!/usr/bin/env node
// Plain JavaScript of an old kind, so that an old Node can read it and be told which one is needed.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 12)) {
  console.error(`hsafa needs Node 22.12 or later; this is ${process.version}. Install a current Node and try again.`);
  process.exit(1);
}
// What was compiled once is kept for the next start: loading a gateway then costs two thirds of the time.
const { enableCompileCache } = await import("node:module");
enableCompileCache();
await import("../src/main.ts");
