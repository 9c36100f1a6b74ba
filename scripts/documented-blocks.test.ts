/** What a document shows in TypeScript compiles, and what it shows in JSON is what the gateway takes. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { agentConfigSchema, failureSchema } from "@hsafa/protocol/schema";
import { expect, test } from "vitest";
import { readModelPrices } from "../apps/gateway/src/adapters/system/read-model-prices.ts";
import { blocksOf, documentsOfUsers } from "../apps/gateway/test/support/document-page.ts";

const root = join(import.meta.dirname, "..");
const CLIENT = `
    import { createClient } from "@hsafa/client";
    const client = createClient({ url: "", token: "" });`;
/** What stands in front of a block that is a part of a program, by its document and its number among those of it. */
const IN_FRONT: Readonly<Record<string, string>> = {
  "docs/chat-page.md 1": `
    import { createClient } from "@hsafa/client";
    declare const user: { readonly id: string };
    const hsafa = createClient({ url: "", token: "" });`,
  "docs/chat-page.md 2": `
    import { createClient } from "@hsafa/client";
    import { followRun } from "@hsafa/client/view";
    declare const [gatewayUrl, text]: readonly [string, string];
    declare function getToken(): Promise<string>;
    declare function show(messages: readonly object[], status: string): void;`,
  "docs/devices.md 2": `import { defineTool } from "@hsafa/client/tool"; import { z } from "zod";`,
  "docs/devices.md 3": `
    import { createDevice, type DeviceTool, tabDeviceKey } from "@hsafa/client";
    declare const [url, tools]: readonly [string, Record<string, DeviceTool>];
    declare function getToken(): Promise<string>;`,
  "docs/devices.md 4": `
    import { createDevice, type DeviceTool } from "@hsafa/client";
    declare const [url, tools]: readonly [string, Record<string, DeviceTool>];
    declare function getToken(): Promise<string>;`,
  "docs/embedding.md 2": `declare const functions: Record<string, (args: unknown) => unknown>;`,
  "docs/first-agent.md 1": `import { defineAgent } from "hsafa"; export default defineAgent({ name: "a",`,
  "docs/first-agent.md 3": `
    import { defineAgent, defineTool, deviceTools } from "hsafa";
    const properties = { name: { type: "string" } } as const;
    const greet = defineTool({ name: "greet", inputSchema: { type: "object", properties, required: ["name"] } });
    const assistant = defineAgent({ name: "assistant", model: "demo/tools", tools: [greet] });`,
  "docs/fork.md 2": `
    import { createClient } from "@hsafa/client";
    declare const again: { readonly runId: string };
    const hsafa = createClient({ url: "", token: "" });`,
  "docs/react.md 1": `
    import { HsafaProvider } from "@hsafa/client/react";
    import { StrictMode } from "react";
    import { createRoot } from "react-dom/client";
    declare function Chat(props: { readonly agent: string; readonly thread: string }): null;
    declare const [root, gateway, agent]: readonly [HTMLElement, string, string];
    declare function getToken(): Promise<string>;`,
  "docs/react.md 2": `import { useDevice, useThread } from "@hsafa/client/react"; function use() {`,
  "docs/threads.md 2": CLIENT,
  "docs/threads.md 3": CLIENT,
  "docs/threads.md 4": CLIENT,
  "packages/client/README.md 1": `declare function show(text: string): void;`,
  "packages/client/README.md 2": `
    import { createClient } from "@hsafa/client";
    declare const runId: string;
    declare function show(shown: unknown): void;
    const client = createClient({ url: "", token: "" });`,
  "packages/client/README.md 3": `
    import { createDevice } from "@hsafa/client";
    import { readFile } from "node:fs/promises";`,
  "packages/client/README.md 4": `import { readFile } from "node:fs/promises";`,
};
/** What ends a program that a block does not end. */
const BEHIND: Readonly<Record<string, string>> = { "docs/first-agent.md 1": "});", "docs/react.md 2": "}" };

/** A name that stands for what the reader has, and a type of what is installed there. */
const PHONE = `declare module "@react-native-async-storage/async-storage" {
  const storage: { getItem(key: string): Promise<string | null>; setItem(key: string, value: string): Promise<void> };
  export default storage;
}`;

test("every block of TypeScript in the documents compiles against the packages", { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "hsafa-blocks-"));
  try {
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    const used = new Set<string>();
    for (const document of documentsOfUsers()) {
      const blocks = blocksOf(document).filter(({ language }) => /^tsx?$/.test(language));
      for (const [index, { code, language }] of blocks.entries()) {
        const name = `${document} ${index + 1}`;
        used.add(name);
        const file = join(folder, document, `${index + 1}.${language}`);
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, `${IN_FRONT[name] ?? ""}\n${code}\n${BEHIND[name] ?? ""}\nexport {};\n`);
      }
    }
    expect(Object.keys(IN_FRONT).filter((name) => !used.has(name))).toEqual([]);
    expect(used.size).toBeGreaterThan(20);
    writeFileSync(join(folder, "phone.d.ts"), PHONE);
    writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
    const compilerOptions = {
      lib: ["es2024", "dom", "dom.iterable", "dom.asynciterable"],
      jsx: "react-jsx",
      types: ["node"],
    };
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: join(root, "tsconfig.base.json"), compilerOptions, exclude: ["node_modules"] }),
    );
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const faults = await promisify(execFile)(process.execPath, [tsc, "-p", folder]).then(
      () => "",
      ({ stdout }: { readonly stdout: string }) => stdout,
    );
    // The sources of the packages are checked elsewhere, each with the types of where it runs.
    const own = faults.split("\n").filter((line) => line.includes(`${basename(folder)}/`));
    expect(own).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** What a block of JSON is that is neither an agent nor a tool, and what is wrong with it; undefined: nothing. */
const OTHER_JSON: Readonly<Record<string, (code: string) => unknown>> = {
  "docs/limits-of-a-run.md 1": (code) => failureSchema.strict().safeParse(JSON.parse(code)).error,
  "docs/limits-of-a-run.md 2": (code) => {
    const read = readModelPrices(code);
    return read.kind === "fault" ? read.must : undefined;
  },
};

test("every block of JSON in the documents is an agent or a tool that the gateway takes, or what it says to be", () => {
  const blocks = documentsOfUsers().flatMap((document) =>
    blocksOf(document)
      .filter(({ language }) => language === "json")
      .map(({ code }, at) => ({ name: `${document} ${at + 1}`, code })),
  );
  expect(blocks.length).toBeGreaterThan(3);
  expect(blocks.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(OTHER_JSON)));
  for (const { name, code } of blocks) {
    const faultOf = OTHER_JSON[name] ?? agentFaultOf;
    expect({ name, fault: faultOf(code) }).toEqual({ name, fault: undefined });
  }
});

function agentFaultOf(code: string): unknown {
  const value = JSON.parse(code) as Record<string, unknown>;
  const { $schema: _, ...config } = "model" in value ? value : { name: "a", model: "demo/echo", tools: [value] };
  return agentConfigSchema.safeParse(config).error;
}
