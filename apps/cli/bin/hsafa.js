#!/usr/bin/env node
// This file is old-style JavaScript, so that an old Node can run it and print which version is needed.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 12)) {
  console.error(`hsafa needs Node 22.12 or later; this is ${process.version}. Install a current Node and try again.`);
  process.exit(1);
}
// Node keeps the compiled code for the next start. Loading a gateway then takes two thirds of the time.
const { enableCompileCache } = await import("node:module");
enableCompileCache();
await import("../src/main.ts");
