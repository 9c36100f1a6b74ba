import { isDeepStrictEqual } from "node:util";
import { SCOPES } from "@hsafa/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AccessWorld, BOUNDS, type Bound, startAccessWorld, type Things } from "./access-world.ts";
import { type Asked, askRoute, readRoutes, type RouteOfApi } from "./ask-route.ts";
import { recordOf } from "./record-of.ts";
import { type BoundCells, type Cell, ROUTE_ROWS, type RouteRow } from "./route-rows.ts";
import { STRANGER_KINDS } from "./strangers.ts";

const scoped = Object.entries(ROUTE_ROWS).filter(([, { needs }]) => needs !== "open");
const cellOf = (cells: BoundCells, bound: Bound): Cell => (typeof cells === "string" ? cells : cells[bound]);

describe.each(["embedded", "fleet"] as const)("who gets what from a route (%s)", (kind) => {
  let world: AccessWorld;
  let routes: ReadonlyMap<string, RouteOfApi>;
  let before: unknown;
  beforeAll(async () => {
    world = await startAccessWorld(kind);
    routes = await readRoutes(world.gateway);
    before = await recordOf(world);
  });
  afterAll(() => world.close());

  /** Asks with a request about `things`, of which `changed` replaces one field. */
  const ask = (
    name: string,
    authorization: string | null,
    things: Things,
    changed?: { readonly field: string; readonly value: unknown },
  ): Promise<Asked> => {
    const route = routes.get(name);
    if (route === undefined) throw new Error(`the API has no route ${name}`);
    return askRoute(world.gateway, { route, row: rowOf(name), authorization, things, changed });
  };

  /** Which cell this is: what is answered about something that is there, and about nothing. */
  async function cellSeen(
    there: () => Promise<Asked>,
    missing: () => Promise<Asked>,
    hidden: readonly Things[],
  ): Promise<string> {
    const asked = await there();
    const seen = `${asked.status} ${asked.code} ${asked.text}`;
    if (asked.status < 300) {
      if (asked.text === '{"data":[],"nextCursor":null}') return "nothing";
      const ids = hidden.flatMap(({ run, thread, agent, version, device, call, file, key }) => {
        return [run, thread, agent, version, device, call, file, key];
      });
      return ids.some((id) => asked.text.includes(id)) ? `it tells: ${seen}` : "own";
    }
    const other = await missing();
    if (!isDeepStrictEqual(asked, other)) return `${seen}, but ${other.text} about nothing`;
    if (asked.status === 403 && asked.code === "forbidden") return "refused";
    return asked.status === 404 && asked.code === "not_found" ? "as missing" : seen;
  }

  test("every call of OpenAPI has a row, every row a call, and the scopes are those that it documents", () => {
    expect([...routes.keys()].toSorted()).toEqual(Object.keys(ROUTE_ROWS).toSorted());
    for (const [name, { scopes, isOpen }] of routes) {
      const { needs } = rowOf(name);
      const stated = needs === "open" ? [] : needs === "any" ? [] : [...needs];
      expect({ name, isOpen, scopes: scopes.toSorted() }).toEqual({
        name,
        isOpen: needs === "open",
        scopes: stated.toSorted(),
      });
    }
  });

  test("every field of a request that names something has a cell", () => {
    for (const [name, { naming }] of routes) {
      expect({ name, fields: Object.keys(rowOf(name).fields ?? {}).toSorted() }).toEqual({
        name,
        fields: naming.toSorted(),
      });
    }
  });

  test.each(scoped.map(([name]) => name))("nobody without a good credential: %s", async (name) => {
    for (const stranger of STRANGER_KINDS) {
      for (const [what, authorization] of Object.entries(world.strangers[stranger])) {
        const { status, code } = await ask(name, authorization, world.mine);
        expect({ stranger, what, status, code }).toEqual({ stranger, what, status: 401, code: "unauthenticated" });
      }
    }
  });

  test.each(scoped.filter(([, { needs }]) => needs !== "any").map(([name]) => name))(
    "a key without the scope gets 403 at %s, whatever the id",
    async (name) => {
      const { needs } = rowOf(name);
      const lacking = SCOPES.filter((scope) => scope !== "admin" && !needs.includes(scope));
      const credential = `Bearer ${await world.keyWith(lacking)}`;
      const asked = await ask(name, credential, world.mine);
      expect(asked).toMatchObject({ status: 403, code: "forbidden" });
      expect(await ask(name, credential, world.missing())).toEqual(asked);
    },
  );

  test.each(scoped)("a key of another tenant: %s", async (name, row) => {
    const credential = `Bearer ${world.foreignKey}`;
    const { mine, others, theirs } = world;
    const hidden = [mine, others];
    for (const nothing of name.includes("{") ? [world.missing(), malformed(world.missing())] : [world.missing()]) {
      const seen = await cellSeen(
        () => ask(name, credential, mine),
        () => ask(name, credential, nothing),
        hidden,
      );
      expect(seen).toBe(row.foreignTenant);
    }
    for (const [field, { value, foreignTenant }] of Object.entries(row.fields ?? {})) {
      const seen = await cellSeen(
        () => ask(name, credential, theirs, { field, value: value(mine) }),
        () => ask(name, credential, theirs, { field, value: value(world.missing()) }),
        hidden,
      );
      expect({ field, seen }).toEqual({ field, seen: foreignTenant });
    }
  });

  describe.each(BOUNDS)("a token that is bound to a %s", (bound) => {
    test.each(scoped)("elsewhere: %s", async (name, row) => {
      const credential = `Bearer ${world.elsewhere[bound]}`;
      const seen = await cellSeen(
        () => ask(name, credential, world.mine),
        () => ask(name, credential, world.missing()),
        [world.mine],
      );
      expect(seen).toBe(cellOf(row.boundElsewhere, bound));
    });

    const naming = scoped.flatMap(([name, { fields = {} }]) => Object.keys(fields).map((field) => [name, field]));
    test.each(naming)("here, with a foreign id in the request: %s %s", async (name = "", field = "") => {
      const cells = rowOf(name).fields?.[field];
      if (cells === undefined) throw new Error("there is no cell");
      const credential = `Bearer ${world.here[bound]}`;
      for (const foreign of [world.others, world.theirs]) {
        const seen = await cellSeen(
          () => ask(name, credential, world.mine, { field, value: cells.value(foreign) }),
          () => ask(name, credential, world.mine, { field, value: cells.value(world.missing()) }),
          [world.others, world.theirs],
        );
        expect(seen).toBe(cellOf(cells.boundHere, bound));
      }
    });
  });

  test("and after all of that nothing has changed that is somebody else's", async () => {
    expect(await recordOf(world)).toEqual(before);
  });
});

function rowOf(name: string): RouteRow {
  const row = ROUTE_ROWS[name];
  if (row === undefined) throw new Error(`there is no row for ${name}`);
  return row;
}

/** Ids that have no form of an id. */
function malformed(missing: Things): Things {
  const [id, name] = ["not-an-id", "no%20such"];
  return { ...missing, run: id, device: id, file: id, key: id, thread: name, agent: name, secret: name };
}
