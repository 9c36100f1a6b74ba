import { isId } from "@hsafa/protocol";
import { deviceKeySchema } from "@hsafa/protocol/schema";
import type { Bell, Ring } from "../../ports/bell.ts";
import type { Log } from "../../ports/log.ts";
import { Listeners } from "../../runtime/listeners.ts";
import type { Channels } from "./channels.ts";
import type { Connection } from "./connection.ts";
import { asTenantId } from "../../core/tenant-id.ts";

const BELL_CHANNEL = "hsafa:bell";

/** A ring as it was received, or null where nothing is heard. A bell may lose, so a gap and garbage are silence. */
export type ReceivedRing = { readonly from: string; readonly ring: Ring } | null;

export interface RedisBellParams {
  readonly commands: Connection;
  readonly channels: Channels<ReceivedRing>;
  readonly log: Log;
  /** Names this process, so that it does not hear its own rings twice. */
  readonly self: string;
  /** Called once when the bell is closed: it needs the connections no longer. */
  readonly release: () => void;
}

/** Resolves when this process hears the other gateways, or at once while Redis is away. */
export async function createRedisBell(params: RedisBellParams): Promise<Bell> {
  const { commands, channels, log, self, release } = params;
  const listeners = new Listeners<Ring>(log);
  let closed = false;

  await channels.join(BELL_CHANNEL, (received) => {
    if (received !== null && received.from !== self) listeners.tell(received.ring);
  }).joined;

  return {
    ring(ring) {
      if (closed) return;
      listeners.tell(ring);
      void commands.ask((client) => client.publish(BELL_CHANNEL, ringText(self, ring)));
    },
    listen: (listener) => listeners.add(listener),
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
 * Writes a ring as words separated by spaces: `<from> run <runId>`, or `<from> device <tenantId> <deviceKey, or
 * nothing>`, or `<from> thread <tenantId> <id or key>`, or `<from> revocation <tenantId>`. Neither an id nor a device's
 * key contains a space. A thread's key is encoded, since it may be any text.
 */
function ringText(from: string, ring: Ring): string {
  switch (ring.about) {
    case "run":
      return `${from} run ${ring.runId}`;
    case "device":
      return `${from} device ${ring.tenantId} ${ring.deviceKey ?? ""}`;
    case "thread":
      return `${from} thread ${ring.tenantId} ${encodeURIComponent(ring.idOrKey)}`;
    case "revocation":
      return `${from} revocation ${ring.tenantId}`;
    default:
      return ring satisfies never;
  }
}

/** Reads a ring. Returns null for what no gateway would send. */
export function parseRing(message: string): ReceivedRing {
  const [from = "", about, id = "", key, ...more] = message.split(" ");
  if (!isId(id) || more.length > 0) return null;
  if (about === "run" && key === undefined) return { from, ring: { about, runId: id } };
  if (about === "revocation" && key === undefined) return { from, ring: { about, tenantId: asTenantId(id) } };
  if (about === "thread" && key !== undefined) return threadRing(from, id, key);
  if (about !== "device" || key === undefined) return null;
  if (key === "") return { from, ring: { about, tenantId: asTenantId(id), deviceKey: null } };
  return deviceKeySchema.safeParse(key).success
    ? { from, ring: { about, tenantId: asTenantId(id), deviceKey: key } }
    : null;
}

function threadRing(from: string, tenantId: string, encoded: string): ReceivedRing {
  try {
    return { from, ring: { about: "thread", tenantId: asTenantId(tenantId), idOrKey: decodeURIComponent(encoded) } };
  } catch {
    return null;
  }
}
