import type { Settings } from "./config.ts";
import { openPorts, type PortOverrides } from "./open-ports.ts";
import { type Gateway, serveGateway } from "./serve-gateway.ts";

export type { ToolFunction } from "./adapters/server-tools/function-tool.ts";
export { InvalidSettings, readSettings, type Settings } from "./config.ts";
export type { Gateway } from "./serve-gateway.ts";
export { findStarter, stopRequest } from "./stop-request.ts";

/** What a program that embeds a gateway may bring along. */
export interface Overrides extends PortOverrides {
  /** How long steps in progress may finish when the gateway closes, in milliseconds. */
  readonly drainMs?: number;
}

/**
 * Starts a gateway: settings → adapters → the parts of a gateway → its sockets. Resolves when it serves. Rejects with
 * `InvalidSettings` if the settings cannot work together, and with what the adapters throw; then nothing stays open.
 */
export async function startGateway(settings: Settings, overrides: Overrides = {}): Promise<Gateway> {
  return serveGateway(settings, await openPorts(settings, overrides), overrides);
}
