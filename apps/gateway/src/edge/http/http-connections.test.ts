import { EventEmitter } from "node:events";
import { ManualClock } from "../../../test/support/manual-clock.ts";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { TrustedProxies } from "../../access/client-address.ts";
import type { Principal } from "../../access/principal.ts";
import { HTTP_CONNECTIONS_MAX, HTTP_STRANGERS_MAX, HTTP_STRANGERS_PER_ADDRESS_MAX } from "../limits.ts";
import { HttpConnections } from "./http-connections.ts";
import { asTenantId } from "../../core/tenant-id.ts";

/** A connection as far as it is counted. */
class FakeConnection extends EventEmitter {
  readonly remoteAddress: string;
  destroyed = false;

  constructor(remoteAddress: string) {
    super();
    this.remoteAddress = remoteAddress;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit("close");
  }
}

const principal = (tenant: string): Principal => ({
  kind: "api_key",
  keyId: "key-1",
  tenantId: asTenantId(tenant),
  name: "key",
  scopes: [],
});

function world() {
  const clock = new ManualClock();
  const connections = new HttpConnections(new TrustedProxies(["10.9.0.0/16"]), clock);
  const open = (address: string): FakeConnection => {
    const connection = new FakeConnection(address);
    connections.opened(connection as unknown as Socket);
    return connection;
  };
  const admit = (connection: FakeConnection, tenant: string) =>
    connections.admitted(connection as unknown as Socket, principal(tenant));
  const left = (connection: FakeConnection) => connections.left(connection as unknown as Socket);
  const openMany = (count: number, address: string) => Array.from({ length: count }, () => open(address));
  return { open, openMany, admit, left };
}

test("of one address the stranger that waits longest is cut, and no connection on which a request was admitted", () => {
  const { open, openMany, admit } = world();
  const known = open("10.0.0.1");
  expect(admit(known, "tenant")).toBeNull();
  const strangers = openMany(HTTP_STRANGERS_PER_ADDRESS_MAX + 3, "::ffff:10.0.0.1");
  expect(strangers.filter(({ destroyed }) => destroyed)).toEqual(strangers.slice(0, 3));
  expect(known.destroyed).toBe(false);
});

test("a connection that became a WebSocket is no stranger any more", () => {
  const { open, openMany, left } = world();
  const socket = open("10.0.0.1");
  left(socket);
  openMany(HTTP_STRANGERS_PER_ADDRESS_MAX + 1, "10.0.0.1");
  expect(socket.destroyed).toBe(false);
});

test("strangers through a proxy that is trusted are bounded in all, and not as one address", () => {
  const { openMany } = world();
  const proxied = openMany(HTTP_STRANGERS_MAX, "10.9.0.1");
  expect(proxied.some(({ destroyed }) => destroyed)).toBe(false);
  openMany(1, "10.9.0.2");
  expect(proxied.filter(({ destroyed }) => destroyed)).toEqual(proxied.slice(0, 1));
});

test("a tenant that has its share of connections is told to come back, another one finds a place, and gone ones are free", () => {
  const { open, admit } = world();
  const hogs: FakeConnection[] = [];
  let refusal = null;
  while (refusal === null) {
    const connection = open("10.0.0.1");
    refusal = admit(connection, "hog");
    hogs.push(connection);
  }
  expect(refusal).toMatchObject({ code: "too_many_requests", retryAfterMs: expect.any(Number) as number });
  expect(hogs.length).toBeLessThan(HTTP_CONNECTIONS_MAX);
  expect(admit(open("10.0.0.2"), "quiet")).toBeNull();
  for (const connection of hogs) connection.destroy();
  expect(admit(open("10.0.0.1"), "hog")).toBeNull();
});
