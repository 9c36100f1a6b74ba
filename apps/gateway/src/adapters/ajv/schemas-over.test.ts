import type { JsonObject } from "@hsafa/protocol";
import { expect, test } from "vitest";
import { schemasOver } from "./schemas-over.ts";
import { SchemaChecker } from "./schema-checker.ts";

const TOOLS = (): JsonObject[] => [{ type: "object" }, { type: "object", properties: { name: { type: "string" } } }];

function world() {
  const checker = new SchemaChecker();
  const jobs: { readonly tenantId: string; done: () => void }[] = [];
  const schemas = schemasOver(
    (tenantId, write) =>
      new Promise((resolve) => {
        jobs.push({ tenantId, done: () => resolve({ kind: "done", ...checker.perform(write()) }) });
      }),
  );
  return { jobs, findFaults: (tenantId: string, of: JsonObject[]) => schemas.findFaults({ tenantId, schemas: of }) };
}

test("devices of a tenant that bring the same tools at once share one job, and later ones need none", async () => {
  const { jobs, findFaults } = world();
  const many = Promise.all(Array.from({ length: 100 }, () => findFaults("a", TOOLS())));
  expect(jobs).toHaveLength(1);
  jobs[0]?.done();
  expect(await many).toEqual(Array.from({ length: 100 }, () => [null, null]));
  expect(await findFaults("b", TOOLS())).toEqual([null, null]);
  expect(jobs).toHaveLength(1);
});

test("no tenant waits for the job of another, and what is wrong is never remembered", async () => {
  const { jobs, findFaults } = world();
  const wrong = (): JsonObject[] => [...TOOLS(), { type: "no such type" }];
  const found = [findFaults("a", wrong()), findFaults("b", wrong())];
  expect(jobs.map(({ tenantId }) => tenantId)).toEqual(["a", "b"]);
  for (const { done } of jobs) done();
  for (const faults of await Promise.all(found)) expect(faults).toEqual([null, null, expect.any(String)]);
  void findFaults("a", wrong());
  expect(jobs).toHaveLength(3);
});
