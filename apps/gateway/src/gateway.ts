import type { Settings } from "./config.ts";
import { openPorts, type PortOverrides } from "./open-ports.ts";
import { attachGateway, type Gateway, type GatewayHandler, serveGateway, type ServeOptions } from "./serve-gateway.ts";

export type { ToolFunction } from "./adapters/server-tools/function-tool.ts";
export { InvalidSettings, readSettings, type Settings } from "./config.ts";
export { releaseStartMemory } from "./release-start-memory.ts";
export type { Gateway, GatewayHandler, RefusedRequest } from "./serve-gateway.ts";
export { findStarter, stopRequest } from "./stop-request.ts";

/** What a program that embeds a gateway may bring along. */
export interface Overrides extends PortOverrides, ServeOptions {
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

/**
 * Makes a gateway for a server that a program has already, which hands requests and upgrades over. `settings` says as
 * ever where that server listens. Resolves when it serves. Rejects as `startGateway` does.
 */
export async function createGatewayHandler(settings: Settings, overrides: Overrides = {}): Promise<GatewayHandler> {
  return attachGateway(settings, await openPorts(settings, overrides), overrides);
}
