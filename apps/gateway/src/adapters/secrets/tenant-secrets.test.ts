import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createMemoryStore } from "../../../test/store/memory-store.ts";
import { systemClock } from "../system/system-clock.ts";
import { createEnvelopeBox } from "./envelope-box.ts";
import { SECRET_FILE_BYTES_MAX } from "./limits.ts";
import { createTenantSecrets } from "./tenant-secrets.ts";
import { AN_ACTOR } from "../../../test/support/an-actor.ts";

const KEY = "a master key of the operator, long enough";

/** A tenant of this name, and its secrets. The folder has the files `crm` and `files_only`. */
async function open(tenantName: string, masterKeys = [KEY]) {
  const folder = mkdtempSync(join(tmpdir(), "hsafa-secrets-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "crm"), "value-of-the-file\n");
  writeFileSync(join(folder, "files_only"), "value-of-this-file");
  writeFileSync(join(folder, "large"), "x".repeat(SECRET_FILE_BYTES_MAX + 1));
  const store = createMemoryStore({ clock: systemClock });
  const { tenantId } = await store.fleet.ensureApiKey({ tenantName, name: "a key", keyHash: "h", scopes: ["admin"] });
  const box = createEnvelopeBox(masterKeys);
  const environment = { CRM: "value-of-the-environment", CRM_KEY: "value-of-another", SHORT: "short" };
  const secrets = createTenantSecrets({ store, box, folder, environment });
  return {
    folder,
    resolve: (name: string) => secrets.resolve({ tenantId, name }),
    set: (name: string, value: string) => {
      const sealed = createEnvelopeBox([KEY]).seal({ tenantId, name, value }) ?? "";
      return store
        .forTenant(tenantId)
        .putSecret({ by: AN_ACTOR, secretId: systemClock.newId(), name, sealed, setBy: "a key" });
    },
  };
}

test("a value that was set goes before one of a file, and that before one of the environment", async () => {
  const { resolve, set, folder } = await open("default");
  expect(await resolve("crm")).toEqual({ kind: "found", value: "value-of-the-file" });
  rmSync(join(folder, "crm"));
  expect(await resolve("crm")).toEqual({ kind: "found", value: "value-of-the-environment" });
  await set("crm", "value-of-the-api");
  expect(await resolve("crm")).toEqual({ kind: "found", value: "value-of-the-api" });
});

test("a file that is replaced counts from the next request on", async () => {
  const { resolve, folder } = await open("default");
  writeFileSync(join(folder, "crm"), "value-of-tomorrow");
  expect(await resolve("crm")).toEqual({ kind: "found", value: "value-of-tomorrow" });
});

test.each(["crm-key", "CRM_KEY", "crm_key"])("the environment has one name for %s", async (name) => {
  expect(await (await open("default")).resolve(name)).toEqual({ kind: "found", value: "value-of-another" });
});

test("what an operator gives by files and environment is no secret of another tenant", async () => {
  const { resolve, set } = await open("another");
  for (const name of ["crm", "files_only", "crm-key"]) {
    expect(await resolve(name)).toMatchObject({ kind: "unusable", reason: expect.stringContaining(name) as string });
  }
  await set("crm", "value-of-its-own");
  expect(await resolve("crm")).toEqual({ kind: "found", value: "value-of-its-own" });
});

test.each(["missing", "short", "large", "../crm"])("%s is unusable, and the reason names it", async (name) => {
  expect(await (await open("default")).resolve(name)).toMatchObject({
    kind: "unusable",
    reason: expect.stringContaining(`'${name}'`) as string,
  });
});

test("a value that another key has sealed is not replaced by one of the environment", async () => {
  const { resolve, set } = await open("default", ["another master key of an operator"]);
  await set("crm", "value-of-the-api");
  expect(await resolve("crm")).toMatchObject({ kind: "unusable", reason: expect.stringContaining("key") as string });
});
