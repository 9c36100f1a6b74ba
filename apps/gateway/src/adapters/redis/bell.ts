import { isId } from "@hsafa/protocol";
import { deviceKeySchema } from "@hsafa/protocol/schema";
import type { Bell, Ring } from "../../ports/bell.ts";
import type { Channels } from "./channels.ts";
import type { Connection, RedisNotice } from "./connection.ts";

const BELL_CHANNEL = "hsafa:bell";

/** A ring as it came in; `null` where there is nothing to hear: the bell may lose, so doubt and garbage are silence. */
export type HeardRing = { readonly from: string; readonly ring: Ring } | null;

export interface RedisBellParams {
  readonly commands: Connection;
  readonly channels: Channels<HeardRing>;
  readonly notify: (notice: RedisNotice) => void;
  /** Names this process, so that it does not hear its own rings twice. */
  readonly self: string;
  /** Gives the connections back. */
  readonly release: () => void;
}

/** Answers once it hears the other gateways; while Redis is away, at once. */
export async function createRedisBell(params: RedisBellParams): Promise<Bell> {
  const { commands, channels, notify, self, release } = params;
  const listeners = new Set<(ring: Ring) => void>();
  let closed = false;

  function tell(ring: Ring): void {
    for (const listener of listeners) {
      try {
        listener(ring);
      } catch (error) {
        notify({ kind: "listener-failed", error });
      }
    }
  }

  await channels.join(BELL_CHANNEL, (heard) => {
    if (heard !== null && heard.from !== self) tell(heard.ring);
  }).joined;

  return {
    ring(ring) {
      if (closed) return;
      tell(ring);
      void commands.ask((client) => client.publish(BELL_CHANNEL, ringText(self, ring)));
    },
    listen(listener) {
      // A wrapper of its own, so that the same function listening twice is two listeners.
      const own = (ring: Ring) => listener(ring);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    async close() {
      if (closed) return;
      closed = true;
      listeners.clear();
      channels.clear();
      release();
    },
  };
}

/**
 * Words parted by spaces, which neither an id nor a device's key has: `<from> run <runId>`, `<from> device <tenantId>
 * <deviceKey, or nothing>`.
 */
function ringText(from: string, ring: Ring): string {
  switch (ring.about) {
    case "run":
      return `${from} run ${ring.runId}`;
    case "device":
      return `${from} device ${ring.tenantId} ${ring.deviceKey ?? ""}`;
    default:
      return ring satisfies never;
  }
}

/** Reads a ring; `null` for what no gateway would send. */
export function parseRing(message: string): HeardRing {
  const [from = "", about, id = "", key, ...more] = message.split(" ");
  if (!isId(id) || more.length > 0) return null;
  if (about === "run" && key === undefined) return { from, ring: { about, runId: id } };
  if (about !== "device" || key === undefined) return null;
  if (key === "") return { from, ring: { about, tenantId: id, deviceKey: null } };
  return deviceKeySchema.safeParse(key).success ? { from, ring: { about, tenantId: id, deviceKey: key } } : null;
}
