import type { Scope } from "@hsafa/protocol";
import type { Bound, Things } from "./access-world.ts";

/**
 * What follows a message from somebody whose credential is good.
 *
 * - `4401`: the connection ends.
 * - `as missing`: the very same `error` as for an id of nothing, with the code `not_found`.
 * - `nothing`: no answer, and no effect.
 * - `own`: it is taken, and does nothing to what is somebody else's.
 */
export type SocketCell = "4401" | "as missing" | "nothing" | "own";
export type BoundSocketCells = SocketCell | Readonly<Record<Bound, SocketCell>>;

/** What a message says: about these things, with this credential. */
export type Says = (things: Things, token: string) => object;

/**
 * Who gets what by a message. As the first message of a connection, one that proves nothing ends it with 4400. A
 * credential that is malformed, has expired, was revoked or lacks the scope ends it with 4401, wherever it comes.
 */
export interface SocketRow {
  readonly says: Says;
  /** Whether it is the first message, a new credential on an open connection, or any other. */
  readonly place: "first" | "renewal" | "later";
  /** From a key of another tenant, about what is ours. */
  readonly foreignTenant: SocketCell;
  /** With a token that is bound to another run, thread or device of the tenant. */
  readonly boundElsewhere: BoundSocketCells;
  /** With a token that is bound here, about something else. */
  readonly boundHere: BoundSocketCells;
}

/** A place to connect to. */
export interface SocketDoor {
  readonly path: string;
  readonly needs: Scope;
  readonly first: Says;
  readonly rows: Readonly<Record<string, SocketRow>>;
}

const PING: SocketRow = {
  says: () => ({ type: "ping" }),
  place: "later",
  foreignTenant: "own",
  boundElsewhere: "own",
  boundHere: "own",
};
const auth: Says = (_, token) => ({ type: "auth", token });
const register: Says = ({ deviceKey }, token) => ({
  type: "device.register",
  token,
  deviceKey,
  bootId: "boot-of-the-table",
  tools: [],
});
const refresh: Says = (_, token) => ({ type: "auth.refresh", token });

const subscribe = (to: (things: Things) => object): SocketRow => ({
  says: (things) => ({ type: "subscribe", ...to(things) }),
  place: "later",
  foreignTenant: "as missing",
  boundElsewhere: "as missing",
  boundHere: "as missing",
});
const unsubscribe = (from: (things: Things) => object): SocketRow => ({
  ...subscribe(from),
  says: (things) => ({ type: "unsubscribe", ...from(things) }),
  foreignTenant: "nothing",
  boundElsewhere: "nothing",
  boundHere: "nothing",
});

/** `WS /api/watch`: a row for each message of a client. */
const WATCH: SocketDoor = {
  path: "/api/watch",
  needs: "runs:read",
  first: auth,
  rows: {
    auth: { says: auth, place: "first", foreignTenant: "own", boundElsewhere: "own", boundHere: "own" },
    "auth.refresh": {
      says: refresh,
      place: "renewal",
      foreignTenant: "4401",
      boundElsewhere: "own",
      boundHere: "own",
    },
    subscribe: subscribe(({ run }) => ({ runId: run })),
    "subscribe to a thread": subscribe(({ thread }) => ({ threadId: thread })),
    unsubscribe: unsubscribe(({ run }) => ({ runId: run })),
    "unsubscribe from a thread": unsubscribe(({ thread }) => ({ threadId: thread })),
    ping: PING,
  },
};

/** Only a token that names a device connects as one. */
const BY_DEVICE = (cell: SocketCell): BoundSocketCells => ({ run: "4401", thread: "4401", device: cell });
const OF_CALL = {
  place: "later",
  foreignTenant: "nothing",
  boundElsewhere: BY_DEVICE("nothing"),
  boundHere: BY_DEVICE("nothing"),
} as const;

/** `WS /devices/connect`: a row for each message of a device. */
const DEVICE: SocketDoor = {
  path: "/devices/connect",
  needs: "devices:connect",
  first: register,
  rows: {
    // Another tenant may give its own device the same key.
    "device.register": {
      says: register,
      place: "first",
      foreignTenant: "own",
      boundElsewhere: "4401",
      boundHere: "4401",
    },
    "auth.refresh": {
      says: refresh,
      place: "renewal",
      foreignTenant: "4401",
      boundElsewhere: "4401",
      boundHere: "4401",
    },
    // Its answer comes once nothing is on the way to the device, and says nothing of anything.
    "device.drain": { says: () => ({ type: "device.drain" }), ...OF_CALL },
    "tool.accepted": { says: ({ deviceCall }) => ({ type: "tool.accepted", callId: deviceCall }), ...OF_CALL },
    "tool.progress": { says: ({ deviceCall }) => ({ type: "tool.progress", callId: deviceCall, data: 1 }), ...OF_CALL },
    "tool.result": {
      says: ({ deviceCall }) => ({ type: "tool.result", callId: deviceCall, result: "forged" }),
      place: "later",
      foreignTenant: "as missing",
      boundElsewhere: BY_DEVICE("as missing"),
      boundHere: BY_DEVICE("as missing"),
    },
    ping: { ...PING, boundElsewhere: BY_DEVICE("own"), boundHere: BY_DEVICE("own") },
  },
};

export const SOCKET_DOORS = { watch: WATCH, device: DEVICE } as const;
