import { type ApiKeyWithSecret, CLOSE_CODES, type CreatedToken, type Scope, SCOPES } from "@hsafa/protocol";
import { deviceMessageSchema, watchMessageSchema } from "@hsafa/protocol/schema";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { RawDevice } from "../../support/raw-device.ts";
import { type AccessWorld, BOUNDS, type Bound, startAccessWorld, type Things } from "./access-world.ts";
import { recordOf } from "./record-of.ts";
import {
  type BoundSocketCells,
  SOCKET_DOORS,
  type SocketCell,
  type SocketDoor,
  type SocketRow,
} from "./socket-rows.ts";
import { STRANGER_KINDS } from "./strangers.ts";

/** What a revocation may take. */
const REVOKED_WITHIN_MS = 1000;

/** The answer to the ping, and one that comes before or after it, as it happens. */
const BY_THE_WAY: ReadonlySet<string> = new Set(["pong", "device.draining"]);

type DoorName = keyof typeof SOCKET_DOORS;
const doors: Readonly<Record<DoorName, SocketDoor>> = SOCKET_DOORS;
const messages = (["watch", "device"] as const).flatMap((door) =>
  Object.entries(doors[door].rows).map(([type, row]): [DoorName, string, SocketRow] => [door, type, row]),
);
const cellOf = (cells: BoundSocketCells, bound: Bound): SocketCell =>
  typeof cells === "string" ? cells : cells[bound];

test("every message of the protocol has a row, and every row is a message", () => {
  const typesOf = (options: readonly { readonly shape: { readonly type: { readonly value: string } } }[]): string[] =>
    options.map(({ shape }) => shape.type.value).toSorted();
  // A message that may be about several kinds of things has a row for each: `subscribe to a thread`.
  const rowsOf = (door: SocketDoor): string[] => [
    ...new Set(Object.keys(door.rows).map((name) => name.split(" ")[0] ?? "")),
  ];
  expect(rowsOf(SOCKET_DOORS.watch).toSorted()).toEqual(typesOf(watchMessageSchema.options));
  expect(rowsOf(SOCKET_DOORS.device).toSorted()).toEqual(typesOf(deviceMessageSchema.options));
});

