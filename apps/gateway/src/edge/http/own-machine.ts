/**
 * Whether a request comes from the person who runs this gateway on their own machine. Such a person has the development
 * key in a file, so a page of theirs need not ask for it.
 */
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { isOwnPage } from "./session-cookie.ts";

/** A proxy adds some of these. What comes by a proxy may come from anywhere. */
const OF_PROXIES = ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip"] as const;

/**
 * Whether a request is of the gateway's own page, came over loopback by no proxy, and names loopback. Where the system
 * tells (Linux), it must also come from a process of this user.
 */
export async function isFromOwnMachine({ method, headers, socket }: IncomingMessage): Promise<boolean> {
  const { origin, host } = headers;
  if (origin === undefined || !isOwnPage({ method: method ?? "", headers }) || !isLoopbackHost(host)) return false;
  if (!isLoopbackAddress(socket.remoteAddress) || OF_PROXIES.some((name) => headers[name] !== undefined)) return false;
  const user = await userOf(socket);
  return user === null || user === process.getuid?.();
}

function isLoopbackHost(host: string | undefined): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(host ?? "");
}

function isLoopbackAddress(address: string | undefined): boolean {
  return /^(::1|(::ffff:)?127(\.\d{1,3}){3})$/i.test(address ?? "");
}

/** The user whose process has the other end of a connection over loopback; null: the system does not say. */
async function userOf({ localPort, remotePort }: Socket): Promise<number | null> {
  if (localPort === undefined || remotePort === undefined) return null;
  const tables = ["/proc/net/tcp", "/proc/net/tcp6"].map((path) => readFile(path, "utf8").catch(() => ""));
  const users = (await Promise.all(tables)).flatMap((table) => usersOf(table, { from: remotePort, to: localPort }));
  const [user = null] = users;
  // Connections of one machine may have the same ports at different addresses. Then nobody can be told apart.
  return users.every((one) => one === user) ? user : UNTOLD;
}

/** The users of the sockets with these ports, in a table as Linux writes it (`proc(5)`). */
export function usersOf(table: string, ports: { readonly from: number; readonly to: number }): number[] {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, "0");
  const [from, to] = [hex(ports.from), hex(ports.to)];
  return table.split("\n").flatMap((line) => {
    const [, local = "", remote = "", , , , , user = ""] = line.trim().split(/\s+/);
    return local.endsWith(`:${from}`) && remote.endsWith(`:${to}`) ? [Number(user)] : [];
  });
}

/** No user has this number. */
const UNTOLD = Number.NaN;
