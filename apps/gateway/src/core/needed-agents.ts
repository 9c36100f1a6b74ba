import type { RunInput } from "./input.ts";
import { childAgentOf, openCallsOf, type RunState } from "./run-state.ts";

/**
 * The names of the agents that `proceed`, told after these reports, may start as children. A child takes the version
 * that is current at that time.
 */
export function neededAgents({ run }: RunState, reports: readonly RunInput[]): string[] {
  const requested = reports.flatMap((report) => (report.kind === "step_finished" ? report.calls : []));
  const tools = new Map(run.config.tools.map((tool) => [tool.name, tool]));
  const unsent = openCallsOf(run).filter(({ phase }) => phase.kind !== "dispatched");
  const calls = [...requested.map(({ toolName }) => ({ tool: tools.get(toolName) ?? null })), ...unsent];
  return [...new Set(calls.flatMap((call) => childAgentOf(call) ?? []))];
}