describe("who gets what by a message", () => {
  let world: AccessWorld;
  let before: unknown;
  beforeAll(async () => {
    world = await startAccessWorld("fleet");
    before = await recordOf(world);
  });
  afterAll(() => world.close());

  const peers: RawDevice[] = [];
  afterEach(() => {
    for (const peer of peers.splice(0)) peer.socket.terminate();
  });

  async function connect(door: DoorName): Promise<RawDevice> {
    const { path } = doors[door];
    const peer = new RawDevice(world.gateway.url.replace("http", "ws") + path, door === "device" ? undefined : []);
    peers.push(peer);
    return peer.open();
  }

  /** A connection of this credential: as a device, that of `as`. */
  async function admitted(door: DoorName, credential: string, as: Things): Promise<RawDevice> {
    const peer = await connect(door);
    peer.send(doors[door].first(as, credential));
    await peer.until(() => peer.closedWith ?? peer.heard.find(({ type }) => type !== "error"));
    return peer;
  }

  /** Says it, and returns what came back, until a ping was answered or the connection was closed. */
  async function said(peer: RawDevice, message: object): Promise<{ readonly closed: number | null; heard: object[] }> {
    const from = peer.heard.length;
    peer.send(message);
    const isPing = "type" in message && message.type === "ping";
    if (!isPing) peer.send({ type: "ping" });
    await peer.until(() => peer.closedWith ?? peer.heard.slice(from).find(({ type }) => type === "pong"));
    const heard = peer.heard.slice(from);
    return {
      closed: peer.closedWith?.code ?? null,
      heard: isPing ? heard : heard.filter(({ type }) => !BY_THE_WAY.has(type)),
    };
  }

  /**
   * Says a message with a credential. A first message opens a connection, and a renewal comes on one of the operator.
   * Any other message comes on a connection of the credential. `about` is what the message names.
   */
  async function say(door: DoorName, row: SocketRow, credential: string, params: { as: Things; about: Things }) {
    const { as, about } = params;
    const message = row.says(about, credential);
    if (row.place === "first") return said(await connect(door), message);
    const own = world.missing();
    const peer =
      row.place === "renewal" ? await admitted(door, world.gateway.apiKey, own) : await admitted(door, credential, as);
    return peer.closedWith === null ? said(peer, message) : { closed: peer.closedWith.code, heard: peer.heard };
  }

  const plain = (heard: readonly object[], ...named: readonly Things[]): string =>
    named
      .flatMap((things) => [things.run, things.thread, things.deviceCall])
      .reduce((text, id) => text.replaceAll(id, "…"), JSON.stringify(heard));

  /** Which cell this is: what follows a message about something that is there, and about nothing. */
  async function cellSeen(
    [door, row, credential]: readonly [DoorName, SocketRow, string],
    { as, about }: { readonly as: Things; readonly about: Things },
  ): Promise<string> {
    const { closed, heard } = await say(door, row, credential, { as, about });
    const seen = JSON.stringify({ closed, heard });
    if (closed !== null) return closed === CLOSE_CODES.notAuthenticated ? "4401" : seen;
    if (heard.length === 0) return "nothing";
    if (!heard.some((message) => "code" in message)) {
      return heard.some((message) => "deviceId" in message && message.deviceId === about.device) ? seen : "own";
    }
    const nothing = world.missing();
    const missing = await say(door, row, credential, { as, about: nothing });
    const isAlike = plain(heard, about) === plain(missing.heard, nothing);
    return isAlike && heard.every((message) => "code" in message && message.code === "not_found") ? "as missing" : seen;
  }

  test.each(messages)("nobody without a good credential: %s %s", async (door, _type, row) => {
    const { mine } = world;
    const unproven = await connect(door);
    unproven.send(row.place === "first" ? row.says(mine, "") : row.says(mine, world.gateway.apiKey));
    const code = row.place === "first" ? CLOSE_CODES.notAuthenticated : CLOSE_CODES.protocolError;
    expect((await unproven.closed()).code).toBe(code);
    for (const kindOf of STRANGER_KINDS) {
      for (const [what, authorization] of Object.entries(world.strangers[kindOf])) {
        const credential = authorization?.replace(/^Bearer ?/, "") ?? "";
        const { closed, heard } = await say(door, row, credential, { as: world.missing(), about: mine });
        expect({ what, closed, types: heard.map((one) => (one as { type: string }).type) }).toEqual({
          what,
          closed: CLOSE_CODES.notAuthenticated,
          types: ["error"],
        });
      }
    }
  });

  test.each(messages)("a key without the scope: %s %s", async (door, _type, row) => {
    const { needs } = doors[door];
    // The scope to enroll opens the door too, to a device that waits to be paired.
    const opens = new Set<Scope>(["admin", "devices:enroll", needs]);
    const credential = await world.keyWith(SCOPES.filter((scope) => !opens.has(scope)));
    const { closed } = await say(door, row, credential, { as: world.missing(), about: world.mine });
    expect(closed).toBe(CLOSE_CODES.notAuthenticated);
  });

  test.each(messages)("a key of another tenant: %s %s", async (door, _type, row) => {
    const about = { as: world.missing(), about: world.mine };
    expect(await cellSeen([door, row, world.foreignKey], about)).toBe(row.foreignTenant);
  });

  /** A token with every scope. As a device it names, it may connect. */
  const tokenOf = async (bounds: object): Promise<string> => {
    const body = { scopes: [...SCOPES], ...bounds };
    return (await world.gateway.call<CreatedToken>("POST", "/api/tokens", body)).body.token;
  };

  describe.each(BOUNDS)("a token that is bound to a %s", (bound) => {
    test.each(messages)("elsewhere: %s %s", async (door, _type, row) => {
      // A device of its own, since it would take over that of others.
      const as = world.missing();
      const credential = bound === "device" ? await tokenOf({ deviceKey: as.deviceKey }) : world.elsewhere[bound];
      const seen = await cellSeen([door, row, credential], { as, about: world.mine });
      expect(seen).toBe(cellOf(row.boundElsewhere, bound));
    });

    test.each(messages)("here, with a foreign id: %s %s", async (door, _type, row) => {
      const as = world.missing();
      const credential = bound === "device" ? await tokenOf({ deviceKey: as.deviceKey }) : world.here[bound];
      for (const about of [world.others, world.theirs]) {
        const seen = await cellSeen([door, row, credential], { as, about });
        expect(seen).toBe(cellOf(row.boundHere, bound));
      }
    });
  });

  test("a device that holds a call of its own answers no call of others", async () => {
    const result = SOCKET_DOORS.device.rows["tool.result"];
    if (result === undefined) throw new Error("there is no row");
    for (const about of [world.others, world.theirs, world.missing()]) {
      const { closed, heard } = await said(world.device, result.says(about, ""));
      expect({ closed, heard }).toMatchObject({ closed: null, heard: [{ type: "error", code: "not_found" }] });
    }
  });

  test.each(messages)("revoked while open: %s %s", async (door, _type, row) => {
    const body = { name: "leaked", scopes: ["runs:read", "devices:connect"] };
    const { body: key } = await world.gateway.call<ApiKeyWithSecret>("POST", "/api/keys", body);
    const as = world.missing();
    const peer = await admitted(door, key.key, as);
    if (row.place !== "first") await said(peer, row.says(as, key.key));
    expect(peer.closedWith).toBeNull();
    const since = performance.now();
    expect((await world.gateway.call("DELETE", `/api/keys/${key.id}`)).status).toBe(204);
    expect((await peer.closed()).code).toBe(CLOSE_CODES.notAuthenticated);
    expect(performance.now() - since).toBeLessThan(REVOKED_WITHIN_MS);
  });

  test("and after all of that nothing has changed that is somebody else's", async () => {
    expect(await recordOf(world)).toEqual(before);
  });
});
