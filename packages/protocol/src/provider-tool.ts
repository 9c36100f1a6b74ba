import type { JsonObject } from "./json.ts";

/**
 * The tools that providers execute themselves, by their ids in the AI SDK. What a provider lets its customer execute,
 * such as a shell or a computer, is not among them.
 */
export const PROVIDER_TOOL_IDS = [
  "openai.web_search",
  "openai.web_search_preview",
  "openai.file_search",
  "openai.code_interpreter",
  "anthropic.web_search_20250305",
  "anthropic.web_search_20260209",
  "anthropic.web_search_20260318",
  "anthropic.web_fetch_20250910",
  "anthropic.web_fetch_20260209",
  "anthropic.web_fetch_20260318",
  "anthropic.code_execution_20250522",
  "anthropic.code_execution_20250825",
  "anthropic.code_execution_20260120",
  "google.google_search",
  "google.enterprise_web_search",
  "google.url_context",
  "google.google_maps",
  "google.file_search",
  "google.code_execution",
  "xai.web_search",
  "xai.x_search",
  "xai.file_search",
  "xai.code_execution",
  "demo.web_search",
] as const;

/** The id of a tool that a provider executes itself. */
export type ProviderToolId = (typeof PROVIDER_TOOL_IDS)[number];

/** A tool of an agent that the provider of its model executes itself. No call of it leaves the provider. */
export interface ProviderTool {
  readonly id: ProviderToolId;
  /** Settings of the tool, by the names of the AI SDK. */
  readonly args?: JsonObject;
}

/** Returns the name by which records show calls of a provider's tool: `web_search` for all of them that search. */
export function providerToolName(id: ProviderToolId): string {
  return id.slice(id.indexOf(".") + 1).replace(/_\d{8}$/, "");
}
