import { expect, expectTypeOf, test } from "vitest";
import { fleetStatement, tenantStatement } from "./statement.ts";
import { asTenantId } from "../../core/tenant-id.ts";

test("each name is numbered once, in the order of the text, and every place of it has the cast of its type", () => {
  const statement = fleetStatement({
    name: "s",
    parameters: { runIds: "uuid[]", limit: "int", note: "text?" },
    text: "select :note where id = any(:runIds) and n < :limit and m < :limit",
  });
  expect(statement({ limit: 3, note: null, runIds: ["a"] })).toEqual({
    name: "s",
    text: "select $1::text where id = any($2::uuid[]) and n < $3::int and m < $3::int",
    values: [null, ["a"], 3],
    scope: { kind: "fleet" },
  });
});

test("JSON is sent as text, so that the database stores it as it is", () => {
  const statement = fleetStatement({ name: "s", parameters: { config: "json" }, text: "select :config" });
  expect(statement.text).toBe("select $1::text::json");
});

test("what looks like a name in a cast, a string, an identifier or a comment is none", () => {
  const text = `select a::text, 'b :b ''q'' :c', "d :d", e::int[] -- :f $1
    /* :g
    $2 */ where h = :h and i=:h::text`;
  const statement = fleetStatement({ name: "s", parameters: { h: "text" }, text });
  expect(statement.text).toBe(text.replaceAll(":h", "$1::text"));
});

test("a statement of one tenant takes its scope from the parameter that its text names", () => {
  const statement = tenantStatement({
    name: "s",
    parameters: { runId: "uuid" },
    text: "select from runs where id = :runId and tenant_id = :tenantId",
  });
  expect(statement({ tenantId: asTenantId("t"), runId: "r" })).toMatchObject({
    values: ["r", "t"],
    scope: { kind: "tenant", tenantId: asTenantId("t") },
  });
});

test.each([
  ["a name that is not declared", { a: "int" }, "select :a, :b", "does not declare its parameter 'b'"],
  ["a name that is not used", { a: "int", b: "int" }, "select :a", "does not use its parameter 'b'"],
  ["a name that every object has", {}, "select :toString", "does not declare its parameter 'toString'"],
  ["a number", {}, "select $1", "numbers a parameter itself: $1"],
] as const)("a statement does not load with %s", (_name, parameters, text, message) => {
  expect(() => fleetStatement({ name: "s", parameters, text })).toThrow(message);
});

test("a statement of one tenant does not load if its text does not name the tenant", () => {
  expect(() => tenantStatement({ name: "s", parameters: {}, text: "select 1" })).toThrow("parameter 'tenantId'");
});

test("a statement takes values by the names and types that it declares, which the compiler checks", () => {
  const statement = fleetStatement({
    name: "s",
    parameters: { a: "int", b: "text?", c: "float8[]" },
    text: "select :a, :b, :c",
  });
  expectTypeOf(statement).parameter(0).toEqualTypeOf<{
    readonly a: number;
    readonly b: string | null;
    readonly c: readonly (number | null)[];
  }>();
});

test("a statement refuses a value too many and a value too few when it runs", () => {
  const statement = fleetStatement({ name: "s", parameters: { a: "int" }, text: "select :a" });
  const call = (values: object): unknown => Reflect.apply(statement, undefined, [values]);
  expect(() => call({})).toThrow("needs the parameter 'a'");
  expect(() => call({ a: 1, b: 2 })).toThrow("has no parameter 'b'");
});
