import type { DeviceMessage } from "@hsafa/protocol";
import type { Authenticate } from "../access/authenticate.ts";
import type { Bell } from "../ports/bell.ts";
import type { Clock } from "../ports/clock.ts";
import type { JsonSchemas } from "../ports/json-schemas.ts";
import type { LiveLog } from "../ports/live-log.ts";
import type { Log } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import type { Uptake } from "../ports/uptake.ts";
import type { TenantQuotas } from "../runtime/tenant-quotas.ts";
import { Recurring } from "../runtime/recurring.ts";
import { DeviceConnection } from "./device-connection.ts";
import { DeviceDispatch } from "./device-dispatch.ts";
import type { DeviceSocket } from "./device-socket.ts";
import { DEVICE_POLL_MS } from "./limits.ts";
import { RegistrationBatches } from "./registration-batches.ts";
import { SessionCloser } from "./session-closer.ts";
import { createToolResults } from "./tool-results.ts";

export interface DeviceServerDeps {
  readonly gatewayId: string;
  readonly authenticate: Authenticate;
  readonly store: Store;
  readonly liveLog: LiveLog;
  readonly bell: Bell;
  /** Takes runs up here whose calls are answered. */
  readonly uptake: Uptake;
  readonly clock: Clock;
  readonly log: Log;
  readonly schemas: Pick<JsonSchemas, "findFaults">;
  readonly quotas: TenantQuotas;
}

/** Where a socket brings what its device sends. */
export interface DeviceHandler {
  /** Handles one message. It rejects only for a bug. */
  handle(message: DeviceMessage): Promise<void>;
  /** The device has answered a ping that was sent after it was admitted. It comes once at most. */
  confirmed(): void;
  /** The connection has ended. `reason` is kept with the session, for people. */
  ended(reason: string): void;
}

/** All devices connected to this gateway. */
export interface DeviceServer {
  /** Sessions that are served here. One that is taken over counts until this gateway has ended it. */
  readonly sessions: number;
  start(): void;
  /** Serves a connection that has just opened. */
  connect(socket: DeviceSocket): DeviceHandler;
  /**
   * Ends every connection as `gateway_stopped`, and the sessions in the store as far as it can be reached. Resolves
   * when no message is being handled and nothing is asked of the store any more.
   */
  close(): Promise<void>;
}

/**
 * The device server knows no socket library. The edge gives it connections, and so does a simulation.
 *
 * 1. A socket hands over one message at a time: a device's messages mean what they mean in the order they were sent in.
 * 2. A socket calls `ended` exactly once, also when the server ended the connection, even before `connect` returned.
 *    After that it hands over nothing.
 * 3. Every session that was opened in the store is ended there. `ended` does that; if the connection ended while it
 *    registered, the returning registration does. While the store is away, the loop tries again.
 * 4. Rings make delivery immediate and may be lost. The loop makes it certain: it looks at every session each
 *    `DEVICE_POLL_MS`.
 * 5. A closing server waits for messages in hand before it waits for the store, since a message may open a session.
 */
export function createDeviceServer(deps: DeviceServerDeps): DeviceServer {
  const { bell, clock, log } = deps;
  const dispatch = new DeviceDispatch(deps);
  const closer = new SessionCloser(deps);
  const results = createToolResults({ ...deps, dispatch });
  const connectionDeps = { ...deps, dispatch, closer, results, registrations: new RegistrationBatches(deps) };
  const sockets = new Set<DeviceSocket>();
  const handling = new Set<Promise<void>>();
  const loop = new Recurring({
    name: "look at the calls of devices",
    tick: async () => {
      closer.retry(); // 3.
      dispatch.look(); // 4.
      return DEVICE_POLL_MS;
    },
    retry: { minMs: DEVICE_POLL_MS, maxMs: DEVICE_POLL_MS },
    clock,
    log,
  });
  let isClosing = false;
  let stopListening = (): void => {};

  return {
    get sessions() {
      return dispatch.sessions;
    },
    start() {
      stopListening = bell.listen((ring) => dispatch.hear(ring));
      loop.start(DEVICE_POLL_MS);
    },
    connect(socket) {
      const connection = new DeviceConnection(socket, connectionDeps);
      sockets.add(socket);
      if (isClosing) socket.end("gateway_stopped");
      return {
        async handle(message) {
          const handled = connection.handle(message);
          handling.add(handled);
          try {
            await handled;
          } finally {
            handling.delete(handled);
          }
        },
        confirmed: () => connection.confirmed(),
        ended(reason) {
          sockets.delete(socket);
          connection.ended(reason); // 3.
        },
      };
    },
    async close() {
      isClosing = true;
      stopListening();
      await loop.stop();
      for (const socket of sockets) socket.end("gateway_stopped");
      await Promise.allSettled(handling); // 5.
      await dispatch.settle();
      await closer.settle();
    },
  };
}
