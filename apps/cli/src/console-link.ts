/** Where the console shows a run. */
export function consoleLink(gatewayUrl: string, runId: string): string {
  return `${gatewayUrl.replace(/\/+$/, "")}/runs/${encodeURIComponent(runId)}`;
}
