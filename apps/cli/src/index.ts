/**
 * What a project's own files import from `hsafa`: definitions of agents, tools and settings. Nothing here needs Node.
 * So a page may take the tools of its agent from here too.
 */
export * from "@hsafa/protocol/define";
export { defineConfig, type ProjectConfig } from "./define-config.ts";
export { deviceTools, type DeviceImplementations } from "./device-tools.ts";
