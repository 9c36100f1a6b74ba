/** The zod schemas of everything on the wire. A program that imports them brings zod itself. */
export * from "./agent-config.ts";
export * from "./agent.ts";
export * from "./device-message.ts";
export * from "./device.ts";
export * from "./event.ts";
export * from "./ids.ts";
export * from "./json.ts";
export * from "./message.ts";
export * from "./page.ts";
export * from "./position.ts";
export * from "./run.ts";
export * from "./thread.ts";
export * from "./token.ts";
export * from "./tool-call.ts";
export * from "./watch.ts";
